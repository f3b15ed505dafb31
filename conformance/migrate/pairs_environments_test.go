package migrate

import (
	"context"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

var environmentPairs = []pair{
	{
		before: "Repositories.ListEnvironments", after: "Environments.List",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.ListEnvironments(ctx, w.owner, w.repo, &github.EnvironmentListOptions{ListOptions: github.ListOptions{PerPage: 10}})
			return counted(list.GetTotalCount(), list.Environments), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Environments.List(ctx, w.owner, w.repo, ghdeploy.EnvironmentListOptions{PerPage: 10})
			return counted(page.Total, page.Items), err
		},
	},
	{
		before: "Repositories.ListEnvironmentsIter", after: "Environments.All",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			return collect(gc.Repositories.ListEnvironmentsIter(ctx, w.owner, w.repo, nil))
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return collect(client.Environments.All(ctx, w.owner, w.repo, ghdeploy.EnvironmentListOptions{}))
		},
		differs: wantLargerPages(1, 1),
	},
	{
		before: "Repositories.GetEnvironment", after: "Environments.Get",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			e, _, err := gc.Repositories.GetEnvironment(ctx, w.owner, w.repo, w.environment)
			return e, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Environments.Get(ctx, w.owner, w.repo, w.environment)
		},
	},
	{
		before: "Repositories.CreateUpdateEnvironment", after: "Environments.CreateOrUpdate",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			e, _, err := gc.Repositories.CreateUpdateEnvironment(ctx, w.owner, w.repo, w.environment, &github.CreateUpdateEnvironment{WaitTimer: new(30)})
			return e, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Environments.CreateOrUpdate(ctx, w.owner, w.repo, w.environment, ghdeploy.EnvironmentRequest{WaitTimer: new(30)})
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			wantSuccess(t, "go-github", theirs)
			wantSuccess(t, "ghdeploy", ours)
			if e := theirs.environments[0]; e.WaitTimer != 30 || len(e.Reviewers) != 0 || e.CustomBranchPolicies {
				t.Errorf("go-github: %+v", e)
			}
			if e := ours.environments[0]; e.WaitTimer != 30 || len(e.Reviewers) != 1 || !e.CustomBranchPolicies {
				t.Errorf("ghdeploy: %+v", e)
			}
			if len(theirs.requests) != 1 || len(ours.requests) != 2 {
				t.Errorf("go-github sent %d requests, ghdeploy %d", len(theirs.requests), len(ours.requests))
			}
		},
	},
	{
		before: "Repositories.CreateUpdateEnvironment", after: "Environments.Replace",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			e, _, err := gc.Repositories.CreateUpdateEnvironment(ctx, w.owner, w.repo, w.environment, &github.CreateUpdateEnvironment{
				WaitTimer: new(30), Reviewers: []*github.EnvReviewers{{Type: new("User"), ID: new(int64(reviewerID))}},
				PreventSelfReview: new(true), CanAdminsBypass: new(false),
				DeploymentBranchPolicy: &github.BranchPolicy{ProtectedBranches: new(true), CustomBranchPolicies: new(false)},
			})
			if err != nil {
				return nil, err
			}
			_, _, err = gc.Repositories.CreateUpdateEnvironment(ctx, w.owner, w.repo, "new", &github.CreateUpdateEnvironment{WaitTimer: new(30)})
			return e, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			e, err := client.Environments.Replace(ctx, w.owner, w.repo, w.environment, ghdeploy.EnvironmentRequest{
				WaitTimer: new(30), Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: reviewerID}},
				PreventSelfReview: new(true), CanAdminsBypass: new(false),
				DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true},
			})
			if err != nil {
				return nil, err
			}
			_, err = client.Environments.Replace(ctx, w.owner, w.repo, "new", ghdeploy.EnvironmentRequest{WaitTimer: new(30)})
			return e, err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			const before = `{"can_admins_bypass":true,"deployment_branch_policy":null,"reviewers":null,"wait_timer":30}`
			const after = `{"wait_timer":30}`
			if len(theirs.requests) != 2 || len(ours.requests) != 2 || theirs.requests[1].Body != before || ours.requests[1].Body != after {
				t.Fatalf("go-github sent %v, ghdeploy %v", theirs.requests, ours.requests)
			}
			theirs.requests, ours.requests = theirs.requests[:1], ours.requests[:1]
			wantSuccess(t, "go-github", theirs)
			wantSuccess(t, "ghdeploy", ours)
			wantSame(t, theirs, ours)
		},
	},
	{
		before: "Repositories.DeleteEnvironment", after: "Environments.Delete",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Repositories.DeleteEnvironment(ctx, w.owner, w.repo, w.environment)
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.Environments.Delete(ctx, w.owner, w.repo, w.environment)
		},
	},
}
