package ghdeploy

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// StatusesService creates and reads the statuses of a deployment. The interface
// is small and frozen: see [DeploymentsService].
//
// GitHub docs: https://docs.github.com/rest/deployments/statuses
type StatusesService interface {
	// List returns one page of a deployment's statuses. GitHub documents no
	// order; in practice the newest come first.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/statuses#list-deployment-statuses
	List(ctx context.Context, owner, repo string, deploymentID int64, opts DeploymentStatusListOptions) (*Page[*DeploymentStatus], error)

	// All ranges over the statuses of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's maximum; Page is where it begins.
	All(ctx context.Context, owner, repo string, deploymentID int64, opts DeploymentStatusListOptions) iter.Seq2[*DeploymentStatus, error]

	// Get returns one status of a deployment. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/statuses#get-a-deployment-status
	Get(ctx context.Context, owner, repo string, deploymentID, statusID int64) (*DeploymentStatus, error)

	// Create adds a status to a deployment. A status is never changed or
	// deleted.
	//
	// A description of more than 140 characters is a [*ValidationError]. A
	// deployment with the maximum number of statuses is [ErrTooManyStatuses].
	// With an [*OutcomeUnknownError] the status may exist; the client does not
	// send the request again. Report of package rollout settles that.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/statuses#create-a-deployment-status
	Create(ctx context.Context, owner, repo string, deploymentID int64, req DeploymentStatusRequest) (*DeploymentStatus, error)
}

// State is the state of a deployment. GitHub may send one that is not listed
// here; it is kept as it was sent.
type State string

// The states. Create accepts all of them except StateWaiting.
const (
	StateError      State = "error"
	StateFailure    State = "failure"
	StateInactive   State = "inactive"
	StateInProgress State = "in_progress"
	StateQueued     State = "queued"
	StatePending    State = "pending"
	StateSuccess    State = "success"

	// StateWaiting is the state while an environment's protection rules delay
	// a deployment. GitHub's REST description does not list it; its
	// deployment_status events contain it.
	StateWaiting State = "waiting"
)

// Final reports whether the state ends a deployment: success, failure, error
// or inactive. GitHub can still replace a success with inactive, when a newer
// deployment of the environment succeeds.
func (s State) Final() bool {
	switch s {
	case StateSuccess, StateFailure, StateError, StateInactive:
		return true
	}
	return false
}

// DeploymentStatus is one status of a deployment.
type DeploymentStatus struct {
	ID     int64  `json:"id"`
	NodeID string `json:"node_id"`
	URL    string `json:"url"`

	State          State  `json:"state"`
	Description    string `json:"description"`
	Environment    string `json:"environment"`
	EnvironmentURL string `json:"environment_url"` // the deployed application
	LogURL         string `json:"log_url"`         // the output of the deployment
	TargetURL      string `json:"target_url"`      // LogURL under its older name

	Creator               *User      `json:"creator"`                  // nil: the account was deleted
	PerformedViaGitHubApp *GitHubApp `json:"performed_via_github_app"` // nil: not through an app

	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	DeploymentURL string    `json:"deployment_url"`
	RepositoryURL string    `json:"repository_url"`
}

func (s *DeploymentStatus) rowID() int64 {
	if s == nil {
		return 0
	}
	return s.ID
}

// DeploymentStatusListOptions pages a list of statuses.
type DeploymentStatusListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is the maximum number of pages that All requests at the same
	// time, 0 to 16; see [DeploymentListOptions].
	Prefetch int `url:"-"`
}

func (o DeploymentStatusListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// DeploymentStatusRequest is a status to create. Only State is required. A zero
// field is not sent, and GitHub's default applies.
type DeploymentStatusRequest struct {
	State State `json:"state"`

	// LogURL is the URL of the deployment's output. GitHub sets TargetURL to
	// the same value.
	LogURL    string `json:"log_url,omitzero"`
	TargetURL string `json:"target_url,omitzero"` // LogURL under its older name

	Description    string `json:"description,omitzero"`     // at most 140 characters
	EnvironmentURL string `json:"environment_url,omitzero"` // URL of the deployed application

	// Environment moves the deployment to another environment. Default: the
	// environment of the previous status, else that of the deployment.
	Environment string `json:"environment,omitzero"`

	// AutoInactive false does not change earlier deployments. Default true:
	// GitHub adds an inactive status to the earlier deployments of the same
	// environment whose state is success and that are neither transient nor
	// production.
	AutoInactive *bool `json:"auto_inactive,omitzero"`
}

type statusesService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
func (s *statusesService) List(ctx context.Context, owner, repo string, deploymentID int64, opts DeploymentStatusListOptions) (*Page[*DeploymentStatus], error) {
	return list[*DeploymentStatus](ctx, s.core, repositoryPath(owner, repo, "deployments", deploymentID, "statuses"), opts, opts.paging())
}

func (s *statusesService) All(ctx context.Context, owner, repo string, deploymentID int64, opts DeploymentStatusListOptions) iter.Seq2[*DeploymentStatus, error] {
	return all(ctx, opts.paging(), opts.Prefetch, func(ctx context.Context, page, perPage int) (*Page[*DeploymentStatus], error) {
		opts := opts
		opts.Page, opts.PerPage = page, perPage
		return s.List(ctx, owner, repo, deploymentID, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}
func (s *statusesService) Get(ctx context.Context, owner, repo string, deploymentID, statusID int64) (*DeploymentStatus, error) {
	return fetch[DeploymentStatus](ctx, s.core, operation{method: http.MethodGet, path: repositoryPath(owner, repo, "deployments", deploymentID, "statuses", statusID)})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
func (s *statusesService) Create(ctx context.Context, owner, repo string, deploymentID int64, req DeploymentStatusRequest) (*DeploymentStatus, error) {
	if req.State == "" {
		return nil, invalidArgument("the status's State is empty; set it to one such as StateSuccess")
	}
	return fetch[DeploymentStatus](ctx, s.core, operation{method: http.MethodPost, path: repositoryPath(owner, repo, "deployments", deploymentID, "statuses"), body: req})
}
