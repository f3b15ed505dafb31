package ghdeploytest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// operations are the operations of GitHub's description, in its spelling.
var operations = []string{
	"GET /rate_limit",
	"GET /user",
	"GET /repos/{owner}/{repo}",
	"GET /repos/{owner}/{repo}/deployments",
	"POST /repos/{owner}/{repo}/deployments",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}",
	"DELETE /repos/{owner}/{repo}/deployments/{deployment_id}",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}",
	"GET /repos/{owner}/{repo}/environments",
	"GET /repos/{owner}/{repo}/environments/{environment_name}",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments",
}

func TestEveryOperationIsServed(t *testing.T) {
	got, want := slices.Sorted(slices.Values(ghdeploytest.RouteTable())), slices.Sorted(slices.Values(operations))
	if len(want) != 28 || !slices.Equal(got, want) {
		t.Errorf("the server has %d operations:\n%q\nwant %d:\n%q", len(got), got, len(want), want)
	}
}

// Each operation succeeds under /, under /api/v3 and with the repository's ID.
func TestEveryOperationSucceeds(t *testing.T) {
	const production = "/environments/production"
	steps := []struct {
		operation, path, body string
		status                int
		token                 string
	}{
		{"GET /rate_limit", "", "", 200, "secret"},
		{"GET /user", "", "", 200, "secret"},
		{"GET /repos/{owner}/{repo}", "", "", 200, "secret"},
		{"GET /repos/{owner}/{repo}/deployments", "/deployments", "", 200, "secret"},
		{"POST /repos/{owner}/{repo}/deployments", "/deployments", `{"ref":"main"}`, 201, "secret"},
		{"GET /repos/{owner}/{repo}/deployments/{deployment_id}", "/deployments/6000000003", "", 200, "secret"},
		{"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "/deployments/6000000003/statuses", `{"state":"inactive"}`, 201, "secret"},
		{"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", "/deployments/6000000003/statuses", "", 200, "secret"},
		{"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}", "/deployments/6000000003/statuses/7000000003", "", 200, "secret"},
		{"DELETE /repos/{owner}/{repo}/deployments/{deployment_id}", "/deployments/6000000003", "", 204, "secret"},
		{"GET /repos/{owner}/{repo}/environments", "/environments", "", 200, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}", production, "", 200, "secret"},
		{"PUT /repos/{owner}/{repo}/environments/{environment_name}", "/environments/new", "", 200, "secret"},
		{"DELETE /repos/{owner}/{repo}/environments/{environment_name}", "/environments/new", "", 204, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", production + "/deployment-branch-policies", "", 200, "secret"},
		{"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", production + "/deployment-branch-policies", `{"name":"x"}`, 200, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", production + "/deployment-branch-policies/11000000002", "", 200, "secret"},
		{"PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", production + "/deployment-branch-policies/11000000002", `{"name":"y"}`, 200, "secret"},
		{"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", production + "/deployment-branch-policies/11000000002", "", 204, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps", production + "/deployment_protection_rules/apps", "", 200, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules", production + "/deployment_protection_rules", "", 200, "secret"},
		{"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules", production + "/deployment_protection_rules", `{"integration_id":2}`, 201, "secret"},
		{"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}", production + "/deployment_protection_rules/10000000004", "", 200, "secret"},
		{"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}", production + "/deployment_protection_rules/10000000004", "", 204, "secret"},
		{"GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", "/actions/runs/42/pending_deployments", "", 200, "secret"},
		{"POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule", "/actions/runs/42/deployment_protection_rule", `{"environment_name":"production","state":"approved"}`, 204, "gate"},
		{"POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", "/actions/runs/42/pending_deployments", `{"environment_ids":[8000000001],"state":"approved","comment":""}`, 200, "secret"},
		{"GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals", "/actions/runs/42/approvals", "", 200, "secret"},
	}
	for _, base := range []string{"/repos/octocat/example", "/api/v3/repos/octocat/example", "/repositories/7", "/api/v3/repositories/7"} {
		t.Run(base[1:], func(t *testing.T) {
			srv := newServer(t,
				ghdeploytest.WithApp(ghdeploytest.App{Slug: "gate", ID: 1}), ghdeploytest.WithApp(ghdeploytest.App{Slug: "other", ID: 2}),
				ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "gate", App: "gate"}),
				ghdeploytest.WithRepository(ghdeploytest.Repository{
					FullName: "octocat/example", ID: 7,
					Environments: []ghdeploytest.Environment{{
						Name: "production", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}},
						BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "main"}}, ProtectionRules: []string{"gate"},
					}},
					Runs: []ghdeploytest.Run{{ID: 42, Environments: []string{"production", "staging"}}},
				}))
			for i, step := range steps {
				method, _, _ := strings.Cut(step.operation, " ")
				path := base + step.path
				if i < 2 {
					path = []string{"/rate_limit", "/user"}[i]
				}
				must(t, srv, step.status, method, path, step.body, "Authorization", "Bearer "+step.token)
				if got := srv.Requests()[i].Operation; got != step.operation || !slices.Contains(operations, got) {
					t.Errorf("operation %q, want %q", got, step.operation)
				}
			}
			if len(steps) != len(operations) {
				t.Errorf("%d steps for %d operations", len(steps), len(operations))
			}
		})
	}
}
