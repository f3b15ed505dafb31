package ghdeploy

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"
)

// DeploymentsService creates, finds and deletes deployments. It is small and
// frozen, so that a stub of it stays one: a new operation gets an interface of
// its own.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments
type DeploymentsService interface {
	// List returns one page of the repository's deployments that the options
	// match. GitHub documents no order; in practice the newest come first.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#list-deployments
	List(ctx context.Context, owner, repo string, opts DeploymentListOptions) (*Page[*Deployment], error)

	// All ranges over the deployments of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's most; Page is where it begins.
	All(ctx context.Context, owner, repo string, opts DeploymentListOptions) iter.Seq2[*Deployment, error]

	// Get returns one deployment. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#get-a-deployment
	Get(ctx context.Context, owner, repo string, id int64) (*Deployment, error)

	// Create creates a deployment of a ref.
	//
	// Unless AutoMerge is false, GitHub first merges the default branch into a
	// ref that is behind it, and then makes no deployment: that is a
	// [*MergedBranchError], and the next call deploys. A [*ConflictError] is a
	// merge that failed ([ErrMergeConflict]) or a status check that has not
	// succeeded ([ErrChecksFailed]). A ref that does not exist is
	// [ErrRefNotFound]. An [*OutcomeUnknownError] says that the deployment may
	// exist: it is never sent a second time by itself.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
	Create(ctx context.Context, owner, repo string, req DeploymentRequest) (*Deployment, error)

	// Delete deletes a deployment. An active one is [ErrActiveDeployment],
	// unless it is the repository's only one: give it an inactive status
	// first. A missing one is [ErrNotFound], and so is any without the right
	// to delete it.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#delete-a-deployment
	Delete(ctx context.Context, owner, repo string, id int64) error
}

// Deployment is a request to deploy a ref to an environment. It has no state
// of its own: that is the state of its newest [DeploymentStatus].
type Deployment struct {
	ID     int64  `json:"id"`
	NodeID string `json:"node_id"`
	URL    string `json:"url"`

	SHA  string `json:"sha"`  // the commit
	Ref  string `json:"ref"`  // the branch, tag or SHA that was asked for
	Task string `json:"task"` // such as "deploy"

	Environment           string  `json:"environment"`          // now; a status can change it
	OriginalEnvironment   string  `json:"original_environment"` // at its creation
	TransientEnvironment  bool    `json:"transient_environment"`
	ProductionEnvironment bool    `json:"production_environment"`
	Description           string  `json:"description"`
	Payload               Payload `json:"payload"`

	Creator               *User      `json:"creator"`                  // nil: the account was deleted
	PerformedViaGitHubApp *GitHubApp `json:"performed_via_github_app"` // nil: not through an app

	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	StatusesURL   string    `json:"statuses_url"`
	RepositoryURL string    `json:"repository_url"`
}

func (d *Deployment) rowID() int64 {
	if d == nil {
		return 0
	}
	return d.ID
}

// DeploymentListOptions filters and pages a list of deployments. A zero field
// filters nothing.
type DeploymentListOptions struct {
	SHA         string `url:"sha,omitempty"`         // the commit at the time of creation
	Ref         string `url:"ref,omitempty"`         // as it was given to Create
	Task        string `url:"task,omitempty"`        // such as "deploy"
	Environment string `url:"environment,omitempty"` // such as "staging"

	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30
}

func (o DeploymentListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// DeploymentRequest is a deployment to be created. Only Ref is required; a
// zero field is not sent, and GitHub's default applies.
type DeploymentRequest struct {
	Ref  string `json:"ref"`           // a branch, tag or SHA
	Task string `json:"task,omitzero"` // default "deploy"

	// AutoMerge false deploys the ref as it is. Default true: a ref behind the
	// default branch gets that merged in, and no deployment ([*MergedBranchError]).
	AutoMerge *bool `json:"auto_merge,omitzero"`

	// RequiredContexts are the status checks that must have succeeded. Empty
	// or nil: every check that the commit has.
	RequiredContexts []string `json:"required_contexts,omitzero"`
	// SkipContexts deploys whatever the checks say. It cannot go with
	// RequiredContexts.
	SkipContexts bool `json:"-"`

	// Payload is kept with the deployment for whoever carries it out: a value
	// that encoding/json encodes as an object or a string. A null, such as that
	// of a nil map, is not sent. JSON that is encoded already goes in as a
	// [Payload] or a json.RawMessage: a plain []byte, which encoding/json would
	// turn into base64, is refused. GitHub documents no bound of its size.
	Payload any `json:"payload,omitzero"`

	Environment string `json:"environment,omitzero"` // default "production"; created if it does not exist
	Description string `json:"description,omitzero"`

	TransientEnvironment  bool  `json:"transient_environment,omitzero"`  // one that will go away again, as a preview does
	ProductionEnvironment *bool `json:"production_environment,omitzero"` // default: true if Environment is "production"
}

// body is the request as it is sent.
func (r DeploymentRequest) body() (DeploymentRequest, error) {
	switch {
	case r.Ref == "":
		return r, invalidArgument("the deployment's Ref is empty; give a branch, a tag or a SHA")
	case r.SkipContexts && len(r.RequiredContexts) > 0:
		return r, invalidArgument("the deployment sets RequiredContexts and SkipContexts; one says which checks count, the other that none does")
	case r.SkipContexts:
		r.RequiredContexts = []string{}
	case len(r.RequiredContexts) == 0:
		// GitHub reads an empty list as: check nothing. That takes SkipContexts.
		r.RequiredContexts = nil
	}
	switch r.Payload.(type) {
	case nil:
		return r, nil
	case []byte: // JSON, most likely, that nobody could read any more
		return r, invalidArgument("the deployment's Payload is a []byte, which would be sent as base64; give JSON as a Payload or json.RawMessage, and text as a string")
	}
	payload, err := json.Marshal(r.Payload)
	if err != nil {
		return r, invalidArgument("the deployment's Payload does not encode as JSON: %v", err)
	}
	switch {
	case string(payload) == "null":
		r.Payload = nil
	case payload[0] == '{' || payload[0] == '"':
		r.Payload = json.RawMessage(payload)
	default:
		return r, invalidArgument("the deployment's Payload is neither a JSON object nor a string; GitHub takes nothing else")
	}
	return r, nil
}

type deploymentsService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments
func (s *deploymentsService) List(ctx context.Context, owner, repo string, opts DeploymentListOptions) (*Page[*Deployment], error) {
	path, err := repositoryPath(owner, repo, "deployments")
	if err != nil {
		return nil, err
	}
	return list[*Deployment](ctx, s.core, path, opts, opts.paging())
}

func (s *deploymentsService) All(ctx context.Context, owner, repo string, opts DeploymentListOptions) iter.Seq2[*Deployment, error] {
	opts.PerPage = cmp.Or(opts.PerPage, maxPerPage)
	return Pages(opts.Page, func(page int) (*Page[*Deployment], error) {
		opts := opts
		opts.Page = page
		return s.List(ctx, owner, repo, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments/{deployment_id}
func (s *deploymentsService) Get(ctx context.Context, owner, repo string, id int64) (*Deployment, error) {
	path, err := repositoryPath(owner, repo, "deployments", id)
	if err != nil {
		return nil, err
	}
	return fetch[Deployment](ctx, s.core, operation{method: http.MethodGet, path: path})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/deployments
func (s *deploymentsService) Create(ctx context.Context, owner, repo string, req DeploymentRequest) (*Deployment, error) {
	path, err := repositoryPath(owner, repo, "deployments")
	if err != nil {
		return nil, err
	}
	body, err := req.body()
	if err != nil {
		return nil, err
	}
	op := operation{method: http.MethodPost, path: path, body: body}
	a, err := s.core.call(ctx, op)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusAccepted {
		return nil, merged(op, a)
	}
	return decodeOne[Deployment](op, a)
}

// merged is the one success that is none: GitHub accepted the request, merged
// the default branch into the ref, and deployed nothing.
func merged(op operation, a *answer) error {
	p := parseProblem(a.body, a.redact)
	return envelope(op, a, p, &MergedBranchError{Message: p.message})
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/deployments/{deployment_id}
func (s *deploymentsService) Delete(ctx context.Context, owner, repo string, id int64) error {
	path, err := repositoryPath(owner, repo, "deployments", id)
	if err != nil {
		return err
	}
	return s.core.remove(ctx, operation{
		path:  path,
		means: map[int]error{http.StatusUnprocessableEntity: ErrActiveDeployment},
	})
}
