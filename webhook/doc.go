// Package webhook receives GitHub's deployment events: deployment,
// deployment_status, deployment_review, deployment_protection_rule and ping. It
// verifies the signature of a delivery and decodes it into a typed event. The
// events use the types of package ghdeploy where GitHub sends the same objects.
//
// # Receive
//
// A [Verifier] holds the webhook's secret. A [Handler] calls a callback for
// each delivery with a valid signature:
//
//	verifier, err := webhook.NewVerifier(os.Getenv("WEBHOOK_SECRET"))
//	...
//	callbacks := webhook.Callbacks{OnDeployment: deploy}
//	queue, err := webhook.NewQueue(callbacks, webhook.QueueOptions{})
//	...
//	http.Handle("POST /webhook", webhook.NewHandler(verifier, queue.Callbacks()))
//
// Without an http.Request, as in a cloud function, [Verifier.Parse] takes the
// headers and the body, and [Verifier.Verify] checks only the signature.
//
// # Report
//
// A deployment event names the repository and the deployment. Report of package
// rollout posts a status once, and posts no in_progress after a final status:
//
//	func deploy(ctx context.Context, e *webhook.DeploymentEvent) error {
//		owner, name := e.OwnerRepo()
//		repo := rollout.Repo{Client: client, Owner: owner, Name: name}
//		status := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}
//		if err := ship(ctx, e.Deployment.SHA); err != nil {
//			status.State = ghdeploy.StateFailure
//		}
//		// Shutdown can have ended ctx, and Report must still be sent.
//		ctx, cancel := context.WithTimeout(
//			context.WithoutCancel(ctx), time.Minute)
//		defer cancel()
//		_, err := repo.Report(ctx, e.Deployment.ID, status)
//		return err
//	}
//
// Before you deploy, read the deployment's statuses, and skip it if it has one
// beyond queued: a delivery can be repeated after a restart. examples/receiver
// is a complete program. It also reports in_progress, handles a panic, and
// continues after a crash.
//
// To approve or reject a job that waits for a custom protection rule, call
// Reviews.ReviewCustomRule with [DeploymentProtectionRuleEvent.RunID] and the
// event's Environment. The call needs an installation access token of the app.
//
// # Respond in time
//
// GitHub waits 10 seconds for a response, GitHub Enterprise Server 30. A
// deployment takes longer, so a [Queue] acknowledges the delivery first and
// calls the callback later. Before the program ends, [Queue.Shutdown] processes
// the accepted deliveries.
//
// GitHub never redelivers automatically. A delivery that got an error, or no
// response in time, can be redelivered on the webhook's page or through the API
// for 3 days (GitHub Enterprise Server: 7). If the process is killed, the
// accepted deliveries are lost, because GitHub counts them as delivered. When
// the program starts, list the deployments without a final status.
//
// # What the signature covers
//
// The signature covers the body, but no header: neither the event's name nor
// the GUID. Without the secret, a body cannot be forged. But an attacker who
// recorded a delivery can replay its body, under a new GUID or under the name
// of another event. A Queue drops such a replay while it remembers the
// delivery, if the event's name is the same. Therefore:
//
//   - Receive over https only.
//   - Before you deploy, check that the deployment has no status beyond queued.
//   - Ask the API if a decision needs more than the payload.
//   - Do not depend on the order of deliveries across keys. GitHub guarantees
//     no order, and can send a delivery late.
//
// # Several machines
//
// A Queue lives in one process. Its deliveries end with the process, and it
// does not know those of other processes. If that is not enough, use a durable
// queue: a cloud queue, a message broker or a database table. The callbacks
// store the event's name and [Delivery].Raw, and return nil once both are
// stored. Use a hash of both as the unique key, so that a replay is dropped.
// Workers decode the stored payload with [Parse].
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
package webhook
