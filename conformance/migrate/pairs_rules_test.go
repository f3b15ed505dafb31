package migrate

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

var rulePairs = []pair{
	{
		before: "Repositories.ListDeploymentBranchPolicies", after: "BranchPolicies.List",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.ListDeploymentBranchPolicies(ctx, w.owner, w.repo, w.environment, &github.ListOptions{PerPage: 10})
			return counted(list.GetTotalCount(), list.BranchPolicies), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.BranchPolicies.List(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyListOptions{PerPage: 10})
			return counted(page.Total, page.Items), err
		},
	},
	{
		before: "Repositories.ListDeploymentBranchPoliciesIter", after: "BranchPolicies.All",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			return collect(gc.Repositories.ListDeploymentBranchPoliciesIter(ctx, w.owner, w.repo, w.environment, nil))
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return collect(client.BranchPolicies.All(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyListOptions{}))
		},
		differs: wantLargerPages(1, 1),
	},
	{
		before: "Repositories.GetDeploymentBranchPolicy", after: "BranchPolicies.Get", prepare: guarded,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			p, _, err := gc.Repositories.GetDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy)
			return p, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.BranchPolicies.Get(ctx, w.owner, w.repo, w.environment, w.policy)
		},
	},
	{
		before: "Repositories.CreateDeploymentBranchPolicy", after: "BranchPolicies.Create",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			p, _, err := gc.Repositories.CreateDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, github.CreateDeploymentBranchPolicyRequest{
				Name: "release/*", Type: new("branch"),
			})
			return p, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.BranchPolicies.Create(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyRequest{
				Name: "release/*", Type: ghdeploy.PolicyBranch,
			})
		},
	},
	{
		before: "Repositories.UpdateDeploymentBranchPolicy", after: "BranchPolicies.Update", prepare: guarded,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			p, _, err := gc.Repositories.UpdateDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy, github.UpdateDeploymentBranchPolicyRequest{Name: "main*"})
			return p, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.BranchPolicies.Update(ctx, w.owner, w.repo, w.environment, w.policy, ghdeploy.UpdateBranchPolicyRequest{Name: "main*"})
		},
	},
	{
		before: "Repositories.DeleteDeploymentBranchPolicy", after: "BranchPolicies.Delete", prepare: guarded,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Repositories.DeleteDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy)
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.BranchPolicies.Delete(ctx, w.owner, w.repo, w.environment, w.policy)
		},
	},
	{
		before: "Repositories.GetAllDeploymentProtectionRules", after: "ProtectionRules.List",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.GetAllDeploymentProtectionRules(ctx, w.owner, w.repo, w.environment)
			return counted(list.GetTotalCount(), list.ProtectionRules), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.ProtectionRules.List(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleListOptions{})
			return counted(page.Total, page.Items), err
		},
	},
	{
		before: "Repositories.GetCustomDeploymentProtectionRule", after: "ProtectionRules.Get", prepare: guarded,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			r, _, err := gc.Repositories.GetCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, w.rule)
			return r, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.ProtectionRules.Get(ctx, w.owner, w.repo, w.environment, w.rule)
		},
	},
	{
		before: "Repositories.CreateCustomDeploymentProtectionRule", after: "ProtectionRules.Enable",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			r, _, err := gc.Repositories.CreateCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, &github.CustomDeploymentProtectionRuleRequest{
				IntegrationID: new(int64(otherAppID)),
			})
			return r, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.ProtectionRules.Enable(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleRequest{
				IntegrationID: otherAppID,
			})
		},
	},
	{
		before: "Repositories.DisableCustomDeploymentProtectionRule", after: "ProtectionRules.Disable", prepare: guarded,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Repositories.DisableCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, w.rule)
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.ProtectionRules.Disable(ctx, w.owner, w.repo, w.environment, w.rule)
		},
	},
	{
		before: "Repositories.ListCustomDeploymentRuleIntegrations", after: "ProtectionRules.ListApps",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Repositories.ListCustomDeploymentRuleIntegrations(ctx, w.owner, w.repo, w.environment, &github.ListOptions{PerPage: 10})
			return counted(list.GetTotalCount(), list.AvailableIntegrations), err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.ProtectionRules.ListApps(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleAppListOptions{PerPage: 10})
			return counted(page.Total, page.Items), err
		},
	},
	{
		before: "Repositories.ListCustomDeploymentRuleIntegrationsIter", after: "ProtectionRules.AllApps",
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			return collect(gc.Repositories.ListCustomDeploymentRuleIntegrationsIter(ctx, w.owner, w.repo, w.environment, nil))
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return collect(client.ProtectionRules.AllApps(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleAppListOptions{}))
		},
		differs: wantLargerPages(1, 1),
	},
}

// counted is a list with the number of rows that the response states.
func counted(total int, rows any) any {
	return map[string]any{"total": total, "rows": rows}
}

var reviewPairs = []pair{
	{
		before: "Actions.GetPendingDeployments", after: "Reviews.ListPending", prepare: waiting,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Actions.GetPendingDeployments(ctx, w.owner, w.repo, w.run)
			return list, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Reviews.ListPending(ctx, w.owner, w.repo, w.run, ghdeploy.PendingDeploymentListOptions{})
			return page.Items, err
		},
	},
	{
		before: "Actions.PendingDeployments", after: "Reviews.Review", prepare: waiting,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			list, _, err := gc.Actions.PendingDeployments(ctx, w.owner, w.repo, w.run, github.PendingDeploymentsRequest{
				EnvironmentIDs: []int64{w.environmentID}, State: "approved", Comment: "ship it",
			})
			return list, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return client.Reviews.Review(ctx, w.owner, w.repo, w.run, ghdeploy.ReviewRequest{
				EnvironmentIDs: []int64{w.environmentID}, State: ghdeploy.ReviewApproved, Comment: "ship it",
			})
		},
	},
	{
		before: "Actions.ReviewCustomDeploymentProtectionRule", after: "Reviews.ReviewCustomRule", prepare: waiting, token: appToken,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Actions.ReviewCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.run, github.ReviewCustomDeploymentProtectionRuleRequest{
				EnvironmentName: w.environment, State: "approved", Comment: "checked",
			})
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.Reviews.ReviewCustomRule(ctx, w.owner, w.repo, w.run, ghdeploy.CustomRuleReview{
				EnvironmentName: w.environment, State: ghdeploy.ReviewApproved, Comment: "checked",
			})
		},
	},
	{
		// go-github has the same call for a report, and sends a state in it.
		before: "Actions.ReviewCustomDeploymentProtectionRule", after: "Reviews.ReportCustomRuleStatus", prepare: waiting, token: appToken,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, err := gc.Actions.ReviewCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.run, github.ReviewCustomDeploymentProtectionRuleRequest{
				EnvironmentName: w.environment, Comment: "3 of 7 checks",
			})
			return nil, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			return nil, client.Reviews.ReportCustomRuleStatus(ctx, w.owner, w.repo, w.run, ghdeploy.CustomRuleStatus{
				EnvironmentName: w.environment, Comment: "3 of 7 checks",
			})
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			var response *github.ErrorResponse
			if !errors.As(theirs.err, &response) || response.Response.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("go-github: %v", theirs.err)
			}
			wantSuccess(t, "ghdeploy", ours)
			const before = `{"comment":"3 of 7 checks","environment_name":"production","state":""}`
			const after = `{"comment":"3 of 7 checks","environment_name":"production"}`
			if theirs.requests[0].Body != before || ours.requests[0].Body != after {
				t.Errorf("go-github sent %s, ghdeploy %s", theirs.requests[0].Body, ours.requests[0].Body)
			}
			if len(theirs.reviews) != 0 || len(ours.reviews) != 1 || ours.reviews[0].State != "pending" {
				t.Errorf("reviews: %v with go-github, %v with ghdeploy", theirs.reviews, ours.reviews)
			}
		},
	},
	{
		before: "none", after: "Reviews.ListApprovals", prepare: approved,
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Reviews.ListApprovals(ctx, w.owner, w.repo, w.run, ghdeploy.ApprovalListOptions{})
			return page.Items, err
		},
		differs: func(t *testing.T, _, ours *outcome) {
			wantSuccess(t, "ghdeploy", ours)
			list, ok := ours.value.([]*ghdeploy.Approval)
			if !ok || len(list) != 1 || list[0].Comment != "ship it" || list[0].State != ghdeploy.ReviewApproved {
				t.Errorf("ghdeploy: %v", ours.value)
			}
		},
	},
}
