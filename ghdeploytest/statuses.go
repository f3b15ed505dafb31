package ghdeploytest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

func statusOperations() []operation {
	return []operation{
		{
			id: "repos/list-deployment-statuses", method: "GET", path: "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
			permission: "deployments=read", docs: "deployments/statuses#list-deployment-statuses",
			paged: true, handle: (*Server).listStatuses,
		},
		{
			id: "repos/create-deployment-status", method: "POST", path: "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
			permission: "deployments=write", docs: "deployments/statuses#create-a-deployment-status",
			body: true, creates: true, handle: (*Server).createStatus,
		},
		{
			id: "repos/get-deployment-status", method: "GET", path: "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}",
			permission: "deployments=read", docs: "deployments/statuses#get-a-deployment-status",
			handle: (*Server).getStatus,
		},
	}
}

func (s *Server) listStatuses(c *call) response {
	d := c.repo.deployment(c.id("deployment_id"))
	if d == nil {
		return c.notFound()
	}
	rows := s.listedStatuses(d, c.now)
	resp := response{status: http.StatusOK}
	list := []statusJSON{}
	for _, st := range page(s, c, rows, &resp) {
		list = append(list, s.statusJSON(c, d, st))
	}
	resp.body = encode(list)
	return resp
}

func (s *Server) getStatus(c *call) response {
	d := c.repo.deployment(c.id("deployment_id"))
	if d == nil {
		return c.notFound()
	}
	id := c.id("status_id")
	for _, st := range d.statuses {
		if st.id == id {
			return ok(http.StatusOK, s.statusJSON(c, d, st))
		}
	}
	return c.notFound()
}

// writableStates are the states that a client may set. Only the server sets
// waiting.
var writableStates = []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}

const maxStatusDescription = 140

func (s *Server) createStatus(c *call) response {
	d := c.repo.deployment(c.id("deployment_id"))
	if d == nil {
		return c.notFound()
	}
	f := &c.fields
	f.require("state")
	st := &deploymentStatus{
		state:          f.choice("state", "", writableStates...),
		description:    f.text("description", ""),
		environment:    f.text("environment", ""),
		targetURL:      f.text("target_url", ""),
		logURL:         f.text("log_url", ""),
		environmentURL: f.text("environment_url", ""),
	}
	autoInactive := f.boolean("auto_inactive", true)
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	var errors []fieldError
	if utf8.RuneCountInString(st.description) > maxStatusDescription {
		errors = append(errors, fieldError{"DeploymentStatus", "custom", "description", fmt.Sprintf("description is too long (maximum is %d characters)", maxStatusDescription)})
	}
	if u := st.environmentURL; u != "" && !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
		errors = append(errors, fieldError{"DeploymentStatus", "custom", "environment_url", "environment_url must use http(s) scheme"})
	}
	if problem := environmentProblem(st.environment); problem != "" && st.environment != "" {
		errors = append(errors, fieldError{"DeploymentStatus", "custom", "environment", "environment " + problem})
	}
	if s.statusCap > 0 && len(d.statuses) >= s.statusCap {
		errors = append(errors, fieldError{"DeploymentStatus", "custom", "deployment_id", fmt.Sprintf("This deployment has reached the maximum number of statuses (%d).", s.statusCap)})
	}
	if len(errors) > 0 {
		return c.invalid(errors...)
	}
	if st.logURL != "" {
		st.targetURL = st.logURL
	}
	s.addStatus(c.repo, d, st, c.actor.login(), c.actor.app(), c.now)
	if st.state == "success" && autoInactive {
		s.deactivateEarlier(c.repo, d, st)
	}
	s.emitStatus(c, d, st)
	body := s.statusJSON(c, d, st)
	resp := ok(http.StatusCreated, body)
	resp.set("Location", body.URL)
	return resp
}

// addStatus adds a status. Without an environment it keeps that of the
// deployment, which is that of the previous status.
func (s *Server) addStatus(r *repository, d *deployment, st *deploymentStatus, login, app string, now time.Time) {
	st.id = s.state.ids.next(statusIDs)
	st.creator, st.app = login, app
	st.createdAt, st.updatedAt, st.written = now, now, now
	if st.environment == "" {
		st.environment = d.environment
	}
	d.statuses = append(d.statuses, st)
	d.environment, d.updatedAt = st.environment, now
	s.ensureEnvironment(r, st.environment, now)
}

// deactivateEarlier implements auto_inactive for a success of d.
func (s *Server) deactivateEarlier(r *repository, d *deployment, success *deploymentStatus) {
	for _, other := range r.deployments {
		if other == d {
			return
		}
		if !other.transient && !other.production && other.latest() == "success" && strings.EqualFold(other.environment, d.environment) {
			inactive := &deploymentStatus{state: "inactive", autoInactiveBy: d.id}
			s.addStatus(r, other, inactive, success.creator, success.app, success.createdAt)
		}
	}
}
