package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// reportTimeout bounds a report that must go out although the program ends.
const reportTimeout = 10 * time.Second

// deployer carries deployments out and reports on them.
type deployer struct {
	statuses ghdeploy.StatusesService
	deploy   func(ctx context.Context, d ghdeploy.Deployment) (url string, err error)
	log      *slog.Logger
}

// onDeployment is called for each deployment that GitHub tells of. An error is
// logged, and makes the queue forget the delivery, so that it can come again.
func (d *deployer) onDeployment(ctx context.Context, e *webhook.DeploymentEvent) error {
	owner, repo := e.OwnerRepo()
	log := d.log.With("delivery", e.Delivery.GUID, "deployment", e.Deployment.ID)

	// The delivery may be an old one under a new GUID, or one from before a
	// restart: GitHub knows what became of its deployment.
	finished, err := d.finished(ctx, owner, repo, e.Deployment.ID)
	if err != nil {
		return err
	}
	if finished {
		log.Info("finished before")
		return nil
	}

	report := func(ctx context.Context, req ghdeploy.DeploymentStatusRequest) error {
		_, err := d.statuses.Create(ctx, owner, repo, e.Deployment.ID, req)
		return err
	}
	if err := report(ctx, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}); err != nil {
		return err
	}
	log.Info("deploying", "ref", e.Deployment.Ref, "environment", e.Deployment.Environment)
	url, failed := d.deploy(ctx, e.Deployment)
	outcome := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, EnvironmentURL: url}
	switch {
	case failed != nil && ctx.Err() != nil: // the program ends
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError, Description: "the receiver was stopped"}
	case failed != nil:
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure, Description: "see the log of the receiver"}
	}

	// What happened has happened: it is reported even if ctx has ended.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
	defer cancel()
	if err := report(last, outcome); err != nil {
		return errors.Join(failed, err)
	}
	log.Info("reported", "state", outcome.State)
	return failed
}

// finished tells whether the deployment has an outcome. One that was stopped
// has none.
func (d *deployer) finished(ctx context.Context, owner, repo string, id int64) (bool, error) {
	for status, err := range d.statuses.All(ctx, owner, repo, id, ghdeploy.DeploymentStatusListOptions{}) {
		if err != nil {
			return false, err
		}
		switch status.State {
		case ghdeploy.StateSuccess, ghdeploy.StateFailure, ghdeploy.StateInactive:
			return true, nil
		}
	}
	return false, nil
}

// deploy is where yours goes. It gives up when ctx ends, may be called a second
// time for what it did before, and returns where to see the result.
func deploy(ctx context.Context, d ghdeploy.Deployment, takes time.Duration) (string, error) {
	select {
	case <-time.After(takes):
		return fmt.Sprintf("https://%s.example.com/", d.Environment), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
