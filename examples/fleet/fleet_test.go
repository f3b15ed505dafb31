//go:build unix

package main

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// deployments is the number of deployments of TestFleet. Each causes at least
// one delivery.
var deployments = flag.Int("deployments", 2000, "genuine deployments of TestFleet")

var (
	fleetRepositories = []string{"octocat/hello.world", "octo-org/Spoon-Knife", "monalisa/a_b", "Monalisa/x.y.z-1"}
	fleetEnvironments = []string{"production", "staging", "review/feature *", "PR > 12.3", "prüfung %2a $JS"}
)

// TestFleet deploys with many processes, of which some die. Each deployment
// gets one final status, none is deployed twice, and each environment is
// deployed in order.
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
		case <-time.After(30 * time.Second): // real clock: the receiver is a process
			t.Fatalf("a receiver did not start:\n%s", p.kill())
		}
		receiving = append(receiving, p)
	}
	for i := range workers {
		working = append(working, startMember(t, env, append([]string{"work", "-name", fmt.Sprint("worker-", i)}, common...)...))
	}

	// After the first half of the deployments, one receiver and one worker die
	// during their work, and another worker is paused until it has lost a
	// deployment.
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
	touch(t, ledger+".wake-"+paused) // its deployments succeed too late
	if err := os.Remove(ledger + ".hang-" + paused); err != nil {
		t.Fatal(err)
	}
	if err := working[1].Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	rest.Wait()

	// The statuses of the workers cause deliveries too, so wait until a round
	// causes none.
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
		t.Errorf("%s was killed, but none of its runs was interrupted", dead)
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
			t.Errorf("no delivery or deployment was %s, so the test proves nothing", what)
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

// create creates deployments in random environments of all repositories
// concurrently. It waits while a repository has many open deployments.
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
					pause(t.Context(), 20*time.Millisecond) // real clock: the workers are processes
				}
			}
		})
	}
	group.Wait()
}

// waitIdle waits until all messages are acknowledged.
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
			pause(t.Context(), 50*time.Millisecond) // real clock: the workers are processes
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

// interrupted returns the number of a worker's runs that another worker
// reported as interrupted.
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

// waitFor polls on the real clock, because the fleet runs in processes.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !done(); pause(t.Context(), 20*time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("timeout after a minute, waiting until %s", what)
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
