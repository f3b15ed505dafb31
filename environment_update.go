package ghdeploy

import (
	"fmt"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// EnvironmentRequest names the settings of an environment to create or change.
// For a zero field, such as an empty list of Reviewers, CreateOrUpdate keeps
// the setting, and Replace omits it. The comment of each field says how to
// remove a setting.
type EnvironmentRequest struct {
	// WaitTimer is how many minutes a deployment waits, up to 43,200 (30
	// days); 0 removes the timer.
	WaitTimer *int `json:"wait_timer,omitzero"`

	// PreventSelfReview prevents people from approving deployments that they
	// started. GitHub accepts true only if there are reviewers, in this
	// request or from before.
	PreventSelfReview *bool `json:"prevent_self_review,omitzero"`

	// Reviewers are those who may approve, up to six users and teams. They
	// replace the current ones.
	Reviewers []ReviewerRequest `json:"reviewers,omitzero"`
	// RemoveReviewers removes the required approval. It excludes Reviewers and
	// a PreventSelfReview of true, which GitHub refuses without reviewers:
	// CreateOrUpdate sets it to false at the same time. Replace sends only
	// the fields that are set.
	RemoveReviewers bool `json:"-"`

	// DeploymentBranchPolicy restricts which branches and tags may be deployed.
	DeploymentBranchPolicy *DeploymentBranchPolicySettings `json:"deployment_branch_policy,omitzero"`
	// AllBranches removes that restriction. It excludes
	// DeploymentBranchPolicy.
	AllBranches bool `json:"-"`

	// CanAdminsBypass allows administrators to bypass the rules. GitHub accepts
	// it and does not document it.
	CanAdminsBypass *bool `json:"can_admins_bypass,omitzero"`
}

// ReviewerRequest is a user or a team that may approve deployments.
type ReviewerRequest struct {
	Type ReviewerType `json:"type"`
	ID   int64        `json:"id"`
}

// environmentBody is the JSON body of a request. Its branch policy hides that
// of the request and can be an explicit null.
type environmentBody struct {
	EnvironmentRequest
	Policy wire.Raw `json:"deployment_branch_policy,omitzero"`
}

// body returns the settings that the request names.
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
// not name. A branch policy of null is no protection, and is omitted.
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
