package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// A newer deployment makes the success inactive between two reads.
func TestWaitReadsTheWholeHistory(t *testing.T) {
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		simulate(t, func(t *testing.T, srv server) {
			id := srv.deploy(t, ghdeploy.StateInProgress)
			time.AfterFunc(time.Minute, func() {
				srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, Description: "done"})
				srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
			})
			got, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{})
			if err != nil || got.State != ghdeploy.StateSuccess || got.Description != "done" {
				t.Errorf("got %+v, %v", got, err)
			}
		}, ghdeploytest.WithListOrder(order))
	}
}

func TestWaitEnds(t *testing.T) {
	tests := map[string]struct {
		states []ghdeploy.State
		until  []ghdeploy.State
		want   ghdeploy.State
		err    error
	}{
		"success":                  {[]ghdeploy.State{"in_progress", "success"}, nil, "success", nil},
		"another final state":      {[]ghdeploy.State{"in_progress", "failure"}, nil, "failure", rollout.ErrOtherState},
		"inactive without success": {[]ghdeploy.State{"inactive"}, nil, "inactive", rollout.ErrOtherState},
		"success is not in Until":  {[]ghdeploy.State{"success"}, []ghdeploy.State{"failure", "error"}, "success", rollout.ErrOtherState},
		"one of two":               {[]ghdeploy.State{"error"}, []ghdeploy.State{"failure", "error"}, "error", nil},
		"the newest of two":        {[]ghdeploy.State{"error", "failure", "queued"}, []ghdeploy.State{"error", "failure"}, "failure", nil},
		"a state that is passed":   {[]ghdeploy.State{"queued", "in_progress"}, []ghdeploy.State{"queued"}, "queued", nil},
		"a retried deployment":     {[]ghdeploy.State{"failure", "in_progress", "success"}, nil, "success", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id := srv.deploy(t, tt.states...)
				got, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{Until: tt.until})
				if tt.err == nil {
					if err != nil || got.State != tt.want {
						t.Errorf("got %v, %v", got, err)
					}
					return
				}
				failed, ok := errors.AsType[*rollout.WaitError](err)
				if !ok || !errors.Is(err, tt.err) || got != nil || failed.ID != id || failed.Last.State != tt.want {
					t.Errorf("got %v, %v", got, err)
				}
			})
		})
	}
}

func TestWaitPollsSlower(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id, start := srv.deploy(t), time.Now()
		time.AfterFunc(60*time.Second, func() {
			srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
		})
		time.AfterFunc(90*time.Second, func() { srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}) })
		if _, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{}); err != nil {
			t.Fatal(err)
		}
		equal(t, "polls", "0 2 5 9.5 16.25 26.375 41.375 56.375 71.375 73.375 76.375 80.875 87.625 97.75", srv.seconds(getStatuses, start))
	})
	tests := map[string]struct {
		opts rollout.WaitOptions
		want string
	}{
		"a long interval":      {rollout.WaitOptions{Interval: time.Minute}, "0 60 120"},
		"a short maximum":      {rollout.WaitOptions{MaxInterval: time.Second}, "0 1 2 3 4"},
		"both":                 {rollout.WaitOptions{Interval: 10 * time.Second, MaxInterval: 20 * time.Second}, "0 10 25 45 65 85 105"},
		"one nanosecond grows": {rollout.WaitOptions{Interval: 1, MaxInterval: 2}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id, start := srv.deploy(t), time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 121*time.Second)
				if tt.want == "" {
					ctx, cancel = context.WithTimeout(t.Context(), 100)
				}
				defer cancel()
				_, err := srv.repo.Wait(ctx, id, tt.opts)
				equal(t, "deadline", true, errors.Is(err, context.DeadlineExceeded))
				if got := srv.seconds(getStatuses, start); !strings.HasPrefix(got, tt.want) {
					t.Errorf("got polls at %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestWaitReportsEachStatusOnce(t *testing.T) {
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.Shuffled} {
		simulate(t, func(t *testing.T, srv server) {
			id := srv.deploy(t, ghdeploy.StateQueued, ghdeploy.StatePending)
			for at, states := range map[time.Duration][]ghdeploy.State{
				20 * time.Second: {"queued", "in_progress"},
				40 * time.Second: {"in_progress", "success", "inactive"},
			} {
				time.AfterFunc(at, func() {
					for _, state := range states {
						srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: state})
					}
				})
			}
			var seen []string
			if _, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{
				Until:    []ghdeploy.State{ghdeploy.StateInactive},
				OnStatus: func(s *ghdeploy.DeploymentStatus) { seen = append(seen, string(s.State)) },
			}); err != nil {
				t.Error(err)
			}
			equal(t, "seen", "queued pending queued in_progress in_progress success inactive", strings.Join(seen, " "))
		}, ghdeploytest.WithListOrder(order))
	}
}

func TestWaitForANewDeployment(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) { // its creation has not reached every replica
		srv.inject(getStatuses, ghdeploytest.Respond(http.StatusNotFound, `{"message":"Not Found"}`), 4)
		id := srv.deploy(t, ghdeploy.StateSuccess)
		if _, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{}); err != nil {
			t.Error(err)
		}
	})
	simulate(t, func(t *testing.T, srv server) { // it does not exist
		start := time.Now()
		_, err := srv.repo.Wait(t.Context(), 7, rollout.WaitOptions{})
		failed, ok := errors.AsType[*rollout.WaitError](err)
		if !ok || !errors.Is(err, ghdeploy.ErrNotFound) || failed.Last != nil {
			t.Errorf("got %v", err)
		}
		equal(t, "took", 10*time.Second, time.Since(start))
	})
	simulate(t, func(t *testing.T, srv server) { // it was deleted
		id, start := srv.deploy(t), time.Now()
		time.AfterFunc(time.Second, func() {
			if err := srv.repo.Client.Deployments.Delete(t.Context(), "octocat", "example", id); err != nil {
				t.Error(err)
			}
		})
		_, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{})
		equal(t, "not found", true, errors.Is(err, ghdeploy.ErrNotFound))
		equal(t, "took", 2*time.Second, time.Since(start))
	})
}

func TestWaitContinuesAfterTransientErrors(t *testing.T) {
	limited := ghdeploytest.Respond(http.StatusForbidden, `{"message":"You have exceeded a secondary rate limit."}`).WithHeader("Retry-After", "600")
	for name, effect := range map[string]ghdeploytest.Effect{
		"503":                ghdeploytest.Respond(http.StatusServiceUnavailable, ""),
		"connections lost":   ghdeploytest.DropBefore(),
		"connection refused": ghdeploytest.RefuseConnection(),
		"a rate limit":       limited,
		"slow responses":     ghdeploytest.SlowResponse(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id := srv.deploy(t, ghdeploy.StateInProgress, ghdeploy.StateSuccess)
				srv.inject(getStatuses, effect, 20)
				start := time.Now()
				if _, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{}); err != nil {
					t.Error(err)
				}
				if name == "a rate limit" {
					for i, r := range srv.sent(getStatuses)[1:] {
						if gap := r.Time.Sub(start); gap < time.Duration(i+1)*10*time.Minute {
							t.Errorf("attempt %d came after %v", i+1, gap)
						}
					}
				}
			})
		})
	}
}

func TestWaitErrors(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		ctx := t.Context()
		for name, opts := range map[string]rollout.WaitOptions{
			"negative interval": {Interval: -1},
			"negative maximum":  {MaxInterval: -1},
			"an empty state":    {Until: []ghdeploy.State{""}},
			"above the maximum": {Interval: time.Minute, MaxInterval: time.Second},
		} {
			_, err := srv.repo.Wait(ctx, 1, opts)
			equal(t, name, true, errors.Is(err, ghdeploy.ErrInvalidArgument))
		}
		_, err := srv.repo.Wait(ctx, 0, rollout.WaitOptions{})
		equal(t, "no ID", true, errors.Is(err, ghdeploy.ErrInvalidArgument))
		_, err = rollout.Repo{Client: &ghdeploy.Client{}, Owner: "o", Name: "n"}.Wait(ctx, 1, rollout.WaitOptions{})
		equal(t, "nil service", true, errors.Is(err, ghdeploy.ErrInvalidArgument))
		equal(t, "requests", 0, len(srv.Requests()))

		id := srv.deploy(t)
		srv.inject(getStatuses, ghdeploytest.Respond(http.StatusUnauthorized, `{"message":"Bad credentials"}`), 1)
		_, err = srv.repo.Wait(ctx, id, rollout.WaitOptions{})
		_, ok := errors.AsType[*rollout.WaitError](err)
		equal(t, "unauthorized", true, ok && errors.Is(err, ghdeploy.ErrUnauthorized))
	})
}

// An interval of a few nanoseconds, such as 2 instead of 2 s, grows too.
func TestWaitPollsSlowerFromTheShortestInterval(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := srv.repo.Wait(ctx, srv.deploy(t), rollout.WaitOptions{Interval: 1})
		equal(t, "end", true, errors.Is(err, context.DeadlineExceeded))
		if reads := srv.calls(getStatuses); reads > 100 {
			t.Errorf("%d reads within a minute", reads)
		}
	})
}

// If no read succeeded, the error does not claim that there is no status.
func TestWaitWithoutASuccessfulRead(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t, ghdeploy.StateInProgress)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, cancelled := srv.repo.Wait(ctx, id, rollout.WaitOptions{})
		_, missing := srv.repo.Wait(t.Context(), id+1, rollout.WaitOptions{})
		for _, err := range []error{cancelled, missing} {
			if _, ok := errors.AsType[*rollout.WaitError](err); !ok || strings.Contains(err.Error(), "no status") || strings.Contains(err.Error(), "GITHUB_TOKEN") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestWaitAtTheEndOfTheContext(t *testing.T) {
	const hint = "if a workflow should execute it: a deployment that was created with a GITHUB_TOKEN starts none"
	simulate(t, func(t *testing.T, srv server) {
		cause := errors.New("the job was stopped")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		id := srv.deploy(t)
		_, err := srv.repo.Wait(ctx, id, rollout.WaitOptions{})
		failed, ok := errors.AsType[*rollout.WaitError](err)
		if !ok || failed.Last != nil || !errors.Is(err, context.Canceled) || !errors.Is(err, cause) || !strings.Contains(err.Error(), hint) {
			t.Errorf("got %v", err)
		}
	})
	simulate(t, func(t *testing.T, srv server) { // during a read
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		id := srv.deploy(t, ghdeploy.StateInProgress)
		srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Nth: 3, Times: ghdeploytest.Always, Latency: 20 * time.Minute})
		_, err := srv.repo.Wait(ctx, id, rollout.WaitOptions{})
		failed, ok := errors.AsType[*rollout.WaitError](err)
		if !ok || failed.Last == nil || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), "in_progress") {
			t.Errorf("got %v", err)
		}
	})
}

// A wait for an App that reports 60 statuses reads one page at a time.
func TestWaitCost(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		for i := range 60 {
			srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Description: fmt.Sprint(i)})
		}
		time.AfterFunc(1000*15*time.Second, func() { srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}) })
		if _, err := srv.repo.Wait(t.Context(), id, rollout.WaitOptions{}); err != nil {
			t.Fatal(err)
		}
		polls := srv.sent(getStatuses)
		if len(polls) < 1000 {
			t.Errorf("got %d polls", len(polls))
		}
		// The same URL each time, so the conditional cache applies: only the
		// first poll and the one that finds the success cost quota.
		paid := 0
		for _, r := range polls {
			if got := r.Query.Encode(); got != "per_page=100" {
				t.Fatalf("got the query %s", got)
			}
			if r.Status != http.StatusNotModified {
				paid++
			}
		}
		equal(t, "polls that cost quota", 2, paid)
	})
}

// limited is a stub that returns a rate limit error without waiting.
type limited struct {
	ghdeploy.StatusesService
	calls []time.Time
}

func (s *limited) List(context.Context, string, string, int64, ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	s.calls = append(s.calls, time.Now())
	if len(s.calls) == 1 {
		return nil, &ghdeploy.Error{Method: "GET", StatusCode: http.StatusTooManyRequests, RetryAfter: time.Hour}
	}
	return &ghdeploy.Page[*ghdeploy.DeploymentStatus]{Items: []*ghdeploy.DeploymentStatus{{ID: 1, State: ghdeploy.StateSuccess}}}, nil
}

func TestWaitHonoursRetryAfter(t *testing.T) {
	simulate(t, func(t *testing.T, _ server) {
		stub := new(limited)
		repo := rollout.Repo{Client: &ghdeploy.Client{Statuses: stub}, Owner: "o", Name: "n"}
		if _, err := repo.Wait(t.Context(), 1, rollout.WaitOptions{}); err != nil {
			t.Fatal(err)
		}
		equal(t, "wait", time.Hour, stub.calls[1].Sub(stub.calls[0]))
	})
}
