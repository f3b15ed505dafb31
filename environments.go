package ghdeploy

import (
	"context"
	"iter"
	"net/http"
	"time"
)

// EnvironmentsService creates, updates and reads the environments of a
// repository and the rules that protect them. The interface is small and
// frozen: see [DeploymentsService].
//
// The name of an environment has up to 255 characters. It may contain slashes
// and spaces; "", "." and ".." are [ErrInvalidArgument]. GitHub ignores its
// case, and it cannot be changed. To create or change an environment takes
// admin rights: a fine-grained token or an app needs Administration: write.
//
// GitHub docs: https://docs.github.com/rest/deployments/environments
type EnvironmentsService interface {
	// List returns one page of the repository's environments.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#list-environments
	List(ctx context.Context, owner, repo string, opts EnvironmentListOptions) (*Page[*Environment], error)

	// All ranges over the environments of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's maximum; Page is where it begins.
	All(ctx context.Context, owner, repo string, opts EnvironmentListOptions) iter.Seq2[*Environment, error]

	// Get returns one environment. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#get-an-environment
	Get(ctx context.Context, owner, repo, environment string) (*Environment, error)

	// CreateOrUpdate creates an environment, or changes the settings that the
	// request names and keeps the others. GitHub does not document whether its
	// PUT keeps or removes a setting that is omitted. So this method reads the
	// environment first, and sends every protection that it finds together
	// with the changes. It omits a setting that the environment does not show
	// and the request does not name: servers that do not know the setting, and
	// plans that do not include it, refuse it.
	//
	// A protection that cannot be sent back, such as a reviewer of an unknown
	// type, is an [ErrUnknownProtection], and no update is sent. A setting that
	// the server or the plan refuses is a [*ValidationError] that names it; the
	// client does not retry without it. (GitHub has been observed to create
	// the environment in that case.)
	//
	// A change that somebody else makes between the read and the write is
	// reverted. The token must be able to read (Actions: read) as well as to
	// write (Administration: write): GitHub also returns 404 for what a token
	// may not see, and such an environment would be treated as a new one.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
	CreateOrUpdate(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error)

	// Replace is GitHub's PUT: it sends the settings that the request names and
	// no others. That can remove protections: reviewers, wait timer and branch
	// policy that the request omits may be removed, so that anybody can
	// deploy. Use it for a request that names all settings; otherwise use
	// CreateOrUpdate.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
	Replace(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error)

	// Delete deletes an environment with its secrets and rules. Jobs that wait
	// for it fail. Its deployments are kept. A missing environment is
	// [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/environments#delete-an-environment
	Delete(ctx context.Context, owner, repo, environment string) error
}

// Environment is a target of deployments, such as production.
type Environment struct {
	ID      int64  `json:"id"`
	NodeID  string `json:"node_id"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"` // the page of its deployments

	// ProtectionRules are GitHub's own rules. For the rules of apps see
	// [ProtectionRulesService].
	ProtectionRules []ProtectionRule `json:"protection_rules"`
	// DeploymentBranchPolicy is nil if any branch may be deployed.
	DeploymentBranchPolicy *DeploymentBranchPolicySettings `json:"deployment_branch_policy"`
	// CanAdminsBypass reports whether an administrator may bypass the rules.
	// GitHub sends it and does not document it. Nil: the server does not send
	// it.
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

// DeploymentBranchPolicySettings restricts the branches and tags that may be
// deployed. Exactly one of the two is true.
type DeploymentBranchPolicySettings struct {
	ProtectedBranches    bool `json:"protected_branches"`     // those with branch protection
	CustomBranchPolicies bool `json:"custom_branch_policies"` // those that match one of [BranchPoliciesService]
}

// EnvironmentListOptions pages a list of environments.
type EnvironmentListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is the maximum number of pages that All requests at the same
	// time, 0 to 16; see [DeploymentListOptions].
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
