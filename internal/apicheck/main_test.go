package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

const changelog = "# Changelog\n\n" +
	"## [Unreleased]\n\n" +
	"### Added\n\n- `Client.Rate`\n\n" +
	"### Breaking\n\n" +
	"- `RetryPolicy.MaxWait` is gone; use\n  `webhook.Queue.Stats` instead of (`Page`).\n" +
	"```go\nx := `Fenced`\n```\n\n" +
	"### Fixed\n\n- `Error.Fixed`\n\n" +
	"## [1.0.0]\n\n### Breaking\n\n- `Old`\n"

func TestChangelogNames(t *testing.T) {
	for _, test := range []struct{ pkg, object, want string }{
		{"ghdeploy", "NewClient", "NewClient"},
		{"ghdeploy", "DeploymentsService.Create", "DeploymentsService.Create"},
		{"ghdeploy", "(*Error).Retryable", "Error.Retryable"},
		{"ghdeploy", "Page[T].Items", "Page.Items"},
		{"ghdeploy", "(*Page[T]).Last", "Page.Last"},
		{"ghdeploy", "./webhook.Queue", "webhook.Queue"},
		{"webhook", "(*Queue).Stats", "webhook.Queue.Stats"},
		{"webhook", "(*base).Stats, method set of *Queue", "webhook.Queue.Stats"},
		{"webhook", "base.Stats, method set of Queue", "webhook.Queue.Stats"},
		{"webhook", "github.com/ghdeploy/ghdeploy.(*Error).Err", "Error.Err"},
		{"rollout", "github.com/ghdeploy/ghdeploy/webhook.Handler", "webhook.Handler"},
		{"rollout", "rollout", "rollout"},
	} {
		if got := changelogName(test.pkg, test.object); got != test.want {
			t.Errorf("changelogName(%q, %q) = %q, want %q", test.pkg, test.object, got, test.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name, in string
		missing  []string // nil: the check succeeds
	}{
		{name: "no change"},
		{name: "listed", in: "ghdeploy\t- RetryPolicy.MaxWait: removed\nwebhook\t- (*Queue).Stats: changed from func() QueueStats to func() int\n"},
		{name: "in another section", in: "ghdeploy\t- (*Client).Rate: removed\n", missing: []string{"Client.Rate"}},
		{name: "in a section after it", in: "ghdeploy\t- Error.Fixed: removed\n", missing: []string{"Error.Fixed"}},
		{name: "in a release", in: "ghdeploy\t- Old: removed\n", missing: []string{"Old"}},
		{name: "in a code block", in: "ghdeploy\t- Fenced: removed\n", missing: []string{"Fenced"}},
		{name: "the type is listed, its field is not", in: "ghdeploy\t- Page.Items: removed\n", missing: []string{"Page.Items"}},
		{name: "the field is listed, its type is not", in: "ghdeploy\t- RetryPolicy: removed\n", missing: []string{"RetryPolicy"}},
		{name: "the name of another package", in: "rollout\t- (*Queue).Stats: removed\n", missing: []string{"rollout.Queue.Stats"}},
		{name: "two of three", in: "ghdeploy\t- A: removed\nghdeploy\t- Page: removed\nwebhook\t- B.C: added\n", missing: []string{"A", "webhook.B.C"}},
		{
			name: "a remark of apidiff",
			in: "ghdeploy\t! second, different message for obj func A(), isNew false, part \"\"\n" +
				"ghdeploy\t  first: removed\nghdeploy\t  second: added\nghdeploy\t- A: added\n",
			missing: []string{"A"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := check(strings.NewReader(test.in), io.Discard, changelog, "CHANGELOG.md")
			if test.missing == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			if got, want := strings.Count(err.Error(), "\n    write `"), len(test.missing); got != want {
				t.Errorf("%d missing entries, want %d:\n%v", got, want, err)
			}
			for _, name := range test.missing {
				if !strings.Contains(err.Error(), "\n    write `"+name+"`") {
					t.Errorf("the error does not name %s:\n%v", name, err)
				}
			}
		})
	}
}

func TestCheckRefusesUnknownInput(t *testing.T) {
	for _, test := range []struct{ name, in, changelog string }{
		{"no package", "- A: removed\n", changelog},
		{"an empty package", "\t- A: removed\n", changelog},
		{"an error of apidiff", "ghdeploy\tloading package: no such file\n", changelog},
		{"no object", "ghdeploy\t- : removed\n", changelog},
		{"no message", "ghdeploy\t- A\n", changelog},
		{"no Unreleased section", "ghdeploy\t- Old: removed\n", "## [1.0.0]\n\n### Breaking\n\n- `Old`\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := check(strings.NewReader(test.in), io.Discard, test.changelog, "CHANGELOG.md"); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestCheckPrintsChanges(t *testing.T) {
	var out bytes.Buffer
	in := "ghdeploy\t- RetryPolicy.MaxWait: removed\nwebhook\t- Queue: removed\n"
	if err := check(strings.NewReader(in), &out, changelog, "CHANGELOG.md"); err == nil {
		t.Error("no error")
	}
	want := "listed: ghdeploy: RetryPolicy.MaxWait: removed\nNOT LISTED: webhook: Queue: removed\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}

// The changelog of this module has the section that the check looks for.
func TestChangelogOfThisModule(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := check(strings.NewReader(""), io.Discard, string(text), "CHANGELOG.md"); err != nil {
		t.Error(err)
	}
}
