// Package ghdeploy is a client for GitHub's Deployments API: deployments,
// their statuses, the environments that they go to and the reviews on the way,
// with every outcome typed, no write sent twice by accident, and a token that
// never leaves its host.
//
// # A deployment from end to end
//
// A deployment is a request to deploy a ref to an environment. GitHub deploys
// nothing itself: it keeps the request, tells whoever listens, and shows the
// statuses that are reported back.
//
//	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
//	if err != nil {
//		return err
//	}
//	d, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
//		Ref:         "main",
//		Environment: "staging",
//	})
//	if err != nil {
//		return err
//	}
//	// ... deploy d.SHA, then:
//	_, err = client.Statuses.Create(ctx, "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{
//		State: ghdeploy.StateSuccess,
//	})
//
// # Environments and their protection
//
// [EnvironmentsService].CreateOrUpdate changes what the request names and keeps
// the rest, whatever GitHub does with a setting that it is not sent:
//
//	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", "production", ghdeploy.EnvironmentRequest{
//		WaitTimer: new(30), // minutes; reviewers and branches stay as they are
//	})
//
// Nothing is removed by an empty value: [EnvironmentRequest] has RemoveReviewers
// and AllBranches for that. [BranchPoliciesService] names the branches that may
// be deployed, [ProtectionRulesService] turns on the rules of GitHub Apps, and
// [ReviewsService].Review approves a waiting run by the names of its
// environments.
//
// # Authentication and hosts
//
// [WithToken] takes a token, [FromEnvironment] the one that a workflow or the
// gh tool uses, and [WithTokenFunc] one that changes, such as a GitHub App's.
// Without any the calls are anonymous. The API of github.com is the default;
// [WithHost] and [WithBaseURL] name another. The token is sent to the origin of
// that URL alone: a redirect elsewhere is not followed ([ErrRedirect]).
//
// # Errors
//
// Every error of a call is an [*Error]: what was asked, what came back, and
// how often it was sent. Its reason is found with [errors.Is] and, where there
// is more to know, with [errors.As]:
//
//	var conflict *ghdeploy.ConflictError
//	switch {
//	case errors.Is(err, ghdeploy.ErrMergedBranch):
//		// 202: the default branch was merged into the ref; create it again to deploy
//	case errors.As(err, &conflict):
//		// 409: conflict.Reason, and conflict.Failing() are the checks
//	case errors.Is(err, ghdeploy.ErrRefNotFound):
//		// 422: no such ref
//	case errors.Is(err, ghdeploy.ErrOutcomeUnknown):
//		// it may have been created: look before you send it again
//	}
//
// A call that could not be meant, such as one for an empty owner, is an
// [ErrInvalidArgument], and nothing is sent.
//
// # What is sent again
//
// A request that failed is sent again only where that can do no harm:
//
//	             no connection   rate limit   5xx (not 501), cut answer,
//	             was reached                  or connection lost
//	GET          yes             yes          yes
//	PUT, DELETE  yes             yes          yes
//	POST         yes             yes          never: ErrOutcomeUnknown
//
// Waits honour Retry-After and the reset of the quota, and end with the
// context. [WithRetry] says how often and how long. While a limit lasts no
// request under its token is started; one that may not wait that long gets a
// [*RateLimitError].
//
// An [*OutcomeUnknownError] is a POST that may have been carried out: its
// connection was lost, or GitHub answered 5xx. Look for the deployment before
// you create it again: List it with the same ref, task and environment, and
// compare a nonce that you put into the payload, as the example of that type
// does. docs/errors.md says for each error what to do.
//
// # Lists
//
// List returns one [Page]; All ranges over the rows of all pages:
//
//	for d, err := range client.Deployments.All(ctx, "octocat", "example", ghdeploy.DeploymentListOptions{Environment: "staging"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(d.ID, d.Ref)
//	}
//
// # Testing
//
// Code that takes a [DeploymentsService] is tested with a stub of it, and
// Client{Deployments: stub} is a Client. Package ghdeploytest is a server that
// obeys GitHub's rules, for tests of what those rules do to a release.
//
// # Stability
//
// From v1.0.0 on this module stays v1: interfaces are never grown, names are never
// changed, and structs grow by fields alone.
package ghdeploy
