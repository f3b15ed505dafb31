package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// reconcile puts the newest deployments without a final status into the queue,
// oldest first. A worker then decides about each, as it does for an event.
func (r *receiver) reconcile(ctx context.Context) error {
	found := 0
	for _, repo := range r.deployer.repos {
		n, err := r.reconcileRepo(ctx, repo)
		found += n
		if err != nil {
			return fmt.Errorf("reconcile %s/%s: %w", repo.Owner, repo.Name, err)
		}
	}
	r.reconciled.Store(true)
	r.log.Info("reconciled", "found", found)
	return nil
}

func (r *receiver) reconcileRepo(ctx context.Context, repo rollout.Repo) (found int, err error) {
	environments := r.deployer.environments
	if environments == nil {
		environments = []string{""}
	}
	var all []*ghdeploy.Deployment
	for _, environment := range environments {
		list, err := listNewest(ctx, repo, environment, r.log)
		if err != nil {
			return 0, err
		}
		all = append(all, list...)
	}
	for _, d := range all {
		statuses, err := listStatuses(ctx, repo, d.ID, r.log)
		switch last := newestStatus(statuses, func(ghdeploy.State) bool { return true }); {
		case errors.Is(err, ghdeploy.ErrNotFound): // deleted since it was listed
			continue
		case err != nil:
			return found, err
		case last != nil && last.State.Final():
			continue
		}
		if err := r.enqueue(ctx, repo, d); err != nil {
			return found, err
		}
		found++
	}
	return found, nil
}

// enqueue makes a deployment event, as GitHub would send it, and waits until
// the queue accepts it.
func (r *receiver) enqueue(ctx context.Context, repo rollout.Repo, d *ghdeploy.Deployment) error {
	event := &webhook.DeploymentEvent{Deployment: *d, Common: webhook.Common{
		Delivery:   webhook.Delivery{Event: "deployment", GUID: fmt.Sprintf("reconcile-%d", d.ID)},
		Repository: &webhook.Repository{FullName: repo.Owner + "/" + repo.Name},
	}}
	for {
		err := r.queue.Callbacks().OnDeployment(ctx, event)
		if !errors.Is(err, webhook.ErrQueueFull) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Second):
		}
	}
}
