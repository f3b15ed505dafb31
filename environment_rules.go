package ghdeploy

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// ProtectionRuleType is the type of an environment's rule. GitHub may send one
// that is not listed here; it is kept as it was sent.
type ProtectionRuleType string

// The rules that GitHub documents.
const (
	RuleWaitTimer         ProtectionRuleType = "wait_timer"
	RuleRequiredReviewers ProtectionRuleType = "required_reviewers"
	RuleBranchPolicy      ProtectionRuleType = "branch_policy" // see DeploymentBranchPolicy of [Environment]
)

// ProtectionRule is one of GitHub's own rules of an environment. The type
// determines which fields below it are set. A rule of an undocumented type has
// only Raw.
//
// GitHub docs: https://docs.github.com/rest/deployments/environments#get-an-environment
type ProtectionRule struct {
	ID     int64              `json:"id"`
	NodeID string             `json:"node_id"`
	Type   ProtectionRuleType `json:"type"`

	WaitTimer         int        `json:"wait_timer,omitzero"`          // minutes
	PreventSelfReview bool       `json:"prevent_self_review,omitzero"` // nobody may approve a deployment that they started
	Reviewers         []Reviewer `json:"reviewers,omitzero"`           // one approval is enough

	// Raw is the rule as it was sent, and the result of MarshalJSON. It is nil
	// in a rule that your code makes.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes a rule of any type.
func (r *ProtectionRule) UnmarshalJSON(data []byte) error {
	var kind struct {
		Type wire.Raw `json:"type"`
	}
	if err := decodeObject(data, &kind); err != nil {
		return err
	}
	*r = ProtectionRule{Raw: slices.Clone(data)}
	switch text(kind.Type) {
	case string(RuleWaitTimer), string(RuleRequiredReviewers), string(RuleBranchPolicy):
		type fields ProtectionRule // without this method
		return wire.Decode(data, (*fields)(r))
	}
	// The types of its fields are unknown, even that of the ID.
	var head struct {
		ID     wire.Raw `json:"id"`
		NodeID wire.Raw `json:"node_id"`
	}
	if err := wire.Decode(data, &head); err != nil {
		return err
	}
	r.Type, r.NodeID = ProtectionRuleType(text(kind.Type)), text(head.NodeID)
	if wire.Decode(head.ID, &r.ID) != nil {
		r.ID = 0
	}
	return nil
}

// MarshalJSON returns Raw if it is set.
func (r ProtectionRule) MarshalJSON() ([]byte, error) {
	if r.Raw != nil {
		return r.Raw, nil
	}
	type fields ProtectionRule // without this method
	return wire.Encode(fields(r))
}

// ReviewerType is the type of a reviewer. GitHub may send one that is not
// listed here; it is kept as it was sent.
type ReviewerType string

// The types of reviewers.
const (
	ReviewerUser ReviewerType = "User"
	ReviewerTeam ReviewerType = "Team"
)

// Reviewer is a user or a team that may approve deployments to an environment.
// A reviewer of an undocumented type has only Raw.
type Reviewer struct {
	Type ReviewerType `json:"type"`
	User *User        `json:"-" wire:"reviewer"` // of a ReviewerUser
	Team *Team        `json:"-" wire:"reviewer"` // of a ReviewerTeam

	// Raw is the reviewer as it was sent, and the result of MarshalJSON. It is
	// nil in a reviewer that your code makes.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes a reviewer of any type.
func (r *Reviewer) UnmarshalJSON(data []byte) error {
	var shown struct {
		Type     wire.Raw `json:"type"`
		Reviewer wire.Raw `json:"reviewer"`
	}
	if err := decodeObject(data, &shown); err != nil {
		return err
	}
	*r = Reviewer{Type: ReviewerType(text(shown.Type)), Raw: slices.Clone(data)}
	switch {
	case shown.Reviewer == nil:
	case r.Type == ReviewerUser:
		return wire.Decode(shown.Reviewer, &r.User)
	case r.Type == ReviewerTeam:
		return wire.Decode(shown.Reviewer, &r.Team)
	}
	return nil
}

// MarshalJSON returns Raw if it is set.
func (r Reviewer) MarshalJSON() ([]byte, error) {
	if r.Raw != nil {
		return r.Raw, nil
	}
	shown := struct {
		Type     ReviewerType `json:"type"`
		Reviewer any          `json:"reviewer"`
	}{Type: r.Type}
	switch {
	case r.User != nil:
		shown.Reviewer = r.User
	case r.Team != nil:
		shown.Reviewer = r.Team
	}
	return wire.Encode(shown)
}

// request returns the reviewer in the form of a PUT.
func (r Reviewer) request() (ReviewerRequest, error) {
	var id int64
	switch {
	case r.Type == ReviewerUser && r.User != nil:
		id = r.User.ID
	case r.Type == ReviewerTeam && r.Team != nil:
		id = r.Team.ID
	case r.Type != ReviewerUser && r.Type != ReviewerTeam:
		return ReviewerRequest{}, unknownProtection("a reviewer of the type %q", string(r.Type))
	}
	if id <= 0 {
		return ReviewerRequest{}, unknownProtection("a reviewer of the type %q without an id", string(r.Type))
	}
	return ReviewerRequest{Type: r.Type, ID: id}, nil
}

// decodeObject refuses a null, which decodes into a struct too.
func decodeObject(data []byte, v any) error {
	if string(data) == "null" {
		return errors.New("a null where an object is documented")
	}
	return wire.Decode(data, v)
}

// text returns the string in raw, "" if it is not a string.
func text(raw wire.Raw) string {
	var s string
	if wire.Decode(raw, &s) != nil {
		return ""
	}
	return s
}
