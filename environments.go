package ghdeploy

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// EnvironmentsService sets up and reads the environments that a repository
// deploys to, with the rules that protect them. It is small and frozen: see
// [DeploymentsService].
//
// An environment's name has up to 255 characters and may be anything but "",
// "." and "..", slashes and spaces included. Its case does not count, and it
// cannot be changed. Setting one up takes admin rights: of a fine-grained token
// or an app, Administration: write.
//
// GitHub docs: https://docs.github.com/rest/deployments/environments
type EnvironmentsService interface {
	// List returns one page of the repository's environments.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#list-environments
	List(ctx context.Context, owner, repo string, opts EnvironmentListOptions) (*Page[*Environment], error)

	// All ranges over the environments of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's most; Page is where it begins.
	All(ctx context.Context, owner, repo string, opts EnvironmentListOptions) iter.Seq2[*Environment, error]

	// Get returns one environment. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#get-an-environment
	Get(ctx context.Context, owner, repo, environment string) (*Environment, error)

	// CreateOrUpdate creates an environment, or changes what the request names
	// of one that exists. What it does not name stays: GitHub documents nowhere
	// whether a setting that the PUT leaves out is kept or removed, so this
	// reads the environment first and sends every protection that it finds
	// along with the changes. A setting that the environment does not show and
	// the request does not name is left out, as servers that do not know it,
	// and plans that do not include it, refuse it.
	//
	// A protection that was found and cannot be sent back, such as a reviewer
	// of an unknown type, is an [ErrUnknownProtection], and nothing is sent. A
	// setting that the server or the plan refuses is a [*ValidationError] that
	// names it; nothing is sent again without it. (GitHub has been seen to
	// create the environment all the same.)
	//
	// Two cautions. What somebody else changes between the reading and the
	// writing is changed back. And the token must be able to read (Actions:
	// read) as well as to write (Administration: write): GitHub says 404 also
	// where it may not, and an environment that cannot be seen is taken for a
	// new one.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
	CreateOrUpdate(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error)

	// Replace is GitHub's PUT as it is: it sends what the request names and
	// nothing else. That can cost protections: GitHub calls it a replacement,
	// and reviewers, wait timer and branch policy that the request leaves out
	// may be gone afterwards, so that anybody can deploy. It is for a request
	// that names all there shall be; otherwise use CreateOrUpdate.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
	Replace(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error)

	// Delete deletes an environment with its secrets and rules, and fails the
	// jobs that wait for it. A missing one is [ErrNotFound]. Its deployments
	// stay.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#delete-an-environment
	Delete(ctx context.Context, owner, repo, environment string) error
}

// Environment is what a repository deploys to.
type Environment struct {
	ID      int64  `json:"id"`
	NodeID  string `json:"node_id"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"` // its deployments, for people

	// ProtectionRules are GitHub's own. Those of apps are at
	// [ProtectionRulesService].
	ProtectionRules []ProtectionRule `json:"protection_rules"`
	// DeploymentBranchPolicy is nil where any branch may be deployed.
	DeploymentBranchPolicy *DeploymentBranchPolicySettings `json:"deployment_branch_policy"`
	// CanAdminsBypass says whether an administrator may deploy past the rules.
	// GitHub sends it and does not document it; nil: this server does not.
	CanAdminsBypass *bool `json:"can_admins_bypass,omitzero"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (e *Environment) rowID() int64 {
	if e == nil {
		return 0
	}
	return e.ID
}

// DeploymentBranchPolicySettings says which branches and tags may be deployed.
// Exactly one of the two is true.
type DeploymentBranchPolicySettings struct {
	ProtectedBranches    bool `json:"protected_branches"`     // those with branch protection
	CustomBranchPolicies bool `json:"custom_branch_policies"` // those that match one of [BranchPoliciesService]
}

// EnvironmentListOptions pages a list of environments.
type EnvironmentListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is how many pages All may request at the same time, 0 to 16; see
	// [DeploymentListOptions].
	Prefetch int `url:"-"`
}

func (o EnvironmentListOptions) paging() paging { return paging{o.Page, o.PerPage} }

type environmentsService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/environments
func (s *environmentsService) List(ctx context.Context, owner, repo string, opts EnvironmentListOptions) (*Page[*Environment], error) {
	return listWrapped[*Environment](ctx, s.core, repositoryPath(owner, repo, "environments"), "environments", opts, opts.paging())
}

func (s *environmentsService) All(ctx context.Context, owner, repo string, opts EnvironmentListOptions) iter.Seq2[*Environment, error] {
	return all(ctx, opts.paging(), opts.Prefetch, func(ctx context.Context, page, perPage int) (*Page[*Environment], error) {
		opts := opts
		opts.Page, opts.PerPage = page, perPage
		return s.List(ctx, owner, repo, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Get(ctx context.Context, owner, repo, environment string) (*Environment, error) {
	return fetch[Environment](ctx, s.core, operation{method: http.MethodGet, path: environmentPath(owner, repo, environment)})
}

func (s *environmentsService) CreateOrUpdate(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error) {
	body, err := req.body()
	if err != nil {
		return nil, err
	}
	path := environmentPath(owner, repo, environment)
	resp, err := s.core.call(ctx, operation{method: http.MethodGet, path: path})
	switch {
	case notFound(err): // there is nothing to keep
	case err != nil:
		return nil, err
	default:
		current, err := decodeOne[Environment](resp)
		if err != nil {
			return nil, err
		}
		if err := body.keep(current); err != nil {
			return nil, newError(resp, err)
		}
	}
	return fetch[Environment](ctx, s.core, operation{method: http.MethodPut, path: path, body: body, waited: resp.waited})
}

//ghdeploy:operation PUT /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Replace(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error) {
	body, err := req.body()
	if err != nil {
		return nil, err
	}
	return fetch[Environment](ctx, s.core, operation{method: http.MethodPut, path: environmentPath(owner, repo, environment), body: body})
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Delete(ctx context.Context, owner, repo, environment string) error {
	return s.core.remove(ctx, operation{path: environmentPath(owner, repo, environment)})
}
