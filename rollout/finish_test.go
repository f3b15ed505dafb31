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

// from injects a fault into all status POSTs from the nth on.
func (s server) from(nth, times int, effect ghdeploytest.Effect) {
	s.Inject(ghdeploytest.Fault{Operation: postStatus, Nth: nth, Times: times, Effect: effect})
}

func TestFinalStatusIsPersistent(t *testing.T) {
	secondary := ghdeploytest.Respond(http.StatusForbidden, `{"message":"You have exceeded a secondary rate limit."}`).WithHeader("Retry-After", "60")
	tests := map[string]struct {
		effect ghdeploytest.Effect
		times  int
		posts  int
		states string
	}{
		"a secondary rate limit":        {secondary, 1, 2, "in_progress success"},
		"no connection for 30 s":        {ghdeploytest.RefuseConnection(), 15, 1, "in_progress success"},
		"lost twice":                    {ghdeploytest.DropBefore(), 2, 3, "in_progress success"},
		"executed, response lost":       {ghdeploytest.DropAfter(), 1, 1, "in_progress success"},
		"executed 12 s later":           {ghdeploytest.ExecuteLater(12 * time.Second), 1, 1, "in_progress success"},
		"executed later than a look":    {ghdeploytest.ExecuteLater(20 * time.Second), 1, 2, "in_progress success success"},
		"executed, response takes 1 h":  {ghdeploytest.SlowResponse(time.Hour), 1, 1, "in_progress success"},
		"half of the response was lost": {ghdeploytest.DropMidResponse(), 1, 1, "in_progress success"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				srv.from(2, tt.times, tt.effect)
				if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, succeed); err != nil {
					t.Error(err)
				}
				equal(t, "posts", tt.posts, srv.calls(postStatus)-1)
				time.Sleep(time.Minute)
				equal(t, "states", tt.states, srv.states())
			})
		})
	}
	simulate(t, func(t *testing.T, srv server) { // a client that does not wait for rate limits
		srv.repo.Client = srv.Client(ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxWait: -1, MaxAttempts: 1}))
		srv.from(2, 1, secondary)
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, succeed); err != nil {
			t.Error(err)
		}
		equal(t, "states", "in_progress success", srv.states())
	})
}

func TestFinalStatusIsLost(t *testing.T) {
	tests := map[string]struct {
		effect ghdeploytest.Effect
		end    bool // the context ends
		deploy func(context.Context, *rollout.Running) error
		state  ghdeploy.State
		want   error
		within time.Duration
	}{
		"lost":                      {ghdeploytest.DropBefore(), false, succeed, "success", ghdeploy.ErrOutcomeUnknown, 2 * time.Minute},
		"lost after a failure":      {ghdeploytest.DropBefore(), false, fail, "failure", ghdeploy.ErrOutcomeUnknown, 2 * time.Minute},
		"lost at the end":           {ghdeploytest.DropBefore(), true, fail, "error", ghdeploy.ErrOutcomeUnknown, 8 * time.Second},
		"refused":                   {ghdeploytest.Respond(http.StatusForbidden, `{"message":"no"}`), false, succeed, "success", ghdeploy.ErrForbidden, time.Second},
		"limited at the end":        {ghdeploytest.Respond(http.StatusTooManyRequests, "").WithHeader("Retry-After", "60"), true, fail, "error", ghdeploy.ErrRateLimited, time.Second},
		"limited for an hour":       {ghdeploytest.Respond(http.StatusTooManyRequests, "").WithHeader("Retry-After", "3600"), false, succeed, "success", ghdeploy.ErrRateLimited, time.Second},
		"no response":               {ghdeploytest.SlowResponse(time.Hour), true, fail, "", nil, 6 * time.Second},
		"no connection":             {ghdeploytest.RefuseConnection(), true, fail, "error", nil, 8 * time.Second},
		"no connection for 2 min":   {ghdeploytest.RefuseConnection(), false, succeed, "success", nil, 2 * time.Minute},
		"too many statuses":         {ghdeploytest.Respond(http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":["This deployment has reached the maximum number of statuses."]}`), false, succeed, "success", ghdeploy.ErrTooManyStatuses, time.Second},
		"executed, and it is found": {ghdeploytest.DropAfter(), true, fail, "", nil, 2 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				srv.from(2, ghdeploytest.Always, tt.effect)
				var returned time.Time
				d, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
					if tt.end {
						cancel()
					}
					returned = time.Now()
					return tt.deploy(ctx, running)
				})
				if took := time.Since(returned); took > tt.within {
					t.Errorf("took %v, want at most %v", took, tt.within)
				}
				failed, ok := errors.AsType[*rollout.ReportError](err)
				if tt.state == "" {
					equal(t, "states", "in_progress error", srv.states())
					if ok {
						t.Errorf("got %v", err)
					}
					return
				}
				if !ok || failed.State != tt.state || failed.Deployment != d || tt.want != nil && !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				equal(t, "the function's error", tt.state != "success", errors.Is(err, errDeploy))
			})
		})
	}
}

// A short Finish limits the time to report. The 8 s apply if the context ended.
func TestFinishOption(t *testing.T) {
	for _, end := range []bool{false, true} {
		simulate(t, func(t *testing.T, srv server) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv.from(2, ghdeploytest.Always, ghdeploytest.RefuseConnection())
			var returned time.Time
			_, err := srv.repo.Run(ctx, release, rollout.RunOptions{Finish: 3 * time.Second}, func(context.Context, *rollout.Running) error {
				if end {
					cancel()
				}
				returned = time.Now()
				return errDeploy
			})
			_, ok := errors.AsType[*rollout.ReportError](err)
			equal(t, "report error", true, ok)
			if took := time.Since(returned); took > 8*time.Second || !end && took > 3*time.Second || end && took < 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	simulate(t, func(t *testing.T, srv server) { // the context ends while the final status is reported
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		srv.from(2, ghdeploytest.Always, ghdeploytest.RefuseConnection())
		start := time.Now()
		time.AfterFunc(20*time.Second, cancel)
		_, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, succeed)
		failed, ok := errors.AsType[*rollout.ReportError](err)
		if !ok || failed.State != ghdeploy.StateSuccess {
			t.Errorf("got %v", err)
		}
		equal(t, "took", 28*time.Second, time.Since(start))
	})
}

// If the function still runs Grace after the end of its context, Run posts the
// final status then, and no other later.
func TestRunGrace(t *testing.T) {
	tests := map[string]struct {
		grace  time.Duration
		after  time.Duration // time at which the function returns
		result error
		want   string
		at     float64 // seconds from the end of the context to the final status
		text   string  // text of the error
	}{
		"in time":                {0, time.Second, errDeploy, "error", 1, "the deploy failed"},
		"in time, success":       {0, time.Second, nil, "success", 1, ""},
		"late":                   {0, time.Minute, errDeploy, "error", 2, "the deploy failed"},
		"late, success":          {0, time.Minute, nil, "error", 2, "succeeded after its context ended"},
		"a longer grace":         {30 * time.Second, time.Minute, nil, "error", 30, "was reported as error"},
		"in time, longer grace":  {30 * time.Second, 20 * time.Second, nil, "success", 20, ""},
		"a grace of almost zero": {1, time.Second, errDeploy, "error", 0, "the deploy failed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var ended time.Time
				_, err := srv.repo.Run(ctx, release, rollout.RunOptions{Grace: tt.grace}, func(context.Context, *rollout.Running) error {
					cancel()
					ended = time.Now()
					time.Sleep(tt.after)
					return tt.result
				})
				if (err == nil) != (tt.text == "") || err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %v, want %s", err, tt.text)
				}
				equal(t, "states", "in_progress "+tt.want, srv.states())
				statuses := srv.Deployments(repository)[0].Statuses
				equal(t, "final status after", tt.at, statuses[1].CreatedAt.Sub(ended).Round(time.Millisecond).Seconds())
			})
		})
	}
	simulate(t, func(t *testing.T, srv server) { // a panic after it
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		defer func() {
			equal(t, "panic", any("boom"), recover())
			equal(t, "states", "in_progress inactive", srv.states())
		}()
		_, _ = srv.repo.Run(ctx, release, rollout.RunOptions{Cancelled: ghdeploy.StateInactive}, func(context.Context, *rollout.Running) error {
			cancel()
			time.Sleep(time.Minute)
			panic("boom")
		})
	})
	simulate(t, func(t *testing.T, srv server) { // its final status is lost
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		srv.from(2, ghdeploytest.Always, ghdeploytest.DropBefore())
		_, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
			cancel()
			time.Sleep(time.Minute)
			return nil
		})
		failed, ok := errors.AsType[*rollout.ReportError](err)
		if !ok || failed.State != ghdeploy.StateError || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// The outcome of a progress is unknown at the end of the context. The final
// status is posted after 3 s, and once more if the progress appears after it
// within the 8 s.
func TestProgressAtTheEndOfTheContext(t *testing.T) {
	tests := []struct {
		after  time.Duration // time at which the progress is executed
		states string
		error  bool
	}{
		{time.Second, "in_progress in_progress error", false},
		{2500 * time.Millisecond, "in_progress in_progress error", false},
		{3*time.Second + 500*time.Microsecond, "in_progress in_progress error", false}, // after the last look
		{5 * time.Second, "in_progress error in_progress error", false},
		{12 * time.Second, "in_progress error in_progress", true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.after), func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var returned time.Time
				_, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
					srv.inject(postStatus, ghdeploytest.ExecuteLater(tt.after), 1)
					running.Progress("half")
					time.Sleep(10*time.Second + time.Millisecond)
					cancel()
					returned = time.Now()
					return errDeploy
				})
				if took := time.Since(returned); took > 8*time.Second {
					t.Errorf("took %v", took)
				}
				_, ok := errors.AsType[*rollout.ReportError](err)
				equal(t, "report error", tt.error, ok)
				equal(t, "the function's error", true, errors.Is(err, errDeploy))
				time.Sleep(time.Minute)
				equal(t, "states", tt.states, srv.states())
			})
		})
	}
}

// The deployment was created, the response was lost, and the context ended. The
// deployment must get a final status.
func TestRunCancelledDuringCreate(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		srv.inject(postDeployment, ghdeploytest.SlowResponse(time.Hour), 1)
		time.AfterFunc(time.Second, cancel)
		d, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
			t.Error("called")
			return nil
		})
		if d == nil || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", d, err)
		}
		equal(t, "states", "error", srv.states())
	})
}

// in_progress is not repeated while its first POST may still be executed: the
// second one would appear after the final status.
func TestInProgressIsNotRepeatedAfterFailedLooks(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.inject(postStatus, ghdeploytest.ExecuteLater(11*time.Second), 2)
		srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Times: 16, Effect: ghdeploytest.DropBefore()})
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, succeed)
		_, said := errors.AsType[*rollout.ReportError](err)
		time.Sleep(time.Minute)
		if states := srv.states(); strings.HasSuffix(states, "in_progress") || !said {
			t.Errorf("got states %s and %v", states, err)
		}
	})
}

// A send that hangs until its limit is retried.
func TestFinalStatusAfterAHangingSend(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		hanging := &hangs{StatusesService: srv.repo.Client.Statuses}
		srv.repo.Client = &ghdeploy.Client{Deployments: srv.repo.Client.Deployments, Statuses: hanging}
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
			hanging.left = 2
			return nil
		}); err != nil {
			t.Error(err)
		}
		equal(t, "states", "in_progress success", srv.states())
	})
}

type hangs struct {
	ghdeploy.StatusesService
	left int
}

func (s *hangs) Create(ctx context.Context, owner, repo string, id int64, req ghdeploy.DeploymentStatusRequest) (*ghdeploy.DeploymentStatus, error) {
	if s.left > 0 {
		s.left--
		<-ctx.Done()
		return nil, &ghdeploy.Error{Method: "POST", Err: ctx.Err()} // not sent
	}
	return s.StatusesService.Create(ctx, owner, repo, id, req)
}

// An in_progress that is in flight when the context ends appears after the
// final status, which is then posted once more.
func TestInProgressAtTheEndOfTheContext(t *testing.T) {
	for after, want := range map[time.Duration]string{
		2 * time.Second:  "in_progress error",
		5 * time.Second:  "error in_progress error",
		13 * time.Second: "error in_progress",
	} {
		simulate(t, func(t *testing.T, srv server) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			srv.inject(postStatus, ghdeploytest.ExecuteLater(after), 1)
			time.AfterFunc(time.Millisecond, cancel)
			_, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
				t.Error("called")
				return nil
			})
			time.Sleep(time.Minute)
			equal(t, fmt.Sprint("states after ", after), want, srv.states())
			equal(t, "the error says so", after > 8*time.Second, strings.Contains(err.Error(), "may still appear"))
		})
	}
}

// A short Finish reserves 5/8 of its time for the final status.
func TestFinishIsSharedWithAnUnknownProgress(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		var returned time.Time
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{Finish: 8 * time.Second}, func(_ context.Context, running *rollout.Running) error {
			srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
			running.Progress("half")
			time.Sleep(10*time.Second + time.Millisecond)
			returned = time.Now()
			return nil
		})
		failed, ok := errors.AsType[*rollout.ReportError](err)
		if !ok || !strings.Contains(failed.Error(), "may still appear") {
			t.Errorf("got %v", err)
		}
		statuses := srv.Deployments(repository)[0].Statuses
		equal(t, "states", "in_progress success", srv.states())
		equal(t, "final status after", 3*time.Second, statuses[1].CreatedAt.Sub(returned))
	})
}

// A progress can no longer appear 15 s after its POST.
func TestWatchEnds(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var returned time.Time
		_, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
			running.Progress("half")
			time.Sleep(20 * time.Second) // it was posted after 10 s
			cancel()
			returned = time.Now()
			return errDeploy
		})
		equal(t, "only the function's error", true, err == errDeploy) //nolint:errorlint // the identical error
		if took := time.Since(returned); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("took %v", took)
		}
		equal(t, "states", "in_progress error", srv.states())
	})
}
