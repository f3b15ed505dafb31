package ghdeploytest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func environmentOperations() []operation {
	return []operation{
		{
			id: "repos/get-all-environments", method: "GET", path: "/repos/{owner}/{repo}/environments",
			permission: "actions=read", docs: "deployments/environments#list-environments",
			paged: true, handle: (*Server).listEnvironments,
		},
		{
			id: "repos/get-environment", method: "GET", path: environmentTemplate,
			permission: "actions=read", docs: "deployments/environments#get-an-environment",
			handle: (*Server).getEnvironment,
		},
		{
			id: "repos/create-or-update-environment", method: "PUT", path: environmentTemplate,
			permission: "administration=write", docs: "deployments/environments#create-or-update-an-environment",
			body: true, nullBody: true, handle: (*Server).putEnvironment,
		},
		{
			id: "repos/delete-an-environment", method: "DELETE", path: environmentTemplate,
			permission: "administration=write", docs: "deployments/environments#delete-an-environment",
			handle: (*Server).deleteEnvironment,
		},
	}
}

const environmentTemplate = "/repos/{owner}/{repo}/environments/{environment_name}"

type environment struct {
	id                   int64
	name                 string
	createdAt, updatedAt time.Time // recorded: a change of the rules moves neither
	protection
	ruleIDs        map[string]int64 // IDs of the built-in rules in force, by type
	branchPolicies []*branchPolicy  // oldest first
	customRules    []*customRule    // oldest first
}

// protection is the part of an environment that PUT sets.
type protection struct {
	waitTimer         int64 // minutes
	reviewers         []reviewer
	preventSelfReview bool
	adminsBypass      bool
	branches          branchRule
}

// branchRule is the kind of deployment_branch_policy.
type branchRule int

const (
	everyBranch branchRule = iota
	protectedBranches
	customBranches
)

// unprotected returns the settings of a new environment. With PUTReplaces they
// are the defaults of absent keys, too.
func unprotected() protection { return protection{adminsBypass: true} }

const (
	ruleWaitTimer = "wait_timer"
	ruleReviewers = "required_reviewers"
	ruleBranches  = "branch_policy"
)

// inForce reports whether a built-in rule is set.
func (p protection) inForce(kind string) bool {
	switch kind {
	case ruleWaitTimer:
		return p.waitTimer > 0
	case ruleReviewers:
		return len(p.reviewers) > 0
	default:
		return p.branches != everyBranch
	}
}

// same reports whether a built-in rule has the same settings in p and q.
func (p protection) same(kind string, q protection) bool {
	switch kind {
	case ruleWaitTimer:
		return p.waitTimer == q.waitTimer
	case ruleReviewers:
		return slices.Equal(p.reviewers, q.reviewers) && p.preventSelfReview == q.preventSelfReview
	default:
		return p.branches == q.branches
	}
}

// protect sets the protection of an environment. A rule that changes gets a new
// ID.
func (s *Server) protect(e *environment, want protection) {
	ids := map[string]int64{}
	for _, kind := range []string{ruleWaitTimer, ruleReviewers, ruleBranches} {
		switch {
		case !want.inForce(kind):
		case e.inForce(kind) && e.same(kind, want):
			ids[kind] = e.ruleIDs[kind]
		default:
			ids[kind] = s.state.ids.next(ruleIDs)
		}
	}
	if want.branches != customBranches {
		e.branchPolicies = nil
	}
	e.ruleIDs, e.protection = ids, want
}

const maxEnvironmentName = 255

// environmentProblem describes an invalid environment name; it returns "" for a
// valid one. GitHub documents the length only.
func environmentProblem(name string) string {
	switch {
	case name == "":
		return "is empty"
	case utf8.RuneCountInString(name) > maxEnvironmentName:
		return fmt.Sprintf("is too long (maximum is %d characters)", maxEnvironmentName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "contains invalid characters"
	}
	return ""
}

// environment returns the environment in the path.
func (c *call) environment() *environment { return c.repo.environment(c.vars["environment_name"]) }

// sortedEnvironments returns the environments in the order of the list.
func (r *repository) sortedEnvironments() []*environment {
	return slices.SortedStableFunc(slices.Values(r.environments), func(a, b *environment) int {
		return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
}

func (s *Server) listEnvironments(c *call) response {
	resp := response{status: http.StatusOK}
	list := []environmentJSON{}
	for _, e := range page(s, c, c.repo.sortedEnvironments(), &resp) {
		list = append(list, s.environmentJSON(c, e))
	}
	resp.body = encode(struct {
		TotalCount   int               `json:"total_count"`
		Environments []environmentJSON `json:"environments"`
	}{len(c.repo.environments), list})
	return resp
}

func (s *Server) getEnvironment(c *call) response {
	e := c.environment()
	if e == nil {
		return c.notFound()
	}
	return ok(http.StatusOK, s.environmentJSON(c, e))
}

func (s *Server) deleteEnvironment(c *call) response {
	e := c.environment()
	if e == nil {
		return c.notFound()
	}
	for _, run := range c.repo.runs {
		for _, w := range run.waits {
			if w.environment == e && !w.over {
				s.endWait(c.repo, w, "failure", c.now)
			}
		}
	}
	c.repo.environments = slices.DeleteFunc(c.repo.environments, func(other *environment) bool { return other == e })
	delete(c.repo.byName, withoutCase(e.name))
	return response{status: http.StatusNoContent}
}

type environmentRefJSON struct {
	ID      int64  `json:"id"`
	NodeID  string `json:"node_id"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"`
}

type datedEnvironmentJSON struct {
	environmentRefJSON
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

type environmentJSON struct {
	datedEnvironmentJSON
	CanAdminsBypass        *bool               `json:"can_admins_bypass,omitempty"`
	ProtectionRules        []ruleJSON          `json:"protection_rules"`
	DeploymentBranchPolicy *branchSettingsJSON `json:"deployment_branch_policy"`
}

type branchSettingsJSON struct {
	ProtectedBranches    bool `json:"protected_branches"`
	CustomBranchPolicies bool `json:"custom_branch_policies"`
}

// ruleJSON is a built-in rule. Each type has only its own members.
type ruleJSON struct {
	ID                int64          `json:"id"`
	NodeID            string         `json:"node_id"`
	Type              string         `json:"type"`
	WaitTimer         int64          `json:"wait_timer,omitempty"`
	PreventSelfReview *bool          `json:"prevent_self_review,omitempty"`
	Reviewers         []reviewerJSON `json:"reviewers,omitempty"`
}

func (c *call) environmentRefJSON(e *environment) environmentRefJSON {
	return environmentRefJSON{
		ID: e.id, NodeID: nodeID("EN", c.repo.id, e.id), Name: e.name,
		URL:     c.repoURL("/environments/" + url.PathEscape(e.name)),
		HTMLURL: fmt.Sprintf("%s/%s/deployments/activity_log?environments_filter=%s", c.htmlRoot(), c.repo.fullName(), url.QueryEscape(e.name)),
	}
}

func (c *call) datedEnvironmentJSON(e *environment) datedEnvironmentJSON {
	return datedEnvironmentJSON{c.environmentRefJSON(e), timestamp(e.createdAt), timestamp(e.updatedAt)}
}

func (s *Server) environmentJSON(c *call, e *environment) environmentJSON {
	body := environmentJSON{datedEnvironmentJSON: c.datedEnvironmentJSON(e), ProtectionRules: []ruleJSON{}}
	if s.knowsKey("can_admins_bypass") {
		body.CanAdminsBypass = &e.adminsBypass
	}
	rule := func(kind string, fill func(*ruleJSON)) {
		if id := e.ruleIDs[kind]; id != 0 {
			r := ruleJSON{ID: id, NodeID: nodeID("GA", c.repo.id, id), Type: kind}
			fill(&r)
			body.ProtectionRules = append(body.ProtectionRules, r)
		}
	}
	rule(ruleWaitTimer, func(r *ruleJSON) { r.WaitTimer = e.waitTimer })
	rule(ruleReviewers, func(r *ruleJSON) {
		r.Reviewers = s.reviewersJSON(c, e.reviewers)
		if s.knowsKey("prevent_self_review") {
			r.PreventSelfReview = &e.preventSelfReview
		}
	})
	rule(ruleBranches, func(*ruleJSON) {})
	if e.branches != everyBranch {
		body.DeploymentBranchPolicy = &branchSettingsJSON{e.branches == protectedBranches, e.branches == customBranches}
	}
	return body
}
