// Package webhook receives GitHub's deployment events: deployment,
// deployment_status, deployment_review, deployment_protection_rule and ping. It
// verifies the signature of a delivery and decodes it into a typed event. The
// events use the types of package ghdeploy where GitHub sends the same objects.
//
// # Receive
//
// A [Verifier] holds the webhook's secret. A [Handler] calls a callback for each
// delivery with a valid signature:
//
//	verifier, err := webhook.NewVerifier(os.Getenv("WEBHOOK_SECRET"))
//	...
//	queue, err := webhook.NewQueue(webhook.Callbacks{OnDeployment: deploy}, webhook.QueueOptions{})
//	...
//	http.Handle("POST /webhook", webhook.NewHandler(verifier, queue.Callbacks()))
//
// Without an http.Request, as in a cloud function, [Verifier.Parse] takes the
// headers and the body, and [Verifier.Verify] checks only the signature.
//
// # Reply
//
// An event of a deployment has the arguments of the client's services:
//
//	owner, repo := e.OwnerRepo()
//	client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
//	client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
//
// Approve or reject the job that waits for a custom protection rule with
// Reviews.ReviewCustomRule, [DeploymentProtectionRuleEvent.RunID] and the event's
// Environment. The token must be one of the app's installation.
//
// # Respond in time
//
// GitHub waits 10 seconds for a response, GitHub Enterprise Server 30. A
// deployment takes longer, so a [Queue] acknowledges the delivery first and calls
// the callback later. Before the program ends, [Queue.Shutdown] processes what was
// accepted.
//
// GitHub never redelivers by itself. A delivery that got an error, or no response
// in time, can be redelivered on the webhook's page or through the API for 3 days
// (GitHub Enterprise Server: 7). If the process is killed, the accepted
// deliveries are lost, because GitHub counts them as delivered. List the
// deployments without a final status when the program starts.
//
// # What the signature covers
//
// The signature covers the body, and not the headers: neither the event's name
// nor the GUID. Nobody can forge a body without the secret. But somebody who has
// seen a delivery can send its body again, under a new GUID or under the name of
// another event. A Queue drops such a replay while it remembers the delivery, if
// the event's name is the same. Therefore:
//
//   - Receive over https only.
//   - Before you deploy, check that the deployment has no status beyond queued.
//   - Ask the API if a decision needs more than the payload.
//   - Do not depend on the order of deliveries across keys. GitHub promises none,
//     and can send a delivery late.
//
// # Several machines
//
// A Queue lives in one process. It loses its deliveries with the process, and does
// not know the deliveries of other processes. Where that is not enough, use a
// durable queue (of a cloud or a message broker, or a table of a database)
// instead: callbacks that store the event's name and [Delivery].Raw, and return
// nil once that is done. Use a hash of both as the unique key, so that a replay is
// dropped. Workers decode what was stored with [Parse].
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
package webhook
