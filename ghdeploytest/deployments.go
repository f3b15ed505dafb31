package ghdeploytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func deploymentOperations() []operation {
	return []operation{
		{
			id: "repos/list-deployments", method: "GET", path: "/repos/{owner}/{repo}/deployments",
			permission: "deployments=read", docs: "deployments/deployments#list-deployments",
			paged: true, handle: (*Server).listDeployments,
		},
		{
			id: "repos/create-deployment", method: "POST", path: "/repos/{owner}/{repo}/deployments",
			permission: "deployments=write", docs: "deployments/deployments#create-a-deployment",
			body: true, creates: true, handle: (*Server).createDeployment,
		},
		{
			id: "repos/get-deployment", method: "GET", path: "/repos/{owner}/{repo}/deployments/{deployment_id}",
			permission: "deployments=read", docs: "deployments/deployments#get-a-deployment",
			handle: (*Server).getDeployment,
		},
		{
			id: "repos/delete-deployment", method: "DELETE", path: "/repos/{owner}/{repo}/deployments/{deployment_id}",
			permission: "deployments=write", docs: "deployments/deployments#delete-a-deployment",
			hides: true, handle: (*Server).deleteDeployment,
		},
	}
}

func (s *Server) listDeployments(c *call) response {
	query := c.url.Query()
	// An absent filter matches every row. The description calls "none" the
	// default, but "none" is a value like any other here.
	wants := func(name, value string, same func(a, b string) bool) bool {
		return !query.Has(name) || same(query.Get(name), value)
	}
	exactly := func(a, b string) bool { return a == b }
	rows := []*deployment{}
	for _, d := range s.listed(c.repo, c.now) {
		if wants("sha", d.sha, exactly) && wants("ref", d.ref, exactly) && wants("task", d.task, exactly) &&
			wants("environment", d.environment, strings.EqualFold) {
			rows = append(rows, d)
		}
	}
	resp := response{status: http.StatusOK}
	list := []deploymentJSON{}
	for _, d := range page(s, c, rows, &resp) {
		list = append(list, s.deploymentJSON(c, d))
	}
	resp.body = encode(list)
	return resp
}

func (s *Server) getDeployment(c *call) response {
	d := c.repo.deployment(c.id("deployment_id"))
	if d == nil {
		return c.notFound()
	}
	resp := ok(http.StatusOK, s.deploymentJSON(c, d))
	resp.modified = d.updatedAt
	return resp
}

func (s *Server) createDeployment(c *call) response {
	f := &c.fields
	f.require("ref")
	environment := f.text("environment", "production")
	if environment == "" {
		environment = "production"
	}
	d := &deployment{
		ref:                 f.text("ref", ""),
		task:                f.text("task", "deploy"),
		payload:             f.payload(),
		originalEnvironment: environment,
		environment:         environment,
		transient:           f.boolean("transient_environment", false),
		production:          f.boolean("production_environment", environment == "production"),
	}
	if f.has("description") && !f.null("description") {
		description := f.text("description", "")
		d.description = &description
	}
	autoMerge := f.boolean("auto_merge", true)
	contexts := f.texts("required_contexts")
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	if problem := environmentProblem(environment); problem != "" {
		return c.invalid(fieldError{"Deployment", "custom", "environment", "environment " + problem})
	}

	target, isBranch := c.repo.resolve(d.ref)
	if target == nil {
		return c.fail(http.StatusUnprocessableEntity, "No ref found for: "+d.ref, nil)
	}
	if autoMerge && target.behind {
		if target.conflict || !isBranch {
			return c.fail(http.StatusConflict, fmt.Sprintf("Conflict merging %s into %s.", c.repo.defaultBranch, d.ref), nil)
		}
		c.repo.merge(target)
		return ok(http.StatusAccepted, struct {
			Message string `json:"message"`
		}{fmt.Sprintf("Auto-merged %s into %s on deployment.", c.repo.defaultBranch, d.ref)})
	}
	if resp := c.checkContexts(target.sha, d.ref, contexts); resp != nil {
		return *resp
	}

	d.id, d.sha = s.state.ids.next(deploymentIDs), target.sha
	d.creator, d.app = c.actor.login(), c.actor.app()
	d.createdAt, d.updatedAt = c.now, c.now
	d.written = c.now
	c.repo.append(d)
	s.ensureEnvironment(c.repo, environment, c.now)
	s.emitDeployment(c, d)

	body := s.deploymentJSON(c, d)
	resp := ok(http.StatusCreated, body)
	resp.set("Location", body.URL)
	resp.modified = d.updatedAt
	return resp
}

// payload returns the payload as it was sent: an object, or a string, which may
// hold JSON.
func (f *fields) payload() json.RawMessage {
	if !f.has("payload") {
		return json.RawMessage("{}")
	}
	sent := f.values["payload"]
	if sent[0] != '{' && sent[0] != '"' {
		f.problem(`No subschema in "oneOf" matched.`)
		f.wrong("oneOf/0", sent, "an object")
		f.wrong("oneOf/1", sent, "a string")
	}
	return sent
}

// merge moves the branch to a new merge commit, which has no statuses.
func (r *repository) merge(b *branch) {
	r.merges++
	r.keepHead(b, "")
	b.sha = makeSHA(r.fullName(), "merge", b.sha, fmt.Sprint(r.merges))
	b.behind = false
}

// contextState is a context in the body of a conflict.
type contextState struct {
	Context string `json:"context"`
	State   string `json:"state"`
}

// checkContexts compares the commit's statuses with required_contexts: absent
// means every reported context, [] none, a list exactly those. A listed context
// without a status is pending.
func (c *call) checkContexts(sha, ref string, required []string) *response {
	var checked []contextState
	reported := c.repo.statuses[sha]
	if !c.fields.has("required_contexts") {
		for _, r := range reported {
			checked = append(checked, contextState(r))
		}
	}
	for _, name := range required {
		found := false
		for _, r := range reported { // a status and a check run may share a name
			if r.Context == name {
				checked, found = append(checked, contextState(r)), true
			}
		}
		if !found {
			checked = append(checked, contextState{name, "pending"})
		}
	}
	if !slices.ContainsFunc(checked, func(s contextState) bool { return s.State != "success" }) {
		return nil
	}
	resp := c.fail(http.StatusConflict, fmt.Sprintf("Conflict: Commit status checks failed for %s.", ref), []struct {
		Contexts []contextState `json:"contexts"`
		Resource string         `json:"resource"`
		Field    string         `json:"field"`
		Code     string         `json:"code"`
	}{{checked, "Deployment", "required_contexts", "invalid"}})
	return &resp
}

const activeRefusal = "We cannot delete an active deployment unless it is the only deployment in a given environment."

func (s *Server) deleteDeployment(c *call) response {
	d := c.repo.deployment(c.id("deployment_id"))
	if d == nil {
		return c.notFound()
	}
	if !s.deletable(c.repo, d) {
		return c.fail(http.StatusUnprocessableEntity, "Validation Failed", []string{activeRefusal})
	}
	c.repo.remove(d)
	s.keepDeleted(c.repo, d, c.now)
	return response{status: http.StatusNoContent}
}
