package ghdeploytest

import (
	"fmt"
	"slices"
)

// Environment is an environment: one to start with, in [Repository], or an
// existing one, from [Server.Environments].
type Environment struct {
	// Name keeps its case; comparisons ignore case. Required.
	Name string `json:"name"`
	// ID is the environment's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
	// WaitTimer is the wait in minutes, 0 to 43,200.
	WaitTimer int64 `json:"wait_timer,omitempty"`
	// Reviewers has up to six entries. The approval of one is enough.
	Reviewers []Reviewer `json:"reviewers,omitempty"`
	// PreventSelfReview means that the user who started a run cannot approve
	// it.
	PreventSelfReview bool `json:"prevent_self_review,omitempty"`
	// AdminsCannotBypass is the opposite of can_admins_bypass.
	AdminsCannotBypass bool `json:"admins_cannot_bypass,omitempty"`
	// ProtectedBranches means that only protected branches may deploy. Cannot
	// be combined with CustomBranchPolicies.
	ProtectedBranches bool `json:"protected_branches,omitempty"`
	// CustomBranchPolicies means that only refs that match one of
	// BranchPolicies may deploy. A non-empty BranchPolicies implies it.
	CustomBranchPolicies bool           `json:"custom_branch_policies,omitempty"`
	BranchPolicies       []BranchPolicy `json:"branch_policies,omitempty"`
	// ProtectionRules are the slugs of up to six apps whose rules are enabled.
	// Add the apps with [WithApp].
	ProtectionRules []string `json:"protection_rules,omitempty"`
}

// Reviewer is a user or a team. Exactly one field is set.
type Reviewer struct {
	// User is the login of a user.
	User string `json:"user,omitempty"`
	// Team is the slug of a [Team].
	Team string `json:"team,omitempty"`
}

// BranchPolicy is a name pattern for the branches or tags that may deploy.
type BranchPolicy struct {
	Name string `json:"name"`
	// Type is branch or tag. The default is branch.
	Type string `json:"type,omitempty"`
	// ID is set by the server.
	ID int64 `json:"id,omitempty"`
}

// addEnvironment adds an environment of the setup. It panics where GitHub would
// refuse the settings.
func (s *Server) addEnvironment(r *repository, given Environment) {
	refuse := func(format string, args ...any) {
		panic(fmt.Sprintf("ghdeploytest: Environment{Name: %q} of %s %s", given.Name, r.fullName(), fmt.Sprintf(format, args...)))
	}
	given.CustomBranchPolicies = given.CustomBranchPolicies || len(given.BranchPolicies) > 0
	protected := given.WaitTimer != 0 || given.PreventSelfReview || len(given.Reviewers)+len(given.ProtectionRules) > 0
	switch {
	case environmentProblem(given.Name) != "":
		refuse("has a name that %s; write 1 to %d characters", environmentProblem(given.Name), maxEnvironmentName)
	case r.environment(given.Name) != nil:
		refuse("was added twice; names that differ only in case are the same")
	case slices.ContainsFunc(r.environments, func(e *environment) bool { return e.id == given.ID }):
		refuse("has the id %d of another one; omit ID to get a new one", given.ID)
	case given.WaitTimer < 0 || given.WaitTimer > maxWaitTimer:
		refuse("has WaitTimer %d; write 0 to %d minutes", given.WaitTimer, maxWaitTimer)
	case len(given.Reviewers) > maxReviewers || len(given.ProtectionRules) > maxCustomRules:
		refuse("has too many Reviewers or ProtectionRules; write up to %d", maxReviewers)
	case given.PreventSelfReview && len(given.Reviewers) == 0:
		refuse("has PreventSelfReview without Reviewers; add one")
	case given.ProtectedBranches && given.CustomBranchPolicies:
		refuse("has ProtectedBranches and CustomBranchPolicies; write one of them")
	case r.hasNoProtection() && protected:
		refuse("has protection rules, which a private repository does not have under the plan %s; write Plan: \"enterprise\"", r.plan)
	}
	want := protection{waitTimer: given.WaitTimer, preventSelfReview: given.PreventSelfReview, adminsBypass: !given.AdminsCannotBypass}
	for _, who := range given.Reviewers {
		team := s.state.teamBySlug(who.Team)
		switch {
		case (who.User == "") == (who.Team == ""):
			refuse("has the reviewer %+v; write a User or a Team", who)
		case who.User != "":
			want.reviewers = append(want.reviewers, reviewer{"User", s.state.userID(who.User)})
		case team == nil:
			refuse("has the team %q as a reviewer, which does not exist; add it with WithTeam", who.Team)
		default:
			want.reviewers = append(want.reviewers, reviewer{"Team", team.ID})
		}
	}
	switch {
	case given.ProtectedBranches:
		want.branches = protectedBranches
	case given.CustomBranchPolicies:
		want.branches = customBranches
	}

	e := s.ensureEnvironment(r, given.Name, s.now().UTC())
	if given.ID != 0 {
		e.id = given.ID
	}
	s.protect(e, want)
	for _, p := range given.BranchPolicies {
		if p.Type == "" {
			p.Type = "branch"
		}
		if p.Name == "" || p.Type != "branch" && p.Type != "tag" || e.policy(p.Name, p.Type) != nil {
			refuse("has %+v; write each Name once, with Type branch or tag", p)
		}
		e.branchPolicies = append(e.branchPolicies, &branchPolicy{s.state.ids.next(policyIDs), p.Name, p.Type})
	}
	for _, slug := range given.ProtectionRules {
		at := slices.IndexFunc(s.state.apps, func(a App) bool { return a.Slug == slug })
		if at < 0 || e.ruleOf(slug) != nil {
			refuse("has the rule of the app %q, which does not exist or is listed twice; add it once with WithApp", slug)
		}
		e.customRules = append(e.customRules, &customRule{s.state.ids.next(ruleIDs), s.state.apps[at]})
	}
}

// Environments returns the environments of a repository, oldest first.
func (s *Server) Environments(fullName string) []Environment {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Environment
	for _, e := range s.mustFind("Environments", fullName).environments {
		view := Environment{
			Name: e.name, ID: e.id, WaitTimer: e.waitTimer, PreventSelfReview: e.preventSelfReview, AdminsCannotBypass: !e.adminsBypass,
			ProtectedBranches: e.branches == protectedBranches, CustomBranchPolicies: e.branches == customBranches,
		}
		for _, r := range e.reviewers {
			if r.kind == "User" {
				view.Reviewers = append(view.Reviewers, Reviewer{User: s.state.logins[r.id]})
			} else {
				view.Reviewers = append(view.Reviewers, Reviewer{Team: s.state.team(r.id).Slug})
			}
		}
		for _, p := range e.branchPolicies {
			view.BranchPolicies = append(view.BranchPolicies, BranchPolicy{p.name, p.kind, p.id})
		}
		for _, rule := range e.customRules {
			view.ProtectionRules = append(view.ProtectionRules, rule.app.Slug)
		}
		list = append(list, view)
	}
	return list
}
