package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// deployer deploys the deployments of its repositories and environments, and
// reports the outcomes.
type deployer struct {
	repos        []rollout.Repo
	environments []string // nil for all
	progress     string   // the description of in_progress, which identifies its own runs
	deploy       func(ctx context.Context, d ghdeploy.Deployment) (url string, err error)
	reportTime   time.Duration // to report an outcome once the context has ended
	log          *slog.Logger

	unreported unreported
}

// lane returns the key of the queue, so that deployments of one environment run
// one after the other. GitHub ignores the case of these names.
func lane(event webhook.Event) string {
	e, ok := event.(*webhook.DeploymentEvent)
	if !ok {
		return ""
	}
	owner, name := e.OwnerRepo()
	return strings.ToLower(owner + "/" + name + "\x00" + e.Deployment.Environment)
}

// onDeployment is called by the queue. After an error the queue forgets the
// delivery, so that GitHub can redeliver it.
func (d *deployer) onDeployment(ctx context.Context, e *webhook.DeploymentEvent) error {
	log := d.log.With("delivery", e.Delivery.GUID, "deployment", e.Deployment.ID, "environment", e.Deployment.Environment)
	owner, name := e.OwnerRepo()
	repo, ok := d.serves(owner, name, e.Deployment.Environment)
	if !ok {
		log.Info("not deployed", "reason", "not a repository and environment of this receiver", "repository", owner+"/"+name)
		return nil
	}
	if err := d.process(ctx, repo, e.Deployment, log); err != nil {
		return fmt.Errorf("deployment %d: %w", e.Deployment.ID, err)
	}
	return nil
}

// serves returns the repository if the receiver deploys its environment.
func (d *deployer) serves(owner, name, environment string) (rollout.Repo, bool) {
	i := slices.IndexFunc(d.repos, func(r rollout.Repo) bool {
		return strings.EqualFold(r.Owner, owner) && strings.EqualFold(r.Name, name)
	})
	if i < 0 || d.environments != nil && !slices.ContainsFunc(d.environments, func(e string) bool { return strings.EqualFold(e, environment) }) {
		return rollout.Repo{}, false
	}
	return d.repos[i], true
}

// process deploys or reports a deployment, depending on GitHub's record. The
// event alone is not enough: it can be late, replayed, or from before a
// restart.
func (d *deployer) process(ctx context.Context, repo rollout.Repo, deployment ghdeploy.Deployment, log *slog.Logger) error {
	if outcome, ok := d.unreported.get(deployment.ID); ok {
		log.Info("not deployed", "reason", "it was deployed before, and its outcome was not reported")
		return d.report(ctx, repo, deployment.ID, outcome, log)
	}
	verdict, err := d.ask(ctx, repo, deployment, log)
	switch {
	case err != nil:
		return fmt.Errorf("not deployed, because its record could not be read from GitHub: %w", err)
	case verdict.deploy:
		return d.run(ctx, repo, deployment, log)
	case verdict.report != "":
		log.Info("not deployed", "reason", verdict.reason)
		return d.report(ctx, repo, deployment.ID, ghdeploy.DeploymentStatusRequest{State: verdict.report, Description: verdict.reason}, log)
	default:
		log.Info("not deployed", "reason", verdict.reason)
		return nil
	}
}

// run reports in_progress, deploys and reports the outcome.
func (d *deployer) run(ctx context.Context, repo rollout.Repo, deployment ghdeploy.Deployment, log *slog.Logger) error {
	_, err := repo.Report(ctx, deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Description: d.progress})
	switch {
	case errors.Is(err, rollout.ErrAlreadyFinal):
		log.Info("not deployed", "reason", err)
		return nil
	case err != nil:
		log.Warn("in_progress was not reported; deploying nevertheless", "error", err)
	}
	log.Info("deploying", "ref", deployment.Ref, "sha", deployment.SHA)
	url, failed := d.call(ctx, deployment)
	outcome := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, EnvironmentURL: url}
	switch {
	case failed != nil && ctx.Err() != nil:
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError, Description: "the receiver was stopped"}
	case failed != nil: // the error text can contain secrets, and the status can be public
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure, Description: "see the log of the receiver"}
	}
	return errors.Join(failed, d.report(ctx, repo, deployment.ID, outcome, log))
}

// call calls deploy, and returns a panic as an error.
func (d *deployer) call(ctx context.Context, deployment ghdeploy.Deployment) (url string, err error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("deploy panicked: %v\n%s", value, debug.Stack())
		}
	}()
	return d.deploy(ctx, deployment)
}
