package conformance

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// drives has all calls. Add a call to one of these tables.
var drives = slices.Concat(metaDrives, deploymentDrives, statusDrives, environmentDrives, policyDrives, ruleDrives, reviewDrives)

var metaDrives = []drive{
	{
		operation: "GET /rate_limit", name: "the quota", status: http.StatusOK,
		theirs: func(ctx context.Context, c *github.Client, _ *world) (any, error) {
			limits, _, err := c.RateLimit.Get(ctx)
			return limits, err
		},
	},
	getRepo("public", http.StatusOK),
	getRepo("anonymous", http.StatusOK).as(anonymous),
	getRepo("private", http.StatusOK).after(hidden),
	getRepo("renamed", http.StatusMovedPermanently).after(renamed),
	getRepo("missing", http.StatusNotFound).after(missing),
}

func getRepo(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}", name: name, status: status,
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			repo, _, err := c.Repositories.Get(ctx, w.owner, w.repo)
			return repo, err
		},
	}
}

// The functions below set up a state of the world.

func hidden(w *world)  { w.repo = "hidden" }
func missing(w *world) { w.repo = "missing" }
func renamed(w *world) { w.server.RenameRepository("octocat/example", "octocat/renamed") }

func deployed(w *world) { w.deploy(ghdeploy.DeploymentRequest{}) }

func succeeded(w *world) {
	deployed(w)
	w.report(ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, LogURL: "https://ci.example/1", EnvironmentURL: "https://example.com", Description: "done"})
}

// active adds two deployments, so that the last one may not be deleted.
func active(w *world) {
	deployed(w)
	succeeded(w)
}

func deployedByApp(w *world) {
	w.client = w.ours(w.server.Transport(), appToken, &described[0])
	succeeded(w)
}

func waiting(w *world) {
	deployed(w)
	w.status = w.server.AddWaitingStatus("octocat/example", w.deployment)
}

// many creates five deployments, which take three pages of two.
func many(w *world) {
	for range 5 {
		w.deploy(ghdeploy.DeploymentRequest{Environment: "staging"})
	}
	for range 5 {
		w.report(ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
	}
}

func exhausted(w *world) { w.server.SetRemaining(fullToken, 0) }

func noDeployment(w *world) { w.deployment, w.status = 1, 1 }

var everything = struct {
	ours   ghdeploy.DeploymentRequest
	theirs github.DeploymentRequest
}{
	ours: ghdeploy.DeploymentRequest{
		Ref: "red", Task: "deploy:migrations", AutoMerge: new(bool), RequiredContexts: []string{"lint"},
		Payload: map[string]any{"by": "octocat", "tries": 2}, Environment: "staging/eu", Description: "to staging",
		TransientEnvironment: true, ProductionEnvironment: new(bool),
	},
	theirs: github.DeploymentRequest{
		Ref: "red", Task: new("deploy:migrations"), AutoMerge: new(bool), RequiredContexts: []string{"lint"},
		Payload: map[string]any{"by": "octocat", "tries": 2}, Environment: new("staging/eu"), Description: new("to staging"),
		TransientEnvironment: new(true), ProductionEnvironment: new(bool),
	},
}

var long = strings.Repeat("x", 256)

var deploymentDrives = []drive{
	listDeployments("empty", http.StatusOK),
	listDeployments("one", http.StatusOK).after(succeeded),
	listDeployments("by an app", http.StatusOK).after(deployedByApp),
	listDeployments("anonymous", http.StatusOK).as(anonymous).after(deployed),
	listDeployments("renamed", http.StatusMovedPermanently).after(renamed),
	listDeployments("private", http.StatusNotFound).as(readerToken).after(hidden),
	listDeployments("wrong token", http.StatusUnauthorized).as("ghp_wrong"),
	listDeployments("quota used up", http.StatusForbidden).after(exhausted),
	listDeployments("quota used up", http.StatusTooManyRequests).with(ghdeploytest.WithRateLimitStatus(http.StatusTooManyRequests)).after(exhausted),
	{
		operation: "GET /repos/{owner}/{repo}/deployments", name: "unknown version", status: http.StatusBadRequest,
		version: "2021-01-01", alone: "go-github sends only versions that it knows",
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
		},
	},
	{
		operation: "GET /repos/{owner}/{repo}/deployments", name: "filtered, the second of three pages", status: http.StatusOK, prepare: many,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{
				SHA: w.sha(), Ref: "ready", Task: "deploy", Environment: "staging", Page: 2, PerPage: 2,
			})
			return items(page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListDeployments(ctx, w.owner, w.repo, &github.DeploymentsListOptions{
				SHA: w.sha(), Ref: "ready", Task: "deploy", Environment: "staging", ListOptions: github.ListOptions{Page: 2, PerPage: 2},
			})
			return list, err
		},
	},

	create("minimal", http.StatusCreated, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}),
	create("all fields", http.StatusCreated, everything.ours, everything.theirs),
	create("by an app", http.StatusCreated, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).as(appToken),
	create("of a tag, with a text as payload", http.StatusCreated,
		ghdeploy.DeploymentRequest{Ref: "v1.0.0", Payload: "text"}, github.DeploymentRequest{Ref: "v1.0.0", Payload: "text"}),
	create("of a branch that is behind", http.StatusAccepted, ghdeploy.DeploymentRequest{Ref: "behind"}, github.DeploymentRequest{Ref: "behind"}),
	create("of a branch that cannot be merged", http.StatusConflict, ghdeploy.DeploymentRequest{Ref: "conflicting"}, github.DeploymentRequest{Ref: "conflicting"}),
	create("with failing checks", http.StatusConflict, ghdeploy.DeploymentRequest{Ref: "red"}, github.DeploymentRequest{Ref: "red"}),
	create("skipping failing checks", http.StatusCreated,
		ghdeploy.DeploymentRequest{Ref: "red", SkipContexts: true}, github.DeploymentRequest{Ref: "red", RequiredContexts: []string{}}),
	create("unknown ref", http.StatusUnprocessableEntity, ghdeploy.DeploymentRequest{Ref: "nowhere"}, github.DeploymentRequest{Ref: "nowhere"}),
	create("with too long an environment name", http.StatusUnprocessableEntity,
		ghdeploy.DeploymentRequest{Ref: "ready", Environment: long}, github.DeploymentRequest{Ref: "ready", Environment: &long}),
	create("without permission", http.StatusForbidden, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).as(readerToken),
	create("anonymous", http.StatusUnauthorized, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).as(anonymous),
	create("unknown repository", http.StatusNotFound, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).after(missing),
	create("in a renamed repository", http.StatusTemporaryRedirect, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).after(renamed),
	create("too fast, with Retry-After", http.StatusForbidden, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).
		with(ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryRetryAfter)).after(deployed),
	create("too fast, without a header", http.StatusTooManyRequests, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).
		with(ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryNoHeader)).after(deployed),
	create("too fast, message only", http.StatusForbidden, ghdeploy.DeploymentRequest{Ref: "ready"}, github.DeploymentRequest{Ref: "ready"}).
		with(ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryTextOnly)).after(deployed),

	getDeployment("exists", http.StatusOK).after(succeeded),
	getDeployment("by an app", http.StatusOK).after(deployedByApp),
	getDeployment("missing", http.StatusNotFound).after(noDeployment),

	deleteDeployment("the only one", http.StatusNoContent).after(succeeded),
	deleteDeployment("missing", http.StatusNotFound).after(noDeployment),
	deleteDeployment("active", http.StatusUnprocessableEntity).after(active),
	deleteDeployment("without permission", http.StatusNotFound).after(deployed).as(readerToken),
}

func listDeployments(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/deployments", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return items(page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return list, err
		},
	}
}

func create(name string, status int, ours ghdeploy.DeploymentRequest, theirs github.DeploymentRequest) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/deployments", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Deployments.Create(ctx, w.owner, w.repo, ours)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			d, _, err := c.Repositories.CreateDeployment(ctx, w.owner, w.repo, theirs)
			return d, err
		},
	}
}

func getDeployment(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Deployments.Get(ctx, w.owner, w.repo, w.deployment)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			d, _, err := c.Repositories.GetDeployment(ctx, w.owner, w.repo, w.deployment)
			return d, err
		},
	}
}

func deleteDeployment(name string, status int) drive {
	return drive{
		operation: "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return nil, c.Deployments.Delete(ctx, w.owner, w.repo, w.deployment)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			_, err := c.Repositories.DeleteDeployment(ctx, w.owner, w.repo, w.deployment)
			return nil, err
		},
	}
}

var statusDrives = []drive{
	listStatuses("empty", http.StatusOK).after(deployed),
	listStatuses("one", http.StatusOK).after(succeeded),
	listStatuses("by an app", http.StatusOK).after(deployedByApp),
	listStatuses("waiting", http.StatusOK).after(waiting),
	listStatuses("unknown deployment", http.StatusNotFound).after(noDeployment),
	{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", name: "the last of three pages", status: http.StatusOK, prepare: many,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Statuses.List(ctx, w.owner, w.repo, w.deployment, ghdeploy.DeploymentStatusListOptions{Page: 3, PerPage: 2})
			return items(page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListDeploymentStatuses(ctx, w.owner, w.repo, w.deployment, &github.ListOptions{Page: 3, PerPage: 2})
			return list, err
		},
	},

	reportState("error", http.StatusCreated),
	reportState("failure", http.StatusCreated),
	reportState("inactive", http.StatusCreated),
	reportState("in_progress", http.StatusCreated),
	reportState("queued", http.StatusCreated),
	reportState("pending", http.StatusCreated),
	reportState("success", http.StatusCreated),
	reportState("waiting", http.StatusUnprocessableEntity).toBeRefused(),
	reportStatus("all fields", http.StatusCreated,
		ghdeploy.DeploymentStatusRequest{
			State: ghdeploy.StateSuccess, LogURL: "https://ci.example/1", TargetURL: "https://ci.example/2", Description: "done",
			EnvironmentURL: "https://example.com", Environment: "qa", AutoInactive: new(bool),
		},
		github.DeploymentStatusRequest{
			State: "success", LogURL: new("https://ci.example/1"), TargetURL: new("https://ci.example/2"), Description: new("done"),
			EnvironmentURL: new("https://example.com"), Environment: new("qa"), AutoInactive: new(bool),
		}).after(deployed),
	reportStatus("by an app", http.StatusCreated,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}, github.DeploymentStatusRequest{State: "success"}).after(deployed).as(appToken),
	reportStatus("with too long a description", http.StatusUnprocessableEntity,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, Description: long},
		github.DeploymentStatusRequest{State: "success", Description: &long}).after(deployed),
	reportStatus("with a URL of another scheme", http.StatusUnprocessableEntity,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, EnvironmentURL: "ftp://example.com"},
		github.DeploymentStatusRequest{State: "success", EnvironmentURL: new("ftp://example.com")}).after(deployed),
	reportStatus("above the maximum number", http.StatusUnprocessableEntity,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess},
		github.DeploymentStatusRequest{State: "success"}).with(ghdeploytest.WithStatusCap(1)).after(succeeded),
	reportStatus("unknown deployment", http.StatusNotFound,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}, github.DeploymentStatusRequest{State: "success"}).after(noDeployment),
	reportStatus("without permission", http.StatusForbidden,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}, github.DeploymentStatusRequest{State: "success"}).after(deployed).as(readerToken),

	getStatus("exists", http.StatusOK).after(succeeded),
	getStatus("by an app", http.StatusOK).after(deployedByApp),
	getStatus("waiting", http.StatusOK).after(waiting),
	getStatus("missing", http.StatusNotFound).after(noDeployment),
}

func listStatuses(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			page, err := c.Statuses.List(ctx, w.owner, w.repo, w.deployment, ghdeploy.DeploymentStatusListOptions{})
			return items(page), err
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			list, _, err := c.Repositories.ListDeploymentStatuses(ctx, w.owner, w.repo, w.deployment, nil)
			return list, err
		},
	}
}

func reportStatus(name string, status int, ours ghdeploy.DeploymentStatusRequest, theirs github.DeploymentStatusRequest) drive {
	return drive{
		operation: "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Statuses.Create(ctx, w.owner, w.repo, w.deployment, ours)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			s, _, err := c.Repositories.CreateDeploymentStatus(ctx, w.owner, w.repo, w.deployment, theirs)
			return s, err
		},
	}
}

func reportState(state string, status int) drive {
	return reportStatus(state, status,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.State(state)},
		github.DeploymentStatusRequest{State: state}).after(deployed)
}

func getStatus(name string, status int) drive {
	return drive{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}", name: name, status: status,
		ours: func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error) {
			return c.Statuses.Get(ctx, w.owner, w.repo, w.deployment, w.status)
		},
		theirs: func(ctx context.Context, c *github.Client, w *world) (any, error) {
			s, _, err := c.Repositories.GetDeploymentStatus(ctx, w.owner, w.repo, w.deployment, w.status)
			return s, err
		},
	}
}
