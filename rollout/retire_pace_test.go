package rollout_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// Every form of rate limit causes a pause that is reported, without a request.
func TestRetirePausesForLimits(t *testing.T) {
	everything := rollout.RetireOptions{Environment: "staging", Delete: true, Running: true, Live: true}
	for name, opt := range map[string]ghdeploytest.Option{
		"Retry-After":     ghdeploytest.WithPointsPerMinute(200, ghdeploytest.SecondaryRetryAfter),
		"Retry-After 429": ghdeploytest.WithPointsPerMinute(200, ghdeploytest.SecondaryRetryAfter429),
		"no header":       ghdeploytest.WithPointsPerMinute(200, ghdeploytest.SecondaryNoHeader),
		"text only":       ghdeploytest.WithPointsPerMinute(200, ghdeploytest.SecondaryTextOnly),
		"primary":         ghdeploytest.WithRateLimit(60),
	} {
		t.Run(name, func(t *testing.T) {
			virtual1(t, times(150, row("staging", "success")), func(b *bed) {
				type span struct{ from, until time.Time }
				var pauses []span
				opts := everything
				opts.OnItem = func(item rollout.Item) {
					if item.Action != rollout.ActionPause {
						return
					}
					if !errors.Is(item.Err, ghdeploy.ErrRateLimited) || item.Deployment == nil || item.N == 0 {
						b.Errorf("pause %+v; want one that names its limit and its place", item)
					}
					pauses = append(pauses, span{time.Now(), item.PausedUntil})
				}
				result, err := b.repo.Retire(b.Context(), opts)
				if err != nil || result.Deleted != 150 {
					b.Errorf("%+v, %v; want 150 deleted", result, err)
				}
				if len(pauses) == 0 {
					b.Fatal("no pause was reported")
				}
				for _, r := range b.srv.Requests() {
					for _, p := range pauses {
						if r.Time.After(p.from) && r.Time.Before(p.until) {
							b.Errorf("%s %s at %v, in the pause from %v until %v", r.Method, r.Path, r.Time, p.from, p.until)
						}
					}
				}
				equal(b.T, "refusals", len(pauses), refusals(b.srv, 403)+refusals(b.srv, 429))
				b.wantNothingTwice()
			}, opt)
		})
	}
}

// After rate limit responses without a time, the pause starts at a minute and
// doubles until the context ends.
func TestRetirePausesDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := stubbed([]*ghdeploy.Deployment{{ID: 1, Environment: "a"}}, func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) {
			return nil, &ghdeploy.Error{StatusCode: 429}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		var waits []string
		result, err := repo.Retire(ctx, rollout.RetireOptions{Environment: "a", OnItem: func(item rollout.Item) {
			waits = append(waits, time.Until(item.PausedUntil).String())
		}})
		equal(t, "waits", "1m0s 2m0s 4m0s 8m0s 16m0s 32m0s 1h0m0s 1h0m0s 1h0m0s 1h0m0s", strings.Join(waits, " "))
		if !errors.Is(err, context.DeadlineExceeded) || result == nil {
			t.Errorf("%v, %v; want the end of the context", result, err)
		}
	})
}

// The pauses grow while a secondary limit lasts, as GitHub recommends.
func TestRetirePausesDoubleOnTheServer(t *testing.T) {
	virtual1(t, times(2, row("a", "failure")), func(b *bed) {
		b.srv.Inject(ghdeploytest.Fault{Operation: deleteDeployment, Times: 4, Effect: ghdeploytest.Respond(403, `{"message":"You have exceeded a secondary rate limit."}`)})
		var waits []string
		_, err := b.repo.Retire(b.Context(), rollout.RetireOptions{Environment: "a", Delete: true, OnItem: func(item rollout.Item) {
			if item.Action == rollout.ActionPause {
				waits = append(waits, time.Until(item.PausedUntil).String())
			}
		}})
		equal(b.T, "error", nil, err)
		equal(b.T, "waits", "1m0s 2m0s 4m0s 8m0s", strings.Join(waits, " "))
	})
}

// limitedStatuses refuses to read while a limit lasts, and records each
// attempt.
type limitedStatuses struct {
	stubStatuses
	posts    int
	until    time.Time
	attempts []time.Time
}

func (s *limitedStatuses) refuse() error {
	s.attempts = append(s.attempts, time.Now())
	if time.Now().Before(s.until) {
		return &ghdeploy.Error{StatusCode: 429, Err: &ghdeploy.RateLimitError{RetryAt: s.until}}
	}
	return nil
}

func (s *limitedStatuses) Create(context.Context, string, string, int64, ghdeploy.DeploymentStatusRequest) (*ghdeploy.DeploymentStatus, error) {
	if err := s.refuse(); err != nil {
		return nil, err
	}
	if s.posts++; s.posts == 1 {
		s.until = time.Now().Add(10 * time.Minute)
		return nil, &ghdeploy.Error{Err: &ghdeploy.OutcomeUnknownError{Cause: errors.New("connection reset")}}
	}
	return &ghdeploy.DeploymentStatus{ID: 2, State: ghdeploy.StateInactive}, nil
}

func (s *limitedStatuses) List(ctx context.Context, owner, repo string, id int64, opts ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	if err := s.refuse(); err != nil {
		return nil, err
	}
	return s.stubStatuses.List(ctx, owner, repo, id, opts)
}

// A limit that begins while Retire looks for a status delays the next POST.
func TestRetireLimitDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		success := func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) {
			return []*ghdeploy.DeploymentStatus{{ID: 1, State: ghdeploy.StateSuccess, Environment: "a"}}, nil
		}
		repo := stubbed([]*ghdeploy.Deployment{{ID: 1, Environment: "a"}}, nil)
		statuses := &limitedStatuses{stubStatuses: stubStatuses{read: success}}
		repo.Client.Statuses = statuses
		result, err := repo.Retire(t.Context(), rollout.RetireOptions{Environment: "a"})
		if err != nil || result.Deactivated != 1 || statuses.posts != 2 {
			t.Errorf("%+v, %v, %d posts; want one deactivated by the second", result, err, statuses.posts)
		}
		var during int
		for _, at := range statuses.attempts {
			if at.Before(statuses.until) {
				during++
			}
		}
		equal(t, "attempts", 3, during) // the read, the POST, and the look that got the limit
	})
}
