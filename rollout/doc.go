// Package rollout runs release workflows on GitHub's Deployments API. Tools
// that deploy need the same workflows: create a deployment and report how it
// goes, find out what is live, wait, roll back, and clean up.
//
//	repo := rollout.Repo{Client: client, Owner: "octocat", Name: "example"}
//	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
//	_, err := repo.Run(ctx, req, rollout.RunOptions{},
//		func(ctx context.Context, running *rollout.Running) error {
//			running.Progress("copying 14 files")
//			running.SetEnvironmentURL("https://staging.example.com")
//			return deploy(ctx, running.Deployment().SHA)
//		})
//
// # Which function to take
//
//   - [Repo.Run] deploys with a function of yours and reports how it goes.
//   - [Repo.Report] reports what another program deploys, from an event handler.
//   - [Repo.Ensure] creates a deployment that others carry out, in a program
//     that may be started twice.
//   - [Repo.Wait] waits for somebody else's deployment.
//   - [Repo.Current] finds what is live in an environment, [Repo.Overview] in
//     all of them.
//   - [Repo.Succeeded] finds out whether a commit ever succeeded.
//   - [Repo.History] lists deployments with their states.
//   - [Repo.Retire] makes old deployments inactive, or deletes them.
//
// To roll back, pass the deployment of [Repo.Previous] to [Again], and its
// request to [Repo.Run]. To promote, do the same with the deployment of
// [Repo.Current] in the environment before.
//
// # Promises
//
// Each function documents its promise and its limits:
//
//   - [Repo.Run] reports a final status or returns a [*ReportError], also after
//     a cancellation, a rate limit or a lost connection. After a panic it
//     reports error, and the panic goes on. It never reports two different final
//     states.
//   - [Repo.Report] posts a status once, and no in_progress after a final one.
//   - [Repo.Ensure] creates one deployment for a key, under the conditions that
//     it lists. GitHub has no lock and no idempotency key.
//   - [Repo.Wait] returns without an error only if the deployment had one of the
//     states waited for.
//   - [Repo.Current] and [Repo.Overview] let the newest deployment that ever
//     succeeded decide. In production an old success stays success for ever.
//   - [Repo.Previous] returns a deployment of another commit, and an
//     [ErrRunning] while the newest one runs.
//   - [Repo.Retire] can be interrupted and called again. It keeps what runs, and
//     what is live in production, unless told otherwise.
//
// A POST of unknown outcome is settled: the functions look for what it may have
// created, and send it again if it is not there. [Repo.Report] has the details.
//
// # Costs
//
//	function    requests
//	Run         3: create, in_progress, the final status; 2 for each further
//	            progress; with Superseded 1 more and 1 for each later deployment
//	Report      2
//	Ensure      1 if the deployment is there, 3 to create it
//	Wait        1 for each read; a read without a change costs no quota
//	Current     2 in most cases, at most 101 by default
//	Previous    3 in most cases, at most 101 by default
//	Succeeded   2 in most cases, at most 101 by default
//	History     1, and 1 for each deployment
//	Overview    1 for each hundred environments, and Current for each of them
//	Retire      about 2 for each deployment, at most one write a second
//
// Further pages and retries add to that; each function says how.
//
// # Errors
//
// The errors of the services come back as they are: compare them with the
// sentinels of package ghdeploy. [ErrNoneLive], [ErrNoneOlder],
// [ErrNeverSucceeded], [ErrRunning], [ErrOtherState] and [ErrAlreadyFinal] are
// results rather than failures. [*WaitError] and [*ReportError] say what was
// last known. A wrong argument is a [ghdeploy.ErrInvalidArgument], and nothing
// is sent.
//
// # Tests
//
// All functions are methods of [Repo] and use only the service interfaces of
// its Client, so they run on GitHub, on the server of package ghdeploytest, and
// on a stub. A service that a function needs and that is nil is an error that
// names it.
//
// docs/recipes.md has a complete function for each task, and examples/release
// is a tool made of them.
package rollout
