package migrate

import (
	"context"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

var deploymentPairs = []pair{
	{
		before: "Repositories.ListDeployments", after: "Deployments.List", prepare: deployedOften,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, &github.DeploymentsListOptions{
				Environment: "staging", ListOptions: github.ListOptions{Page: 2, PerPage: 10},
			})
			return list, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{
				Environment: "staging", Page: 2, PerPage: 10,
			})
			return page.Items, err
		},
	},
	{
		before: "Repositories.ListDeploymentsIter", after: "Deployments.All", prepare: deployedOften,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			return collect(gc.Repositories.ListDeploymentsIter(ctx, w.owner, w.repo, nil))
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return collect(client.Deployments.All(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{}))
		},
		differs: wantLargerPages(2, 1),
	},
	{
		before: "Repositories.GetDeployment", after: "Deployments.Get", prepare: deployed,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			d, _, err := gc.Repositories.GetDeployment(ctx, w.owner, w.repo, w.id)
			return d, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Deployments.Get(ctx, w.owner, w.repo, w.id)
		},
	},
	{
		before: "Repositories.CreateDeployment", after: "Deployments.Create",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			d, _, err := gc.Repositories.CreateDeployment(ctx, w.owner, w.repo, github.DeploymentRequest{
				Ref: "main", Task: new("deploy:migrations"), AutoMerge: new(false), Payload: map[string]any{"version": 7},
				Environment: new("preview"), Description: new("release 7"),
				TransientEnvironment: new(true), ProductionEnvironment: new(false),
			})
			return d, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Deployments.Create(ctx, w.owner, w.repo, ghdeploy.DeploymentRequest{
				Ref: "main", Task: "deploy:migrations", AutoMerge: new(false), Payload: map[string]any{"version": 7},
				Environment: "preview", Description: "release 7",
				TransientEnvironment: true, ProductionEnvironment: new(false),
			})
		},
	},
	{
		before: "Repositories.DeleteDeployment", after: "Deployments.Delete", prepare: deployed,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Repositories.DeleteDeployment(ctx, w.owner, w.repo, w.id)
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.Deployments.Delete(ctx, w.owner, w.repo, w.id)
		},
	},
	{
		before: "Repositories.ListDeploymentStatuses", after: "Statuses.List", prepare: reported,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.ListDeploymentStatuses(ctx, w.owner, w.repo, w.id, &github.ListOptions{PerPage: 10})
			return list, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Statuses.List(ctx, w.owner, w.repo, w.id, ghdeploy.DeploymentStatusListOptions{PerPage: 10})
			return page.Items, err
		},
	},
	{
		before: "Repositories.ListDeploymentStatusesIter", after: "Statuses.All", prepare: reportedOften,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			return collect(gc.Repositories.ListDeploymentStatusesIter(ctx, w.owner, w.repo, w.id, nil))
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return collect(client.Statuses.All(ctx, w.owner, w.repo, w.id, ghdeploy.DeploymentStatusListOptions{}))
		},
		differs: wantLargerPages(2, 1),
	},
	{
		before: "Repositories.GetDeploymentStatus", after: "Statuses.Get", prepare: reported,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			s, _, err := gc.Repositories.GetDeploymentStatus(ctx, w.owner, w.repo, w.id, w.status)
			return s, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Statuses.Get(ctx, w.owner, w.repo, w.id, w.status)
		},
	},
	{
		before: "Repositories.CreateDeploymentStatus", after: "Statuses.Create", prepare: deployed,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			s, _, err := gc.Repositories.CreateDeploymentStatus(ctx, w.owner, w.repo, w.id, github.DeploymentStatusRequest{
				State: "success", LogURL: new("https://ci.example.com/1"), Description: new("done"),
				EnvironmentURL: new("https://staging.example.com"), AutoInactive: new(false),
			})
			return s, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Statuses.Create(ctx, w.owner, w.repo, w.id, ghdeploy.DeploymentStatusRequest{
				State: ghdeploy.StateSuccess, LogURL: "https://ci.example.com/1", Description: "done",
				EnvironmentURL: "https://staging.example.com", AutoInactive: new(false),
			})
		},
	},
}

// wantLargerPages is the same rows in fewer requests: go-github uses GitHub's
// default of 30 a page, ghdeploy 100.
func wantLargerPages(before, after int) func(*testing.T, *outcome, *outcome) {
	return func(t *testing.T, theirs, ours *outcome) {
		t.Helper()
		wantSuccess(t, "go-github", theirs)
		wantSuccess(t, "ghdeploy", ours)
		wantSameValue(t, theirs.value, ours.value)
		if len(theirs.requests) != before || len(ours.requests) != after {
			t.Errorf("go-github sent %d requests, ghdeploy %d", len(theirs.requests), len(ours.requests))
		}
		for _, r := range theirs.requests {
			if r.Query.Get("per_page") != "" {
				t.Errorf("go-github sent %v", r.Query)
			}
		}
		for _, r := range ours.requests {
			if r.Query.Get("per_page") != "100" {
				t.Errorf("ghdeploy sent %v", r.Query)
			}
		}
	}
}
