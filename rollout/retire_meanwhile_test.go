package rollout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// A lagging list shows deleted deployments, and shows new ones late.
func TestRetireOnALaggingList(t *testing.T) {
	virtual1(t, times(30, row("a", "failure")), func(b *bed) {
		if _, err := b.repo.Client.Deployments.Create(b.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: "a"}); err != nil {
			b.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		equal(b.T, "result", "0 deactivated, 31 deleted, 0 gone, 0 kept, 0 failed, removed a",
			b.retire(rollout.RetireOptions{Environment: "a", Delete: true, Running: true, RemoveEnvironment: true}))
		equal(b.T, "left", 0, len(b.left()))
		b.wantNothingTwice()
	}, ghdeploytest.WithListLag(10*time.Second))
}

// A listed deployment whose history returns 404 counts as gone, without a
// DELETE.
func TestRetireOfADeletedDeployment(t *testing.T) {
	virtual1(t, times(3, row("a", "failure")), func(b *bed) {
		if err := b.repo.Client.Deployments.Delete(b.Context(), "octocat", "example", 2); err != nil {
			b.Fatal(err)
		}
		equal(b.T, "result", "0 deactivated, 2 deleted, 1 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a", Delete: true}))
		b.wantItems("delete 1 (1/3)", "gone 2 (2/3)", "delete 3 (3/3)")
		equal(b.T, "DELETEs", 1+2, sent(b.srv, "DELETE"))
	}, ghdeploytest.WithListLag(time.Minute))
}

// A deployment that was created in the second in which Retire starts is
// retired, even if its first DELETE fails.
func TestRetireOfTheNewest(t *testing.T) {
	virtual1(t, nil, func(b *bed) {
		if _, err := b.repo.Client.Deployments.Create(b.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: "a"}); err != nil {
			b.Fatal(err)
		}
		b.srv.Inject(ghdeploytest.Fault{Operation: deleteDeployment, Times: 4, Effect: ghdeploytest.Respond(502, "")})
		equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "a", Delete: true, Running: true}))
		b.wantItems("delete 6000000001 (1/1) failed", "delete 6000000001 (1/1)")
	})
}

// Retire ends although deployments are created all the time. It keeps the
// deployments that were created after it started.
func TestRetireLeavesWhatIsCreatedMeanwhile(t *testing.T) {
	virtual1(t, times(10, row("a", "failure")), func(b *bed) {
		create := func() {
			if _, err := b.repo.Client.Deployments.Create(b.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: "a"}); err != nil {
				b.Error(err)
			}
		}
		_, err := b.repo.Retire(b.Context(), rollout.RetireOptions{
			Environment: "a", Delete: true, Running: true, Live: true, RemoveEnvironment: true,
			OnItem: func(item rollout.Item) {
				if item.Of != 10 {
					b.Errorf("item %+v of %d, want of 10", item, item.Of)
				}
				create()
			},
		})
		if err != nil {
			b.Fatal(err)
		}
		equal(b.T, "left", 10, len(b.left()))
		equal(b.T, "environments", 1, len(b.srv.Environments(repository)))
	})
}

// Two calls retire the same deployments at the same time.
func TestRetireTogether(t *testing.T) {
	virtual1(t, times(40, row("a", "success")), func(b *bed) {
		type end struct {
			*rollout.Retired
			err error
		}
		ends := make(chan end, 2)
		for range 2 {
			go func() {
				result, err := b.repo.Retire(b.Context(), rollout.RetireOptions{Environment: "a", Delete: true, Running: true, Live: true})
				ends <- end{result, err}
			}()
		}
		deleted, gone := 0, 0
		for range 2 {
			e := <-ends
			if e.err != nil {
				b.Error(e.err)
			}
			deleted, gone = deleted+e.Deleted, gone+e.Gone
		}
		equal(b.T, "left", 0, len(b.left()))
		if deleted != 40 || gone > 40 {
			b.Errorf("%d deleted, %d gone, want 40 and at most 40", deleted, gone)
		}
	})
}

// A deployment can become live, or start to run, after Retire listed it.
func TestRetireKeepsDeploymentsThatBecomeLive(t *testing.T) {
	for state, result := range map[string]string{
		"success": "0 deactivated, 1 deleted, 0 gone, 1 kept, 0 failed",
	} {
		virtual1(t, []ghdeploytest.SeedDeployment{row("production", "failure"), row("production", "failure"), row("other", "success")}, func(b *bed) {
			first := true
			opts := rollout.RetireOptions{Environment: "production", Delete: true, OnItem: func(rollout.Item) {
				if first {
					first = false
					if _, err := b.repo.Client.Statuses.Create(b.Context(), "octocat", "example", 2, ghdeploy.DeploymentStatusRequest{State: ghdeploy.State(state)}); err != nil {
						b.Error(err)
					}
				}
			}}
			r, err := b.repo.Retire(b.Context(), opts)
			if err != nil {
				b.Fatal(err)
			}
			equal(b.T, "result", result, fmt.Sprintf("%d deactivated, %d deleted, %d gone, %d kept, %d failed", r.Deactivated, r.Deleted, r.Gone, r.Kept, len(r.Failed)))
			equal(b.T, "left", []string{"2 " + state, "3 success"}, b.left())
		})
	}
}

// forgetful is a service whose List ignores the filters.
type forgetful struct{ ghdeploy.DeploymentsService }

func (f forgetful) List(ctx context.Context, owner, repo string, opts ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	return f.DeploymentsService.List(ctx, owner, repo, ghdeploy.DeploymentListOptions{Page: opts.Page, PerPage: opts.PerPage})
}

func TestRetireChecksTheFiltersItself(t *testing.T) {
	for _, opts := range []rollout.RetireOptions{{Environment: "a"}, {Ref: "topic"}, {Task: "api"}} {
		virtual1(t, []ghdeploytest.SeedDeployment{
			{Environment: "a", Ref: "topic", Task: "api"}, {Environment: "b", Ref: "main", Task: "web"}, row("production", "success"),
		}, func(b *bed) {
			b.repo.Client.Deployments = forgetful{b.repo.Client.Deployments}
			opts.Delete, opts.Running, opts.Live = true, true, true
			equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", b.retire(opts))
			equal(b.T, "left", []string{"2", "3 success"}, b.left())
		})
	}
}

// Without the filter for the task, the newest success is that of another task.
func TestRetireFiltersTheLiveDeploymentByTask(t *testing.T) {
	virtual1(t, []ghdeploytest.SeedDeployment{
		task("api", row("production", "success")), task("web", row("production", "success")), task("api", row("staging", "success")),
	}, func(b *bed) {
		b.repo.Client.Deployments = forgetful{b.repo.Client.Deployments}
		equal(b.T, "result", "0 deactivated, 0 deleted, 0 gone, 2 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "production", Delete: true}))
	})
}
