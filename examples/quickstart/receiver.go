package main

import (
	"context"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// subscribe adds a webhook with two callbacks. The first deploys each
// deployment and reports; the second returns the reports. Put a deployment that
// takes longer behind a webhook.Queue, as examples/receiver does.
func subscribe(server *ghdeploytest.Server, client *ghdeploy.Client) (reports <-chan *webhook.DeploymentStatusEvent, err error) {
	const secret = "It's a Secret to Everybody"
	verifier, err := webhook.NewVerifier(secret)
	if err != nil {
		return nil, err
	}
	events := make(chan *webhook.DeploymentStatusEvent, 100)
	handler := webhook.NewHandler(verifier, webhook.Callbacks{
		OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
			owner, repo := e.OwnerRepo()
			for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateSuccess} {
				if _, err := client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: state}); err != nil {
					return err
				}
			}
			return nil
		},
		OnDeploymentStatus: func(_ context.Context, e *webhook.DeploymentStatusEvent) error {
			events <- e
			return nil
		},
	})
	server.AddWebhook(ghdeploytest.Webhook{Handler: handler, Secret: secret, Repository: owner + "/" + repo})
	return events, nil
}

// follow prints the reports of a deployment until its success.
func follow(ctx context.Context, out *story, reports <-chan *webhook.DeploymentStatusEvent, d *ghdeploy.Deployment) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		select {
		case e := <-reports:
			if e.Deployment.ID != d.ID {
				continue
			}
			out.step("wait for the receiver", "event %s: deployment %d is %s", e.Delivery.Event, d.ID, e.DeploymentStatus.State)
			if e.DeploymentStatus.State == ghdeploy.StateSuccess {
				return nil
			}
		case <-ctx.Done():
			return unexpected("the receiver to report success", ctx.Err())
		}
	}
}
