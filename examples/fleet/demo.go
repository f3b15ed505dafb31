package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

const demoSecret = "demo-secret"

// demonstration is a fleet in one process, on a test server instead of GitHub.
type demonstration struct {
	github  *ghdeploytest.Server
	broker  *broker
	setting brokerConfig
	first   chan int64 // the first deployment that began

	mu  sync.Mutex
	out io.Writer
}

// demo deploys with two receivers and three workers, of which one dies, and
// prints the events and the final states.
func demo(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	store, err := os.MkdirTemp("", "fleet-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(store) }()
	demo := &demonstration{out: out, first: make(chan int64, 1)}
	demo.setting = brokerConfig{listen: "127.0.0.1:0", store: store, partitions: 4, replicas: 1, window: time.Hour, ackWait: 2 * time.Second}
	if demo.broker, err = open(ctx, demo.setting, "demo"); err != nil {
		return err
	}
	defer demo.broker.close()
	demo.setting.url = demo.broker.embedded.ClientURL()
	return demo.run(ctx)
}

func (d *demonstration) run(ctx context.Context) error {
	verifier, err := webhook.NewVerifier(demoSecret)
	if err != nil {
		return err
	}
	// Two receivers behind a round-robin load balancer.
	quiet := slog.New(slog.DiscardHandler)
	var receivers []http.Handler
	for range 2 {
		receivers = append(receivers, (&receiver{d.broker, quiet}).handler(verifier))
	}
	var turn sync.Mutex
	next := 0
	balancer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn.Lock()
		next = (next + 1) % len(receivers)
		chosen := receivers[next]
		turn.Unlock()
		chosen.ServeHTTP(w, r)
	})
	hook := ghdeploytest.Webhook{Handler: balancer, URL: "https://receiver.test/webhook", Secret: demoSecret}
	d.github = ghdeploytest.NewServer(ghdeploytest.WithWebhook(hook))
	defer d.github.Close()
	d.print("an embedded nats-server, %d partitions, 2 receivers, 3 workers", d.setting.partitions)

	// Before the first worker starts, the deliveries wait in the stream.
	client := d.github.Client()
	for _, environment := range []string{"staging", "staging", "staging", "production", "review/1 *"} {
		made, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: environment})
		if err != nil {
			return err
		}
		d.print("deployment %d to %s", made.ID, environment)
	}
	if err := d.github.WaitDeliveries(ctx); err != nil {
		return err
	}
	d.attack(ctx, balancer)
	info, err := d.broker.stream.Info(ctx)
	if err != nil {
		return err
	}
	d.print("in the stream: %d messages", info.State.Msgs)

	if err := d.work(ctx, client); err != nil {
		return err
	}
	for _, made := range d.github.Deployments("octocat/example") {
		newest := made.Statuses[len(made.Statuses)-1]
		d.print("deployment %d to %s is %s (%s)", made.ID, made.Environment, newest.State, newest.Description)
	}
	return nil
}

// attack sends a redelivery, a replay and a forgery of the first delivery.
func (d *demonstration) attack(ctx context.Context, balancer http.Handler) {
	deliveries := d.github.Deliveries()
	first := deliveries[slices.IndexFunc(deliveries, func(d ghdeploytest.Delivery) bool { return d.Event == "deployment" })]
	send := func(what, guid, body string) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, first.URL, strings.NewReader(body))
		r.Header = first.Header.Clone()
		r.Header.Set("X-GitHub-Delivery", guid)
		w := httptest.NewRecorder()
		balancer.ServeHTTP(w, r)
		d.print("%s: %d", what, w.Code)
	}
	send("a redelivery", first.GUID, first.Body)
	send("a replay under a new GUID", "another", first.Body)
	send("a forgery", "another", strings.Replace(first.Body, "staging", "production", 1))
}

// work starts the workers, disconnects the first one during a deployment, and
// stops them once each deployment has a final status.
func (d *demonstration) work(ctx context.Context, client *ghdeploy.Client) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 3)
	start := func(name string, deploy func(context.Context, *ghdeploy.Deployment) (string, error)) (*broker, error) {
		b, err := open(ctx, d.setting, name)
		if err != nil {
			return nil, err
		}
		w := &worker{name: name, broker: b, client: client, deploy: deploy, grace: 5 * time.Second, log: slog.New(slog.DiscardHandler), backoff: minBackoff}
		go func() {
			defer b.close()
			ended <- w.run(ctx)
		}()
		return b, nil
	}
	doomed, err := start("worker-1", func(ctx context.Context, made *ghdeploy.Deployment) (string, error) {
		select {
		case d.first <- made.ID:
		default:
		}
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	if err != nil {
		return err
	}
	select {
	case id := <-d.first:
		doomed.close()
		d.print("worker-1 lost its connection while it ran deployment %d", id)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, name := range []string{"worker-2", "worker-3"} {
		if _, err := start(name, func(ctx context.Context, made *ghdeploy.Deployment) (string, error) {
			d.print("%s runs deployment %d to %s", name, made.ID, made.Environment)
			return deploy(200*time.Millisecond)(ctx, made)
		}); err != nil {
			return err
		}
	}
	for d.open() > 0 && ctx.Err() == nil {
		pause(ctx, 50*time.Millisecond)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	stop()
	return errors.Join(<-ended, <-ended, <-ended)
}

// open returns the number of deployments without a final status.
func (d *demonstration) open() int {
	n := 0
	for _, made := range d.github.Deployments("octocat/example") {
		if !ghdeploy.State(made.State()).Final() {
			n++
		}
	}
	return n
}

func (d *demonstration) print(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, format+"\n", args...)
}
