package ghdeploy_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// Each row of the README's table of outcomes is what Create returns.
func TestReadmeOutcomes(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "README.md"), "| GitHub's response |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")[2:]
	const create = "POST /repos/{owner}/{repo}/deployments"
	for i, tt := range []struct {
		row, ref string
		status   int
		fault    []ghdeploytest.Effect
	}{
		{row: "201", ref: "main"},
		{row: "202: merged", ref: "behind", status: 202},
		{row: "409: the merge", ref: "clash", status: 409},
		{row: "409: a status check", ref: "red", status: 409},
		{row: "422: no such ref", ref: "gone", status: 422},
		{row: "403 or 429: a rate limit", ref: "main", status: 429, fault: []ghdeploytest.Effect{ghdeploytest.Respond(429, "").WithHeader("Retry-After", "3600")}},
		{row: "5xx", ref: "main", status: 502, fault: []ghdeploytest.Effect{ghdeploytest.Respond(502, "")}},
		{row: "5xx, or a lost connection", ref: "main", fault: []ghdeploytest.Effect{ghdeploytest.DropAfter()}},
	} {
		server, client := conceptServer(t, ghdeploytest.Repository{Branches: []ghdeploytest.Branch{
			{Name: "behind", Behind: true},
			{Name: "clash", Conflict: true},
			{Name: "red", Statuses: []ghdeploytest.CommitStatus{{Context: "build", State: "failure"}}},
		}})
		for _, effect := range tt.fault {
			server.Inject(ghdeploytest.Fault{Operation: create, Effect: effect})
		}
		row := strings.Split(rows[min(i, len(rows)-1)], " | ")
		if !strings.HasPrefix(row[0], "| "+tt.row) || len(row) != 3 {
			t.Errorf("the row of %q is %q", tt.row, row)
			continue
		}
		d, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: tt.ref})
		if e := (*ghdeploy.Error)(nil); (err == nil) != (i == 0) || (d == nil) != (i > 0) || errors.As(err, &e) && e.StatusCode != tt.status {
			t.Errorf("%s: %v, %v", tt.row, d, err)
		}
		is := make(map[string]bool) // the names of all that err is
		for s, name := range sentinels {
			is["`"+name+"`"] = errors.Is(err, s)
		}
		for err := err; err != nil; err = errors.Unwrap(err) {
			is["`"+strings.Replace(fmt.Sprintf("%T", err), "ghdeploy.", "", 1)+"`"] = true
		}
		is["`*Deployment`"] = d != nil
		for _, name := range regexp.MustCompile("`.*?`").FindAllString(row[1], -1) {
			if !is[name] {
				t.Errorf("%s: Create does not return %s: %v", tt.row, name, err)
			}
		}
	}
	if len(rows) != 7 {
		t.Errorf("%d rows, want 7", len(rows))
	}
}

// Names in the documents that no compiler sees: in diagrams, tables and text.
func TestDocumentNames(t *testing.T) {
	page, tests := read(t, "docs/concepts.md"), read(t, "concepts_test.go")
	for _, document := range []string{page, read(t, "README.md")} {
		found := 0
		for _, match := range regexp.MustCompile(`\b(Deployments|Statuses|Environments|BranchPolicies|ProtectionRules|Reviews)\.([A-Z]\w+)`).FindAllStringSubmatch(document, -1) {
			found++
			field, ok := reflect.TypeFor[ghdeploy.Client]().FieldByName(match[1])
			if !ok {
				t.Errorf("a Client has no %s", match[1])
			} else if _, ok := field.Type.MethodByName(match[2]); !ok {
				t.Errorf("there is no %s", match[0])
			}
		}
		for _, match := range regexp.MustCompile(`\bOn[A-Z]\w+`).FindAllString(document, -1) {
			found++
			if _, ok := reflect.TypeFor[webhook.Callbacks]().FieldByName(match); !ok {
				t.Errorf("there is no callback %s", match)
			}
		}
		if found < 8 {
			t.Errorf("found %d names", found)
		}
	}
	diagram := func(document string) string {
		_, text, _ := strings.Cut(read(t, document), "```mermaid\nsequenceDiagram\n")
		text, _, _ = strings.Cut(text, "```")
		return text
	}
	if a, b := diagram("README.md"), diagram("docs/concepts.md"); a != b || a == "" {
		t.Errorf("README.md and docs/concepts.md have different diagrams:\n%s\n%s", a, b)
	}
	errorNames := exportedErrors(t)
	for _, match := range regexp.MustCompile("`[*]?(Err[A-Z]\\w+|\\w+Error)`").FindAllStringSubmatch(page, -1) {
		if !errorNames[match[1]] {
			t.Errorf("docs/concepts.md names %s, which is not there", match[1])
		}
	}
	// The tests above use each option of the server that the page names.
	options := 0
	for _, match := range regexp.MustCompile("`(With[A-Z]\\w+)`").FindAllStringSubmatch(page, -1) {
		options++
		if !strings.Contains(tests, "ghdeploytest."+match[1]+"(") {
			t.Errorf("docs/concepts.md names %s, and no test of it uses that", match[1])
		}
	}
	if options < 5 {
		t.Errorf("%d options", options)
	}
}
