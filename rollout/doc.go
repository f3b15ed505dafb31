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
//	your program ...                                take
//	deploys, and reports how it goes                Run
//	reports what another program deploys            Report
//	creates a deployment that others carry out,     Ensure
//	  and may be started twice
//	waits for a deployment                          Wait
//	needs what is live                              Current, Overview
//	returns to the version before                   Previous, Again, Run
//	deploys to production what is live in staging   Current, Again, Run
//	asks whether a commit ever succeeded            Succeeded
//	lists deployments with their states             History
//	cleans up                                       Retire
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
// created, and send it again only if it is not there. See [Repo.Report].
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
