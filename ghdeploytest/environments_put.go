package ghdeploytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// EnvironmentPUT is an interpretation of GitHub's PUT of an environment: the
// effect on settings that the body omits. GitHub documents that the operation
// creates or updates an environment, and does not mention absent keys.
type EnvironmentPUT int

const (
	// PUTReplaces means that a PUT sets each omitted setting to its default.
	PUTReplaces EnvironmentPUT = iota
	// PUTKeeps means that a PUT leaves each omitted setting unchanged.
	PUTKeeps
)

// WithEnvironmentPUT sets the effect of a PUT of an environment on settings
// that its body omits. The default is [PUTReplaces]. Test a tool that updates
// environments under both.
//
// GitHub docs: https://docs.github.com/rest/deployments/environments#create-or-update-an-environment
func WithEnvironmentPUT(put EnvironmentPUT) Option {
	if put != PUTReplaces && put != PUTKeeps {
		panic(fmt.Sprintf("ghdeploytest: WithEnvironmentPUT(%d); write PUTReplaces or PUTKeeps", put))
	}
	return func(s *Server, _ *Seed) { s.environmentPUT = put }
}

// environmentKeys are the keys that a PUT of an environment may have. GitHub's
// description lacks can_admins_bypass.
var environmentKeys = []string{"wait_timer", "reviewers", "prevent_self_review", "can_admins_bypass", "deployment_branch_policy"}

// WithUnknownKeys simulates an older server that does not know these keys of a
// PUT of an environment. The server refuses a PUT with one of them (422), and
// omits them from its responses. GitHub Enterprise Server 3.10 does not know
// prevent_self_review; some servers do not know can_admins_bypass.
func WithUnknownKeys(keys ...string) Option {
	for _, key := range keys {
		if !slices.Contains(environmentKeys, key) {
			panic(fmt.Sprintf("ghdeploytest: WithUnknownKeys(%q); write one of %q", key, environmentKeys))
		}
	}
	return func(s *Server, _ *Seed) { s.unknownKeys = append(s.unknownKeys, keys...) }
}

func (s *Server) knowsKey(name string) bool { return !slices.Contains(s.unknownKeys, name) }

const (
	maxWaitTimer = 43200 // minutes: 30 days
	maxReviewers = 6

	planRefusal        = "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule."
	noReviewersRefusal = "Failed to create or update the environment protection rule. Required reviewers must have at least one reviewer to set prevent_self_review."
)

// hasNoEnvironments reports whether the plan has no environments: a private
// repository on the free plan.
func (r *repository) hasNoEnvironments() bool { return r.private && r.plan == "free" }

// hasNoProtection reports whether the plan has no rules except the branch rule:
// a private repository below the enterprise plan.
func (r *repository) hasNoProtection() bool { return r.private && r.plan != "enterprise" }

func (s *Server) putEnvironment(c *call) response {
	if c.repo.hasNoEnvironments() {
		return c.notFound()
	}
	f := &c.fields
	f.permit(slices.DeleteFunc(slices.Clone(environmentKeys), func(key string) bool { return !s.knowsKey(key) })...)

	name := c.vars["environment_name"]
	now := unprotected()
	if e := c.repo.environment(name); e != nil {
		now = e.protection
	}
	absent := now
	if s.environmentPUT == PUTReplaces {
		absent = unprotected()
	}
	branches, valid := f.branchRule(absent.branches)
	want := protection{
		waitTimer:         f.waitTimer(absent.waitTimer, now.waitTimer),
		reviewers:         s.readReviewers(f, absent.reviewers),
		preventSelfReview: f.boolean("prevent_self_review", absent.preventSelfReview),
		adminsBypass:      f.boolean("can_admins_bypass", absent.adminsBypass),
		branches:          branches,
	}
	if resp := c.refuse(); resp != nil {
		return *resp
	}
	refuse := func(message string) response { return c.fail(http.StatusUnprocessableEntity, message, nil) }
	if problem := environmentProblem(name); problem != "" {
		return refuse("The environment name " + problem + ".")
	}
	if !valid {
		return refuse("Exactly one of protected_branches and custom_branch_policies has to be true.")
	}

	// From here on the environment exists, even if its rules are refused.
	e := s.ensureEnvironment(c.repo, name, c.now)
	if c.repo.hasNoProtection() && (f.has("wait_timer") || f.has("reviewers") || f.has("prevent_self_review")) {
		return refuse(planRefusal)
	}
	if want.preventSelfReview && len(want.reviewers) == 0 {
		return refuse(noReviewersRefusal)
	}
	s.protect(e, want)
	return ok(http.StatusOK, s.environmentJSON(c, e))
}

// waitTimer reads wait_timer. Recorded: null leaves it unchanged, 0 clears it.
func (f *fields) waitTimer(absent, now int64) int64 {
	if f.null("wait_timer") {
		return now
	}
	f.between("wait_timer", 0, maxWaitTimer)
	return f.integer("wait_timer", absent)
}

// branchRule reads deployment_branch_policy: null, or an object of which
// exactly one member is true.
func (f *fields) branchRule(absent branchRule) (rule branchRule, valid bool) {
	const name = "deployment_branch_policy"
	if !f.has(name) {
		return absent, true
	}
	if f.null(name) {
		return everyBranch, true
	}
	v := fields{}
	var ok bool
	if v.values, ok = read[map[string]json.RawMessage](f.values[name]); !ok { // decoding into a struct would ignore the case of keys
		f.wrong(property(name), f.values[name], "an object or null")
		return absent, true
	}
	v.require("protected_branches")
	v.require("custom_branch_policies")
	protected, custom := v.boolean("protected_branches", false), v.boolean("custom_branch_policies", false)
	if line := v.missed(); line != "" {
		v.problem("%s", line)
	}
	f.problems = append(f.problems, v.problems...)
	switch {
	case len(v.problems) > 0:
		return absent, true
	case protected == custom:
		return absent, false
	case custom:
		return customBranches, true
	}
	return protectedBranches, true
}

// readReviewers reads reviewers. Null and [] mean no reviewers. A reviewer who
// cannot see the repository is omitted without an error.
func (s *Server) readReviewers(f *fields, absent []reviewer) []reviewer {
	const name = "reviewers"
	switch {
	case !f.has(name):
		return absent
	case f.null(name):
		return nil
	}
	sent, ok := read[[]json.RawMessage](f.values[name])
	if !ok {
		f.wrong(property(name), f.values[name], "an array or null")
		return absent
	}
	if len(sent) > maxReviewers {
		f.problem("No more than %d items are allowed; %d were supplied.", maxReviewers, len(sent))
		return absent
	}
	var list []reviewer
	for _, v := range sent {
		item := fields{}
		if item.values, ok = read[map[string]json.RawMessage](v); !ok {
			f.wrong("items", v, "an object")
			continue
		}
		item.require("type")
		item.require("id")
		kind, id := item.choice("type", "", "User", "Team"), item.integer("id", 0)
		if line := item.missed(); line != "" {
			item.problem("%s", line)
		}
		f.problems = append(f.problems, item.problems...)
		if r := (reviewer{kind, id}); len(item.problems) == 0 && s.state.known(r, s.anyUserReviews, s.anyTeamReviews) && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	return list
}
