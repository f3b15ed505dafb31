// Package rollout runs release workflows on GitHub's Deployments API: create a
// deployment and report its progress, find the live deployment, wait, roll
// back, and clean up.
//
//	repo := rollout.Repo{Client: client, Owner: "octocat", Name: "example"}
//	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
//	_, err := repo.Run(ctx, req, rollout.RunOptions{},
//		func(ctx context.Context, running *rollout.Running) error {
//			running.Progress("copied 14 files")
//			running.SetEnvironmentURL("https://staging.example.com")
//			return deploy(ctx, running.Deployment().SHA)
//		})
//
// # Choose a function
//
// Each task has one function:
//
//   - [Repo.Run] calls your deployment function and reports its progress and
//     result.
//   - [Repo.Report] reports a status, for event handlers and for deployments
//     that another program executes.
//   - [Repo.Ensure] creates a deployment once for a key, also if the program is
//     started twice. Another program executes it, or this one with
//     [Repo.Report].
//   - [Repo.Wait] waits until a deployment ends.
//   - [Repo.Current] finds the live deployment of an environment,
//     [Repo.Overview] those of all environments.
//   - [Repo.Succeeded] finds the first successful deployment of a commit.
//   - [Repo.History] lists deployments with their states.
//   - [Repo.Retire] makes old deployments inactive, or deletes them.
//
// To roll back, pass the deployment of [Repo.Previous] to [Again], and the
// resulting request to [Repo.Run]. To promote, do the same with the deployment
// of [Repo.Current] in the previous environment.
//
// # Guarantees
//
// Each function documents its guarantee and its limits:
//
//   - [Repo.Run] reports a final status or returns a [*ReportError], even after
//     a cancellation, a rate limit or a lost connection. After a panic it
//     reports error, and the panic continues. It never reports two different
//     final states.
//   - [Repo.Report] posts a status once, and no in_progress after a final
//     status.
//   - [Repo.Ensure] creates one deployment for a key, under the conditions that
//     it lists. GitHub has no lock and no idempotency key.
//   - [Repo.Wait] returns without an error only if the deployment had one of
//     the states in [WaitOptions].Until.
//   - [Repo.Current] and [Repo.Overview] look only at the newest deployment
//     that ever succeeded. In production, older ones keep the state success.
//   - [Repo.Previous] returns a deployment of another commit, or [ErrRunning]
//     while the newest deployment runs.
//   - [Repo.Retire] can be interrupted and called again. By default it keeps
//     running deployments and the live one of a production environment.
//
// After a POST of unknown outcome, the functions look for the created
// deployment or status, and repeat the POST if they do not find it.
// [Repo.Report] has the details.
//
// # Costs
//
// The number of requests, without retries:
//
//	function    requests
//	Run         3: create, in_progress, the final status; 2 for each further
//	            progress; with Superseded 1 more and 1 for each later deployment
//	Report      2
//	Ensure      1 if the deployment exists, 3 to create it
//	Wait        1 for each read; a read without a change costs no quota
//	Current     2 in most cases, at most 101 by default
//	Previous    3 in most cases, at most 101 by default
//	Succeeded   2 in most cases, at most 101 by default
//	History     1, and 1 for each deployment
//	Overview    1 for each hundred environments, and Current for each of them
//	Retire      about 2 for each deployment, at most one write a second
//
// Further pages and retries cost extra; each function documents them.
//
// # Errors
//
// The functions return the errors of the services; compare them with the
// sentinels of package ghdeploy. [ErrNoneLive], [ErrNoneOlder],
// [ErrNeverSucceeded], [ErrRunning], [ErrOtherState] and [ErrAlreadyFinal] are
// results rather than failures. [*WaitError] holds the newest status, and
// [*ReportError] the status that was not reported. For an invalid argument the
// error is [ghdeploy.ErrInvalidArgument], and no request is sent.
//
// # Tests
//
// All functions are methods of [Repo] and use only the service interfaces of
// its Client. So they run on GitHub, on the server of package ghdeploytest, and
// on a stub. If a required service is nil, the error names it.
//
// docs/recipes.md has a complete function for each task. examples/release is a
// command-line tool that uses them.
package rollout
