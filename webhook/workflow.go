package webhook

import (
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// Workflow is a workflow of GitHub Actions.
//
// GitHub docs: https://docs.github.com/rest/actions/workflows
type Workflow struct {
	ID        int64     `json:"id"`
	NodeID    string    `json:"node_id"`
	Name      string    `json:"name"`
	Path      string    `json:"path"`  // such as .github/workflows/deploy.yml
	State     string    `json:"state"` // such as "active"
	URL       string    `json:"url"`
	HTMLURL   string    `json:"html_url"`
	BadgeURL  string    `json:"badge_url"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// WorkflowRun is one run of a workflow.
//
// GitHub docs: https://docs.github.com/rest/actions/workflow-runs
type WorkflowRun struct {
	ID           int64  `json:"id"`
	NodeID       string `json:"node_id"`
	Name         string `json:"name"`
	DisplayTitle string `json:"display_title"`
	Path         string `json:"path"`
	Event        string `json:"event"`      // the event that started the run, such as "push"
	Status       string `json:"status"`     // such as "in_progress", "waiting"
	Conclusion   string `json:"conclusion"` // such as "success"; "" while it runs

	RunNumber  int   `json:"run_number"`
	RunAttempt int   `json:"run_attempt"` // from 1
	WorkflowID int64 `json:"workflow_id"`

	HeadBranch     string      `json:"head_branch"`
	HeadSHA        string      `json:"head_sha"`
	HeadCommit     *HeadCommit `json:"head_commit"`
	HeadRepository *Repository `json:"head_repository"`
	Repository     *Repository `json:"repository"`

	Actor               *ghdeploy.User       `json:"actor"`
	TriggeringActor     *ghdeploy.User       `json:"triggering_actor"` // the user who started this attempt
	PullRequests        []RunPullRequest     `json:"pull_requests"`
	ReferencedWorkflows []ReferencedWorkflow `json:"referenced_workflows"`

	CheckSuiteID     int64  `json:"check_suite_id"`
	CheckSuiteNodeID string `json:"check_suite_node_id"`

	URL                string `json:"url"`
	HTMLURL            string `json:"html_url"`
	ArtifactsURL       string `json:"artifacts_url"`
	CancelURL          string `json:"cancel_url"`
	CheckSuiteURL      string `json:"check_suite_url"`
	JobsURL            string `json:"jobs_url"`
	LogsURL            string `json:"logs_url"`
	PreviousAttemptURL string `json:"previous_attempt_url"`
	RerunURL           string `json:"rerun_url"`
	WorkflowURL        string `json:"workflow_url"`

	RunStartedAt time.Time `json:"run_started_at"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// HeadCommit is the commit of a [WorkflowRun].
type HeadCommit struct {
	ID        string       `json:"id"` // the SHA
	TreeID    string       `json:"tree_id"`
	Message   string       `json:"message"`
	Timestamp time.Time    `json:"timestamp"`
	Author    CommitPerson `json:"author"`
	Committer CommitPerson `json:"committer"`
}

// CommitPerson is the author or the committer of a commit.
type CommitPerson struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// RunPullRequest is a pull request as a [WorkflowRun] refers to it.
type RunPullRequest struct {
	ID     int64     `json:"id"`
	Number int       `json:"number"`
	URL    string    `json:"url"`
	Head   RunBranch `json:"head"`
	Base   RunBranch `json:"base"`
}

// RunBranch is one end of a [RunPullRequest].
type RunBranch struct {
	Ref  string  `json:"ref"`
	SHA  string  `json:"sha"`
	Repo RunRepo `json:"repo"`
}

// RunRepo is the repository of a [RunBranch].
type RunRepo struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// ReferencedWorkflow is a reusable workflow that a run called.
type ReferencedWorkflow struct {
	Path string `json:"path"`
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
}

// WorkflowJobRun is a job of a [DeploymentReviewEvent].
type WorkflowJobRun struct {
	ID          int64     `json:"id"`
	Name        string    `json:"name"`
	Status      string    `json:"status"`     // such as "waiting"
	Conclusion  string    `json:"conclusion"` // "" while it waits or runs
	Environment string    `json:"environment"`
	HTMLURL     string    `json:"html_url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// CheckRun is the check run of the job that set a deployment's status.
//
// GitHub docs: https://docs.github.com/rest/checks/runs
type CheckRun struct {
	ID          int64     `json:"id"`
	NodeID      string    `json:"node_id"`
	Name        string    `json:"name"`
	HeadSHA     string    `json:"head_sha"`
	ExternalID  string    `json:"external_id"`
	Status      string    `json:"status"`     // such as "in_progress"
	Conclusion  string    `json:"conclusion"` // such as "success"; "" while it runs
	URL         string    `json:"url"`
	HTMLURL     string    `json:"html_url"`
	DetailsURL  string    `json:"details_url"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at"`
}
