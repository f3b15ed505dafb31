//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// deployments is how many TestFleet makes. Each is one delivery at least.
var deployments = flag.Int("deployments", 2000, "genuine deployments of TestFleet")

// TestMain runs a role of the fleet instead of the tests in the processes that
// TestFleet starts.
func TestMain(m *testing.M) {
	if os.Getenv("FLEET_TEST_LEDGER") != "" {
		if err := member(); err != nil {
			fmt.Fprintln(os.Stderr, "failed:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// member runs the roles of its arguments. Its deployments write to the ledger.
func member() error {
	c, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	path := os.Getenv("FLEET_TEST_LEDGER")
	ledger, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	c.deploy = func(ctx context.Context, d *ghdeploy.Deployment) (string, error) {
		write := func(what string) error { // one write, so that lines never mix
			_, err := fmt.Fprintf(ledger, "%s %s %d\n", what, c.name, d.ID)
			return err
		}
		if err := write("begin"); err != nil {
			return "", err
		}
		if _, err := os.Stat(path + ".hang-" + c.name); err == nil {
			if err := write("hang"); err != nil {
				return "", err
			}
			for { // whatever ctx says: a deployment can be deaf
				if _, err := os.Stat(path + ".wake-" + c.name); err == nil {
					return "", write("end")
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		return "", write("end")
	}
	return run(context.Background(), c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// process is a member of the fleet in a process of its own.
type process struct {
	*exec.Cmd
	log      bytes.Buffer
	reading  sync.WaitGroup
	url      chan string // of a receiver
	finished atomic.Bool
}

func startMember(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), program, args...), url: make(chan string, 1)}
	p.Env = append(os.Environ(), env...)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.reading.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), "msg=receiving url="); ok {
				p.url <- url
			}
			p.log.WriteString(lines.Text() + "\n")
		}
	})
	t.Cleanup(func() { p.kill() })
	return p
}

// kill ends the process with SIGKILL, and returns its log.
func (p *process) kill() string {
	if p.finished.CompareAndSwap(false, true) {
		_ = p.Process.Kill()
		p.reading.Wait()
		_ = p.Wait()
	}
	return p.log.String()
}

// entrance is the load balancer before the receivers, and everything that is
// wrong with deliveries: lost, repeated, replayed and forged ones.
type entrance struct {
	receivers []string
	client    *http.Client
	done      context.Context //nolint:containedctx // ends with the test
	extra     sync.WaitGroup  // deliveries beside those of the server

	mu   sync.Mutex
	odds *rand.Rand

	lost, again, replayed, renamed, forged, failed, sent atomic.Int64
	wrong                                                atomic.Pointer[string] // the first wrong response
}

// ServeHTTP is called for each delivery of the server.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	header := r.Header.Clone()
	event := header.Get("X-GitHub-Event")
	if event == "ping" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if event == "deployment" && e.chance(5) { // this one arrives after later ones
		e.lost.Add(1)
		e.extra.Go(func() {
			pause(e.done, 200*time.Millisecond)
			e.redeliver(header, body)
		})
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	status := e.send(header, body)
	if status == 0 || status >= 500 { // GitHub redelivers when an operator asks for it
		e.failed.Add(1)
		e.extra.Go(func() { e.redeliver(header, body) })
	} else if status != http.StatusNoContent {
		e.complain("a genuine %s got %d", event, status)
	}
	if event == "deployment" {
		e.extra.Go(func() { e.attack(header, body) })
	} else if e.chance(10) { // a signed body that has a deployment, under another name
		e.renamed.Add(1)
		other := header.Clone()
		other.Set("X-GitHub-Event", "deployment")
		e.extra.Go(func() { e.redeliver(other, body) })
	}
	if status == 0 {
		status = http.StatusBadGateway
	}
	w.WriteHeader(status)
}

// attack repeats, replays and forges a genuine delivery.
func (e *entrance) attack(header http.Header, body []byte) {
	if e.chance(15) {
		e.again.Add(1)
		e.redeliver(header, body)
	}
	if e.chance(15) {
		e.replayed.Add(1)
		other := header.Clone()
		other.Set("X-GitHub-Delivery", fmt.Sprintf("replay-%d", e.replayed.Load()))
		e.redeliver(other, body)
	}
	for _, forge := range []func(http.Header) []byte{
		func(http.Header) []byte { return bytes.Replace(body, []byte(`"main"`), []byte(`"evil"`), 1) },
		func(h http.Header) []byte { h.Del("X-Hub-Signature-256"); return body },
		func(h http.Header) []byte {
			h.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("0", 64))
			return body
		},
	} {
		if !e.chance(5) {
			continue
		}
		e.forged.Add(1)
		other := header.Clone()
		if status := e.send(other, forge(other)); status != http.StatusUnauthorized && status != 0 {
			e.complain("a forgery got %d", status)
		}
	}
}

// redeliver sends a delivery until a receiver takes it.
func (e *entrance) redeliver(header http.Header, body []byte) {
	for e.done.Err() == nil {
		switch status := e.send(header, body); {
		case status == http.StatusNoContent:
			return
		case status != 0 && status < 500:
			e.complain("a redelivery got %d", status)
			return
		}
		pause(e.done, 50*time.Millisecond)
	}
}

// send sends a delivery to any receiver. Status 0 is a lost connection.
func (e *entrance) send(header http.Header, body []byte) (status int) {
	e.mu.Lock()
	url := e.receivers[e.odds.IntN(len(e.receivers))]
	e.mu.Unlock()
	r, err := http.NewRequestWithContext(e.done, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header = header
	e.sent.Add(1)
	response, err := e.client.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func (e *entrance) chance(percent int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.odds.IntN(100) < percent
}

func (e *entrance) complain(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	e.wrong.CompareAndSwap(nil, &text)
}

var (
	fleetRepositories = []string{"octocat/hello.world", "octo-org/Spoon-Knife", "monalisa/a_b", "Monalisa/x.y.z-1"}
	fleetEnvironments = []string{"production", "staging", "review/feature *", "PR > 12.3", "prüfung %2a $JS"}
)

// TestFleet is the promise: of many deployments on many machines, of which some
// die, each has one final status, none is deployed twice, and each environment's
// are deployed in order.
func TestFleet(t *testing.T) {
	if testing.Short() {
		*deployments = min(*deployments, 200)
	}
	const receivers, workers, secret = 3, 4, "fleet-secret"
	began := time.Now()
	scratch := t.TempDir()
	ledger := filepath.Join(scratch, "ledger")
	touch(t, ledger)
	settings := brokerConfig{
		listen: "127.0.0.1:0", store: filepath.Join(scratch, "nats"),
		partitions: 16, replicas: 1, window: time.Hour, ackWait: 5 * time.Second,
	}
	b, err := open(t.Context(), settings, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()

	door := &entrance{client: &http.Client{Timeout: 10 * time.Second}, done: t.Context(), odds: rand.New(rand.NewPCG(1, 2))}
	options := []ghdeploytest.Option{
		ghdeploytest.WithRateLimit(1 << 30), ghdeploytest.WithLogSize(0),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "fleet-token"}),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: door, Secret: secret}),
	}
	for _, name := range fleetRepositories {
		options = append(options, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: name}))
	}
	github := ghdeploytest.NewServer(options...)
	defer github.Close()

	env := []string{
		"FLEET_TEST_LEDGER=" + ledger, "WEBHOOK_SECRET=" + secret,
		"GITHUB_TOKEN=fleet-token", "GH_TOKEN=", "GITHUB_API_URL=" + github.URL() + "/api/v3",
	}
	common := []string{"-nats", b.embedded.ClientURL(), "-ack-wait", settings.ackWait.String()}
	var receiving, working []*process
	for range receivers {
		p := startMember(t, env, append([]string{"receive", "-addr", "127.0.0.1:0"}, common...)...)
		select {
		case url := <-p.url:
			door.receivers = append(door.receivers, url)
		case <-time.After(30 * time.Second):
			t.Fatalf("a receiver did not start:\n%s", p.kill())
		}
		receiving = append(receiving, p)
	}
	for i := range workers {
		working = append(working, startMember(t, env, append([]string{"work", "-name", fmt.Sprint("worker-", i)}, common...)...))
	}

	// The first half of the deployments. Then one receiver and one worker die in
	// the middle of their work, and another worker is paused until it has lost a
	// deployment. Then the second half.
	client := github.Client(ghdeploy.WithToken("fleet-token"))
	create(t, github, client, *deployments/2)
	const dead, paused = "worker-0", "worker-1"
	touch(t, ledger+".hang-"+dead)
	touch(t, ledger+".hang-"+paused)
	var rest sync.WaitGroup
	rest.Go(func() { create(t, github, client, *deployments-*deployments/2) })
	waitFor(t, dead+" hangs", func() bool { return bytes.Contains(read(t, ledger), []byte("hang "+dead)) })
	working[0].kill()
	receiving[0].kill()
	waitFor(t, paused+" hangs", func() bool { return bytes.Contains(read(t, ledger), []byte("hang "+paused)) })
	if err := working[1].Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another worker ends the run of "+paused, func() bool { return interrupted(github, paused) > 0 })
	touch(t, ledger+".wake-"+paused) // its deployments succeed, too late
	if err := os.Remove(ledger + ".hang-" + paused); err != nil {
		t.Fatal(err)
	}
	if err := working[1].Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	rest.Wait()

	// All is over when a round brings no further delivery: the statuses of the
	// workers cause deliveries too.
	for sent := int64(-1); sent != door.sent.Load(); {
		sent = door.sent.Load()
		if err := github.WaitDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
		door.extra.Wait()
		waitIdle(t, b)
	}
	took := time.Since(began)
	logs := ""
	for _, p := range append(receiving, working...) {
		logs += p.kill()
	}

	repositories := map[string][]ghdeploytest.Deployment{}
	outcomes := map[string]int{}
	genuine := 0
	for _, name := range fleetRepositories {
		list := github.Deployments(name)
		repositories[name] = list
		genuine += len(list)
		for _, d := range list {
			for _, state := range finals(d) {
				outcomes[state]++
			}
		}
	}
	entries := readLedger(t, ledger)
	for _, broken := range audit(repositories, entries, dead, paused) {
		t.Error(broken)
	}
	if wrong := door.wrong.Load(); wrong != nil {
		t.Error(*wrong)
	}
	// Redeliveries, replays and forgeries are not in the stream.
	info, err := b.stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(genuine) + uint64(door.renamed.Load()); info.State.Msgs != want {
		t.Errorf("the stream has %d messages, want %d", info.State.Msgs, want)
	}
	if interrupted(github, dead) == 0 {
		t.Errorf("%s was killed and no run of it was interrupted", dead)
	}
	if genuine != *deployments {
		t.Errorf("%d deployments, want %d", genuine, *deployments)
	}
	for what, n := range map[string]int64{
		"out of order": door.lost.Load(), "redelivered": door.again.Load(), "replayed": door.replayed.Load(), "forged": door.forged.Load(),
		"under another name": door.renamed.Load(), "after a failure": door.failed.Load(),
		"success": int64(outcomes["success"]), "inactive": int64(outcomes["inactive"]), "error": int64(outcomes["error"]),
	} {
		if n == 0 {
			t.Errorf("nothing was %s: the test shows nothing", what)
		}
	}
	if path := os.Getenv("FLEET_TEST_LOGS"); path != "" {
		if err := os.WriteFile(path, []byte(logs), 0o600); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d deployments in %d environments; requests to the receivers: %d, of them %d redelivered, %d replayed, %d under another name, %d forged, %d late, %d after a failure",
		genuine, len(fleetRepositories)*len(fleetEnvironments), door.sent.Load(),
		door.again.Load(), door.replayed.Load(), door.renamed.Load(), door.forged.Load(), door.lost.Load(), door.failed.Load())
	t.Logf("outcomes: %v; in the stream: %d; %d runs ended by another worker; %.0f s", outcomes, info.State.Msgs, interrupted(github, dead)+interrupted(github, paused), took.Seconds())
}

// create creates deployments in random environments, one repository beside the
// other, and waits while many of a repository are open.
func create(t *testing.T, github *ghdeploytest.Server, client *ghdeploy.Client, n int) {
	var group sync.WaitGroup
	for i, full := range fleetRepositories {
		owner, name, _ := strings.Cut(full, "/")
		odds := rand.New(rand.NewPCG(uint64(n), uint64(i)))
		count := n / len(fleetRepositories)
		if i < n%len(fleetRepositories) {
			count++
		}
		group.Go(func() {
			for k := range count {
				environment := fleetEnvironments[odds.IntN(len(fleetEnvironments))]
				if odds.IntN(4) == 0 {
					environment = strings.ToUpper(environment)
				}
				_, err := client.Deployments.Create(t.Context(), owner, name, ghdeploy.DeploymentRequest{
					Ref: "main", Environment: environment, AutoMerge: new(false),
				})
				if err != nil {
					t.Errorf("Create: %v", err)
					return
				}
				for k%3 == 0 && t.Context().Err() == nil && openDeployments(github, full) > 5 {
					pause(t.Context(), 20*time.Millisecond)
				}
			}
		})
	}
	group.Wait()
}

// waitIdle waits until every partition is done with its messages.
func waitIdle(t *testing.T, b *broker) {
	t.Helper()
	for i, consumer := range b.partitions {
		for {
			info, err := consumer.Info(t.Context())
			if err != nil {
				t.Fatalf("partition %d: %v", i, err)
			}
			if info.NumPending == 0 && info.NumAckPending == 0 {
				break
			}
			pause(t.Context(), 50*time.Millisecond)
		}
	}
}

func openDeployments(github *ghdeploytest.Server, repository string) int {
	n := 0
	for _, d := range github.Deployments(repository) {
		if len(finals(d)) == 0 {
			n++
		}
	}
	return n
}

// interrupted is the number of runs of a worker that another one ended.
func interrupted(github *ghdeploytest.Server, worker string) int {
	n := 0
	for _, name := range fleetRepositories {
		for _, d := range github.Deployments(name) {
			for _, s := range d.Statuses {
				if s.State == "error" && strings.HasPrefix(s.Description, "interrupted: ") && strings.HasSuffix(s.Description, " on "+worker) {
					n++
				}
			}
		}
	}
	return n
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); pause(t.Context(), 20*time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("after a minute, this is not so: %s", what)
		}
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func readLedger(t *testing.T, path string) []entry {
	t.Helper()
	var list []entry
	for line := range strings.Lines(string(read(t, path))) {
		var e entry
		if _, err := fmt.Sscanf(line, "%s %s %d\n", &e.what, &e.worker, &e.id); err != nil {
			t.Fatalf("ledger: %q: %v", line, err)
		}
		if e.what != "hang" {
			list = append(list, e)
		}
	}
	return list
}
