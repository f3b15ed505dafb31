package ghdeploy

import (
	"context"
	"iter"
	"net/http"
)

// BranchPoliciesService manages the patterns of branches and tags that may be
// deployed to an environment. GitHub applies them while CustomBranchPolicies of
// the environment's [DeploymentBranchPolicySettings] is true; otherwise every
// method returns [ErrNotFound]. Changing policies requires admin rights.
// The interface is small and frozen: see [DeploymentsService].
//
// GitHub docs: https://docs.github.com/rest/deployments/branch-policies
type BranchPoliciesService interface {
	// List returns one page of the environment's policies.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/branch-policies#list-deployment-branch-policies
	List(ctx context.Context, owner, repo, environment string, opts BranchPolicyListOptions) (*Page[*BranchPolicy], error)

	// All ranges over the policies of all pages, as [Pages] does. PerPage 0
	// becomes 100, GitHub's maximum; Page is where it begins.
	All(ctx context.Context, owner, repo, environment string, opts BranchPolicyListOptions) iter.Seq2[*BranchPolicy, error]

	// Get returns one policy. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/branch-policies#get-a-deployment-branch-policy
	Get(ctx context.Context, owner, repo, environment string, id int64) (*BranchPolicy, error)

	// Create adds a policy. One with the same pattern is [ErrAlreadyExists].
	// With an [*OutcomeUnknownError] the policy may exist; the client does not
	// send the request again.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/branch-policies#create-a-deployment-branch-policy
	Create(ctx context.Context, owner, repo, environment string, req BranchPolicyRequest) (*BranchPolicy, error)

	// Update changes the pattern of a policy. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/branch-policies#update-a-deployment-branch-policy
	Update(ctx context.Context, owner, repo, environment string, id int64, req UpdateBranchPolicyRequest) (*BranchPolicy, error)

	// Delete deletes a policy. A missing one is [ErrNotFound].
	//
	// GitHub docs: https://docs.github.com/rest/deployments/branch-policies#delete-a-deployment-branch-policy
	Delete(ctx context.Context, owner, repo, environment string, id int64) error
}

// BranchPolicyType says whether a policy matches branches or tags. GitHub may
// send one that is not listed here; it is kept as it was sent.
type BranchPolicyType string

// The types of policies.
const (
	PolicyBranch BranchPolicyType = "branch"
	PolicyTag    BranchPolicyType = "tag"
)

// BranchPolicy is a pattern of branches or tags that may be deployed.
type BranchPolicy struct {
	ID     int64            `json:"id"`
	NodeID string           `json:"node_id"`
	Name   string           `json:"name"` // the pattern
	Type   BranchPolicyType `json:"type"` // "" from servers that know branches only
}

func (p *BranchPolicy) rowID() int64 {
	if p == nil {
		return 0
	}
	return p.ID
}

// BranchPolicyListOptions pages a list of policies.
type BranchPolicyListOptions struct {
	Page    int `url:"page,omitempty"`     // from 1; 0 is the first
	PerPage int `url:"per_page,omitempty"` // 1 to 100; 0 is GitHub's default, 30

	// Prefetch is the maximum number of pages that All requests at the same
	// time, 0 to 16; see [DeploymentListOptions].
	Prefetch int `url:"-"`
}

func (o BranchPolicyListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// BranchPolicyRequest is a policy to create. Only Name is required.
type BranchPolicyRequest struct {
	// Name is a pattern of Ruby's File.fnmatch. A * does not match a slash:
	// release/* does not match release/1/2.
	Name string           `json:"name"`
	Type BranchPolicyType `json:"type,omitzero"` // default PolicyBranch
}

// UpdateBranchPolicyRequest is the new pattern of a policy. The type does not
// change.
type UpdateBranchPolicyRequest struct {
	Name string `json:"name"` // required; see [BranchPolicyRequest]
}

type branchPoliciesService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies
func (s *branchPoliciesService) List(ctx context.Context, owner, repo, environment string, opts BranchPolicyListOptions) (*Page[*BranchPolicy], error) {
	return listWrapped[*BranchPolicy](ctx, s.core, environmentPath(owner, repo, environment, "deployment-branch-policies"), "branch_policies", opts, opts.paging())
}

func (s *branchPoliciesService) All(ctx context.Context, owner, repo, environment string, opts BranchPolicyListOptions) iter.Seq2[*BranchPolicy, error] {
	return all(ctx, opts.paging(), opts.Prefetch, func(ctx context.Context, page, perPage int) (*Page[*BranchPolicy], error) {
		opts := opts
		opts.Page, opts.PerPage = page, perPage
		return s.List(ctx, owner, repo, environment, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}
func (s *branchPoliciesService) Get(ctx context.Context, owner, repo, environment string, id int64) (*BranchPolicy, error) {
	return fetch[BranchPolicy](ctx, s.core, operation{method: http.MethodGet, path: environmentPath(owner, repo, environment, "deployment-branch-policies", id)})
}

//ghdeploy:operation POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies
func (s *branchPoliciesService) Create(ctx context.Context, owner, repo, environment string, req BranchPolicyRequest) (*BranchPolicy, error) {
	if req.Name == "" {
		return nil, errNoPattern
	}
	return fetch[BranchPolicy](ctx, s.core, operation{
		method:       http.MethodPost,
		path:         environmentPath(owner, repo, environment, "deployment-branch-policies"),
		body:         req,
		statusErrors: map[int]error{http.StatusSeeOther: ErrAlreadyExists},
	})
}

//ghdeploy:operation PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}
func (s *branchPoliciesService) Update(ctx context.Context, owner, repo, environment string, id int64, req UpdateBranchPolicyRequest) (*BranchPolicy, error) {
	if req.Name == "" {
		return nil, errNoPattern
	}
	return fetch[BranchPolicy](ctx, s.core, operation{method: http.MethodPut, path: environmentPath(owner, repo, environment, "deployment-branch-policies", id), body: req})
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}
func (s *branchPoliciesService) Delete(ctx context.Context, owner, repo, environment string, id int64) error {
	return s.core.remove(ctx, operation{path: environmentPath(owner, repo, environment, "deployment-branch-policies", id)})
}

var errNoPattern = invalidArgument("the policy's Name is empty; set it to a pattern such as release/*")
