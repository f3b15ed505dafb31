package ghdeploy

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// ProtectionRuleType is what a rule of an environment asks for. GitHub may
// send one that is not listed here: it is kept as it came.
type ProtectionRuleType string

// The rules that GitHub documents.
const (
	RuleWaitTimer         ProtectionRuleType = "wait_timer"
	RuleRequiredReviewers ProtectionRuleType = "required_reviewers"
	RuleBranchPolicy      ProtectionRuleType = "branch_policy" // see DeploymentBranchPolicy of [Environment]
)

// ProtectionRule is one of GitHub's own rules on an environment. Which fields
// below Type are set depends on the type; of one that is not documented, all
// there is to know is in Raw.
//
// GitHub docs: https://docs.github.com/rest/deployments/environments#get-an-environment
type ProtectionRule struct {
	ID     int64              `json:"id"`
	NodeID string             `json:"node_id"`
	Type   ProtectionRuleType `json:"type"`

	WaitTimer         int        `json:"wait_timer,omitzero"`          // minutes
	PreventSelfReview bool       `json:"prevent_self_review,omitzero"` // nobody approves what they started
	Reviewers         []Reviewer `json:"reviewers,omitzero"`           // one approval is enough

	// Raw is the rule as it came, and what it encodes as; nil in one that was
	// made by hand.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes a rule, and keeps one of any type.
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
	// Nothing is known of its fields, not even that an id is a number.
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

// MarshalJSON returns Raw where there is one.
func (r ProtectionRule) MarshalJSON() ([]byte, error) {
	if r.Raw != nil {
		return r.Raw, nil
	}
	type fields ProtectionRule // without this method
	return wire.Encode(fields(r))
}

// ReviewerType says who a reviewer is. GitHub may send one that is not listed
// here: it is kept as it came.
type ReviewerType string

// The types of reviewers.
const (
	ReviewerUser ReviewerType = "User"
	ReviewerTeam ReviewerType = "Team"
)

// Reviewer is who may approve deployments to an environment. Of a type that is
// not documented, all there is to know is in Raw.
type Reviewer struct {
	Type ReviewerType `json:"type"`
	User *User        `json:"-" wire:"reviewer"` // of a ReviewerUser
	Team *Team        `json:"-" wire:"reviewer"` // of a ReviewerTeam

	// Raw is the reviewer as it came, and what it encodes as; nil in one that
	// was made by hand.
	Raw json.RawMessage `json:"-"`
}

// UnmarshalJSON decodes a reviewer, and keeps one of any type.
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

// MarshalJSON returns Raw where there is one.
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

// request is the reviewer as a PUT names it.
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

// decodeObject refuses a null, which would decode into a struct as well.
func decodeObject(data []byte, v any) error {
	if string(data) == "null" {
		return errors.New("a null where an object is documented")
	}
	return wire.Decode(data, v)
}

// text is the string in raw, "" where it is none.
func text(raw wire.Raw) string {
	var s string
	if wire.Decode(raw, &s) != nil {
		return ""
	}
	return s
}
