package ghdeploy

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/wire"
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
}

func (o EnvironmentListOptions) paging() paging { return paging{o.Page, o.PerPage} }

// EnvironmentRequest is what an environment shall be. A zero field, such as an
// empty list of Reviewers, names nothing: CreateOrUpdate keeps the setting, and
// Replace leaves it out. What removes one is said at each field.
type EnvironmentRequest struct {
	// WaitTimer is how many minutes a deployment waits, up to 43,200 (30
	// days); 0 removes the timer.
	WaitTimer *int `json:"wait_timer,omitzero"`

	// PreventSelfReview keeps people from approving deployments that they
	// started. GitHub takes true only where there are reviewers, in this
	// request or before it.
	PreventSelfReview *bool `json:"prevent_self_review,omitzero"`

	// Reviewers are all who may approve, up to six users and teams; they take
	// the place of those there were.
	Reviewers []ReviewerRequest `json:"reviewers,omitzero"`
	// RemoveReviewers requires no approval any more. It cannot go with
	// Reviewers, nor with a PreventSelfReview of true: without reviewers
	// GitHub refuses that, so CreateOrUpdate sets it to false along with them.
	// Replace sends only what is named.
	RemoveReviewers bool `json:"-"`

	// DeploymentBranchPolicy restricts which branches and tags may be deployed.
	DeploymentBranchPolicy *DeploymentBranchPolicySettings `json:"deployment_branch_policy,omitzero"`
	// AllBranches removes that restriction. It cannot go with
	// DeploymentBranchPolicy.
	AllBranches bool `json:"-"`

	// CanAdminsBypass lets administrators deploy past the rules. GitHub takes
	// it and does not document it.
	CanAdminsBypass *bool `json:"can_admins_bypass,omitzero"`
}

// ReviewerRequest is a user or a team that may approve deployments.
type ReviewerRequest struct {
	Type ReviewerType `json:"type"`
	ID   int64        `json:"id"`
}

// environmentBody is a request as it is sent. Its branch policy hides that of
// the request, which cannot be an explicit null.
type environmentBody struct {
	EnvironmentRequest
	Policy wire.Raw `json:"deployment_branch_policy,omitzero"`
}

// body is what the request names.
func (r EnvironmentRequest) body() (*environmentBody, error) {
	switch {
	case r.WaitTimer != nil && *r.WaitTimer < 0:
		return nil, invalidArgument("the environment's WaitTimer is %d; it counts minutes, and 0 removes it", *r.WaitTimer)
	case r.RemoveReviewers && len(r.Reviewers) > 0:
		return nil, invalidArgument("the environment sets Reviewers and RemoveReviewers; one says who may approve, the other that nobody has to")
	case r.RemoveReviewers && r.PreventSelfReview != nil && *r.PreventSelfReview:
		return nil, invalidArgument("the environment sets PreventSelfReview and RemoveReviewers; without reviewers there is no review to prevent, and GitHub refuses it")
	case r.AllBranches && r.DeploymentBranchPolicy != nil:
		return nil, invalidArgument("the environment sets DeploymentBranchPolicy and AllBranches; one restricts the branches, the other lifts that")
	}
	for _, reviewer := range r.Reviewers {
		if reviewer.Type == "" || reviewer.ID <= 0 {
			return nil, invalidArgument("the reviewer {Type: %q, ID: %d} is nobody; give ReviewerUser or ReviewerTeam, and an id", string(reviewer.Type), reviewer.ID)
		}
	}
	b := &environmentBody{EnvironmentRequest: r}
	switch {
	case r.RemoveReviewers:
		b.Reviewers = []ReviewerRequest{}
	case len(r.Reviewers) == 0:
		b.Reviewers = nil
	}
	switch policy := r.DeploymentBranchPolicy; {
	case r.AllBranches:
		b.Policy = wire.Raw("null")
	case policy == nil:
	case policy.ProtectedBranches == policy.CustomBranchPolicies:
		return nil, invalidArgument("the environment's DeploymentBranchPolicy must have exactly one of ProtectedBranches and CustomBranchPolicies true; AllBranches lifts the restriction")
	default:
		if err := b.setPolicy(policy); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *environmentBody) setPolicy(policy *DeploymentBranchPolicySettings) (err error) {
	b.Policy, err = wire.Encode(policy)
	return err
}

// keep adds every protection that the environment shows and the request does
// not name. A branch policy of null is none, and is left out: the environment
// stays without one whether GitHub keeps or removes what it is not sent.
func (b *environmentBody) keep(shown *Environment) error {
	named := *b
	rules := make(map[ProtectionRuleType]bool)
	for _, rule := range shown.ProtectionRules {
		if rules[rule.Type] {
			return unknownProtection("two rules of the type %q", string(rule.Type))
		}
		rules[rule.Type] = true
		if err := b.keepRule(rule, named); err != nil {
			return err
		}
	}
	if named.CanAdminsBypass == nil {
		b.CanAdminsBypass = shown.CanAdminsBypass
	}
	switch {
	case named.Policy != nil:
		return nil
	case shown.DeploymentBranchPolicy != nil:
		return b.setPolicy(shown.DeploymentBranchPolicy)
	case rules[RuleBranchPolicy]:
		return unknownProtection("a rule of the type %q without its settings", string(RuleBranchPolicy))
	}
	return nil
}

func (b *environmentBody) keepRule(rule ProtectionRule, named environmentBody) error {
	// A plain field of the rule cannot tell 0 from absent.
	var shown struct {
		WaitTimer         *int       `json:"wait_timer"`
		PreventSelfReview *bool      `json:"prevent_self_review"`
		Reviewers         []Reviewer `json:"reviewers"`
	}
	switch rule.Type {
	case RuleBranchPolicy: // its settings are in deployment_branch_policy
		return nil
	case RuleWaitTimer, RuleRequiredReviewers:
		if err := wire.Decode(rule.Raw, &shown); err != nil {
			return unknownProtection("a rule of the type %q that cannot be read", string(rule.Type))
		}
	default:
		return unknownProtection("a rule of the type %q", string(rule.Type))
	}
	if rule.Type == RuleWaitTimer {
		switch {
		case named.WaitTimer != nil:
		case shown.WaitTimer == nil:
			return unknownProtection("a rule of the type %q without its minutes", string(rule.Type))
		default:
			b.WaitTimer = shown.WaitTimer
		}
		return nil
	}
	switch {
	case named.PreventSelfReview != nil:
	case named.RemoveReviewers && shown.PreventSelfReview != nil:
		b.PreventSelfReview = new(false) // GitHub refuses true without reviewers
	default:
		b.PreventSelfReview = shown.PreventSelfReview
	}
	switch {
	case named.Reviewers != nil:
		return nil
	case shown.Reviewers == nil:
		return unknownProtection("a rule of the type %q without its reviewers", string(rule.Type))
	}
	b.Reviewers = []ReviewerRequest{}
	for _, reviewer := range shown.Reviewers {
		kept, err := reviewer.request()
		if err != nil {
			return err
		}
		b.Reviewers = append(b.Reviewers, kept)
	}
	return nil
}

func unknownProtection(format string, args ...any) error {
	return fmt.Errorf("%w: the environment has "+format, append([]any{ErrUnknownProtection}, args...)...)
}

type environmentsService struct{ core *core }

//ghdeploy:operation GET /repos/{owner}/{repo}/environments
func (s *environmentsService) List(ctx context.Context, owner, repo string, opts EnvironmentListOptions) (*Page[*Environment], error) {
	path, err := repositoryPath(owner, repo, "environments")
	if err != nil {
		return nil, err
	}
	return listWrapped[*Environment](ctx, s.core, path, "environments", opts, opts.paging())
}

func (s *environmentsService) All(ctx context.Context, owner, repo string, opts EnvironmentListOptions) iter.Seq2[*Environment, error] {
	opts.PerPage = cmp.Or(opts.PerPage, maxPerPage)
	return Pages(opts.Page, func(page int) (*Page[*Environment], error) {
		opts := opts
		opts.Page = page
		return s.List(ctx, owner, repo, opts)
	})
}

//ghdeploy:operation GET /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Get(ctx context.Context, owner, repo, environment string) (*Environment, error) {
	path, err := environmentPath(owner, repo, environment)
	if err != nil {
		return nil, err
	}
	return fetch[Environment](ctx, s.core, operation{method: http.MethodGet, path: path})
}

func (s *environmentsService) CreateOrUpdate(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error) {
	op, body, err := putEnvironment(owner, repo, environment, req)
	if err != nil {
		return nil, err
	}
	shown, err := s.Get(ctx, owner, repo, environment)
	switch {
	case missing(err): // there is nothing to keep
	case err != nil:
		return nil, err
	default:
		if err := body.keep(shown); err != nil {
			return nil, unsent(op, err)
		}
	}
	return fetch[Environment](ctx, s.core, op)
}

//ghdeploy:operation PUT /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Replace(ctx context.Context, owner, repo, environment string, req EnvironmentRequest) (*Environment, error) {
	op, _, err := putEnvironment(owner, repo, environment, req)
	if err != nil {
		return nil, err
	}
	return fetch[Environment](ctx, s.core, op)
}

func putEnvironment(owner, repo, environment string, req EnvironmentRequest) (operation, *environmentBody, error) {
	path, err := environmentPath(owner, repo, environment)
	if err != nil {
		return operation{}, nil, err
	}
	body, err := req.body()
	return operation{method: http.MethodPut, path: path, body: body}, body, err
}

//ghdeploy:operation DELETE /repos/{owner}/{repo}/environments/{environment_name}
func (s *environmentsService) Delete(ctx context.Context, owner, repo, environment string) error {
	path, err := environmentPath(owner, repo, environment)
	if err != nil {
		return err
	}
	return s.core.remove(ctx, operation{path: path})
}

// environmentPath is the escaped path of an environment, or of something in it.
func environmentPath(owner, repo, environment string, elements ...any) (string, error) {
	return repositoryPath(owner, repo, append([]any{"environments", named{"environment", environment}}, elements...)...)
}
