package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const statusesPath = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"

// stage is a test server whose deliveries go to a receiver.
type stage struct {
	*testing.T
	github *ghdeploytest.Server
	broker *broker
	client *ghdeploy.Client
	config brokerConfig
}

func newStage(t *testing.T) *stage {
	t.Helper()
	var config brokerConfig
	b := testBroker(t, func(c *brokerConfig) {
		c.listen = "127.0.0.1:0"
		config = *c
	})
	github := ghdeploytest.Start(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
		Handler: testReceiver(t, b), URL: "https://receiver.test/webhook", Secret: testSecret, Events: []string{"deployment"},
	}))
	client := github.Client(ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1}))
	return &stage{t, github, b, client, config}
}

// create creates a deployment, gives it statuses, and waits for its delivery.
func (s *stage) create(environment string, statuses ...ghdeploy.DeploymentStatusRequest) int64 {
	s.Helper()
	d, err := s.client.Deployments.Create(s.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: environment})
	if err != nil {
		s.Fatal(err)
	}
	for _, status := range statuses {
		if _, err := s.client.Statuses.Create(s.Context(), "octocat", "example", d.ID, status); err != nil {
			s.Fatal(err)
		}
	}
	if err := s.github.WaitDeliveries(s.Context()); err != nil {
		s.Fatal(err)
	}
	return d.ID
}

// work starts a worker, and returns a channel with its error.
func (s *stage) work(ctx context.Context, b *broker, deploy func(context.Context, *ghdeploy.Deployment) (string, error)) <-chan error {
	w := &worker{name: "w", broker: b, client: s.client, deploy: deploy, grace: 50 * time.Millisecond, log: quiet, backoff: 10 * time.Millisecond}
	ended := make(chan error, 1)
	go func() { ended <- w.run(ctx) }()
	return ended
}

// states returns the states of a deployment, oldest first.
func (s *stage) states(id int64) string {
	for _, d := range s.github.Deployments("octocat/example") {
		if d.ID == id {
			var states []string
			for _, status := range d.Statuses {
				states = append(states, status.State)
			}
			return strings.Join(states, " ")
		}
	}
	return "no deployment"
}

// settled waits until all messages are acknowledged.
func (s *stage) settled() {
	s.Helper()
	for _, consumer := range s.broker.partitions {
		for {
			info, err := consumer.Info(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			if info.NumPending == 0 && info.NumAckPending == 0 {
				break
			}
			pause(s.Context(), 5*time.Millisecond) // real clock: nats-server has its own goroutines and disk
		}
	}
}

func succeed(context.Context, *ghdeploy.Deployment) (string, error) { return "https://e.test/", nil }

// TestSettle: GitHub's record decides about a message.
func TestSettle(t *testing.T) {
	s := newStage(t)
	status := func(state ghdeploy.State, description string) ghdeploy.DeploymentStatusRequest {
		return ghdeploy.DeploymentStatusRequest{State: state, Description: description}
	}
	type one struct {
		id   int64
		want string
	}
	cases := map[string]one{
		"untouched":                  {s.create("a"), "in_progress success"},
		"queued":                     {s.create("b", status("queued", "")), "queued in_progress success"},
		"pending":                    {s.create("c", status("pending", "")), "pending"},
		"run by another program":     {s.create("d", status("in_progress", "my run")), "in_progress"},
		"interrupted":                {s.create("e", status("in_progress", "fleet run x on w9")), "in_progress error"},
		"interrupted and taken over": {s.create("f", status("in_progress", "fleet run x on w9"), status("pending", "")), "in_progress pending"},
		"failed":                     {s.create("g", status("in_progress", "fleet run x on w9"), status("failure", "")), "in_progress failure"},
		"not the newest":             {s.create("h"), "inactive"},
		"queued, not the newest":     {s.create("h", status("queued", "")), "queued inactive"},
		"interrupted, not newest":    {s.create("H", status("in_progress", "fleet run x on w9")), "in_progress error"},
		"the newest":                 {s.create("h"), "in_progress success"},
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := s.work(ctx, s.broker, succeed)
	s.settled()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for name, c := range cases {
		if got := s.states(c.id); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestOutcomes: the result of the deploy function decides the final status.
// Faults of the API delay the status and do not repeat the deployment.
func TestOutcomes(t *testing.T) {
	forbidden := ghdeploytest.Respond(403, `{"message": "Resource not accessible by integration"}`)
	missing := ghdeploytest.Respond(404, `{"message": "Not Found"}`)
	for name, test := range map[string]struct {
		deploy func(context.Context, *ghdeploy.Deployment) (string, error)
		fault  ghdeploytest.Fault
		want   string
		calls  int64
		fails  bool // whether the worker returns an error
	}{
		"success": {deploy: succeed, want: "in_progress success", calls: 1},
		"failure": {
			deploy: func(context.Context, *ghdeploy.Deployment) (string, error) { return "", errors.New("no disk") },
			want:   "in_progress failure", calls: 1,
		},
		"panic": {
			deploy: func(context.Context, *ghdeploy.Deployment) (string, error) { panic("no disk") },
			want:   "in_progress failure", calls: 1,
		},
		"statuses cannot be read": {
			deploy: succeed, want: "in_progress success", calls: 1,
			fault: ghdeploytest.Fault{Operation: "GET " + statusesPath, Times: 3, Effect: forbidden},
		},
		"in_progress is refused for a while": {
			deploy: succeed, want: "in_progress success", calls: 1,
			fault: ghdeploytest.Fault{Operation: "POST " + statusesPath, Times: 7, Effect: forbidden},
		},
		"the outcome is refused for a while": {
			deploy: succeed, want: "in_progress success", calls: 1,
			fault: ghdeploytest.Fault{Operation: "POST " + statusesPath, Nth: 2, Times: 3, Effect: forbidden},
		},
		"the repository is gone": {
			deploy: succeed, want: "", calls: 0,
			fault: ghdeploytest.Fault{Operation: "GET " + statusesPath, Times: patience, Effect: missing},
		},
		"the outcome is refused": {
			deploy: succeed, want: "in_progress error", calls: 1, fails: true,
			fault: ghdeploytest.Fault{Operation: "POST " + statusesPath, Nth: 2, Effect: missing},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			id := s.create("e")
			if test.fault.Operation != "" {
				s.github.Inject(test.fault)
			}
			var calls atomic.Int64
			ctx, stop := context.WithCancel(t.Context())
			ended := s.work(ctx, s.broker, func(ctx context.Context, d *ghdeploy.Deployment) (string, error) {
				calls.Add(1)
				return test.deploy(ctx, d)
			})
			s.settled()
			stop()
			if err := <-ended; (err != nil) != test.fails {
				t.Errorf("the worker ended with %v", err)
			}
			if got := s.states(id); got != test.want || calls.Load() != test.calls {
				t.Errorf("%s after %d calls, want %s after %d", got, calls.Load(), test.want, test.calls)
			}
		})
	}
}

// TestReportLeavesFinal: report does not replace a final status that was
// reported elsewhere.
func TestReportLeavesFinal(t *testing.T) {
	s := newStage(t)
	id := s.create("e")
	ctx, stop := context.WithCancel(t.Context())
	ended := s.work(ctx, s.broker, func(ctx context.Context, d *ghdeploy.Deployment) (string, error) {
		_, err := s.client.Statuses.Create(ctx, "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure})
		return "", err
	})
	s.settled()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := s.states(id); got != "in_progress failure" {
		t.Errorf("%s, want in_progress failure", got)
	}
}

// TestStop: a deployment that does not end within the grace is stopped and
// reported.
func TestStop(t *testing.T) {
	s := newStage(t)
	id := s.create("e")
	ctx, stop := context.WithCancel(t.Context())
	err := <-s.work(ctx, s.broker, func(ctx context.Context, _ *ghdeploy.Deployment) (string, error) {
		stop()
		<-ctx.Done()
		return "", context.Cause(ctx)
	})
	if got := s.states(id); err != nil || got != "in_progress error" {
		t.Errorf("%s, %v", got, err)
	}
	s.settled()
}

// TestLeaseLost: a worker that lost its connection ends its deployment, and
// leaves the status to the worker that gets the message.
func TestLeaseLost(t *testing.T) {
	s := newStage(t)
	id := s.create("e")
	c := s.config
	c.url = s.broker.embedded.ClientURL()
	cut, err := open(t.Context(), c, "cut")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	cause := make(chan error, 1)
	first := s.work(ctx, cut, func(ctx context.Context, _ *ghdeploy.Deployment) (string, error) {
		cut.close()
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return "https://e.test/", nil
	})
	if err := <-cause; !errors.Is(err, errLeaseLost) {
		t.Errorf("the deployment ended with %v", err)
	}
	second := s.work(ctx, s.broker, succeed)
	s.settled()
	stop()
	if err := errors.Join(<-first, <-second); err != nil {
		t.Error(err)
	}
	if got := s.states(id); got != "in_progress error" {
		t.Errorf("%s, want in_progress error", got)
	}
}

func TestDemo(t *testing.T) {
	var out strings.Builder
	if err := demo(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"a redelivery: 204", "a replay under a new GUID: 204", "a forgery: 401", "in the stream: 5 messages",
		"deployment 6000000001 to staging is inactive", "deployment 6000000002 to staging is inactive",
		"is error (interrupted: fleet run ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demonstration does not print %q:\n%s", want, out.String())
		}
	}
}
