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

// call is one operation of the client, made from what a request holds.
type call struct {
	// do calls the client and returns what it decoded, nil where the operation
	// answers without a body. A list returns its items.
	do func(ctx context.Context, c *ghdeploy.Client, in input) (any, error)
	// of names what it decodes, for the paths of its fields.
	of string
}

// input is what was recorded of a request.
type input struct {
	vars  map[string]string // of the path
	query url.Values
	body  []byte // a JSON object, {} where there was none
}

func (in input) owner() string { return in.vars["owner"] }
func (in input) repo() string  { return in.vars["repo"] }

func (in input) id(name string) int64 {
	id, err := strconv.ParseInt(in.vars[name], 10, 64)
	if err != nil {
		panic(fmt.Sprintf("the path has no number %s: %v", name, in.vars))
	}
	return id
}

func (in input) number(name string) int {
	n, _ := strconv.Atoi(in.query.Get(name))
	return n
}

// fill stores the recorded body in a request of ours. A key that no field
// takes is an error.
func (in input) fill(req any) error {
	decoder := json.NewDecoder(bytes.NewReader(in.body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(req)
}

// calls are the client's operations, by the name that GitHub's description
// gives them. A further operation is one entry.
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
		page, err := c.Statuses.List(ctx, in.owner(), in.repo(), in.id("deployment_id"), ghdeploy.StatusListOptions{
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
}

func items[T any](page *ghdeploy.Page[T]) any {
	if page == nil {
		return nil
	}
	return page.Items
}

// pendingCalls are operations that the client does not have yet, each with the
// field of Client that will bring it. Once the field is there the operation
// has to leave this list for the table above.
var pendingCalls = map[string]string{
	"GET /repos/{owner}/{repo}/environments":                                                                        "Environments",
	"GET /repos/{owner}/{repo}/environments/{environment_name}":                                                     "Environments",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}":                                                     "Environments",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}":                                                  "Environments",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies":                          "BranchPolicies",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies":                         "BranchPolicies",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}":       "BranchPolicies",
	"PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}":       "BranchPolicies",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}":    "BranchPolicies",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules":                         "ProtectionRules",
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules":                        "ProtectionRules",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps":                    "ProtectionRules",
	"GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}":    "ProtectionRules",
	"DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}": "ProtectionRules",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals":                                                     "Reviews",
	"GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments":                                           "Reviews",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments":                                          "Reviews",
	"POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule":                                   "Reviews",
}

// notOurs are operations of the area that the client leaves out, with the
// reason. The test server answers them.
var notOurs = map[string]string{
	"GET /rate_limit":           "the quota comes with every answer; a client that polls for it spends time to learn what it has been told",
	"GET /repos/{owner}/{repo}": "repositories are no part of the Deployments API",
}
