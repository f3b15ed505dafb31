package ghdeploytest

import (
	"fmt"
	"time"
)

// run is what the events of a review tell about a workflow run.
type eventRun struct {
	id                   int64
	number               int64
	name, path           string
	branch, sha          string
	event, status        string // what started it, and waiting or what it is now
	conclusion           string // "" = null
	actor                string // login of who started it
	createdAt, updatedAt time.Time
}

// eventJob is a job of the run that waits, or waited, for the review of an environment.
type eventJob struct {
	id                        int64
	name, environment, status string
	createdAt, updatedAt      time.Time
}

// reviewEvent is what happened: a review was requested, or the caller approved or rejected the jobs.
type reviewEvent struct {
	action    string // requested, approved or rejected
	run       eventRun
	jobs      []eventJob // at least one
	reviewers []reviewerEventJSON
	comment   string // not with requested
}

// protectionRuleEvent asks an app whether a job may go on.
type protectionRuleEvent struct {
	app         string // slug of the app whose rule it is
	runID       int64
	environment string
	event       string // what started the run, like push
	deployment  *deployment
}

type reviewerEventJSON struct {
	Type     string `json:"type"` // User or Team
	Reviewer any    `json:"reviewer"`
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
	Action         string              `json:"action"`
	WorkflowRun    workflowRunJSON     `json:"workflow_run"`
	Since          string              `json:"since"`
	WorkflowJobRun workflowJobRunJSON  `json:"workflow_job_run"`
	Environment    string              `json:"environment"`
	Reviewers      []reviewerEventJSON `json:"reviewers"`
	Requestor      userJSON            `json:"requestor"`
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
	Reviewers       []reviewerEventJSON  `json:"reviewers"`
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

// emitReview sends deployment_review. The caller of c is who reviewed, or, where a review is requested, the server.
func (s *Server) emitReview(c *call, e reviewEvent) {
	s.emit(c, eventReview, e.action, func(about aboutJSON) any {
		about.Organization = s.organization(c) // demanded, also where a person owns the repository
		reviewers := e.reviewers
		if reviewers == nil {
			reviewers = []reviewerEventJSON{}
		}
		run, since := s.workflowRun(c, e.run), timestamp(c.now)
		if e.action == "requested" {
			// Null in the other actions, because a review may be about several.
			first := s.jobRun(c, e.run, e.jobs[0])
			first.Name = &e.jobs[0].name
			return reviewRequestedJSON{
				Action: e.action, WorkflowRun: run, Since: since, WorkflowJobRun: first,
				Environment: e.jobs[0].environment, Reviewers: reviewers, Requestor: s.user(c, e.run.actor), aboutJSON: about,
			}
		}
		jobs := make([]workflowJobRunJSON, len(e.jobs))
		for i, job := range e.jobs {
			jobs[i] = s.jobRun(c, e.run, job)
			jobs[i].Name = &e.jobs[i].name
		}
		return reviewGivenJSON{
			Action: e.action, WorkflowRun: run, Since: since, WorkflowJobRun: s.jobRun(c, e.run, e.jobs[0]), WorkflowJobRuns: jobs,
			Approver: s.user(c, c.actor.login()), Comment: e.comment, Reviewers: reviewers, aboutJSON: about,
		}
	})
}

// emitProtectionRule sends deployment_protection_rule to the app whose rule it is, and to no other.
func (s *Server) emitProtectionRule(c *call, e protectionRuleEvent) {
	s.emitTo(c, eventProtectionRule, "requested", func(h *hook) bool { return h.app == e.app }, func(about aboutJSON) any {
		return protectionRuleEventJSON{
			Action: "requested", Environment: e.environment, Event: e.event,
			DeploymentCallbackURL: c.repoURL(fmt.Sprintf("/actions/runs/%d/deployment_protection_rule", e.runID)),
			Deployment:            s.deploymentJSON(c, e.deployment), PullRequests: []struct{}{}, aboutJSON: about,
		}
	})
}

func (s *Server) workflowRun(c *call, r eventRun) workflowRunJSON {
	api := c.repoURL(fmt.Sprintf("/actions/runs/%d", r.id))
	// The run stands for its workflow and its check suite too: nothing here asks for them.
	run := workflowRunJSON{
		ID: r.id, Name: r.name, NodeID: nodeID("WFR", c.repo.id, r.id), HeadBranch: r.branch, HeadSHA: r.sha, Path: r.path,
		DisplayTitle: r.name, RunNumber: r.number, Event: r.event, Status: r.status, WorkflowID: r.id, CheckSuiteID: r.id,
		CheckSuiteNodeID: nodeID("CS", c.repo.id, r.id), URL: api, HTMLURL: c.runPage(r.id),
		PullRequests: []struct{}{}, CreatedAt: timestamp(r.createdAt), UpdatedAt: timestamp(r.updatedAt),
		Actor: s.user(c, r.actor), RunAttempt: 1, ReferencedWorkflows: []struct{}{}, RunStartedAt: timestamp(r.createdAt),
		TriggeringActor: s.user(c, r.actor), JobsURL: api + "/jobs", LogsURL: api + "/logs",
		CheckSuiteURL: c.repoURL(fmt.Sprintf("/check-suites/%d", r.id)), ArtifactsURL: api + "/artifacts",
		CancelURL: api + "/cancel", RerunURL: api + "/rerun", WorkflowURL: c.repoURL(fmt.Sprintf("/actions/workflows/%d", r.id)),
	}
	if r.conclusion != "" {
		run.Conclusion = &r.conclusion
	}
	return run
}

func (s *Server) jobRun(c *call, r eventRun, job eventJob) workflowJobRunJSON {
	return workflowJobRunJSON{
		ID: job.id, Status: job.status, HTMLURL: fmt.Sprintf("%s/jobs/%d", c.runPage(r.id), job.id),
		CreatedAt: timestamp(job.createdAt), UpdatedAt: timestamp(job.updatedAt), Environment: job.environment,
	}
}

// runPage is where people look at a workflow run.
func (c *call) runPage(id int64) string {
	return fmt.Sprintf("%s/%s/actions/runs/%d", c.htmlRoot(), c.repo.fullName(), id)
}
