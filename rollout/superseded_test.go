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

func TestRunSuperseded(t *testing.T) {
	errNewer := errors.New("a newer deployment exists")
	tests := map[string]struct {
		newer  []string // states of later deployments, oldest first
		env    string   // environment of the later ones
		task   string
		keep   bool // Superseded returns nil
		want   string
		called int // the number of the later one that Superseded got, from 1; 0 if it was not called
	}{
		"none":                            {nil, "staging", "", false, "success", 0},
		"one without a status":            {[]string{""}, "staging", "", false, "inactive", 1},
		"one in progress":                 {[]string{"in_progress"}, "staging", "", false, "inactive", 1},
		"one that succeeded":              {[]string{"success"}, "staging", "", false, "inactive", 1},
		"one that failed":                 {[]string{"failure"}, "staging", "", false, "success", 0},
		"one that was cancelled":          {[]string{"error"}, "staging", "", false, "success", 0},
		"one cancelled as inactive":       {[]string{"inactive"}, "staging", "", false, "success", 0},
		"one that became inactive":        {[]string{"success inactive"}, "staging", "", false, "inactive", 1},
		"the newest that has not failed":  {[]string{"success", "in_progress", "failure"}, "staging", "", false, "inactive", 2},
		"Superseded returns nil":          {[]string{"success"}, "staging", "", true, "success", 1},
		"another environment":             {[]string{"success"}, "production", "", false, "success", 0},
		"another task":                    {[]string{"success"}, "staging", "migrate", false, "success", 0},
		"the environment in another case": {[]string{"success"}, "Staging", "", false, "inactive", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
				simulate(t, func(t *testing.T, srv server) {
					var ids []int64
					called := 0
					_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
						KeepEarlier: true,
						Superseded: func(newer *ghdeploy.Deployment) error {
							for i, id := range ids {
								if id == newer.ID {
									called = i + 1
								}
							}
							if tt.keep {
								return nil
							}
							return errNewer
						},
					}, func(ctx context.Context, _ *rollout.Running) error {
						for _, states := range tt.newer {
							d, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
								Ref: "main", Environment: tt.env, Task: tt.task,
							})
							if err != nil {
								return err
							}
							for state := range strings.FieldsSeq(states) {
								srv.status(ctx, t, d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.State(state), AutoInactive: new(false)})
							}
							ids = append(ids, d.ID)
						}
						return nil
					})
					equal(t, "called with", tt.called, called)
					equal(t, "the error of Superseded", tt.want == "inactive", errors.Is(err, errNewer))
					equal(t, "states", "in_progress "+tt.want, history(srv.Deployments(repository)[0]))
				}, ghdeploytest.WithListOrder(order))
			}
		})
	}
	simulate(t, func(t *testing.T, srv server) { // not called after a failure
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { t.Error("called"); return nil },
		}, func(ctx context.Context, _ *rollout.Running) error {
			_, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", release)
			return errors.Join(err, errDeploy)
		})
		equal(t, "the function's error", true, errors.Is(err, errDeploy))
	})
	simulate(t, func(t *testing.T, srv server) { // the later deployments cannot be read
		srv.inject(getDeployments, ghdeploytest.Respond(http.StatusForbidden, `{"message":"no"}`), ghdeploytest.Always)
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { t.Error("called"); return nil },
		}, succeed)
		equal(t, "forbidden", true, errors.Is(err, ghdeploy.ErrForbidden))
		equal(t, "states", "in_progress success", srv.states())
	})
	simulate(t, func(t *testing.T, srv server) { // the later one is deleted during the read
		srv.inject(getStatuses, ghdeploytest.Respond(http.StatusNotFound, `{"message":"Not Found"}`), 1)
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { t.Error("called"); return nil },
		}, func(ctx context.Context, _ *rollout.Running) error {
			_, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", release)
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	simulate(t, func(t *testing.T, srv server) { // they can be read a minute later
		srv.inject(getDeployments, ghdeploytest.Respond(http.StatusBadGateway, ""), 12)
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { return nil },
		}, succeed); err != nil {
			t.Error(err)
		}
		equal(t, "states", "in_progress success", srv.states())
	})
}

// The final status has its full time after a slow Superseded.
func TestSupersededTakesItsTime(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.from(2, 3, ghdeploytest.RefuseConnection())
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { time.Sleep(time.Hour); return errDeploy },
		}, func(ctx context.Context, _ *rollout.Running) error {
			_, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", release)
			return err
		})
		equal(t, "the error of Superseded", true, err == errDeploy) //nolint:errorlint // the identical error
		equal(t, "states", "in_progress inactive", history(srv.Deployments(repository)[0]))
	})
}

// Only later deployments supersede.
func TestSupersededIgnoresEarlier(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		if _, err := srv.repo.Client.Deployments.Create(t.Context(), "octocat", "example", release); err != nil {
			t.Fatal(err)
		}
		if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(d *ghdeploy.Deployment) error { return fmt.Errorf("%d is not newer", d.ID) },
		}, succeed); err != nil {
			t.Error(err)
		}
	})
}

// A proxy that drops the query must not make a release appear superseded.
func TestSupersededChecksTheFiltersItself(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.repo.Client.Deployments = forgetful{srv.repo.Client.Deployments}
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(newer *ghdeploy.Deployment) error { return fmt.Errorf("superseded by %d", newer.ID) },
		}, func(ctx context.Context, _ *rollout.Running) error {
			time.Sleep(time.Second)
			for _, other := range []ghdeploy.DeploymentRequest{{Ref: "main", Environment: "qa"}, {Ref: "main", Environment: "staging", Task: "migrate"}} {
				if _, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", other); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		equal(t, "error", nil, err)
	})
}

// GitHub documents no order of its list, so page 1 may hold no later
// deployment.
func TestSupersededInAnotherOrder(t *testing.T) {
	for name, order := range orders {
		simulate(t, func(t *testing.T, srv server) {
			create := func() {
				if _, err := srv.repo.Client.Deployments.Create(t.Context(), "octocat", "example", release); err != nil {
					t.Error(err)
				}
			}
			for range 150 {
				create()
			}
			called := false
			_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
				Superseded: func(*ghdeploy.Deployment) error { called = true; return nil },
			}, func(context.Context, *rollout.Running) error {
				time.Sleep(time.Second)
				create()
				return nil
			})
			equal(t, name+": error", nil, err)
			equal(t, name+": called", true, called)
		}, ghdeploytest.WithListOrder(order))
	}
}

// The read of later deployments uses a part of the 8 s after the end of ctx.
func TestSupersededOfASlowServerAfterTheEnd(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.Inject(ghdeploytest.Fault{Operation: getDeployments, Times: ghdeploytest.Always, Latency: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var ended time.Time
		_, err := srv.repo.Run(ctx, release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { return nil },
		}, func(context.Context, *rollout.Running) error {
			cancel()
			ended = time.Now()
			return nil
		})
		if took := time.Since(ended); took > 4*time.Second {
			t.Errorf("Run returned %v after the end of ctx", took)
		}
		equal(t, "states", "in_progress success", srv.states())
		if err == nil || !strings.Contains(err.Error(), "Superseded was not called") {
			t.Errorf("got %v", err)
		}
	})
	simulate(t, func(t *testing.T, srv server) { // the status cannot be reported either
		srv.Inject(ghdeploytest.Fault{Operation: getDeployments, Times: ghdeploytest.Always, Latency: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		var ended time.Time
		_, err := srv.repo.Run(ctx, release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { return nil },
		}, func(context.Context, *rollout.Running) error {
			srv.Inject(ghdeploytest.Fault{Operation: postStatus, Times: ghdeploytest.Always, Latency: time.Hour})
			cancel()
			ended = time.Now()
			return nil
		})
		equal(t, "time", 8*time.Second, time.Since(ended))
		if _, ok := errors.AsType[*rollout.ReportError](err); !ok {
			t.Errorf("got %v; want a ReportError", err)
		}
	})
}

// The read leaves half of Finish to the status.
func TestSupersededOfASlowServer(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.Inject(ghdeploytest.Fault{Operation: getDeployments, Times: ghdeploytest.Always, Latency: time.Hour})
		start := time.Now()
		_, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Finish: 10 * time.Second, Superseded: func(*ghdeploy.Deployment) error { return nil },
		}, succeed)
		equal(t, "states", "in_progress success", srv.states())
		equal(t, "time", 5*time.Second, time.Since(start))
		if err == nil || !strings.Contains(err.Error(), "Superseded was not called") {
			t.Errorf("got %v", err)
		}
	})
}
