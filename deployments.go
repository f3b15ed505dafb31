package ghdeploy

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// DeploymentsService creates, finds and deletes deployments. The interface is
// small and frozen, so that a stub of it keeps compiling: a new operation gets
// an interface of its own.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments
type DeploymentsService interface {
	// List returns one page of the repository's deployments that match the
	// options. GitHub documents no order; in practice the newest come first.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#list-deployments
	List(ctx context.Context, owner, repo string, opts DeploymentListOptions) (*Page[*Deployment], error)

	// All ranges over the deployments of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's maximum; Page is the first page. Do not delete
	// while you range: that skips deployments. Collect them first.
	All(ctx context.Context, owner, repo string, opts DeploymentListOptions) iter.Seq2[*Deployment, error]

	// Get returns one deployment. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#get-a-deployment
	Get(ctx context.Context, owner, repo string, id int64) (*Deployment, error)

	// Create creates a deployment of a ref.
	//
	// Unless AutoMerge is false, GitHub first merges the default branch into a
	// ref that is behind it, and creates no deployment: a
	// [*MergedBranchError]. A [*ConflictError] is a merge that failed
	// ([ErrMergeConflict]) or a status check that has not succeeded
	// ([ErrChecksFailed]). A ref that does not exist is [ErrRefNotFound]. With
	// an [*OutcomeUnknownError] the deployment may exist; the client does not
	// send the request again.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
	Create(ctx context.Context, owner, repo string, req DeploymentRequest) (*Deployment, error)

	// Delete deletes a deployment. An active one is [ErrActiveDeployment],
	// unless it is the repository's only one: give it an inactive status
	// first. A missing one is [ErrNotFound], and so is one that the token may
	// not delete. To delete many, collect their IDs first: deleting while
	// ranging over All skips deployments. Retire of package rollout does that.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#delete-a-deployment
	Delete(ctx context.Context, owner, repo string, id int64) error
}

// Deployment is a request to deploy a ref to an environment. It has no state of
// its own: its state is that of its newest [DeploymentStatus].
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
// is no filter.
type DeploymentListOptions struct {
	SHA         string `url:"sha,omitempty"`         // the commit at the time of creation
	Ref         string `url:"ref,omitempty"`         // as it was given to Create
	Task        string `url:"task,omitempty"`        // such as "deploy"
	Environment string `url:"environment,omitempty"` // such as "staging"

	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is the maximum number of pages that All requests at the same
	// time, 0 to 16. With 0, the default, and with 1, it requests one page
	// after the other. Any other number is an [ErrInvalidArgument]. List
	// ignores Prefetch.
	//
	// GitHub advises clients to make requests one after the other, because
	// concurrent requests can exceed a secondary rate limit. Use Prefetch to
	// read a long list to its end: if each response takes 50 ms, 50 pages take
	// 0.45 s with 8, and 2.5 s without. Lists of up to 4 pages take as long as
	// without it.
	//
	// Prefetch loses no row when others are created. All reads one row of the
	// list before and after the pages that it requests at the same time. If a
	// row was created or deleted meanwhile, All requests these pages again, one
	// after the other. So each set of pages costs one more request, and a list
	// that changes all the time takes twice the requests and somewhat longer.
	// If GitHub omits LastPage, up to Prefetch-1 requests are for pages past
	// the end.
	//
	// At most 2*Prefetch pages are in memory. No request is in flight while the
	// loop body runs. An error replaces the rows of all pages that were
	// requested together with the page that failed. Over HTTP/1.1, set
	// MaxIdleConnsPerHost of the [net/http.Transport] to Prefetch+1; its
	// default is 2, and other connections are closed after each response.
	//
	// GitHub docs: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests
	Prefetch int `url:"-"`
}

func (o DeploymentListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// DeploymentRequest is a deployment to create. Only Ref is required. A zero
// field is not sent, and GitHub's default applies.
type DeploymentRequest struct {
	Ref  string `json:"ref"`           // a branch, tag or SHA
	Task string `json:"task,omitzero"` // default "deploy"

	// AutoMerge false deploys the ref as it is. Default true: a ref behind the
	// default branch gets that merged in, and no deployment
	// ([*MergedBranchError]).
	AutoMerge *bool `json:"auto_merge,omitzero"`

	// RequiredContexts are the status checks that must have succeeded. Nil
	// requires every check that the commit has. An empty list is an
	// [ErrInvalidArgument]: use SkipContexts to skip the checks.
	RequiredContexts []string `json:"required_contexts,omitzero"`
	// SkipContexts deploys without looking at the status checks. It excludes
	// RequiredContexts.
	SkipContexts bool `json:"-"`

	// Payload is stored with the deployment for the system that deploys: a
	// value that encoding/json encodes as an object or a string. A null, such
	// as that of a nil map, is not sent. Pass encoded JSON as a [Payload] or a
	// json.RawMessage: a []byte is an [ErrInvalidArgument], because
	// encoding/json encodes it as base64. GitHub documents no maximum size.
	Payload any `json:"payload,omitzero"`

	Environment string `json:"environment,omitzero"` // default "production"; created if it does not exist
	Description string `json:"description,omitzero"`

	TransientEnvironment  bool  `json:"transient_environment,omitzero"`  // one that will go away again, as a preview does
	ProductionEnvironment *bool `json:"production_environment,omitzero"` // default: true if Environment is "production"
}

// body returns the request as it is sent.
func (r DeploymentRequest) body() (DeploymentRequest, error) {
	switch {
	case r.Ref == "":
		return r, invalidArgument("the deployment's Ref is empty; set it to a branch, a tag or a SHA")
	case r.SkipContexts && len(r.RequiredContexts) > 0:
		return r, invalidArgument("the deployment sets both RequiredContexts and SkipContexts; set one of them")
	case r.SkipContexts:
		r.RequiredContexts = []string{}
	case r.RequiredContexts != nil && len(r.RequiredContexts) == 0:
		// GitHub would skip all checks.
		return r, invalidArgument("the deployment's RequiredContexts is an empty list; set SkipContexts to skip all status checks, or use nil to require all of them")
	}
	switch {
	case r.Payload == nil:
		return r, nil
	case encodesAsBase64(r.Payload):
		return r, invalidArgument("the deployment's Payload is a %s, which encodes as base64; pass JSON as a Payload or a json.RawMessage, and text as a string", strings.ReplaceAll(fmt.Sprintf("%T", r.Payload), "uint8", "byte"))
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
		return r, invalidArgument("the deployment's Payload encodes neither as a JSON object nor as a string; GitHub accepts nothing else")
	}
	return r, nil
}

// encodesAsBase64 reports whether encoding/json encodes v as base64: a slice of
// bytes without a method that encodes it, or a pointer to one.
func encodesAsBase64(v any) bool {
	for value := reflect.ValueOf(v); ; value = value.Elem() {
		switch value.Interface().(type) {
		case json.Marshaler, encoding.TextMarshaler:
			return false
		}
		if value.Kind() != reflect.Pointer || value.IsNil() {
			return value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Uint8
		}
	}
}

type deploymentsService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments
func (s *deploymentsService) List(ctx context.Context, owner, repo string, opts DeploymentListOptions) (*Page[*Deployment], error) {
	return list[*Deployment](ctx, s.core, repositoryPath(owner, repo, "deployments"), opts, opts.paging())
}

func (s *deploymentsService) All(ctx context.Context, owner, repo string, opts DeploymentListOptions) iter.Seq2[*Deployment, error] {
	return all(ctx, opts.paging(), opts.Prefetch, func(ctx context.Context, page, perPage int) (*Page[*Deployment], error) {
		opts := opts
		opts.Page, opts.PerPage = page, perPage
		return s.List(ctx, owner, repo, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/deployments/{deployment_id}
func (s *deploymentsService) Get(ctx context.Context, owner, repo string, id int64) (*Deployment, error) {
	return fetch[Deployment](ctx, s.core, operation{method: http.MethodGet, path: repositoryPath(owner, repo, "deployments", id)})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/deployments
func (s *deploymentsService) Create(ctx context.Context, owner, repo string, req DeploymentRequest) (*Deployment, error) {
	body, err := req.body()
	if err != nil {
		return nil, err
	}
	resp, err := s.core.call(ctx, operation{method: http.MethodPost, path: repositoryPath(owner, repo, "deployments"), body: body})
	if err != nil {
		return nil, err
	}
	if resp.status == http.StatusAccepted {
		return nil, merged(resp)
	}
	d, err := decodeOne[Deployment](resp)
	if err != nil {
		return nil, err
	}
	resp.release()
	return d, nil
}

// merged returns the error of a 202: GitHub merged the default branch into the
// ref and created no deployment.
func merged(resp *response) error {
	resp.errorBody = parseErrorBody(resp.body, resp.redact)
	return newError(resp, &MergedBranchError{Message: resp.errorBody.message})
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/deployments/{deployment_id}
func (s *deploymentsService) Delete(ctx context.Context, owner, repo string, id int64) error {
	return s.core.remove(ctx, operation{
		path:         repositoryPath(owner, repo, "deployments", id),
		statusErrors: map[int]error{http.StatusUnprocessableEntity: ErrActiveDeployment},
	})
}
