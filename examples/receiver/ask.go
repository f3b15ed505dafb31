package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// pageSize is GitHub's maximum. GitHub documents no order of its lists, so the
// receiver searches a whole page for the newest deployment.
const pageSize = 100

// ask reads GitHub's record of a deployment and decides what to do with it.
func (d *deployer) ask(ctx context.Context, repo rollout.Repo, deployment ghdeploy.Deployment, log *slog.Logger) (decision, error) {
	statuses, err := listStatuses(ctx, repo, deployment.ID, log)
	if errors.Is(err, ghdeploy.ErrNotFound) {
		return decision{reason: "GitHub does not have it, or hides it from this token"}, nil
	}
	if err != nil {
		return decision{}, err
	}
	environment, err := listNewest(ctx, repo, deployment.Environment, log)
	if err != nil {
		return decision{}, err
	}
	return decide(deployment, statuses, environment, d.progress), nil
}

// listNewest returns the newest deployments of an environment, or of all
// environments for "", oldest first.
func listNewest(ctx context.Context, repo rollout.Repo, environment string, log *slog.Logger) ([]*ghdeploy.Deployment, error) {
	var list []*ghdeploy.Deployment
	err := persist(ctx, log, func() error {
		page, err := repo.Client.Deployments.List(ctx, repo.Owner, repo.Name, ghdeploy.DeploymentListOptions{Environment: environment, PerPage: pageSize})
		if err == nil {
			list = page.Items
		}
		return err
	})
	slices.SortFunc(list, func(a, b *ghdeploy.Deployment) int { return compareAge(a.CreatedAt, b.CreatedAt, a.ID, b.ID) })
	return list, err
}

// listStatuses returns all statuses of a deployment.
func listStatuses(ctx context.Context, repo rollout.Repo, id int64, log *slog.Logger) ([]*ghdeploy.DeploymentStatus, error) {
	var list []*ghdeploy.DeploymentStatus
	err := persist(ctx, log, func() error {
		list = nil
		for s, err := range repo.Client.Statuses.All(ctx, repo.Owner, repo.Name, id, ghdeploy.DeploymentStatusListOptions{}) {
			if err != nil {
				return err
			}
			list = append(list, s)
		}
		return nil
	})
	return list, err
}

// persist calls f until it succeeds, GitHub refuses the call, or ctx ends. So
// it retries longer than the client does. f must be safe to repeat after an
// unknown outcome; reads and Report are.
func persist(ctx context.Context, log *slog.Logger, f func() error) error {
	for backoff := time.Second; ; backoff = min(2*backoff, 30*time.Second) {
		err := f()
		failed, ok := errors.AsType[*ghdeploy.Error](err)
		if !ok || refused(failed) {
			return err
		}
		wait := max(backoff, failed.RetryAfter)
		log.Warn("a call of GitHub's API failed; retrying", "wait", wait, "error", err)
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// refused reports whether a retry cannot succeed, as after a 401. It can after
// rate limits, 5xx responses, lost connections and the page of a proxy.
func refused(err *ghdeploy.Error) bool {
	return (err.StatusCode/100 == 3 || err.StatusCode/100 == 4) && !err.Retryable()
}
