package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// Constant progress makes 28 statuses in_progress in two hours.
func TestProgressPacing(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		start := time.Now()
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			for i := range 2 * 60 * 60 {
				running.Progress(fmt.Sprint("second ", i))
				time.Sleep(time.Second)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		statuses := srv.Deployments(repository)[0].Statuses
		equal(t, "statuses", 28+1, len(statuses))
		equal(t, "times", "0 10 20 30 40 50 62.5 78.125 97.656 122.07"[:40], srv.seconds(postStatus, start)[:40])
		for i, st := range statuses[1:] {
			gap, elapsed := st.CreatedAt.Sub(statuses[i].CreatedAt), statuses[i].CreatedAt.Sub(start)
			if want := max(10*time.Second, elapsed/4); gap < want-time.Millisecond && st.State == "in_progress" {
				t.Errorf("status %d came %v after the previous one, want %v", i+1, gap, want)
			}
		}
		equal(t, "final description", "second 7199", statuses[28].Description)
	})
}

// The latest text is posted when the next status is due, without another call.
func TestProgressLastText(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		start := time.Now()
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			time.Sleep(time.Second)
			running.Progress("one")
			running.Progress("two")
			time.Sleep(time.Minute)
			equal(t, "states", "in_progress in_progress", srv.states())
			running.Progress("two") // unchanged
			time.Sleep(time.Minute)
			equal(t, "states", "in_progress in_progress", srv.states())
			running.Progress("three") // may be posted immediately
			time.Sleep(time.Millisecond)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "times", "0 10 121 121.001", srv.seconds(postStatus, start))
		equal(t, "bodies", strings.Join([]string{
			`{"state":"in_progress"}`,
			`{"state":"in_progress","description":"two"}`,
			`{"state":"in_progress","description":"three"}`,
			`{"state":"success","description":"three"}`,
		}, "\n"), srv.bodies())
	})
}

func TestProgressAfterRun(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		var kept *rollout.Running
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			kept = running
			running.Progress("too late")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		before := len(srv.Requests())
		for range 3 {
			kept.Progress("much too late")
			kept.SetLogURL("https://ci.test")
			kept.SetEnvironmentURL("https://app.test")
			time.Sleep(time.Minute)
		}
		equal(t, "requests", before, len(srv.Requests()))
	})
}

func TestZeroRunning(t *testing.T) {
	var running rollout.Running
	running.Progress("x")
	running.SetLogURL("x")
	running.SetEnvironmentURL("x")
	equal(t, "deployment", nil, running.Deployment())
}

func TestRunURLs(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{LogURL: "https://ci.test/1"}, func(_ context.Context, running *rollout.Running) error {
			running.SetEnvironmentURL("https://app.test") // posts no status
			time.Sleep(time.Minute)
			running.Progress("half")
			time.Sleep(time.Minute)
			running.SetLogURL("https://ci.test/2")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "bodies", strings.Join([]string{
			`{"state":"in_progress","log_url":"https://ci.test/1"}`,
			`{"state":"in_progress","log_url":"https://ci.test/1","description":"half","environment_url":"https://app.test"}`,
			`{"state":"success","log_url":"https://ci.test/2","description":"half","environment_url":"https://app.test"}`,
		}, "\n"), srv.bodies())
	})
	simulate(t, func(t *testing.T, srv server) { // the final status is reported even if GitHub refuses a URL
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			running.SetEnvironmentURL("localhost:8080")
			running.Progress("half")
			time.Sleep(time.Minute)
			return nil
		})
		failed, ok := errors.AsType[*rollout.ReportError](err)
		if !ok || failed.State != ghdeploy.StateSuccess || !errors.Is(err, ghdeploy.ErrValidation) || !strings.Contains(err.Error(), "environment_url") {
			t.Errorf("got %v", err)
		}
		equal(t, "states", "in_progress success", srv.states())
	})
}

// Progress never blocks and never fails the function, even on a bad server.
func TestProgressOnABadServer(t *testing.T) {
	for name, effect := range map[string]ghdeploytest.Effect{
		"refused":      ghdeploytest.Respond(http.StatusForbidden, `{"message":"no"}`),
		"lost":         ghdeploytest.DropBefore(),
		"slow":         ghdeploytest.SlowResponse(time.Hour),
		"rate limited": ghdeploytest.Respond(http.StatusTooManyRequests, "").WithHeader("Retry-After", "60"),
	} {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
					srv.inject(postStatus, effect, ghdeploytest.Always)
					start := time.Now()
					var calls sync.WaitGroup
					for i := range 64 {
						calls.Go(func() { running.Progress(fmt.Sprint(i)) })
					}
					calls.Wait()
					equal(t, "calls took", 0, time.Since(start))
					time.Sleep(10 * time.Minute)
					srv.ClearFaults()
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				states := srv.states()
				if !strings.HasSuffix(states, " success") {
					t.Errorf("got states %s", states)
				}
			})
		})
	}
}

// A lost progress is posted when the next status is due.
func TestProgressLost(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		start := time.Now()
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
			running.Progress("half")
			time.Sleep(10 * time.Minute)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "times", "0 10 35 600", srv.seconds(postStatus, start))
		equal(t, "states", "in_progress in_progress success", srv.states())
	})
}

// If another program reported a final status, progress must not reopen the
// deployment.
func TestProgressDoesNotReopen(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
			srv.status(ctx, t, running.Deployment().ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
			running.Progress("half")
			time.Sleep(10 * time.Minute)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", "in_progress inactive success", srv.states())
	})
}

// A progress of unknown outcome is settled before the final status; otherwise
// it could appear after it.
func TestProgressIsSettledBeforeTheEnd(t *testing.T) {
	for _, after := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 6 * time.Second, 12 * time.Second} {
		simulate(t, func(t *testing.T, srv server) {
			if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
				srv.inject(postStatus, ghdeploytest.ExecuteLater(after), 1)
				running.Progress("half")
				time.Sleep(10*time.Second + time.Millisecond)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			equal(t, fmt.Sprint("states after ", after), "in_progress in_progress success", srv.states())
		})
	}
	simulate(t, func(t *testing.T, srv server) { // its POST is in flight when the function returns
		var returned time.Time
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			srv.inject(postStatus, ghdeploytest.SlowResponse(20*time.Second), 1)
			running.Progress("half")
			time.Sleep(10*time.Second + time.Millisecond)
			returned = time.Now()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", "in_progress in_progress success", srv.states())
		equal(t, "final status after", 2*time.Second, time.Since(returned)) // 1 s for the POST, 1 s to look
	})
	simulate(t, func(t *testing.T, srv server) { // it waits for a rate limit
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			srv.inject(postStatus, ghdeploytest.Respond(http.StatusTooManyRequests, "").WithHeader("Retry-After", "60"), 1)
			running.Progress("half")
			time.Sleep(11 * time.Second)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", "in_progress success", srv.states())
	})
}

// The function returns while the statuses are read for a progress.
func TestProgressTooLate(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.inject(getStatuses, ghdeploytest.SlowResponse(500*time.Millisecond), 1)
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			running.Progress("half")
			time.Sleep(10*time.Second + time.Millisecond)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		equal(t, "reads", 1, srv.calls(getStatuses))
		equal(t, "states", "in_progress success", srv.states())
	})
}

// A text that a rate limit delayed is posted later; a text that GitHub refuses
// is dropped.
func TestProgressRefused(t *testing.T) {
	tests := map[string]struct {
		effect ghdeploytest.Effect
		states string
		posts  int
	}{
		"rate limited": {ghdeploytest.Respond(http.StatusTooManyRequests, "").WithHeader("Retry-After", "300"), "in_progress in_progress success", 4},
		"refused":      {ghdeploytest.Respond(http.StatusForbidden, `{"message":"no"}`), "in_progress success", 3},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				srv.Inject(ghdeploytest.Fault{Operation: postStatus, Nth: 2, Effect: tt.effect})
				if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
					running.Progress("half")
					time.Sleep(20 * time.Minute)
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				equal(t, "states", tt.states, srv.states())
				equal(t, "posts", tt.posts, srv.calls(postStatus))
			})
		})
	}
}
