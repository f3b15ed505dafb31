package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestSubject(t *testing.T) {
	for _, test := range []struct{ owner, repo, environment, want string }{
		{"octocat", "example", "production", "deploy.octocat.example.production"},
		{"Octocat", "Hello.World", "Staging_1-a", "deploy.octocat.hello%2eworld.staging_1-a"},
		{"o", "r", "review/feature *", "deploy.o.r.review%2ffeature%20%2a"},
		{"o", "r", ">", "deploy.o.r.%3e"},
		{"o", "r", "%3e", "deploy.o.r.%253e"},
		{"o", "r", "", "deploy.o.r.%"},
		{"o", "r", "Prüfung", "deploy.o.r.pr%c3%bcfung"},
		{"o", "r", "a\r\nPUB x 0", "deploy.o.r.a%0d%0apub%20x%200"},
		{"o", "r", "$JS.{{partition(9,1)}}", "deploy.o.r.%24js%2e%7b%7bpartition%289%2c1%29%7d%7d"},
		{"o", "r", strings.Repeat("a", maxToken), "deploy.o.r." + strings.Repeat("a", maxToken)},
		{"o", "r", strings.Repeat("a", maxToken+1), "deploy.o.r.%%eb22b48c636cd5d31633b58f5fcaf24e8b3750c5b6f1cf07e3061466afe6af90"},
	} {
		if got := subject(test.owner, test.repo, test.environment); got != test.want {
			t.Errorf("subject(%q, %q, %q) = %s, want %s", test.owner, test.repo, test.environment, got, test.want)
		}
	}
}

// FuzzSubject: for all names, the subject has four tokens and no wildcard. Two
// environments share a subject only if they differ only in case.
func FuzzSubject(f *testing.F) {
	f.Add("octocat", "hello.world", "review/1 *", "review/1 >")
	f.Add("", ".", "%", "")
	f.Add("o", "r", "%%", strings.Repeat("ü", 200))
	f.Fuzz(func(t *testing.T, owner, repo, environment, other string) {
		s := subject(owner, repo, environment)
		if !server.IsValidLiteralSubject(s) || strings.Count(s, ".") != 3 || len(s) > 1000 || strings.ContainsAny(s, " \t\r\n") {
			t.Errorf("subject(%q, %q, %q) = %q", owner, repo, environment, s)
		}
		lower, otherLower := strings.ToLower(environment), strings.ToLower(other)
		if (s == subject(owner, repo, other)) != (lower == otherLower) {
			t.Errorf("%q and %q: %s and %s", environment, other, s, subject(owner, repo, other))
		}
	})
}

func TestMessageID(t *testing.T) {
	// printf 'deployment\0{"a":1}' | sha256sum
	const want = "2c771ed255626b8aa977dd3056dff0f288ffa097772bb920e9c334bf946921f4"
	if got := messageID("deployment", []byte(`{"a":1}`)); got != want {
		t.Errorf("messageID = %s, want %s", got, want)
	}
	for _, other := range [][2]string{{"deployment", `{"a":2}`}, {"deployment_status", `{"a":1}`}, {"deployment{", `"a":1}`}} {
		if messageID(other[0], []byte(other[1])) == messageID("deployment", []byte(`{"a":1}`)) {
			t.Errorf("%q has the same ID", other)
		}
	}
}
