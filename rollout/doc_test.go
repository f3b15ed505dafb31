package rollout_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// The costs in the package documentation.
func TestCosts(t *testing.T) {
	sha := strings.Repeat("2", 40)
	ctx := context.Background() //nolint:usetesting // t.Context has a channel that was made outside the bubbles
	run := func(opts rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) func(rollout.Repo) error {
		return func(repo rollout.Repo) error {
			_, err := repo.Run(ctx, ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}, opts, deploy)
			return err
		}
	}
	ensure := func(repo rollout.Repo) error {
		_, err := repo.Ensure(ctx, "key", ghdeploy.DeploymentRequest{Ref: sha, Environment: "staging"})
		return err
	}
	for name, tt := range map[string]struct {
		before, call func(rollout.Repo) error
		requests     int
	}{
		"Run": {call: run(rollout.RunOptions{}, works), requests: 3},
		"Run with progress": {call: run(rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			for _, text := range []string{"one", "two"} {
				running.Progress(text)
				time.Sleep(time.Minute)
			}
			return nil
		}), requests: 3 + 2*2},
		"Run with Superseded": {call: run(rollout.RunOptions{Superseded: func(*ghdeploy.Deployment) error { return nil }}, works), requests: 3 + 1},
		"Run superseded": {call: func(repo rollout.Repo) error {
			return run(rollout.RunOptions{Superseded: func(*ghdeploy.Deployment) error { return nil }}, func(context.Context, *rollout.Running) error {
				return run(rollout.RunOptions{}, works)(repo)
			})(repo)
		}, requests: 3 + 3 + 1 + 1},
		"Report": {call: func(repo rollout.Repo) error {
			_, err := repo.Report(ctx, 1, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
			return err
		}, requests: 2},
		"Ensure creates": {call: ensure, requests: 3},
		"Ensure finds":   {before: ensure, call: ensure, requests: 1},
		"Wait": {call: func(repo rollout.Repo) error {
			_, err := repo.Wait(ctx, 2, rollout.WaitOptions{})
			return err
		}, requests: 1},
		"Current": {call: func(repo rollout.Repo) error {
			_, err := repo.Current(ctx, "production", rollout.LookOptions{})
			return err
		}, requests: 2},
		"Previous": {call: func(repo rollout.Repo) error {
			_, err := repo.Previous(ctx, "production", rollout.LookOptions{})
			return err
		}, requests: 3},
		"Succeeded": {call: func(repo rollout.Repo) error {
			_, err := repo.Succeeded(ctx, "production", sha, rollout.LookOptions{})
			return err
		}, requests: 2},
		"History": {call: func(repo rollout.Repo) error {
			_, err := repo.History(ctx, ghdeploy.DeploymentListOptions{})
			return err
		}, requests: 1 + 3},
		"Overview": {call: func(repo rollout.Repo) error {
			for _, err := range repo.Overview(ctx, rollout.LookOptions{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}, requests: 1 + 2*2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, repo := serve(t, aged(
					of("1", row("production", "success")),
					of("2", row("production", "success")),
					of("2", row("staging", "success")),
				))
				if tt.before != nil {
					if err := tt.before(repo); err != nil {
						t.Fatal(err)
					}
				}
				earlier := len(srv.Requests())
				if err := tt.call(repo); err != nil {
					t.Fatal(err)
				}
				if n := len(srv.Requests()) - earlier; n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
			})
		})
	}
}
