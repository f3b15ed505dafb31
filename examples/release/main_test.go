package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const repository = "octocat/example"

// binary is the path of the built program.
var binary string

// program links the program into the test, so that a change of the program
// invalidates the test cache.
var program = main

func TestMain(m *testing.M) {
	if os.Getenv("WAIT_FOR_SIGNAL") != "" && len(os.Args) == 1 {
		waitForSignal()
		return
	}
	os.Exit(testMain(m))
}

// waitForSignal is the program "$WAIT" of the scripts. It prints "ready",
// because a shell can lose a signal while it starts a program. Then a signal
// ends it; with COUNT it counts SIGINT instead.
func waitForSignal() {
	signals := make(chan os.Signal, 8)
	if os.Getenv("COUNT") != "" {
		signal.Notify(signals, os.Interrupt)
	}
	fmt.Println("ready")
	for n := 1; ; n++ {
		select {
		case <-signals:
			fmt.Println("caught", n)
		// Real clock: this runs as a program of its own.
		case <-time.After(time.Minute):
			return
		}
	}
}

func testMain(m *testing.M) int {
	if program == nil {
		return 1
	}
	if signal.Ignored(os.Interrupt) {
		// A shell ignores SIGINT for background processes, and programs inherit
		// that.
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	dir, err := os.MkdirTemp("", "release")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "release")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Printf("go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func newServer(t *testing.T, opts ...ghdeploytest.Option) *ghdeploytest.Server {
	t.Helper()
	srv := ghdeploytest.NewServer(opts...)
	t.Cleanup(srv.Close)
	return srv
}

// process is a program under test. Its standard output ends once no process has
// it open.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	seen   strings.Builder
	stderr *os.File
}

// start runs a program against the server.
func start(t *testing.T, srv *ghdeploytest.Server, name string, args ...string) *process {
	t.Helper()
	p := prepare(t, srv, name, args...)
	p.start()
	return p
}

func prepare(t *testing.T, srv *ghdeploytest.Server, name string, args ...string) *process {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send, and no sh")
	}
	p := &process{t: t, cmd: exec.Command(name, args...)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Env = []string{
		"WAIT_FOR_SIGNAL=yes", "WAIT=" + self,
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TZ=UTC", "TERM=xterm",
		"GITHUB_REPOSITORY=" + repository, "GITHUB_TOKEN=" + ghdeploytest.DefaultToken,
		"GITHUB_API_URL=" + strings.TrimSuffix(srv.URL(), "/") + "/api/v3",
	}
	if p.stderr, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.stderr.Close() })
	p.cmd.Stderr = p.stderr
	return p
}

func (p *process) start() {
	p.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = r.Close() })
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	if p.cmd.Stdout == nil {
		p.cmd.Stdout = w
	}
	p.out = bufio.NewReader(r)
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	_ = w.Close()
}

// waitFor reads the output up to and including a line.
func (p *process) waitFor(line string) {
	p.t.Helper()
	for {
		got, err := p.out.ReadString('\n')
		p.seen.WriteString(got)
		if got == line+"\n" {
			return
		}
		if err != nil {
			p.t.Fatalf("%v before the line %q:\n%s\n%s", err, line, &p.seen, p.errors())
		}
	}
}

func (p *process) signal(signals ...syscall.Signal) {
	p.t.Helper()
	for _, s := range signals {
		if err := p.cmd.Process.Signal(s); err != nil {
			p.t.Fatal(err)
		}
	}
}

// end waits until the program and every process with its standard output have
// ended. It returns the exit code.
func (p *process) end() int {
	p.t.Helper()
	rest, err := io.ReadAll(p.out)
	p.seen.Write(rest)
	if err != nil {
		p.t.Fatalf("%v:\n%s\n%s", err, &p.seen, p.errors())
	}
	return p.wait()
}

// wait waits until the program has ended.
func (p *process) wait() int {
	p.t.Helper()
	if exit := (*exec.ExitError)(nil); !errors.As(p.cmd.Wait(), &exit) && !p.cmd.ProcessState.Success() {
		p.t.Fatal("Wait failed")
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -int(status.Signal())
	}
	return p.cmd.ProcessState.ExitCode()
}

// errors returns the text on standard error.
func (p *process) errors() string {
	p.t.Helper()
	text, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// states returns the states of the newest deployment, oldest first.
func states(t *testing.T, srv *ghdeploytest.Server) string {
	t.Helper()
	deployments := srv.Deployments(repository)
	if len(deployments) == 0 {
		return "no deployment"
	}
	var states []string
	for _, s := range deployments[len(deployments)-1].Statuses {
		states = append(states, s.State)
	}
	return strings.Join(states, " ")
}

// last returns the newest status of the newest deployment.
func last(t *testing.T, srv *ghdeploytest.Server) ghdeploytest.DeploymentStatus {
	t.Helper()
	deployments := srv.Deployments(repository)
	if len(deployments) == 0 || len(deployments[len(deployments)-1].Statuses) == 0 {
		t.Fatal("there is no status")
	}
	statuses := deployments[len(deployments)-1].Statuses
	return statuses[len(statuses)-1]
}
