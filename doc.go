// Package ghdeploy is a client for GitHub's Deployments API: deployments,
// statuses, environments, their protection, and reviews. Every outcome is
// typed, no write is sent twice by accident, and the token never leaves its
// host.
//
// # A deployment from end to end
//
// A deployment is a request to deploy a ref to an environment. GitHub does not
// deploy. It stores the request, sends an event, and shows the statuses that
// the deploying program reports.
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
// deploy code that nobody checked. Name the checks in RequiredContexts, and
// repeat Create until they have succeeded.
//
// [docs/concepts.md] describes each of GitHub's rules, with the call and the
// error. Package [github.com/ghdeploy/ghdeploy/rollout] has complete workflows:
// release, roll back, promote, clean up.
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
// An empty value removes nothing. To remove a setting, use RemoveReviewers or
// AllBranches of [EnvironmentRequest].
//
//   - [BranchPoliciesService] manages the branches that may be deployed.
//   - [ProtectionRulesService] manages the protection rules of GitHub Apps.
//   - [ReviewsService] approves and rejects the waiting jobs of a workflow run.
//
// # Authentication and hosts
//
// An option of [NewClient] sets the token:
//
//   - [WithToken] takes the token itself.
//   - [FromEnvironment] reads the token from GH_TOKEN or GITHUB_TOKEN, as in a
//     workflow.
//   - [WithTokenFunc] calls a function before each attempt. Use it for a token
//     that expires, such as that of a GitHub App.
//
// Without one of them calls are anonymous. The default API is that of
// github.com; [WithHost] and [WithBaseURL] set another one. The token is sent
// only to the origin of that API. A redirect to another origin is not followed
// ([ErrRedirect]).
//
// # Errors
//
// Every failed call returns an [*Error] with the request, the response and the
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
// nothing is sent. [Error.Retryable] reports whether the same call can succeed
// later. [docs/errors.md] describes each error and what to do.
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
// [WithRetry] sets the number of attempts and the waits between them. By
// default all waits of a call together take at most 2 minutes. While a rate
// limit lasts, the client starts no request under that token. A call that may
// not wait that long returns a [*RateLimitError].
//
// An [*OutcomeUnknownError] is a POST that may have been executed: the
// connection was lost, or GitHub returned a 5xx. Package rollout finds out
// whether it was; the example of that type does it by hand.
//
// # Lists
//
// List returns one [Page]; All ranges over the rows of all pages:
//
//	opts := ghdeploy.DeploymentListOptions{Environment: "staging"}
//	all := client.Deployments.All(ctx, "octocat", "example", opts)
//	for d, err := range all {
//		if err != nil {
//			return err
//		}
//		fmt.Println(d.ID, d.Ref)
//	}
//
// All requests one page after the other. With Prefetch, a field of
// [DeploymentListOptions], it requests several pages at the same time.
//
// A repeated GET sends the ETag of the last response. If nothing has changed,
// GitHub returns a 304, which does not count against the quota of a token. So
// polling is cheap. [WithConditionalCache] sets the size of the cache.
//
// # Events
//
// GitHub sends an event for each deployment and each status. Package
// [github.com/ghdeploy/ghdeploy/webhook] verifies the delivery and calls a
// function with the typed event:
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
// The services are interfaces, so a test can replace one with a stub:
//
//	client := &ghdeploy.Client{Deployments: stub}
//
// Package [github.com/ghdeploy/ghdeploy/ghdeploytest] is a server that follows
// GitHub's rules, for tests of a whole release. [docs/testing.md] shows when to
// use which.
//
// # Stability
//
// From v1.0.0 on this module stays v1. Interfaces get no new methods, names do
// not change, and structs only get new fields.
//
// [docs/concepts.md]: https://github.com/ghdeploy/ghdeploy/blob/main/docs/concepts.md
// [docs/errors.md]: https://github.com/ghdeploy/ghdeploy/blob/main/docs/errors.md
// [docs/testing.md]: https://github.com/ghdeploy/ghdeploy/blob/main/docs/testing.md
package ghdeploy
