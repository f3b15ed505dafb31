package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"github.com/ghdeploy/ghdeploy"
)

// call is one operation of the client.
type call struct {
	// do makes the recorded call. It returns the decoded value: for a list its
	// items, and nil for an operation without a response body.
	do func(ctx context.Context, c *ghdeploy.Client, in input) (any, error)
	// of names the decoded object and begins the paths of its fields.
	of string
}

// input is a recorded request.
type input struct {
	vars  map[string]string // of the path
	query url.Values
	body  []byte // a JSON object, {} if no body was recorded
}

func (in input) owner() string       { return in.vars["owner"] }
func (in input) repo() string        { return in.vars["repo"] }
func (in input) environment() string { return in.vars["environment_name"] }

func (in input) id(name string) int64 {
	id, err := strconv.ParseInt(in.vars[name], 10, 64)
	if err != nil {
		panic(fmt.Sprintf("%s is not a number in the path: %v", name, in.vars))
	}
	return id
}

func (in input) number(name string) int {
	n, _ := strconv.Atoi(in.query.Get(name))
	return n
}

// fill decodes the recorded body into one of our request types. An unknown key
// is an error.
func (in input) fill(req any) error {
	decoder := json.NewDecoder(bytes.NewReader(in.body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(req)
}

// calls has one entry for each of the client's operations, by method and path
// as in GitHub's description.
var calls = map[string]call{
	"GET /repos/{owner}/{repo}/deployments": {of: "deployment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.Deployments.List(ctx, in.owner(), in.repo(), ghdeploy.DeploymentListOptions{
			SHA: in.query.Get("sha"), Ref: in.query.Get("ref"), Task: in.query.Get("task"),
			Environment: in.query.Get("environment"), Page: in.number("page"), PerPage: in.number("per_page"),
		})
		return items(page), err
	}},
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}": {of: "deployment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return c.Deployments.Get(ctx, in.owner(), in.repo(), in.id("deployment_id"))
	}},
	"POST /repos/{owner}/{repo}/deployments": {of: "deployment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.DeploymentRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.Deployments.Create(ctx, in.owner(), in.repo(), req)
	}},
	"DELETE /repos/{owner}/{repo}/deployments/{deployment_id}": {do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return nil, c.Deployments.Delete(ctx, in.owner(), in.repo(), in.id("deployment_id"))
	}},
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses": {of: "status", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.Statuses.List(ctx, in.owner(), in.repo(), in.id("deployment_id"), ghdeploy.DeploymentStatusListOptions{
			Page: in.number("page"), PerPage: in.number("per_page"),
		})
		return items(page), err
	}},
	"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}": {of: "status", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return c.Statuses.Get(ctx, in.owner(), in.repo(), in.id("deployment_id"), in.id("status_id"))
	}},
	"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses": {of: "status", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.DeploymentStatusRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.Statuses.Create(ctx, in.owner(), in.repo(), in.id("deployment_id"), req)
	}},
	"GET /repos/{owner}/{repo}/environments": {of: "environments", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.Environments.List(ctx, in.owner(), in.repo(), ghdeploy.EnvironmentListOptions{Page: in.number("page"), PerPage: in.number("per_page")})
		return counted("environments", page), err
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}": {of: "environment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return c.Environments.Get(ctx, in.owner(), in.repo(), in.environment())
	}},
	// Replace sends GitHub's plain PUT; CreateOrUpdate reads first.
	"PUT /repos/{owner}/{repo}/environments/{environment_name}": {of: "environment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.EnvironmentRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.Environments.Replace(ctx, in.owner(), in.repo(), in.environment(), req)
	}},
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}": {do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return nil, c.Environments.Delete(ctx, in.owner(), in.repo(), in.environment())
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": {of: "policies", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.BranchPolicies.List(ctx, in.owner(), in.repo(), in.environment(), ghdeploy.BranchPolicyListOptions{Page: in.number("page"), PerPage: in.number("per_page")})
		return counted("branch_policies", page), err
	}},
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": {of: "policy", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.BranchPolicyRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.BranchPolicies.Create(ctx, in.owner(), in.repo(), in.environment(), req)
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}": {of: "policy", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return c.BranchPolicies.Get(ctx, in.owner(), in.repo(), in.environment(), in.id("branch_policy_id"))
	}},
	"PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}": {of: "policy", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.UpdateBranchPolicyRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.BranchPolicies.Update(ctx, in.owner(), in.repo(), in.environment(), in.id("branch_policy_id"), req)
	}},
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}": {do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return nil, c.BranchPolicies.Delete(ctx, in.owner(), in.repo(), in.environment(), in.id("branch_policy_id"))
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules": {of: "rules", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.ProtectionRules.List(ctx, in.owner(), in.repo(), in.environment(), ghdeploy.CustomProtectionRuleListOptions{})
		return counted("custom_deployment_protection_rules", page), err
	}},
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules": {of: "rule", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.CustomProtectionRuleRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.ProtectionRules.Enable(ctx, in.owner(), in.repo(), in.environment(), req)
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps": {of: "apps", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.ProtectionRules.ListApps(ctx, in.owner(), in.repo(), in.environment(), ghdeploy.CustomProtectionRuleAppListOptions{Page: in.number("page"), PerPage: in.number("per_page")})
		return counted("available_custom_deployment_protection_rule_integrations", page), err
	}},
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}": {of: "rule", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return c.ProtectionRules.Get(ctx, in.owner(), in.repo(), in.environment(), in.id("protection_rule_id"))
	}},
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}": {do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		return nil, c.ProtectionRules.Disable(ctx, in.owner(), in.repo(), in.environment(), in.id("protection_rule_id"))
	}},
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals": {of: "approval", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.Reviews.ListApprovals(ctx, in.owner(), in.repo(), in.id("run_id"), ghdeploy.ApprovalListOptions{})
		return items(page), err
	}},
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments": {of: "pending", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		page, err := c.Reviews.ListPending(ctx, in.owner(), in.repo(), in.id("run_id"), ghdeploy.PendingDeploymentListOptions{})
		return items(page), err
	}},
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments": {of: "deployment", do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.ReviewRequest
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return c.Reviews.Review(ctx, in.owner(), in.repo(), in.id("run_id"), req)
	}},
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule": {do: func(ctx context.Context, c *ghdeploy.Client, in input) (any, error) {
		var req ghdeploy.CustomRuleReview
		if err := in.fill(&req); err != nil {
			return nil, err
		}
		return nil, c.Reviews.ReviewCustomRule(ctx, in.owner(), in.repo(), in.id("run_id"), req)
	}},
}

func items[T any](page *ghdeploy.Page[T]) any {
	if page == nil {
		return nil
	}
	return page.Items
}

// counted wraps a list in an object with total_count, as GitHub does.
func counted[T any](key string, page *ghdeploy.Page[T]) any {
	if page == nil {
		return nil
	}
	return map[string]any{"total_count": page.Total, key: page.Items}
}

// notOurs are operations that the test server has and the client has not, with
// the reason.
var notOurs = map[string]string{
	"GET /rate_limit":           "every response has the quota in its headers",
	"GET /repos/{owner}/{repo}": "repositories do not belong to the Deployments API",
}
