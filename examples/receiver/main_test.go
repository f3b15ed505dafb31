package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
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

// receiver is the built program, running.
type receiver struct {
	t      *testing.T
	cmd    *exec.Cmd
	output *bufio.Scanner // what it logs
	seen   bytes.Buffer
}

// program is linked into the test, so that go test knows that a result in its
// cache is of another program.
var program = main

// binary builds the program.
func binary(t *testing.T) string {
	t.Helper()
	if program == nil {
		t.Fatal("there is no program")
	}
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no SIGTERM to send: the shutdown of the built program is not tested here")
	}
	path := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// start runs the program and returns the URL it listens on.
func start(t *testing.T, path, api string, args ...string) (*receiver, string) {
	t.Helper()
	r := &receiver{t: t, cmd: exec.CommandContext(t.Context(), path, append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	r.cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GH_TOKEN=")
	}), "WEBHOOK_SECRET="+secret, "GITHUB_TOKEN="+ghdeploytest.DefaultToken, "GITHUB_API_URL="+api)
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.output = bufio.NewScanner(stderr)
	line := r.waitFor("msg=listening")
	return r, regexp.MustCompile(`http://\S+/webhook`).FindString(line)
}

// waitFor returns the next line of the log that holds the text.
func (r *receiver) waitFor(text string) string {
	r.t.Helper()
	for r.output.Scan() {
		fmt.Fprintln(&r.seen, r.output.Text())
		if strings.Contains(r.output.Text(), text) {
			return r.output.Text()
		}
	}
	r.t.Fatalf("the program ended without %q:\n%s", text, &r.seen)
	return ""
}

// terminate sends SIGTERM and returns the exit code.
func (r *receiver) terminate() int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
	for r.output.Scan() {
		fmt.Fprintln(&r.seen, r.output.Text())
	}
	err := r.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return r.cmd.ProcessState.ExitCode()
}

func create(t *testing.T, server *ghdeploytest.Server, environment string) *ghdeploy.Deployment {
	t.Helper()
	d, err := server.Client().Deployments.Create(t.Context(), "acme", "shop", ghdeploy.DeploymentRequest{Ref: "main", Environment: environment, SkipContexts: true})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func delivered(t *testing.T, server *ghdeploytest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.WaitDeliveries(ctx); err != nil {
		t.Fatal(err)
	}
	for _, d := range server.Deliveries() {
		if d.Status != http.StatusNoContent {
			t.Errorf("the %s %s was answered with %d %q, %v", d.Event, d.GUID, d.Status, d.Response, d.Err)
		}
	}
}

// states are those that were reported for a deployment, oldest first.
func states(t *testing.T, server *ghdeploytest.Server, id int64) string {
	t.Helper()
	for _, d := range server.Deployments(repo) {
		if d.ID != id {
			continue
		}
		var states []string
		for _, s := range d.Statuses {
			states = append(states, s.State)
		}
		return strings.Join(states, " ")
	}
	t.Fatalf("there is no deployment %d", id)
	return ""
}

func newServer(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: repo}))
	t.Cleanup(server.Close)
	return server
}

// GitHub's sequence from end to end, and a SIGTERM in the middle of the work.
func TestFinishesItsWorkOnSIGTERM(t *testing.T) {
	path, server := binary(t), newServer(t)
	r, url := start(t, path, server.URL(), "-workers", "1", "-takes", "300ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: url, Secret: secret})

	// One after the other to the same environment: the later makes the earlier inactive.
	first := create(t, server, "staging")
	r.waitFor("state=success")
	second := create(t, server, "staging")
	r.waitFor("state=success")
	if got := states(t, server, first.ID); got != "in_progress success inactive" {
		t.Errorf("the first deployment: %s", got)
	}
	if got := states(t, server, second.ID); got != "in_progress success" {
		t.Errorf("the second deployment: %s", got)
	}
	delivered(t, server)

	// The same once more: nothing happens.
	for _, d := range server.Deliveries() {
		if d.Event == "deployment" {
			server.Redeliver(d.GUID)
		}
	}
	// Not GitHub's.
	if status := post(t, url, `{"deployment":{"id":1}}`, "sha256="+strings.Repeat("0", 64)); status != http.StatusUnauthorized {
		t.Errorf("a forged delivery was answered with %d", status)
	}

	var ids []int64
	for i := range 4 {
		ids = append(ids, create(t, server, fmt.Sprintf("preview-%d", i)).ID)
	}
	delivered(t, server) // acknowledged, so it may not be lost
	r.waitFor("msg=deploying")
	if code := r.terminate(); code != 0 {
		t.Errorf("exit code %d\n%s", code, &r.seen)
	}
	for _, id := range ids {
		if got := states(t, server, id); got != "in_progress success" {
			t.Errorf("deployment %d: %s\n%s", id, got, &r.seen)
		}
	}
	if got := states(t, server, second.ID); got != "in_progress success" {
		t.Errorf("after the redelivery: %s", got)
	}
}

// What cannot be finished in time is listed, and what was running is reported.
func TestListsWhatItCouldNotFinish(t *testing.T) {
	path, server := binary(t), newServer(t)
	r, url := start(t, path, server.URL(), "-workers", "1", "-takes", "1h", "-grace", "50ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: url, Secret: secret})
	running, waiting := create(t, server, "staging"), create(t, server, "production")
	delivered(t, server)
	r.waitFor("msg=deploying")
	if code := r.terminate(); code != 1 {
		t.Errorf("exit code %d\n%s", code, &r.seen)
	}
	if got := states(t, server, running.ID); got != "in_progress error" {
		t.Errorf("the running deployment: %s", got)
	}
	if got := states(t, server, waiting.ID); got != "" {
		t.Errorf("the waiting deployment: %s", got)
	}
	for _, d := range server.Deliveries() {
		listed := strings.Contains(r.seen.String(), `msg="not finished: redeliver it" event=deployment delivery=`+d.GUID)
		if listed != (d.Event == "deployment") {
			t.Errorf("%s %s listed: %v\n%s", d.Event, d.GUID, listed, &r.seen)
		}
	}
}

// A stranger who is slow to say what he wants does not decide how it ends.
func TestSlowConnectionIsCut(t *testing.T) {
	path, server := binary(t), newServer(t)
	r, url := start(t, path, server.URL(), "-takes", "1ms", "-grace", "500ms")
	server.AddWebhook(ghdeploytest.Webhook{URL: url, Secret: secret})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/webhook"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-GitHub-Event: deployment\r\n"+
		"X-Hub-Signature-256: sha256=%064d\r\nContent-Length: 1000\r\n\r\n{", 0); err != nil {
		t.Fatal(err)
	}
	d := create(t, server, "staging")
	r.waitFor("state=success")
	if code := r.terminate(); code != 0 {
		t.Errorf("exit code %d\n%s", code, &r.seen)
	}
	if got := states(t, server, d.ID); got != "in_progress success" {
		t.Errorf("got %s", got)
	}
}

// Who sends a second signal does not want to wait.
func TestSecondSignalEndsItAtOnce(t *testing.T) {
	path, server := binary(t), newServer(t)
	r, url := start(t, path, server.URL(), "-takes", "1h", "-grace", "20s")
	server.AddWebhook(ghdeploytest.Webhook{URL: url, Secret: secret})
	create(t, server, "staging")
	r.waitFor("msg=deploying")
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.waitFor(`msg="shutting down"`)
	began := time.Now()
	if code := r.terminate(); code == 0 || time.Since(began) > 10*time.Second {
		t.Errorf("exit code %d after %v\n%s", code, time.Since(began), &r.seen)
	}
}

func TestRefusesToStartWithoutASecret(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), binary(t), "-addr", "127.0.0.1:0")
	cmd.Env = []string{"GITHUB_TOKEN=" + ghdeploytest.DefaultToken, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "WEBHOOK_SECRET") {
		t.Errorf("%v: %s", err, out)
	}
}

func post(t *testing.T, url, body, signature string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "deployment")
	r.Header.Set("X-Hub-Signature-256", signature)
	resp, err := new(http.Client).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}
