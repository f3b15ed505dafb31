// Package webhook receives GitHub's deployment events: deployment,
// deployment_status, deployment_review, deployment_protection_rule and ping.
// It verifies a delivery's signature and makes a typed event of it, on the
// types of package ghdeploy where they are the same thing.
//
// # Receive
//
// A [Verifier] holds the webhook's secret, a [Handler] calls back for each
// delivery that carries its signature:
//
//	verifier, err := webhook.NewVerifier(os.Getenv("WEBHOOK_SECRET"))
//	...
//	queue, err := webhook.NewQueue(webhook.Callbacks{OnDeployment: deploy}, webhook.QueueOptions{})
//	...
//	http.Handle("POST /webhook", webhook.NewHandler(verifier, queue.Callbacks()))
//
// Where there is no http.Request, as behind a queue or in a function of some
// cloud, [Verifier.Parse] takes the headers and the raw body, and
// [Verifier.Verify] checks the signature alone.
//
// # Reply
//
// An event of a deployment has what the services of a client ask for:
//
//	owner, repo := e.OwnerRepo()
//	client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
//	client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
//
// A protection rule of one's own is answered through Reviews.ReviewCustomRule, for
// the run of [DeploymentProtectionRuleEvent.RunID] and the event's Environment, with
// a token of the app's installation.
//
// # Answer in time
//
// GitHub waits 10 seconds for an answer, GitHub Enterprise Server 30. A
// deployment takes longer, so a [Queue] acknowledges first and works after. A
// program that ends calls [Queue.Shutdown], which works off what was accepted.
//
// GitHub does not redeliver by itself. A delivery that was answered with an
// error, or not in time, is redelivered when somebody asks for it, on the
// webhook's page or through the API, for 3 days (GitHub Enterprise Server: 7).
// So a 503 of a full queue is not the end of a delivery, but somebody must look
// after it; and what a killed process had accepted is lost to GitHub, which
// was told that all is well. Then the deployments that got no status tell what
// to do: list them when the program starts.
//
// # What the signature covers
//
// It covers the body, and nothing else: not the event's name, and not the GUID
// by which a Queue tells a redelivery from news. Without the secret nobody can
// make up a body, nor have a GUID remembered, as that happens after the
// signature was verified. But who has read a delivery on its way can send its
// body once more under a new GUID, or under the name of another event, and no
// receiver can tell. What follows: receive over https only, make a callback so
// that twice does no harm (a deployment that has a status beyond queued was
// seen before), and ask the API where a payload alone is too little to act on.
// Deliveries may also come late, or in another order than they happened.
//
// # When one machine is not enough
//
// A Queue lives in one process: its memory is the only place that knows an
// accepted delivery, and two of them do not know each other's GUIDs. Where
// neither will do, a durable queue (of a cloud, or a table of a database) goes
// in the Queue's place: callbacks that store [Delivery].Raw and the event's name
// under the GUID as a unique key, and return nil once that is done. Workers
// elsewhere decode it, with encoding/json, into the event's type.
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
package webhook
