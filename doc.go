// Package ghdeploy is a client for GitHub's Deployments API: deployments,
// statuses, environments, their protection, and reviews. Every outcome is
// typed, no write is sent twice by accident, and the token never leaves its
// host.
//
// # A deployment from end to end
//
// A deployment is a request to deploy a ref to an environment. GitHub does not
// deploy: it stores the request, sends events to those who listen, and shows
// the statuses that they report.
//
//	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
//	if err != nil {
//		return err
//	}
//	d, err := client.Deployments.Create(ctx, "octocat", "example",
//		ghdeploy.DeploymentRequest{
//			Ref:         "main",
//			Environment: "staging",
//			AutoMerge:   new(false), // deploy the ref as it is
//		})
//	if err != nil {
//		return err
//	}
//	// ... deploy d.SHA, then:
//	_, err = client.Statuses.Create(ctx, "octocat", "example", d.ID,
//		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
//
// With AutoMerge nil or true, GitHub first merges the default branch into a ref
// that is behind it, and creates no deployment ([*MergedBranchError]). The
// merge commit has no status checks yet, so a second Create at once would
// deploy code that nobody checked. Wait for the checks, and name them in
// RequiredContexts.
//
// # Environments
//
// [EnvironmentsService].CreateOrUpdate changes the settings that the request
// names and keeps the others:
//
//	_, err := client.Environments.CreateOrUpdate(ctx,
//		"octocat", "example", "production", ghdeploy.EnvironmentRequest{
//			WaitTimer: new(30), // minutes; reviewers and branches stay
//		})
//
// An empty value removes nothing: [EnvironmentRequest] has RemoveReviewers and
// AllBranches for that. [BranchPoliciesService] manages the branches that may
// be deployed, [ProtectionRulesService] the rules of GitHub Apps, and
// [ReviewsService].Review approves a waiting run by the names of its
// environments.
//
// # Authentication and hosts
//
// [WithToken] takes a token, [FromEnvironment] the token of a workflow or of
// the gh tool, and [WithTokenFunc] a token that changes, such as a GitHub
// App's. Without one of them calls are anonymous. The default is the API of
// github.com. [WithHost] and [WithBaseURL] set another one. The token is sent
// to the origin of that URL only: a redirect to another origin is not followed
// ([ErrRedirect]).
//
// # Errors
//
// Every error of a call is an [*Error]: the request, the response, and the
// number of attempts. Find its reason with [errors.Is], and its details with
// [errors.As]:
//
//	var conflict *ghdeploy.ConflictError
//	switch {
//	case errors.Is(err, ghdeploy.ErrMergedBranch):
//		// 202: GitHub merged the default branch into the ref
//		// and created no deployment
//	case errors.As(err, &conflict):
//		// 409: see conflict.Reason and conflict.Failing()
//	case errors.Is(err, ghdeploy.ErrRefNotFound):
//		// 422: no such ref
//	case errors.Is(err, ghdeploy.ErrOutcomeUnknown):
//		// it may have been created: look for it first
//	}
//
// An invalid argument, such as an empty owner, is an [ErrInvalidArgument], and
// nothing is sent. (*Error).Retryable reports whether the same call can succeed
// later. docs/errors.md says for each error what to do.
//
// # Retries
//
// A request is retried only if that cannot execute it twice:
//
//	request      not sent, or    rate limit   5xx (not 501), cut 2xx,
//	             not processed   response     connection lost
//	GET          yes             yes          yes
//	PUT, DELETE  yes             yes          yes
//	POST         yes             yes          never: OutcomeUnknownError
//
// [WithRetry] sets the number of attempts and the waits between them. All waits
// of a call together take 2 minutes at most. While a rate limit lasts, no
// request under its token is started. A call that may not wait that long
// returns a [*RateLimitError].
//
// An [*OutcomeUnknownError] is a POST that may have been executed: its
// connection was lost, or GitHub returned a 5xx. Package rollout settles it;
// the example of that type shows how to do it by hand.
//
// # Lists
//
// List returns one [Page]; All ranges over the rows of all pages:
//
//	opts := ghdeploy.DeploymentListOptions{Environment: "staging"}
//	for d, err := range client.Deployments.All(ctx, "octocat", "example", opts) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(d.ID, d.Ref)
//	}
//
// All requests one page after the other. Prefetch of [DeploymentListOptions]
// requests several pages of a long list at the same time.
//
// A GET that is repeated is sent with the ETag of the last response. If nothing
// changed, GitHub answers 304 and counts no request of the quota: polling is
// cheap. [WithConditionalCache] sets the memory for it.
//
// # Events
//
// GitHub sends each deployment and each status to webhooks. Package webhook
// verifies a delivery and returns a typed event:
//
//	func(ctx context.Context, e *webhook.DeploymentEvent) error {
//		owner, repo := e.OwnerRepo()
//		_, err := client.Statuses.Create(ctx, owner, repo, e.Deployment.ID,
//			ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
//		return err
//	}
//
// # Testing
//
// Test code that takes a [DeploymentsService] with a stub; Client{Deployments:
// stub} is a Client. Package ghdeploytest is a server that follows GitHub's
// rules, for tests of a whole release.
//
// # Stability
//
// From v1.0.0 on this module stays v1: interfaces get no new methods, names do
// not change, and structs only get new fields.
package ghdeploy
