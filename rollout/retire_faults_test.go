package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// After an interruption at any request, a second Retire completes the work.
func TestRetireInterrupted(t *testing.T) {
	for cut := 1; cut < 40; cut += 2 {
		for _, everything := range []bool{true, false} {
			t.Run(fmt.Sprint(cut, everything), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					n := 0
					srv, repo := serve(t, aged(append(times(12, row("pr-1", "success")), row("other", "success"))...),
						ghdeploytest.WithRequestLog(func(ghdeploytest.Request) {
							if n++; n == cut {
								cancel()
							}
						}))
					b := &bed{T: t, srv: srv, repo: repo}
					opts := rollout.RetireOptions{Environment: "pr-*", Delete: true, Running: everything, Live: everything, RemoveEnvironment: true}
					first := b.retireUntil(ctx, opts)
					if ctx.Err() != nil && !strings.HasSuffix(first, "error") && n == cut-1 {
						t.Errorf("%s although the context ended", first)
					}
					if second := b.retire(opts); strings.Contains(second, "error") {
						t.Errorf("second run: %s", second)
					}
					equal(t, "left", []string{"13 success"}, b.left())
					equal(t, "environments", 1, len(srv.Environments(repository)))
					b.wantNothingTwice()
				})
			})
		}
	}
}

func TestRetireFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  ghdeploytest.Fault
		opts   rollout.RetireOptions
		result string
		left   []string
	}{
		"the response to a DELETE is lost": {
			ghdeploytest.Fault{Operation: deleteDeployment, Nth: 2, Effect: ghdeploytest.DropAfter()},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 3 deleted, 0 gone, 0 kept, 0 failed", []string{"4 success"}},
		"every response to one DELETE is lost": {
			ghdeploytest.Fault{Operation: deleteDeployment, Nth: 2, Times: 4, Effect: ghdeploytest.DropAfter()},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 2 deleted, 1 gone, 0 kept, 0 failed", []string{"4 success"}},
		"DELETE fails for a while": {
			ghdeploytest.Fault{Operation: deleteDeployment, Nth: 2, Times: 6, Effect: ghdeploytest.Respond(502, "")},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 3 deleted, 0 gone, 0 kept, 0 failed", []string{"4 success"}},
		"DELETE is refused for another reason": {
			ghdeploytest.Fault{Operation: deleteDeployment, Nth: 2, Effect: ghdeploytest.Respond(409, `{"message":"Locked."}`)},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 2 deleted, 0 gone, 0 kept, 1 failed, error", []string{"2 success", "4 success"}},
		"the status was created, its response is lost": {
			ghdeploytest.Fault{Operation: postStatus, Effect: ghdeploytest.DropAfter()},
			rollout.RetireOptions{Environment: "a"}, "3 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", []string{"1 inactive", "2 inactive", "3 inactive", "4 success"}},
		"the status is created later": {
			ghdeploytest.Fault{Operation: postStatus, Effect: ghdeploytest.ExecuteLater(12 * time.Second)},
			rollout.RetireOptions{Environment: "a"}, "3 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", []string{"1 inactive", "2 inactive", "3 inactive", "4 success"}},
		"the status was not created": {
			ghdeploytest.Fault{Operation: postStatus, Effect: ghdeploytest.DropBefore()},
			rollout.RetireOptions{Environment: "a"}, "3 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", []string{"1 inactive", "2 inactive", "3 inactive", "4 success"}},
		"no status is ever created": {
			ghdeploytest.Fault{Operation: postStatus, Times: 3, Effect: ghdeploytest.DropBefore()},
			rollout.RetireOptions{Environment: "a"}, "2 deactivated, 0 deleted, 0 gone, 0 kept, 1 failed, error", []string{"1 success", "2 inactive", "3 inactive", "4 success"}},
		"a state cannot be read": {
			ghdeploytest.Fault{Operation: getStatuses, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(500, "")},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed, error", []string{"1 success", "2 success", "3 success", "4 success"}},
		"GitHub is slow": {
			ghdeploytest.Fault{Operation: deleteDeployment, Nth: 2, Latency: 25 * time.Second},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 3 deleted, 0 gone, 0 kept, 0 failed", []string{"4 success"}},
		"the token may not write": {
			ghdeploytest.Fault{Operation: deleteDeployment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(403, `{"message":"Resource not accessible by integration"}`)},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 0 deleted, 0 gone, 0 kept, 1 failed, error", []string{"1 success", "2 success", "3 success", "4 success"}},
		"404 for a token without the permission": {
			ghdeploytest.Fault{Operation: deleteDeployment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(404, `{"message":"Not Found"}`)},
			rollout.RetireOptions{Environment: "a", Delete: true}, "0 deactivated, 0 deleted, 0 gone, 0 kept, 1 failed, error", []string{"1 success", "2 success", "3 success", "4 success"}},
	} {
		t.Run(name, func(t *testing.T) {
			virtual1(t, append(times(3, row("a", "success")), row("other", "success")), func(b *bed) {
				b.srv.Inject(tt.fault)
				equal(b.T, "result", tt.result, b.retire(tt.opts))
				equal(b.T, "left", tt.left, b.left())
				for _, item := range b.items {
					if errors.Is(item.Err, context.DeadlineExceeded) {
						b.Errorf("%v: the caller's context has no deadline", item.Err)
					}
				}
				time.Sleep(time.Minute) // until late requests are executed
				for _, d := range b.srv.Deployments(repository) {
					if inactive := strings.Count(fmt.Sprint(d.Statuses), " inactive "); inactive > 1 {
						b.Errorf("deployment %d has %d inactive statuses", d.ID, inactive)
					}
				}
			})
		})
	}
}

// A token that can create a status may still lack the permission to delete.
func TestRetireWithoutTheRightToDelete(t *testing.T) {
	virtual1(t, []ghdeploytest.SeedDeployment{row("a", "success"), row("other", "success")}, func(b *bed) {
		b.srv.Inject(ghdeploytest.Fault{Operation: deleteDeployment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(404, `{"message":"Not Found"}`)})
		equal(b.T, "result", "0 deactivated, 0 deleted, 0 gone, 0 kept, 1 failed, error", b.retire(rollout.RetireOptions{Environment: "a", Delete: true}))
		equal(b.T, "left", []string{"1 inactive", "2 success"}, b.left())
	})
}

// Ten transient errors in a row end the job.
func TestRetireGivesUp(t *testing.T) {
	virtual1(t, times(100, row("a", "failure")), func(b *bed) {
		b.srv.Inject(ghdeploytest.Fault{Operation: deleteDeployment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(503, "")})
		equal(b.T, "result", "0 deactivated, 0 deleted, 0 gone, 0 kept, 10 failed, error", b.retire(rollout.RetireOptions{Environment: "a", Delete: true}))
		equal(b.T, "left", 100, len(b.left()))
	})
}

// flaky fails the first DELETE of every second deployment.
type flaky struct {
	ghdeploy.DeploymentsService
	failed map[int64]bool
}

func (f flaky) Delete(ctx context.Context, owner, repo string, id int64) error {
	if id%2 == 1 && !f.failed[id] {
		f.failed[id] = true
		return &ghdeploy.Error{Method: "DELETE", StatusCode: 503}
	}
	return f.DeploymentsService.Delete(ctx, owner, repo, id)
}

// Transient errors with a success between them do not end the job.
func TestRetireContinuesAfterTransientErrors(t *testing.T) {
	virtual1(t, times(30, row("a", "failure")), func(b *bed) {
		b.repo.Client.Deployments = flaky{b.repo.Client.Deployments, map[int64]bool{}}
		equal(b.T, "result", "0 deactivated, 30 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a", Delete: true}))
	})
}

// overtaken removes each environment just before the caller does.
type overtaken struct{ ghdeploy.EnvironmentsService }

func (o overtaken) Delete(ctx context.Context, owner, repo, environment string) error {
	if err := o.EnvironmentsService.Delete(ctx, owner, repo, environment); err != nil {
		return err
	}
	return o.EnvironmentsService.Delete(ctx, owner, repo, environment)
}

func TestRemoveEnvironment(t *testing.T) {
	all := rollout.RetireOptions{Environment: "pr-1", Delete: true, RemoveEnvironment: true}
	rows := []ghdeploytest.SeedDeployment{row("pr-1", "success"), row("pr-2", "in_progress")}
	t.Run("without admin rights", func(t *testing.T) {
		virtual1(t, rows, func(b *bed) {
			b.srv.Inject(ghdeploytest.Fault{Operation: deleteEnvironment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(403, `{"message":"Resource not accessible by integration"}`)})
			equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 1 failed, error", b.retire(all))
			b.wantItems("delete 1 (1/1)", "remove_environment pr-1 failed")
			opts := all
			opts.Environment, opts.Running = "pr-*", true
			equal(b.T, "of a pattern", "0 deactivated, 1 deleted, 0 gone, 0 kept, 1 failed, error", b.retire(opts))
			b.wantItems("delete 2 (1/1)", "remove_environment pr-1 failed")
		})
	})
	t.Run("404 for a token without the permission", func(t *testing.T) {
		virtual1(t, rows, func(b *bed) {
			b.srv.Inject(ghdeploytest.Fault{Operation: deleteEnvironment, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(404, `{"message":"Not Found"}`)})
			equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 1 failed, error", b.retire(all))
		})
	})
	t.Run("removed concurrently", func(t *testing.T) {
		virtual1(t, rows, func(b *bed) {
			b.repo.Client.Environments = overtaken{b.repo.Client.Environments}
			equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", b.retire(all))
		})
	})
	t.Run("kept with its deployments", func(t *testing.T) {
		virtual1(t, rows, func(b *bed) {
			opts := all
			opts.Except = []int64{1}
			equal(b.T, "result", "0 deactivated, 0 deleted, 0 gone, 1 kept, 0 failed", b.retire(opts))
			opts = all
			opts.Ref = "topic"
			equal(b.T, "of another ref", "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", b.retire(opts))
			equal(b.T, "environments", 2, len(b.srv.Environments(repository)))
		})
	})
	t.Run("a pattern keeps young environments", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
				FullName: repository, Environments: []ghdeploytest.Environment{{Name: "pr-9"}}, Deployments: aged(row("pr-1", "failure")),
			}))
			defer srv.Close()
			b := &bed{T: t, srv: srv, repo: repoOn(srv)}
			opts := all
			opts.Environment, opts.OlderThan = "pr-*", 30*time.Minute
			equal(t, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed, removed pr-1", b.retire(opts))
			time.Sleep(time.Hour)
			equal(t, "an hour later", "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed, removed pr-9", b.retire(opts))
			equal(t, "a removed name", "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", b.retire(all))
		})
	})
}

func TestRetireArguments(t *testing.T) {
	srv, repo := serve(t, aged(row("a", "success")))
	noEnvironments := repo
	noEnvironments.Client = &ghdeploy.Client{Deployments: repo.Client.Deployments, Statuses: repo.Client.Statuses}
	for want, tt := range map[string]struct {
		repo rollout.Repo
		opts rollout.RetireOptions
	}{
		"no filter":                                {repo, rollout.RetireOptions{Delete: true, Keep: 3}},
		"OlderThan is -1s":                         {repo, rollout.RetireOptions{Environment: "a", OlderThan: -time.Second}},
		"Keep is -1":                               {repo, rollout.RetireOptions{Environment: "a", Keep: -1}},
		"Pace is -1s":                              {repo, rollout.RetireOptions{Environment: "a", Pace: -time.Second}},
		"requires Delete and Environment":          {repo, rollout.RetireOptions{Environment: "a", RemoveEnvironment: true}},
		"removed once":                             {repo, rollout.RetireOptions{Ref: "a", Delete: true, RemoveEnvironment: true}},
		"Client.Environments is nil":               {noEnvironments, rollout.RetireOptions{Environment: "pr-*"}},
		"Repo.Client.Environments is nil":          {noEnvironments, rollout.RetireOptions{Environment: "a", Delete: true, RemoveEnvironment: true}},
		"Client is nil":                            {rollout.Repo{}, rollout.RetireOptions{Environment: "a"}},
		"Owner is empty":                           {rollout.Repo{Client: repo.Client}, rollout.RetireOptions{Environment: "a"}},
		`is "pr-[", which is not a valid pattern`:  {repo, rollout.RetireOptions{Environment: "pr-["}},
		`is "pr-*[", which is not a valid pattern`: {repo, rollout.RetireOptions{Environment: "pr-*["}},
	} {
		result, err := tt.repo.Retire(t.Context(), tt.opts)
		if result != nil || !errors.Is(err, ghdeploy.ErrInvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want ErrInvalidArgument that says so", want, result, err)
		}
	}
	equal(t, "requests", 0, sent(srv, ""))
	if _, err := noEnvironments.Retire(t.Context(), rollout.RetireOptions{Environment: "b"}); err != nil {
		t.Errorf("a name needs no Environments: %v", err)
	}
}

// A panic of OnItem reaches the caller, and a second call continues.
func TestRetirePanic(t *testing.T) {
	virtual1(t, times(3, row("a", "failure")), func(b *bed) {
		func() {
			defer func() { equal(b.T, "recovered", any("boom"), recover()) }()
			result, err := b.repo.Retire(b.Context(), rollout.RetireOptions{Environment: "a", Delete: true, OnItem: func(rollout.Item) { panic("boom") }})
			b.Errorf("Retire returned %v, %v", result, err)
		}()
		equal(b.T, "result", "0 deactivated, 2 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a", Delete: true}))
	})
}

// A deployment that was inactive and became live needs a new inactive status:
// the old one does not settle an unknown outcome.
func TestRetireOfOneThatWasInactiveBefore(t *testing.T) {
	virtual1(t, times(2, row("a", "success", "inactive", "success")), func(b *bed) {
		b.srv.Inject(ghdeploytest.Fault{Operation: postStatus, Effect: ghdeploytest.DropBefore()})
		equal(b.T, "result", "2 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a"}))
		equal(b.T, "left", []string{"1 inactive", "2 inactive"}, b.left())
	})
}

// A second inactive status is harmless, so the POST is repeated although every
// look failed.
func TestRetireWhileLooksFail(t *testing.T) {
	virtual1(t, []ghdeploytest.SeedDeployment{row("a", "success")}, func(b *bed) {
		b.srv.Inject(ghdeploytest.Fault{Operation: postStatus, Effect: ghdeploytest.DropBefore()})
		b.srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Nth: 2, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(500, "")})
		equal(b.T, "result", "1 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a"}))
		equal(b.T, "left", []string{"1 inactive"}, b.left())
	})
}
