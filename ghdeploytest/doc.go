// Package ghdeploytest is a GitHub Deployments server for tests. It runs in
// process and in memory, and follows GitHub's rules: a ref that is behind is
// merged, failing checks are a conflict, a success makes earlier deployments
// inactive, an active deployment cannot be deleted.
//
// # Start it
//
//	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
//		FullName: "octocat/example",
//		Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
//	}))
//	defer srv.Close()
//
// [Start] does the same for a test: it closes the server at the test's end, and
// fails the test for each fault that never fired.
//
// Without options the server has the public repository octocat/example with the
// branch main, and takes every token for one of octocat, who may do everything.
//
// # Reach it
//
//   - [Server.Client] returns a ghdeploy client for it.
//   - [Server.Transport] is an http.RoundTripper for any other client. It needs
//     no socket, so it works inside testing/synctest.
//   - [Server.URL] opens a loopback port. The API is at / and at /api/v3, as on
//     GitHub Enterprise Server.
//   - [Server.ServeHTTP] mounts the server in a server of your own;
//     [WithAddress] names the address of that.
//
// cmd/ghdeploy-server is the same server as a program.
//
// # Set it up
//
//   - [WithRepository]: branches, tags and commits with their statuses,
//     environments with their rules, the history of deployments, workflow runs.
//   - [WithToken]: classic tokens with a role and scopes, fine-grained tokens,
//     and installation tokens with permissions. From the first one on, other
//     tokens are refused.
//   - [WithUser], [WithTeam], [WithApp]: who can review.
//   - [WithSeed]: all of these as one value, which can be read from JSON.
//   - [WithClock]: a clock of the test's own.
//   - [WithWebhook]: signed deliveries of the events.
//
// Ids and times are the same in every run. A setup that is wrong panics, with a
// text that says what to write.
//
// # Change it while it runs
//
// [Server.SetBranch], [Server.SetCommitStatus], [Server.RenameRepository],
// [Server.StartRun], [Server.StepRun], [Server.SetRemaining].
//
// # Let things go wrong
//
// [Server.Inject] puts a [Fault] in force: connections that end before or after
// the request was executed, responses that are cut off, HTML pages, redirects,
// latencies. [Server.Faults] counts what each fault met. These options are about
// limits and lists:
//
//   - [WithRateLimit], [WithRateLimitStatus]: the primary limit.
//   - [WithSecondaryLimit]: things created in a minute.
//   - [WithPointsPerMinute]: GitHub's limit of 900 points a minute.
//   - [WithListLag]: lists that are behind.
//   - [WithListOrder]: lists in another order than newest first.
//   - [WithStatusCap]: the number of statuses of a deployment.
//   - [WithoutLastLink]: pages without rel="last".
//
// # Look at what happened
//
//   - [Server.Deployments] returns the deployments with their statuses, and
//     [Deployment.Inactive] who made one inactive and when.
//   - [Server.Environments], [Server.Reviews].
//   - [Server.Requests] returns the requests, [Server.Deliveries] the deliveries
//     to webhooks. Credentials are redacted.
//
// # Which rules, and how sure
//
// docs/test-server.md lists every rule with its source: GitHub's description,
// its documentation, a recorded exchange, an error that a user quoted, or
// "assumed". Where GitHub's rule can be read in two ways, an option switches the
// reading: [WithActiveDeployment], [WithOnlyDeployment], [WithEnvironmentPUT].
// Test a tool under both. [WithUnknownKeys] makes the server an older one.
//
// docs/testing.md says when a stub is enough.
package ghdeploytest
