package ghdeploytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const runTemplate = "/repos/{owner}/{repo}/actions/runs/{run_id}"

func reviewOperations() []operation {
	return []operation{
		{
			id: "actions/get-pending-deployments-for-run", method: "GET", path: runTemplate + "/pending_deployments",
			permission: "actions=read", docs: "actions/workflow-runs#get-pending-deployments-for-a-workflow-run",
			handle: (*Server).listPending,
		},
		{
			id: "actions/review-pending-deployments-for-run", method: "POST", path: runTemplate + "/pending_deployments",
			permission: "deployments=write", docs: "actions/workflow-runs#review-pending-deployments-for-a-workflow-run",
			body: true, reviewers: true, handle: (*Server).reviewPending,
		},
		{
			id: "actions/review-custom-gates-for-run", method: "POST", path: runTemplate + "/deployment_protection_rule",
			permission: "deployments=write", docs: "actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run",
			body: true, handle: (*Server).reviewRule,
		},
		{
			id: "actions/get-reviews-for-run", method: "GET", path: runTemplate + "/approvals",
			permission: "actions=read", docs: "actions/workflow-runs#get-the-review-history-for-a-workflow-run",
			handle: (*Server).listReviews,
		},
	}
}

type pendingJSON struct {
	Environment           environmentRefJSON `json:"environment"`
	WaitTimer             int64              `json:"wait_timer"`
	WaitTimerStartedAt    *string            `json:"wait_timer_started_at"`
	CurrentUserCanApprove bool               `json:"current_user_can_approve"`
	Reviewers             []reviewerJSON     `json:"reviewers"`
}

type reviewJSON struct {
	State        string                 `json:"state"`
	Comment      string                 `json:"comment"`
	Environments []datedEnvironmentJSON `json:"environments"`
	User         userJSON               `json:"user"`
}

// canApprove reports whether the caller is a user who may review this job.
func (s *Server) canApprove(c *call, run *run, w *wait) bool {
	if c.actor.token == nil || c.actor.app() != "" || !w.needsReview() {
		return false
	}
	login := c.actor.login()
	if w.environment.preventSelfReview && strings.EqualFold(login, run.actor) {
		return false
	}
	return s.state.reviews(login, w.environment.reviewers)
}

func (s *Server) listPending(c *call) response {
	run := c.repo.run(c.id("run_id"))
	if run == nil {
		return c.notFound()
	}
	list := []pendingJSON{}
	for _, w := range run.waits {
		if w.over {
			continue
		}
		row := pendingJSON{
			Environment: c.environmentRefJSON(w.environment), WaitTimer: w.environment.waitTimer,
			CurrentUserCanApprove: s.canApprove(c, run, w), Reviewers: s.reviewersJSON(c, w.environment.reviewers),
		}
		if row.WaitTimer > 0 {
			started := timestamp(w.since)
			row.WaitTimerStartedAt = &started
		}
		list = append(list, row)
	}
	return ok(http.StatusOK, list)
}

const (
	nothingPending  = "No pending deployment requests to approve or reject"
	alreadyReviewed = "Deployment protection rule has already been reviewed"
)

func (s *Server) reviewPending(c *call) response {
	run := c.repo.run(c.id("run_id"))
	if run == nil {
		return c.notFound()
	}
	f := &c.fields
	f.require("environment_ids")
	f.require("state")
	f.require("comment")
	ids := f.integers("environment_ids")
	state, comment := f.choice("state", "", "approved", "rejected"), f.text("comment", "")
	if resp := c.refuse(); resp != nil {
		return *resp
	}

	entry := &review{state: state, comment: comment, user: c.actor.login()}
	var reviewed []*wait
	for _, w := range run.waits {
		if !w.over && slices.Contains(ids, w.environment.id) && s.canApprove(c, run, w) {
			reviewed = append(reviewed, w)
			entry.environments = append(entry.environments, w.environment)
		}
	}
	if len(reviewed) == 0 {
		return c.fail(http.StatusUnprocessableEntity, "Validation Failed", nothingPending)
	}
	run.reviews = append(run.reviews, entry)
	s.emitReview(c, state, run, reviewed, comment)
	for _, w := range reviewed {
		w.approved = state == "approved"
		if !w.approved {
			s.endWait(c.repo, w, "failure", c.now)
		}
	}
	s.settle(c.now)
	list := []deploymentJSON{}
	for _, w := range reviewed {
		list = append(list, s.deploymentJSON(c, w.deployment))
	}
	return ok(http.StatusOK, list)
}

const (
	maxReports = 10   // per deployment
	maxReport  = 1024 // characters
)

// reviewRule is an app's review of its own rule. A state approves or rejects; a
// comment without a state is a status report.
func (s *Server) reviewRule(c *call) response {
	if c.actor.app() == "" {
		return c.inaccessible("personal access token")
	}
	run := c.repo.run(c.id("run_id"))
	if run == nil {
		return c.notFound()
	}
	f := &c.fields
	f.require("environment_name")
	if !f.has("state") {
		f.require("comment")
	}
	name, comment := f.text("environment_name", ""), f.text("comment", "")
	state := f.choice("state", "pending", "approved", "rejected")
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	refuse := func(message string) response { return c.fail(http.StatusUnprocessableEntity, message, nil) }
	at := slices.IndexFunc(run.waits, func(w *wait) bool { return strings.EqualFold(w.environment.name, name) })
	if at < 0 {
		return refuse(nothingPending)
	}
	w := run.waits[at]
	rule := w.environment.ruleOf(c.actor.app())
	switch {
	case rule == nil:
		return c.inaccessible("integration")
	case !w.needs(rule):
		return refuse(alreadyReviewed)
	case w.over:
		return refuse(nothingPending)
	case utf8.RuneCountInString(comment) > maxReport:
		return refuse(fmt.Sprintf("The comment is too long (maximum is %d characters).", maxReport))
	case state == "pending" && w.reports >= maxReports:
		return refuse(fmt.Sprintf("The deployment has its %d status reports already.", maxReports))
	}
	run.reviews = append(run.reviews, &review{[]*environment{w.environment}, state, comment, c.actor.login()})
	switch state {
	case "approved":
		w.reviewed[rule.id] = true
	case "rejected":
		w.reviewed[rule.id] = true // reviewed and decided
		s.endWait(c.repo, w, "failure", c.now)
	default:
		w.reports++
	}
	s.settle(c.now)
	return response{status: http.StatusNoContent}
}

func (s *Server) listReviews(c *call) response {
	run := c.repo.run(c.id("run_id"))
	if run == nil {
		return c.notFound()
	}
	list := []reviewJSON{}
	for _, r := range run.reviews {
		row := reviewJSON{State: r.state, Comment: r.comment, User: s.user(c, r.user)}
		for _, e := range r.environments {
			row.Environments = append(row.Environments, c.datedEnvironmentJSON(e))
		}
		list = append(list, row)
	}
	return ok(http.StatusOK, list)
}
