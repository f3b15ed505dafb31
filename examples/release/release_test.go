package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestRelease(t *testing.T) {
	for name, tt := range map[string]struct {
		flags       []string
		script      string
		code        int
		states      string
		description string
	}{
		"success":              {script: "exit 0", states: "in_progress success"},
		"failure":              {script: "exit 3", code: 3, states: "in_progress failure", description: "exit status 3"},
		"killed":               {script: "kill -9 $$", code: 137, states: "in_progress failure", description: "signal: killed"},
		"progress":             {flags: []string{"-progress"}, script: `printf 'one\n\033[32mtwo\033[0m\n\n'`, states: "in_progress success", description: "two"},
		"progress and failure": {flags: []string{"-progress"}, script: "echo one; exit 1", code: 1, states: "in_progress failure", description: "exit status 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			args := append([]string{"-ref", "main", "-environment", "staging"}, tt.flags...)
			p := start(t, srv, binary, append(args, "--", "sh", "-c", tt.script)...)
			if code := p.end(); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, p.errors())
			}
			if got := states(t, srv); got != tt.states {
				t.Errorf("states %s, want %s", got, tt.states)
			}
			if got := last(t, srv).Description; got != tt.description {
				t.Errorf("description %q, want %q", got, tt.description)
			}
		})
	}
}

// The command gets the standard input and the environment variables, and its
// output is not changed.
func TestReleaseRunsTheCommand(t *testing.T) {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	for _, flags := range [][]string{nil, {"-progress"}} {
		srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: repository, Branches: []ghdeploytest.Branch{{Name: "main", SHA: sha}},
		}))
		args := append([]string{"-ref", "main", "-environment", "pr-7", "-task", "preview", "-transient", "-url", "https://pr-7.example.com"}, flags...)
		p := prepare(t, srv, binary, append(args, "sh", "-c",
			`cat; env | grep ^DEPLOYMENT_ | sort; echo wrong >&2; printf '\001\r\n\ttail'`)...)
		p.cmd.Stdin = strings.NewReader("the input\n")
		p.start()
		if code := p.end(); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.errors())
		}
		want := "the input\nDEPLOYMENT_ENVIRONMENT=pr-7\nDEPLOYMENT_ID=6000000001\nDEPLOYMENT_SHA=" + sha + "\nDEPLOYMENT_TASK=preview\n\x01\r\n\ttail"
		if diff := cmp.Diff(want, p.seen.String()); diff != "" {
			t.Errorf("output (-want +got):\n%s", diff)
		}
		want = "release: deployment 6000000001: main (0123456) to pr-7\nwrong\nrelease: deployment 6000000001: success after 0s\n"
		if diff := cmp.Diff(want, strings.ReplaceAll(p.errors(), "after 1s", "after 0s")); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		d := srv.Deployments(repository)[0]
		if !d.TransientEnvironment || d.Task != "preview" || last(t, srv).EnvironmentURL != "https://pr-7.example.com" {
			t.Errorf("deployment %+v", d)
		}
	}
}

// No deployment is created for an invalid command line.
func TestReleaseRefuses(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("echo no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		log  string
	}{
		"no command":           {[]string{"-ref", "main", "-environment", "staging"}, 2, "the command is missing"},
		"no environment":       {[]string{"-ref", "main", "--", "true"}, 2, "-environment is missing"},
		"no ref":               {[]string{"-environment", "staging", "--", "true"}, 2, "-ref is missing"},
		"a wrong repository":   {[]string{"-repo", "octocat", "-ref", "main", "-environment", "staging", "--", "true"}, 2, "-repo: "},
		"an unknown flag":      {[]string{"-env", "staging", "--", "true"}, 2, "-env"},
		"no grace":             {[]string{"-grace", "0s", "-ref", "main", "-environment", "staging", "--", "true"}, 2, "-grace is 0s"},
		"no such command":      {[]string{"-ref", "main", "-environment", "staging", "--", "no-such-command"}, 127, "no-such-command"},
		"no such file":         {[]string{"-ref", "main", "-environment", "staging", "--", "./no/such"}, 127, "./no/such"},
		"not a program":        {[]string{"-ref", "main", "-environment", "staging", "--", script}, 126, "cannot be started"},
		"an unknown ref":       {[]string{"-ref", "gone", "-environment", "staging", "--", "echo", "no"}, 125, "422"},
		"a mistyped number":    {[]string{"wait", "main"}, 2, `"main" is not the ID`},
		"wait without an ID":   {[]string{"wait"}, 2, "an argument is missing"},
		"a flag behind the ID": {[]string{"wait", "1", "-timeout", "1s"}, 2, "flags go first"},
		"too long a history":   {[]string{"history", "-n", "101"}, 2, "-n is 101"},
		"retire everything":    {[]string{"retire"}, 125, "Environment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			p := start(t, srv, binary, tt.args...)
			if code := p.end(); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if log := p.errors(); !strings.Contains(log, tt.log) || strings.Contains(p.seen.String(), "no") {
				t.Errorf("the log lacks %q: %s%s", tt.log, &p.seen, log)
			}
			if got := states(t, srv); got != "no deployment" {
				t.Errorf("got %s", got)
			}
		})
	}
}

// If the command cannot be started, the deployment gets a final status.
func TestReleaseCannotStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("\x7fELF is not enough"), 0o755); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t)
	p := start(t, srv, binary, "-ref", "main", "-environment", "staging", "--", path)
	if code := p.end(); code != exitNoStart {
		t.Errorf("exit code %d\n%s", code, p.errors())
	}
	if got := states(t, srv); got != "in_progress failure" {
		t.Errorf("got %s", got)
	}
	if got := last(t, srv).Description; got != "The command could not be started" {
		t.Errorf("description %q", got)
	}
}

func TestReleaseChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		flags  []string
		code   int
		states string
	}{
		"all":     {nil, exitFailed, "no deployment"},
		"one":     {[]string{"-check", "build (ubuntu, 1.26)"}, 0, "in_progress success"},
		"the red": {[]string{"-check", "build (ubuntu, 1.26)", "-check", "own"}, exitFailed, "no deployment"},
		"none":    {[]string{"-skip-checks"}, 0, "in_progress success"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
				FullName: repository,
				Branches: []ghdeploytest.Branch{{Name: "main", Statuses: []ghdeploytest.CommitStatus{
					{Context: "build (ubuntu, 1.26)", State: "success"},
					{Context: "own", State: "in_progress"},
				}}},
			}))
			args := append([]string{"-ref", "main", "-environment", "staging"}, tt.flags...)
			p := start(t, srv, binary, append(args, "--", "true")...)
			if code := p.end(); code != tt.code {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, p.errors())
			}
			if got := states(t, srv); got != tt.states {
				t.Errorf("got %s, want %s", got, tt.states)
			}
			if tt.code != 0 && !strings.Contains(p.errors(), "own") {
				t.Errorf("the log does not name the check: %s", p.errors())
			}
		})
	}
}

// If GitHub refuses the final status, the program fails.
func TestReleaseCannotReport(t *testing.T) {
	srv := newServer(t)
	srv.Inject(ghdeploytest.Fault{
		Operation: "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
		Nth:       2, Times: ghdeploytest.Always,
		Effect: ghdeploytest.Respond(403, `{"message":"Resource not accessible by integration"}`),
	})
	p := start(t, srv, binary, "-ref", "main", "-environment", "staging", "--", "true")
	if code := p.end(); code != exitFailed || !strings.Contains(p.errors(), "status success was not reported") {
		t.Errorf("exit code %d\n%s", code, p.errors())
	}
}

func TestNoArguments(t *testing.T) {
	p := start(t, newServer(t), binary)
	if code := p.end(); code != 0 || !strings.HasPrefix(p.seen.String(), help["release"]+"\nFlags:\n  -check NAME\n") {
		t.Errorf("exit code %d, %s", code, &p.seen)
	}
}
