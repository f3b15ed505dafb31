//go:build unix

package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const postStatus = "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"

// releaseArgs are the arguments that run a script.
func releaseArgs(script string, flags ...string) []string {
	return append(append([]string{"-ref", "main", "-environment", "staging"}, flags...), "--", "sh", "-c", script)
}

// underBash writes a script as GitHub Actions does, and returns the command
// that runs it.
func underBash(t *testing.T, prefix string, args []string) []string {
	t.Helper()
	line := prefix + binary
	for _, arg := range args {
		line += " '" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
	}
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte("set -x\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--noprofile", "--norc", "-eo", "pipefail", path}
}

// The signal goes to one process: the program, started directly or by exec.
func TestSignal(t *testing.T) {
	for name, tt := range map[string]struct {
		script      string
		flags       []string
		signal      syscall.Signal
		code        int
		states      string
		description string
	}{
		"SIGINT": {
			script: `"$WAIT"; echo unreachable`, signal: syscall.SIGINT,
			code: 130, states: "in_progress error", description: "Cancelled: received the signal interrupt",
		},
		"SIGTERM": {
			script: `"$WAIT"; echo unreachable`, signal: syscall.SIGTERM,
			code: 143, states: "in_progress error", description: "Cancelled: received the signal terminated",
		},
		"SIGHUP": {
			script: `"$WAIT"; echo unreachable`, signal: syscall.SIGHUP,
			code: 129, states: "in_progress error", description: "Cancelled: received the signal hangup",
		},
		// The sleep ignores SIGINT, as all background processes of a shell do.
		// It is killed when the script has ended.
		"cleans up": {
			script: "trap 'echo cleaning; exit 7' INT; echo ready; sleep 60 & wait", signal: syscall.SIGINT,
			code: 7, states: "in_progress error", description: "Cancelled: received the signal interrupt",
		},
		"succeeds nevertheless": {
			script: "trap 'exit 0' TERM; echo ready; sleep 60 & wait", signal: syscall.SIGTERM,
			code: 0, states: "in_progress success", description: "Cancelled: received the signal terminated",
		},
		"ignores it": {
			script: "trap '' INT TERM; echo ready; sleep 60", flags: []string{"-grace", "100ms"}, signal: syscall.SIGINT,
			code: 137, states: "in_progress error", description: "Cancelled: received the signal interrupt",
		},
		"with progress": {
			script: `"$WAIT"; echo unreachable`, flags: []string{"-progress"}, signal: syscall.SIGINT,
			code: 130, states: "in_progress error", description: "Cancelled: received the signal interrupt",
		},
	} {
		for _, how := range []string{"directly", "exec"} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				if signal.Ignored(tt.signal) {
					t.Skip("the tests run under nohup, and programs inherit that the signal is ignored")
				}
				srv := newServer(t)
				program, args := binary, releaseArgs(tt.script, tt.flags...)
				if how == "exec" {
					program, args = "bash", underBash(t, "exec ", args)
				}
				p := start(t, srv, program, args...)
				p.waitFor("ready")
				p.signal(tt.signal)
				if code := p.end(); code != tt.code {
					t.Errorf("exit code %d, want %d\n%s", code, tt.code, p.errors())
				}
				if got := states(t, srv); got != tt.states {
					t.Errorf("got %s, want %s\n%s", got, tt.states, p.errors())
				}
				if got := last(t, srv).Description; got != tt.description {
					t.Errorf("description %q, want %q", got, tt.description)
				}
				if strings.Contains(p.seen.String(), "unreachable") {
					t.Error("the script continued")
				}
			})
		}
	}
}

// GitHub Actions sends SIGTERM after SIGINT. It arrives while the final status
// is being posted, and must not end the program.
func TestSecondSignal(t *testing.T) {
	srv := newServer(t)
	posting, sent := make(chan struct{}), make(chan struct{})
	srv.Inject(ghdeploytest.Fault{Operation: postStatus, Latency: time.Nanosecond, Match: func(r ghdeploytest.Request) bool {
		if strings.Contains(r.Body, `"state":"error"`) {
			close(posting)
			<-sent
		}
		return false
	}})
	p := start(t, srv, binary, releaseArgs(`"$WAIT"; echo unreachable`)...)
	p.waitFor("ready")
	p.signal(syscall.SIGINT)
	<-posting
	p.signal(syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM)
	close(sent)
	if code := p.end(); code != 130 {
		t.Errorf("exit code %d\n%s", code, p.errors())
	}
	if got := states(t, srv); got != "in_progress error" {
		t.Errorf("got %s", got)
	}
}

// If the command runs longer than RunOptions.Grace, the final status is
// reported before the command ends, and no other after that.
func TestReportsBeforeTheCommandEnds(t *testing.T) {
	srv := newServer(t)
	posted := make(chan struct{})
	srv.Inject(ghdeploytest.Fault{Operation: postStatus, Latency: time.Nanosecond, Match: func(r ghdeploytest.Request) bool {
		if strings.Contains(r.Body, `"state":"error"`) {
			close(posted)
		}
		return false
	}})
	p := prepare(t, srv, binary, releaseArgs("trap '' INT; echo ready; read -r line; echo done", "-grace", "1m")...)
	input, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	p.waitFor("ready")
	p.signal(syscall.SIGINT)
	<-posted
	if _, err := input.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if code := p.end(); code != 130 || !strings.HasSuffix(p.seen.String(), "done\n") {
		t.Errorf("exit code %d\n%s%s", code, &p.seen, p.errors())
	}
	if got := states(t, srv); got != "in_progress error" {
		t.Errorf("got %s", got)
	}
}

// Without exec the runner's signals reach only bash, which SIGTERM ends. The
// program gets no signal. The runner kills it at the end of the job, and its
// deployment stays in_progress.
func TestUnderBashWithoutExec(t *testing.T) {
	srv := newServer(t)
	p := start(t, srv, "bash", underBash(t, "", releaseArgs(`echo $PPID; "$WAIT"; echo unreachable`))...)
	p.waitFor("ready")
	p.signal(syscall.SIGINT, syscall.SIGTERM)
	if code := p.wait(); code != -int(syscall.SIGTERM) && code != -int(syscall.SIGINT) {
		t.Errorf("bash: exit code %d\n%s", code, p.errors())
	}
	pid, err := strconv.Atoi(strings.Split(p.seen.String(), "\n")[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the program has ended: %v", err)
	}
	if got := states(t, srv); got != "in_progress" {
		t.Errorf("before the program is killed: %s", got)
	}

	// A signal to the program itself ends it with a final status.
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, err := p.out.ReadString(0)
	if rest != "" || err == nil {
		t.Errorf("%q, %v", rest, err)
	}
	if got := states(t, srv); got != "in_progress error" {
		t.Errorf("got %s", got)
	}
}

// Ctrl-C reaches bash and the program, with and without exec.
func TestUnderBashCtrlC(t *testing.T) {
	for _, prefix := range []string{"", "exec "} {
		srv := newServer(t)
		p := prepare(t, srv, "bash", underBash(t, prefix, releaseArgs(`"$WAIT"; echo unreachable`))...)
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		p.start()
		p.waitFor("ready")
		if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		p.end()
		if got := states(t, srv); got != "in_progress error" {
			t.Errorf("%q: got %s\n%s", prefix, got, p.errors())
		}
	}
}

// Under nohup the program continues after its terminal is closed.
func TestNohup(t *testing.T) {
	srv := newServer(t)
	p := prepare(t, srv, "bash", underBash(t, "trap '' HUP; exec ", releaseArgs("echo ready; read -r line"))...)
	input, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.start()
	p.waitFor("ready")
	p.signal(syscall.SIGHUP)
	if _, err := input.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if code := p.end(); code != 0 || states(t, srv) != "in_progress success" {
		t.Errorf("exit code %d, %s\n%s", code, states(t, srv), p.errors())
	}
	if strings.Contains(p.errors(), "received") {
		t.Errorf("it did not ignore SIGHUP:\n%s", p.errors())
	}
}

// The reader of the log has ended, as in release ... 2>&1 | head.
func TestClosedOutput(t *testing.T) {
	srv := newServer(t)
	p := prepare(t, srv, binary, releaseArgs("exit 3")...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	p.start()
	_ = w.Close()
	if code := p.end(); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if got := states(t, srv); got != "in_progress failure" {
		t.Errorf("got %s", got)
	}
}
