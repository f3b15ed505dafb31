package ghdeploytest

import (
	"fmt"
	"slices"
)

// The events of workflow runs. A run also stands for its workflow and its check
// suite, and a job has the ID of its deployment.

const (
	runName = "release"
	runFile = ".github/workflows/release.yml"
)

type workflowJSON struct {
	ID        int64  `json:"id"`
	NodeID    string `json:"node_id"`
	Name      string `json:"name"`
	Path      string `json:"path"`
	State     string `json:"state"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
	URL       string `json:"url"`
	HTMLURL   string `json:"html_url"`
	BadgeURL  string `json:"badge_url"`
}

type workflowRunJSON struct {
	ID                  int64      `json:"id"`
	Name                string     `json:"name"`
	NodeID              string     `json:"node_id"`
	HeadBranch          string     `json:"head_branch"`
	HeadSHA             string     `json:"head_sha"`
	Path                string     `json:"path"`
	DisplayTitle        string     `json:"display_title"`
	RunNumber           int64      `json:"run_number"`
	Event               string     `json:"event"`
	Status              string     `json:"status"`
	Conclusion          *string    `json:"conclusion"`
	WorkflowID          int64      `json:"workflow_id"`
	CheckSuiteID        int64      `json:"check_suite_id"`
	CheckSuiteNodeID    string     `json:"check_suite_node_id"`
	URL                 string     `json:"url"`
	HTMLURL             string     `json:"html_url"`
	PullRequests        []struct{} `json:"pull_requests"`
	CreatedAt           string     `json:"created_at"`
	UpdatedAt           string     `json:"updated_at"`
	Actor               userJSON   `json:"actor"`
	RunAttempt          int        `json:"run_attempt"`
	ReferencedWorkflows []struct{} `json:"referenced_workflows"`
	RunStartedAt        string     `json:"run_started_at"`
	TriggeringActor     userJSON   `json:"triggering_actor"`
	JobsURL             string     `json:"jobs_url"`
	LogsURL             string     `json:"logs_url"`
	CheckSuiteURL       string     `json:"check_suite_url"`
	ArtifactsURL        string     `json:"artifacts_url"`
	CancelURL           string     `json:"cancel_url"`
	RerunURL            string     `json:"rerun_url"`
	PreviousAttemptURL  *string    `json:"previous_attempt_url"`
	WorkflowURL         string     `json:"workflow_url"`
}

type workflowJobRunJSON struct {
	ID          int64   `json:"id"`
	Name        *string `json:"name"`
	Status      string  `json:"status"`
	Conclusion  *string `json:"conclusion"`
	HTMLURL     string  `json:"html_url"`
	CreatedAt   string  `json:"created_at"`
	UpdatedAt   string  `json:"updated_at"`
	Environment string  `json:"environment"`
}

type reviewRequestedJSON struct {
	Action         string             `json:"action"`
	WorkflowRun    workflowRunJSON    `json:"workflow_run"`
	Since          string             `json:"since"`
	WorkflowJobRun workflowJobRunJSON `json:"workflow_job_run"`
	Environment    string             `json:"environment"`
	Reviewers      []reviewerJSON     `json:"reviewers"`
	Requestor      userJSON           `json:"requestor"`
	aboutJSON
}

type reviewGivenJSON struct {
	Action          string               `json:"action"`
	WorkflowRun     workflowRunJSON      `json:"workflow_run"`
	Since           string               `json:"since"`
	WorkflowJobRun  workflowJobRunJSON   `json:"workflow_job_run"`
	WorkflowJobRuns []workflowJobRunJSON `json:"workflow_job_runs"`
	Approver        userJSON             `json:"approver"`
	Comment         string               `json:"comment"`
	Reviewers       []reviewerJSON       `json:"reviewers"`
	aboutJSON
}

type protectionRuleEventJSON struct {
	Action                string         `json:"action"`
	Environment           string         `json:"environment"`
	Event                 string         `json:"event"`
	DeploymentCallbackURL string         `json:"deployment_callback_url"`
	Deployment            deploymentJSON `json:"deployment"`
	PullRequests          []struct{}     `json:"pull_requests"`
	aboutJSON
}

// runOf returns the run that created a deployment, nil for none.
func (r *repository) runOf(d *deployment) *run {
	for _, run := range r.runs {
		if slices.ContainsFunc(run.waits, func(w *wait) bool { return w.deployment == d }) {
			return run
		}
	}
	return nil
}

// emitWait sends the events of a waiting job: its status, the request for
// reviews, and the request to each app with a rule.
func (s *Server) emitWait(r *repository, run *run, w *wait) {
	c := s.serverCall(r)
	s.emitStatus(c, w.deployment, w.deployment.statuses[len(w.deployment.statuses)-1])
	byActor := *c
	byActor.actor = actor{&Token{Login: run.actor}} // recorded: the sender is the user who started the run
	if w.needsReview() {
		s.emitReview(&byActor, "requested", run, []*wait{w}, "")
	}
	for _, rule := range w.environment.customRules {
		s.emitProtectionRule(&byActor, run, w, rule.app.Slug)
	}
}

// emitReview sends deployment_review: requested, approved or rejected. The
// caller of c is the sender.
func (s *Server) emitReview(c *call, action string, run *run, waits []*wait, comment string) {
	s.emit(c, eventReview, action, func(about aboutJSON) any {
		about.Organization = s.organization(c) // required by the description, even if a user owns the repository
		of, since := s.workflowRun(c, run), timestamp(c.now)
		var reviewers []reviewer
		var jobs []workflowJobRunJSON
		for _, w := range waits {
			jobs = append(jobs, c.jobRun(run, w))
			for _, r := range w.environment.reviewers {
				if !slices.Contains(reviewers, r) {
					reviewers = append(reviewers, r)
				}
			}
		}
		first := jobs[0]
		if action == "requested" {
			return reviewRequestedJSON{
				Action: action, WorkflowRun: of, Since: since, WorkflowJobRun: first, Environment: first.Environment,
				Reviewers: s.reviewersJSON(c, reviewers), Requestor: s.user(c, run.actor), aboutJSON: about,
			}
		}
		first.Name = nil // null, as a review may be for several jobs
		return reviewGivenJSON{
			Action: action, WorkflowRun: of, Since: since, WorkflowJobRun: first, WorkflowJobRuns: jobs,
			Approver: s.user(c, c.actor.login()), Comment: comment, Reviewers: s.reviewersJSON(c, reviewers), aboutJSON: about,
		}
	})
}

// emitProtectionRule sends deployment_protection_rule to the app with the rule,
// and to no other.
func (s *Server) emitProtectionRule(c *call, run *run, w *wait, app string) {
	s.emitTo(c, eventProtectionRule, "requested", func(h *hook) bool { return h.app == app }, func(about aboutJSON) any {
		return protectionRuleEventJSON{
			Action: "requested", Environment: w.environment.name, Event: "push",
			DeploymentCallbackURL: c.repoURL(fmt.Sprintf("/actions/runs/%d/deployment_protection_rule", run.id)),
			Deployment:            s.deploymentJSON(c, w.deployment), PullRequests: []struct{}{}, aboutJSON: about,
		}
	})
}

func (s *Server) workflow(c *call, run *run) workflowJSON {
	at, page := timestamp(c.repo.createdAt), c.htmlRoot()+"/"+c.repo.fullName()
	return workflowJSON{
		ID: run.id, NodeID: nodeID("W", c.repo.id, run.id), Name: runName, Path: runFile, State: "active", CreatedAt: at, UpdatedAt: at,
		URL:      c.repoURL(fmt.Sprintf("/actions/workflows/%d", run.id)),
		HTMLURL:  page + "/blob/" + c.repo.defaultBranch + "/" + runFile,
		BadgeURL: page + "/workflows/" + runName + "/badge.svg",
	}
}

// workflowRun returns a run. It is waiting as long as one of its jobs is.
func (s *Server) workflowRun(c *call, run *run) workflowRunJSON {
	api := c.repoURL(fmt.Sprintf("/actions/runs/%d", run.id))
	d := run.waits[0].deployment
	status := "in_progress"
	if slices.ContainsFunc(run.waits, func(w *wait) bool { return !w.over }) {
		status = "waiting"
	}
	at := timestamp(d.createdAt)
	return workflowRunJSON{
		ID: run.id, Name: runName, NodeID: nodeID("WFR", c.repo.id, run.id), HeadBranch: d.ref, HeadSHA: d.sha, Path: runFile,
		DisplayTitle: runName, RunNumber: int64(slices.Index(c.repo.runs, run) + 1), Event: "push", Status: status,
		WorkflowID: run.id, CheckSuiteID: run.id, CheckSuiteNodeID: nodeID("CS", c.repo.id, run.id), URL: api, HTMLURL: c.runPage(run),
		PullRequests: []struct{}{}, CreatedAt: at, UpdatedAt: timestamp(c.now), Actor: s.user(c, run.actor), RunAttempt: 1,
		ReferencedWorkflows: []struct{}{}, RunStartedAt: at, TriggeringActor: s.user(c, run.actor),
		JobsURL: api + "/jobs", LogsURL: api + "/logs", CheckSuiteURL: c.repoURL(fmt.Sprintf("/check-suites/%d", run.id)),
		ArtifactsURL: api + "/artifacts", CancelURL: api + "/cancel", RerunURL: api + "/rerun",
		WorkflowURL: c.repoURL(fmt.Sprintf("/actions/workflows/%d", run.id)),
	}
}

// jobRun returns a job that is waiting, or was until this review.
func (c *call) jobRun(run *run, w *wait) workflowJobRunJSON {
	name := "deploy to " + w.environment.name
	return workflowJobRunJSON{
		ID: w.deployment.id, Name: &name, Status: "waiting", HTMLURL: fmt.Sprintf("%s/jobs/%d", c.runPage(run), w.deployment.id),
		CreatedAt: timestamp(w.since), UpdatedAt: timestamp(w.since), Environment: w.environment.name,
	}
}

// runPage returns the address of a workflow run on the website.
func (c *call) runPage(run *run) string {
	return fmt.Sprintf("%s/%s/actions/runs/%d", c.htmlRoot(), c.repo.fullName(), run.id)
}
