package ghdeploytest

import (
	"net/http"
	"slices"
)

const policiesTemplate = environmentTemplate + "/deployment-branch-policies"

func branchPolicyOperations() []operation {
	return []operation{
		{
			id: "repos/list-deployment-branch-policies", method: "GET", path: policiesTemplate,
			permission: "actions=read", docs: "deployments/branch-policies#list-deployment-branch-policies",
			paged: true, handle: (*Server).listBranchPolicies,
		},
		{
			id: "repos/create-deployment-branch-policy", method: "POST", path: policiesTemplate,
			permission: "administration=write", docs: "deployments/branch-policies#create-a-deployment-branch-policy",
			body: true, creates: true, handle: (*Server).createBranchPolicy,
		},
		{
			id: "repos/get-deployment-branch-policy", method: "GET", path: policiesTemplate + "/{branch_policy_id}",
			permission: "actions=read", docs: "deployments/branch-policies#get-a-deployment-branch-policy",
			handle: (*Server).getBranchPolicy,
		},
		{
			id: "repos/update-deployment-branch-policy", method: "PUT", path: policiesTemplate + "/{branch_policy_id}",
			permission: "administration=write", docs: "deployments/branch-policies#update-a-deployment-branch-policy",
			body: true, handle: (*Server).updateBranchPolicy,
		},
		{
			id: "repos/delete-deployment-branch-policy", method: "DELETE", path: policiesTemplate + "/{branch_policy_id}",
			permission: "administration=write", docs: "deployments/branch-policies#delete-a-deployment-branch-policy",
			handle: (*Server).deleteBranchPolicy,
		},
	}
}

type branchPolicy struct {
	id         int64
	name, kind string
}

type branchPolicyJSON struct {
	ID     int64  `json:"id"`
	NodeID string `json:"node_id"`
	Name   string `json:"name"`
	Type   string `json:"type"`
}

func (c *call) branchPolicyJSON(p *branchPolicy) branchPolicyJSON {
	return branchPolicyJSON{p.id, nodeID("GBP", c.repo.id, p.id), p.name, p.kind}
}

// customEnvironment returns the environment in the path, or nil if it does not
// exist or has no custom branch policies.
func (c *call) customEnvironment() *environment {
	if e := c.environment(); e != nil && e.branches == customBranches {
		return e
	}
	return nil
}

func (e *environment) policy(name, kind string) *branchPolicy {
	for _, p := range e.branchPolicies {
		if p.name == name && p.kind == kind {
			return p
		}
	}
	return nil
}

// branchPolicy returns the branch policy in the path, and its environment.
func (c *call) branchPolicy() (*environment, *branchPolicy) {
	e := c.customEnvironment()
	if e == nil {
		return nil, nil
	}
	id := c.id("branch_policy_id")
	for _, p := range e.branchPolicies {
		if p.id == id {
			return e, p
		}
	}
	return e, nil
}

func (s *Server) listBranchPolicies(c *call) response {
	e := c.customEnvironment()
	if e == nil {
		return c.notFound()
	}
	resp := response{status: http.StatusOK}
	list := []branchPolicyJSON{}
	for _, p := range page(s, c, e.branchPolicies, &resp) {
		list = append(list, c.branchPolicyJSON(p))
	}
	resp.body = encode(struct {
		TotalCount     int                `json:"total_count"`
		BranchPolicies []branchPolicyJSON `json:"branch_policies"`
	}{len(e.branchPolicies), list})
	return resp
}

func (s *Server) getBranchPolicy(c *call) response {
	_, p := c.branchPolicy()
	if p == nil {
		return c.notFound()
	}
	return ok(http.StatusOK, c.branchPolicyJSON(p))
}

// policyName reads the name pattern. It must not be empty.
func (f *fields) policyName() string {
	f.require("name")
	name := f.text("name", "")
	if f.has("name") && name == "" && len(f.problems) == 0 {
		f.problem("At least 1 character is required; only 0 were supplied.")
	}
	return name
}

func (s *Server) createBranchPolicy(c *call) response {
	e := c.customEnvironment()
	if e == nil {
		return c.notFound()
	}
	name, kind := c.fields.policyName(), c.fields.choice("type", "branch", "branch", "tag")
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	if e.policy(name, kind) != nil {
		return response{status: http.StatusSeeOther} // no body and no Location
	}
	p := &branchPolicy{s.state.ids.next(policyIDs), name, kind}
	e.branchPolicies = append(e.branchPolicies, p)
	return ok(http.StatusOK, c.branchPolicyJSON(p))
}

func (s *Server) updateBranchPolicy(c *call) response {
	e, p := c.branchPolicy()
	if p == nil {
		return c.notFound()
	}
	name := c.fields.policyName()
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	if other := e.policy(name, p.kind); other != nil && other != p {
		return c.invalid(fieldError{"DeploymentBranchPolicy", "already_exists", "name", ""})
	}
	p.name = name
	return ok(http.StatusOK, c.branchPolicyJSON(p))
}

func (s *Server) deleteBranchPolicy(c *call) response {
	e, p := c.branchPolicy()
	if p == nil {
		return c.notFound()
	}
	e.branchPolicies = slices.DeleteFunc(e.branchPolicies, func(other *branchPolicy) bool { return other == p })
	return response{status: http.StatusNoContent}
}
