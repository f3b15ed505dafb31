package conformance

import (
	"context"
	"net/http"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

// The functions below choose an environment of newWorld: guarded has every
// protection, locked only allows protected branches, "qa/eu 1" is unprotected.

func guarded(w *world) {
	w.environment = "guarded"
	page, err := w.client.BranchPolicies.List(w.t.Context(), w.owner, w.repo, w.environment, ghdeploy.BranchPolicyListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.policy = page.Items[0].ID
	rules, err := w.client.ProtectionRules.List(w.t.Context(), w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.rule = rules.Items[0].ID
}

func locked(w *world)  { w.environment = "locked" }
func slashed(w *world) { w.environment = "qa/eu 1" }
func fresh(w *world)   { w.environment = "fresh" }

func guardedWithNothing(w *world) {
	guarded(w)
	w.policy, w.rule = 1, 1
}

// lesserPlan chooses a private repository whose plan has no protection rules.
func lesserPlan(w *world) {
	w.repo = "team"
	fresh(w)
}

func longName(w *world) { w.environment = long }

var environmentDrives = []drive{
	listEnvironments("all", http.StatusOK, 0, 0),
	listEnvironments("the second of three pages", http.StatusOK, 2, 1),
	listEnvironments("unknown repository", http.StatusNotFound, 0, 0).after(missing),

	getEnvironment("with every protection", http.StatusOK).after(guarded),
	getEnvironment("for protected branches", http.StatusOK).after(locked),
	getEnvironment("with a slash in its name", http.StatusOK).after(slashed),
	getEnvironment("missing", http.StatusNotFound).after(fresh),

	putEnvironment("new, without rules", http.StatusOK, ghdeploy.EnvironmentRequest{}, nil).after(fresh),
	putEnvironment("with a slash in its name", http.StatusOK, ghdeploy.EnvironmentRequest{}, nil).after(slashed),
	putEnvironment("all fields", http.StatusOK,
		ghdeploy.EnvironmentRequest{
			WaitTimer: new(45), PreventSelfReview: new(true), CanAdminsBypass: new(true),
			Reviewers:              []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: reviewerID}, {Type: ghdeploy.ReviewerTeam, ID: teamID}},
			DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
		},
		&github.CreateUpdateEnvironment{
			WaitTimer: new(45), PreventSelfReview: new(true), CanAdminsBypass: new(true),
			Reviewers:              []*github.EnvReviewers{{Type: new("User"), ID: new(int64(reviewerID))}, {Type: new("Team"), ID: new(int64(teamID))}},
			DeploymentBranchPolicy: &github.BranchPolicy{ProtectedBranches: new(false), CustomBranchPolicies: new(true)},
		}).after(fresh),
	putEnvironment("remove all protections", http.StatusOK,
		ghdeploy.EnvironmentRequest{WaitTimer: new(int), RemoveReviewers: true, AllBranches: true},
		&github.CreateUpdateEnvironment{Reviewers: []*github.EnvReviewers{}}).after(guarded),
	{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", name: "update one setting, keep the others", status: http.StatusOK,
		prepare: guarded, alone: "go-github has no call that keeps the other settings",
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Environments.CreateOrUpdate(ctx, w.owner, w.repo, w.environment, ghdeploy.EnvironmentRequest{WaitTimer: new(60)})
		},
	},
	putEnvironment("with too long a name", http.StatusUnprocessableEntity, ghdeploy.EnvironmentRequest{}, nil).after(longName),
	putEnvironment("not in the plan", http.StatusUnprocessableEntity,
		ghdeploy.EnvironmentRequest{WaitTimer: new(45)}, &github.CreateUpdateEnvironment{WaitTimer: new(45)}).after(lesserPlan),
	putEnvironment("without permission", http.StatusForbidden, ghdeploy.EnvironmentRequest{}, nil).after(fresh).as(readerToken),

	deleteEnvironment("exists", http.StatusNoContent).after(guarded),
	deleteEnvironment("missing", http.StatusNotFound).after(fresh),
	deleteEnvironment("without permission", http.StatusForbidden).after(guarded).as(readerToken),
}

func listEnvironments(name string, status, page, per int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Environments.List(ctx, w.owner, w.repo, ghdeploy.EnvironmentListOptions{Page: page, PerPage: per})
			return counted("environments", page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListEnvironments(ctx, w.owner, w.repo, &github.EnvironmentListOptions{ListOptions: github.ListOptions{Page: page, PerPage: per}})
			return list, err
		},
	}
}

func getEnvironment(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Environments.Get(ctx, w.owner, w.repo, w.environment)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			e, _, err := c.Repositories.GetEnvironment(ctx, w.owner, w.repo, w.environment)
			return e, err
		},
	}
}

func putEnvironment(name string, status int, ours ghdeploy.EnvironmentRequest, theirs *github.CreateUpdateEnvironment) drive {
	if theirs == nil {
		theirs = new(github.CreateUpdateEnvironment)
	}
	return drive{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Environments.Replace(ctx, w.owner, w.repo, w.environment, ours)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			e, _, err := c.Repositories.CreateUpdateEnvironment(ctx, w.owner, w.repo, w.environment, theirs)
			return e, err
		},
	}
}

func deleteEnvironment(name string, status int) drive {
	return drive{
		operation: "DELETE /repos/{owner}/{repo}/environments/{environment_name}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.Environments.Delete(ctx, w.owner, w.repo, w.environment)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			_, err := c.Repositories.DeleteEnvironment(ctx, w.owner, w.repo, w.environment)
			return nil, err
		},
	}
}

var policyDrives = []drive{
	listPolicies("all", http.StatusOK, 0, 0).after(guarded),
	listPolicies("the second page", http.StatusOK, 2, 1).after(guarded),
	listPolicies("of protected branches", http.StatusNotFound, 0, 0).after(locked),
	{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
		name:      "exists", status: http.StatusOK, prepare: guarded, ours: getPolicy, theirs: theirPolicy,
	},
	{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}",
		name:      "missing", status: http.StatusNotFound, prepare: guardedWithNothing, ours: getPolicy, theirs: theirPolicy,
	},
	createPolicy("of branches", http.StatusOK, "hotfix/*", "").after(guarded),
	createPolicy("of tags", http.StatusOK, "w*", ghdeploy.PolicyTag).after(guarded),
	createPolicy("already exists", http.StatusSeeOther, "release/*", ghdeploy.PolicyBranch).after(guarded),
	createPolicy("without custom policies", http.StatusNotFound, "release/*", ghdeploy.PolicyBranch).after(slashed),
	createPolicy("without permission", http.StatusForbidden, "hotfix/*", "").after(guarded).as(readerToken),
	updatePolicy("rename", http.StatusOK, "main").after(guarded),
	updatePolicy("missing", http.StatusNotFound, "main").after(guardedWithNothing),
	deletePolicy("exists", http.StatusNoContent).after(guarded),
	deletePolicy("missing", http.StatusNotFound).after(guardedWithNothing),
}

func listPolicies(name string, status, page, per int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.BranchPolicies.List(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyListOptions{Page: page, PerPage: per})
			return counted("branch_policies", page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListDeploymentBranchPolicies(ctx, w.owner, w.repo, w.environment, &github.ListOptions{Page: page, PerPage: per})
			return list, err
		},
	}
}

func getPolicy(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
	return c.BranchPolicies.Get(ctx, w.owner, w.repo, w.environment, w.policy)
}

func theirPolicy(ctx context.Context, c *github.Client, w *world) (any, error) {
	p, _, err := c.Repositories.GetDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy)
	return p, err
}

func createPolicy(name string, status int, pattern string, kind ghdeploy.BranchPolicyType) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.BranchPolicies.Create(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyRequest{Name: pattern, Type: kind})
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			body := github.CreateDeploymentBranchPolicyRequest{Name: pattern}
			if kind != "" {
				body.Type = new(string(kind))
			}
			p, _, err := c.Repositories.CreateDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, body)
			return p, err
		},
	}
}

func updatePolicy(name string, status int, pattern string) drive {
	return drive{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.BranchPolicies.Update(ctx, w.owner, w.repo, w.environment, w.policy, ghdeploy.UpdateBranchPolicyRequest{Name: pattern})
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			p, _, err := c.Repositories.UpdateDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy, github.UpdateDeploymentBranchPolicyRequest{Name: pattern})
			return p, err
		},
	}
}

func deletePolicy(name string, status int) drive {
	return drive{
		operation: "DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.BranchPolicies.Delete(ctx, w.owner, w.repo, w.environment, w.policy)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			_, err := c.Repositories.DeleteDeploymentBranchPolicy(ctx, w.owner, w.repo, w.environment, w.policy)
			return nil, err
		},
	}
}
