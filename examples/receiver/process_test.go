package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	secret = "a secret of the test"
	repo   = "acme/shop"
)

// process is the running program.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string         // address of the webhook
	output *bufio.Scanner // its log
	seen   bytes.Buffer
}

// program links the program into the test, so that a change of the program
// invalidates the test cache.
var program = main

var buildDir string

// build builds the program once for all tests.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "receiver")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "receiver"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir)
	os.Exit(code)
}

func binary(t *testing.T) string {
	t.Helper()
	if program == nil {
		t.Fatal("there is no program")
	}
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM to send: the shutdown of the built program is not tested here")
	}
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs the program for the repository, on the server.
func start(t *testing.T, server *ghdeploytest.Server, args ...string) *process {
	t.Helper()
	p := launch(t, server.URL(), append([]string{"-addr", "127.0.0.1:0", "-repo", repo}, args...)...)
	p.url = regexp.MustCompile(`http://\S+/webhook`).FindString(p.waitFor("msg=listening"))
	return p
}

// launch runs the program. Arguments of the form NAME=VALUE in front change its
// environment.
func launch(t *testing.T, api string, args ...string) *process {
	t.Helper()
	var environment []string
	for len(args) > 0 && strings.Contains(args[0], "=") {
		environment, args = append(environment, args[0]), args[1:]
	}
	// A program that hangs is killed, so that the test shows its log.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	p := &process{t: t, cmd: exec.CommandContext(ctx, binary(t), args...)}
	p.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GH_TOKEN=") || strings.HasPrefix(v, "WEBHOOK_SECRET")
	}), "WEBHOOK_SECRET="+secret, "GITHUB_TOKEN="+ghdeploytest.DefaultToken, "GITHUB_API_URL="+api)
	p.cmd.Env = append(p.cmd.Env, environment...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.output = bufio.NewScanner(stderr)
	return p
}

// waitFor returns the next line of the log that holds all the texts.
func (p *process) waitFor(texts ...string) string {
	p.t.Helper()
	for p.output.Scan() {
		line := p.output.Text()
		fmt.Fprintln(&p.seen, line)
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			return line
		}
	}
	p.t.Fatalf("the program ended without %q:\n%s", texts, &p.seen)
	return ""
}

// waitForEach waits for one line for each deployment, in any order.
func (p *process) waitForEach(text string, deployments ...*ghdeploy.Deployment) {
	p.t.Helper()
	left := make(map[string]bool)
	for _, d := range deployments {
		left[fmt.Sprintf("deployment=%d ", d.ID)] = true
	}
	for len(left) > 0 {
		line := p.waitFor(text)
		for id := range left {
			if strings.Contains(line, id) {
				delete(left, id)
			}
		}
	}
}

// end sends a signal and returns the exit code, -1 after a SIGKILL.
func (p *process) end(signal os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	return p.exit()
}

func (p *process) exit() int {
	p.t.Helper()
	for p.output.Scan() {
		fmt.Fprintln(&p.seen, p.output.Text())
	}
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop sends SIGTERM and expects an exit code.
func (p *process) stop(want int) {
	p.t.Helper()
	if code := p.end(syscall.SIGTERM); code != want {
		p.t.Errorf("exit code %d, want %d\n%s", code, want, &p.seen)
	}
}

// deployed counts how often the program deployed a deployment.
func (p *process) deployed(d *ghdeploy.Deployment) int {
	count := 0
	for line := range strings.Lines(p.seen.String()) {
		if strings.Contains(line, "msg=deploying") && strings.Contains(line, fmt.Sprintf("deployment=%d ", d.ID)) {
			count++
		}
	}
	return count
}
