package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

var errStopped = errors.New("the worker was stopped")

// settle deploys or reports the deployment of a message, depending on GitHub's
// record. It returns nil if the message is settled.
func (w *worker) settle(ctx, stopped context.Context, log *slog.Logger, e *webhook.DeploymentEvent) error {
	owner, name := e.OwnerRepo()
	repo := rollout.Repo{Client: w.client, Owner: owner, Name: name}
	verdict, why, err := judge(ctx, w.client, owner, name, &e.Deployment)
	if err != nil {
		return err
	}
	switch verdict {
	case supersedeIt:
		log.Info("not deployed", "why", why)
		_, err = repo.Report(ctx, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive, Description: why})
	case endIt:
		log.Warn("not deployed a second time", "why", why)
		_, err = repo.Report(ctx, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError, Description: why})
	case deployIt:
		err = w.release(ctx, stopped, log, repo, &e.Deployment)
	default:
		log.Info("not deployed", "why", why)
	}
	return err
}

// release deploys and reports the outcome. It starts only after in_progress is
// reported, because the next worker recognises a started run by it.
func (w *worker) release(ctx, stopped context.Context, log *slog.Logger, repo rollout.Repo, d *ghdeploy.Deployment) error {
	run := runPrefix + strings.ToLower(rand.Text()[:12]) + " on " + w.name
	if _, err := repo.Report(ctx, d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Description: run}); err != nil {
		return err
	}
	log.Info("deploying", "ref", d.Ref, "environment", d.Environment, "run", run)
	url, failed := w.call(ctx, stopped, d)
	outcome := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, EnvironmentURL: url, Description: run}
	switch {
	case failed != nil && stopped.Err() != nil:
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError, Description: "stopped: " + run}
	case failed != nil:
		log.Error("the deployment failed", "error", failed)
		outcome = ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure, Description: "failed: " + run}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(stopped, func() { time.AfterFunc(reportWait, func() { cancel(errStopped) }) })()
	err := w.report(ctx, log, repo, d.ID, outcome)
	if err != nil {
		log.Error("the outcome is not reported", "state", outcome.State, "error", err)
	}
	if err != nil && !errors.Is(err, errLeaseLost) { // after a lost lease another worker reports error
		w.unreported.Add(1)
	}
	return err
}

// call deploys. The context ends when the lease ends or the worker is stopped.
func (w *worker) call(ctx, stopped context.Context, d *ghdeploy.Deployment) (url string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(stopped, func() { cancel(context.Cause(stopped)) })()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return w.deploy(ctx, d)
}

// report reports an outcome, and retries after transient errors. It does
// nothing if the deployment already has a final status.
func (w *worker) report(ctx context.Context, log *slog.Logger, repo rollout.Repo, id int64, outcome ghdeploy.DeploymentStatusRequest) error {
	for wait := w.backoff; ; wait = min(2*wait, maxBackoff) {
		newest, _, err := statusOf(ctx, w.client, repo.Owner, repo.Name, id)
		if err == nil && newest != nil && newest.State.Final() {
			log.Warn("the deployment is final already", "state", newest.State, "outcome", outcome.State)
			return nil
		}
		if err == nil {
			_, err = repo.Report(ctx, id, outcome)
		}
		switch {
		case err == nil:
			log.Info("reported", "state", outcome.State)
			return nil
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		case refused(err):
			return err
		}
		log.Warn("the outcome is not reported yet", "retry_after", wait, "error", err)
		pause(ctx, wait)
	}
}
