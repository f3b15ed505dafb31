package conformance

import (
	"context"
	"net/http"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

// held starts a workflow run that waits for every rule of guarded.
func held(w *world) {
	guarded(w)
	w.run = w.server.StartRun("octocat/example", runTo("guarded")).ID
	for _, e := range w.server.Environments("octocat/example") {
		if e.Name == w.environment {
			w.environmentID = e.ID
		}
	}
}

// reviewed starts such a run and approves it, as a user and as an app.
func reviewed(w *world) {
	held(w)
	_, err := w.client.Reviews.Review(w.t.Context(), w.owner, w.repo, w.run, ghdeploy.ReviewRequest{
		EnvironmentIDs: []int64{w.environmentID}, State: ghdeploy.ReviewApproved, Comment: "ship it",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	app := w.ours(w.server.Transport(), appToken, &described[0])
	if err := app.Reviews.ReportCustomRuleStatus(w.t.Context(), w.owner, w.repo, w.run, ghdeploy.CustomRuleStatus{
		EnvironmentName: w.environment, Comment: "looking",
	}); err != nil {
		w.t.Fatal(err)
	}
	if err := app.Reviews.ReviewCustomRule(w.t.Context(), w.owner, w.repo, w.run, ghdeploy.CustomRuleReview{
		EnvironmentName: w.environment, State: ghdeploy.ReviewApproved,
	}); err != nil {
		w.t.Fatal(err)
	}
}

func noRun(w *world) {
	held(w)
	w.run = 1
}

var ruleDrives = []drive{
	listRules("all", http.StatusOK).after(guarded),
	listRules("empty", http.StatusOK).after(slashed),
	listRules("unknown environment", http.StatusNotFound).after(fresh),
	listRuleApps("all", http.StatusOK, 0, 0).after(guarded),
	listRuleApps("the second page", http.StatusOK, 2, 1).after(guarded),
	getRule("exists", http.StatusOK).after(guarded),
	getRule("missing", http.StatusNotFound).after(guardedWithNothing),
	enableRule("new", http.StatusCreated, otherAppID).after(guarded),
	enableRule("unknown app", http.StatusUnprocessableEntity, 1).after(guarded),
	enableRule("already enabled", http.StatusUnprocessableEntity, appID).after(guarded),
	enableRule("without permission", http.StatusForbidden, otherAppID).after(guarded).as(readerToken),
	disableRule("exists", http.StatusNoContent).after(guarded),
	disableRule("missing", http.StatusNotFound).after(guardedWithNothing),
}

func listRules(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.ProtectionRules.List(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleListOptions{})
			return counted("custom_deployment_protection_rules", page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.GetAllDeploymentProtectionRules(ctx, w.owner, w.repo, w.environment)
			return list, err
		},
	}
}

func listRuleApps(name string, status, page, per int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/apps", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.ProtectionRules.ListApps(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleAppListOptions{Page: page, PerPage: per})
			return counted("available_custom_deployment_protection_rule_integrations", page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListCustomDeploymentRuleIntegrations(ctx, w.owner, w.repo, w.environment, &github.ListOptions{Page: page, PerPage: per})
			return list, err
		},
	}
}

func getRule(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.ProtectionRules.Get(ctx, w.owner, w.repo, w.environment, w.rule)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			r, _, err := c.Repositories.GetCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, w.rule)
			return r, err
		},
	}
}

func enableRule(name string, status int, app int64) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.ProtectionRules.Enable(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleRequest{IntegrationID: app})
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			r, _, err := c.Repositories.CreateCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, &github.CustomDeploymentProtectionRuleRequest{IntegrationID: &app})
			return r, err
		},
	}
}

func disableRule(name string, status int) drive {
	return drive{
		operation: "DELETE /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules/{protection_rule_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.ProtectionRules.Disable(ctx, w.owner, w.repo, w.environment, w.rule)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			_, err := c.Repositories.DisableCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.environment, w.rule)
			return nil, err
		},
	}
}

var reviewDrives = []drive{
	listPending("waiting", http.StatusOK).after(held),
	listPending("empty", http.StatusOK).after(func(w *world) {
		w.run = w.server.StartRun("octocat/example", runTo("qa/eu 1")).ID
	}),
	listPending("unknown run", http.StatusNotFound).after(noRun),
	listApprovals("all", http.StatusOK).after(reviewed),
	listApprovals("empty", http.StatusOK).after(held),
	listApprovals("unknown run", http.StatusNotFound).after(noRun),
	review("approve", http.StatusOK, "approved").after(held),
	review("reject", http.StatusOK, "rejected").after(held),
	review("already reviewed", http.StatusUnprocessableEntity, "approved").after(reviewed),
	review("unknown run", http.StatusNotFound, "approved").after(noRun),
	review("without permission", http.StatusForbidden, "approved").after(held).as(readerToken),
	reviewRule("approve", http.StatusNoContent, "approved").after(held).as(appToken),
	reviewRule("reject", http.StatusNoContent, "rejected").after(held).as(appToken),
	reviewRule("already reviewed", http.StatusUnprocessableEntity, "approved").after(reviewed).as(appToken),
	reviewRule("as a user", http.StatusForbidden, "approved").after(held),
	drive{
		operation: "POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule", name: "report", status: http.StatusNoContent,
		alone: "go-github always sends a state; a report has no state",
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.Reviews.ReportCustomRuleStatus(ctx, w.owner, w.repo, w.run, ghdeploy.CustomRuleStatus{EnvironmentName: w.environment, Comment: "looking"})
		},
	}.after(held).as(appToken),
}

func listPending(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Reviews.ListPending(ctx, w.owner, w.repo, w.run, ghdeploy.PendingDeploymentListOptions{})
			return items(page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Actions.GetPendingDeployments(ctx, w.owner, w.repo, w.run)
			return list, err
		},
	}
}

func listApprovals(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals", name: name, status: status,
		alone: "go-github has no such call",
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Reviews.ListApprovals(ctx, w.owner, w.repo, w.run, ghdeploy.ApprovalListOptions{})
			return items(page), err
		},
	}
}

func review(name string, status int, state string) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Reviews.Review(ctx, w.owner, w.repo, w.run, ghdeploy.ReviewRequest{
				EnvironmentIDs: []int64{w.environmentID}, State: ghdeploy.ReviewState(state), Comment: "c",
			})
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Actions.PendingDeployments(ctx, w.owner, w.repo, w.run, github.PendingDeploymentsRequest{
				EnvironmentIDs: []int64{w.environmentID}, State: state, Comment: "c",
			})
			return list, err
		},
	}
}

func reviewRule(name string, status int, state string) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/actions/runs/{run_id}/deployment_protection_rule", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.Reviews.ReviewCustomRule(ctx, w.owner, w.repo, w.run, ghdeploy.CustomRuleReview{
				EnvironmentName: w.environment, State: ghdeploy.ReviewState(state), Comment: "c",
			})
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			_, err := c.Actions.ReviewCustomDeploymentProtectionRule(ctx, w.owner, w.repo, w.run, github.ReviewCustomDeploymentProtectionRuleRequest{
				EnvironmentName: w.environment, State: state, Comment: "c",
			})
			return nil, err
		},
	}
}
