// Package ghdeploytest is a GitHub Deployments server for tests. It runs in
// process, keeps its data in memory, and follows GitHub's rules:
//
//   - auto_merge merges the default branch into a branch that is behind
//   - failed checks are a conflict
//   - a success makes earlier deployments inactive
//   - an active deployment cannot be deleted
//
// # Start it
//
// NewServer starts a server without a socket:
//
//	srv := ghdeploytest.NewServer(
//		ghdeploytest.WithRepository(ghdeploytest.Repository{
//			FullName: "octocat/example",
//			Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
//		}),
//	)
//	defer srv.Close()
//
// In a test, use [Start]. It closes the server at the end of the test, and
// fails the test for each injected fault that never fired.
//
// Without options the server has one public repository, octocat/example, with
// the branch main. It accepts every token as user octocat with every
// permission.
//
// # Connect to it
//
// A client reaches the server in one of these ways:
//
//   - [Server.Client] returns a ghdeploy client.
//   - [Server.Transport] is an http.RoundTripper for any other client. It needs
//     no socket, so it works inside testing/synctest.
//   - [Server.URL] opens a loopback port. The API is at / and at /api/v3, as on
//     GitHub Enterprise Server.
//   - [Server.ServeHTTP] mounts the server in your own HTTP server. Set its
//     address with [WithAddress].
//
// cmd/ghdeploy-server is the same server as a program.
//
// # Set it up
//
// Options of the constructors set the state at the start:
//
//   - [WithRepository] adds branches, tags and commits with their statuses,
//     environments with their rules, existing deployments, and workflow runs.
//   - [WithToken] adds a classic token with a role and scopes, a fine-grained
//     token, or an installation token. A server with at least one such token
//     refuses all others.
//   - [WithUser], [WithTeam] and [WithApp] add possible reviewers.
//   - [WithSeed] adds all of these from one value, which can be decoded from
//     JSON.
//   - [WithClock] sets the clock.
//   - [WithWebhook] adds a webhook with signed deliveries.
//
// IDs are the same in every run. An invalid setup panics, and the message says
// how to correct it.
//
// # Change it while it runs
//
// These methods change the state as people and other systems do:
//
//   - [Server.SetBranch], [Server.SetCommitStatus] and
//     [Server.RenameRepository] change a repository.
//   - [Server.StartRun] and [Server.StepRun] start and advance a workflow run.
//   - [Server.SetRemaining] sets a token's remaining quota.
//
// # Inject faults
//
// [Server.Inject] adds a [Fault]: a connection that ends before or after the
// request is executed, a response that is cut off, an HTML page, a redirect, a
// latency. [Server.Faults] counts how often each fault fired.
//
// These options set limits and change lists:
//
//   - [WithRateLimit], [WithRateLimitStatus]: the primary rate limit.
//   - [WithSecondaryLimit]: a limit on creations per minute.
//   - [WithPointsPerMinute]: GitHub's limit of 900 points per minute.
//   - [WithListLag]: lists that show an older state.
//   - [WithListOrder]: lists in another order than newest first.
//   - [WithStatusCap]: a maximum number of statuses per deployment.
//   - [WithoutLastLink]: pages without rel="last".
//
// # Inspect it
//
// A test can compare the state with what it expects:
//
//   - [Server.Deployments] returns the deployments with their statuses.
//     [Deployment.Inactive] returns the status that made one inactive.
//   - [Server.Environments] returns the environments, and [Server.Reviews] the
//     reviews of a workflow run.
//   - [Server.Requests] returns the requests, and [Server.Deliveries] the
//     deliveries to webhooks. Credentials in requests are redacted.
//
// # Rules and their sources
//
// docs/test-server.md lists every rule with its source: GitHub's description,
// its documentation, a recorded exchange, an error that a user quoted, or
// "assumed". Where the sources allow two interpretations of a rule, an option
// selects one: [WithActiveDeployment], [WithOnlyDeployment],
// [WithEnvironmentPUT]. Test a tool under both. [WithUnknownKeys] simulates an
// older GitHub Enterprise Server.
//
// docs/testing.md says when a stub is enough.
package ghdeploytest
