// Package ghdeploytest is a GitHub Deployments server for tests: in process, in memory, and obeying GitHub's rules.
//
//	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
//		FullName: "octocat/example",
//		Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
//	}))
//	defer srv.Close()
//
// Reach it through [Server.Transport], without a socket and inside testing/synctest, or on a loopback port at
// [Server.URL]. It answers under / and under /api/v3, by a repository's name and by its id. Let things go wrong with
// [Server.Inject]. Look at what happened with [Server.Requests] and [Server.Deployments].
//
// # What the rules rest on
//
// GitHub's description (the OpenAPI files of github/rest-api-description):
//   - operations, parameters, defaults (task deploy, environment production, auto_merge true, production_environment
//     true exactly for production) and the fields of every answer
//   - auto_merge of a ref that is behind: 202, merged, no deployment; the next request gets 201
//   - required_contexts: absent checks every context, [] none, else those listed
//   - the writable states; log_url sets target_url; a status without environment takes that of the previous status,
//     then that of the deployment
//   - auto_inactive: earlier deployments, not transient, not production, same environment, whose state is success
//   - delete: the only deployment of a repository in any state, else an inactive one; 422 with errors as strings; 404
//   - per_page 30, at most 100; Location on the 201 of a status
//   - what version 2026-03-10 left out of the repository and of the rate limit
//
// GitHub's documentation pages:
//   - refusals: bad JSON and what is not an object 400, unknown API version 400, trailing slash 404, bad credentials 401,
//     a missing permission 403, and 404 for a private repository that the caller cannot see
//   - the permission of each operation, and X-Accepted-GitHub-Permissions
//   - primary and secondary rate limits, their headers, 403 or 429; GET rate_limit is free
//   - conditional requests; a 304 is free for an authorised caller
//   - names of environments: without case, at most 255 characters; created on the fly
//
// Recorded exchanges and quoted errors:
//   - the bodies of the 202, of both 409s, of "No ref found for: X", of a status description over 140 characters, of a
//     missing parameter, of the unsupported version (seen with one supported version, here there are two), of a limit
//   - payload: an object or a string comes back as it was sent, {} if nothing was; description null if not sent, and ""
//     on a status
//   - Link by repository id, the order of its rels, and page in its old place or at the end of the query
//   - a renamed repository: 301 on GET, 307 otherwise, "Moved Permanently", Location by id; each redirect costs a request
//   - headers: request id, weak ETag on 200 and strong on 201 and 304, Last-Modified on a single deployment only,
//     Location on the 201 of a deployment, Cache-Control, Vary, the anonymous quota on a 401
//   - a status moves the deployment's updated_at; status as a string in error bodies
//   - the text about a User-Agent; it comes before anything else, as text/html
//   - the message of a refused delete, as a public tool quotes it. It says "in a given environment" where the description says the repository has one
//     deployment; the server does as the description says
//
// Assumed, because no evidence was found:
//   - the lists are sorted newest first (seen, promised nowhere)
//   - a deployment without any status is active for the delete rule; a newer success in the same environment makes an
//     older deployment inactive for it
//   - auto_merge comes before the status checks; a tag or a bare SHA that is behind is a merge conflict; the merge commit
//     has no statuses; a required context that nobody reported has the state pending
//   - a ref may be the first seven or more digits of a commit that a branch or tag points to
//   - the 422 of an environment_url that is not http (it stands in a client's test, not in a recording), of a wrong type,
//     of an unknown state and of payload null; "" as environment means production; the field and text of the cap on
//     statuses; a missing deployment is 404 for a new status
//   - the name of an environment comes back as it was spelt in the request, also where it exists in another spelling
//   - target_url alone leaves log_url empty
//   - 401 "Requires authentication" on an anonymous write; any caller may read a public repository; basic authentication
//     is a bad credential
//   - every request costs one, whatever its answer; a quota begins with its first request and lasts an hour
//   - pages below 1 and what is not a number count as absent; a page past the last is empty and points back
//   - addresses for people are on the host without api., or on the host itself
package ghdeploytest
