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
// [Server.Inject]. Let a workflow run wait for its environments with [Server.StartRun]. Receive its events with
// [WithWebhook]. Look at what happened with [Server.Requests], [Server.Deployments], [Server.Environments],
// [Server.Reviews] and [Server.Deliveries].
//
// docs/testing.md says when a stub is enough (examples/stubtest), and when go-github-mock serves (examples/mocktest).
// cmd/ghdeploy-server is this server as a program.
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
//   - environments: wait_timer from 0 to 43,200; up to six reviewers of type User or Team; of the two members of
//     deployment_branch_policy exactly one is true, else 422; a PUT may have no body, or null; no further keys; / is %2F
//   - branch policies: 404 unless custom_branch_policies is true; 200 for a new one; 303 for one that exists; a PUT
//     changes the name only; type branch is the default
//   - custom rules: 201; apps that can be enabled; reviews of a run, their required parameters, the history with the
//     state pending for a comment
//
// GitHub's documentation pages:
//   - refusals: bad JSON and what is not an object 400, unknown API version 400, trailing slash 404, bad credentials 401,
//     a missing permission 403, and 404 for a private repository that the caller cannot see
//   - the permission of each operation, and X-Accepted-GitHub-Permissions
//   - primary and secondary rate limits, their headers, 403 or 429; GET rate_limit is free
//   - conditional requests; a 304 is free for an authorised caller
//   - names of environments: without case, at most 255 characters; created on the fly
//   - webhooks: their headers and signatures, over the body as it is sent; json and form; a ping when one is added; 10
//     seconds for an answer, 30 and two headers more on GitHub Enterprise Server; sent again only when asked, under the same GUID, which all webhooks share for an event;
//     nothing above 25 MB; none for a status inactive; the events of reviews for apps only
//   - DELETE of an environment fails the jobs that wait for it; a job fails that was not approved within 30 days
//   - one approval is enough; who started a run cannot approve it where prevent_self_review says so
//   - the free plan has no environments in private repositories, and rules there need the enterprise plan
//   - custom rules: at most six for an environment; only an installation token reviews, and only its app's own rule; up to
//     ten reports of up to 1,024 characters
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
//   - the headers of a delivery; the payloads of ping, deployment, deployment_status and deployment_review; who starts a
//     run is the sender of deployment_review requested
//   - the text about a User-Agent; it comes before anything else, as text/html
//   - the message of a refused delete, as a public tool quotes it. It says "in a given environment" where the
//     description says the repository has one deployment; the server does as the description says
//   - an environment: 200 for create and update, weak ETag, its members and the union of its rules; custom rules are not
//     in it; can_admins_bypass, which no description has; a rule that changes gets a new id and updated_at stays
//   - wait_timer null does not clear it; an existing environment outlives its deployments
//   - on a private repository below enterprise 422 for wait_timer, reviewers and prevent_self_review, even with their
//     defaults, and the environment exists all the same; on the free plan 404
//   - "Invalid input: X is not a permitted key." of a server that does not know a key
//   - 422 for prevent_self_review without reviewers; a team that cannot see the repository is left out in silence
//   - 404 of branch policies on GET, too
//   - "No pending deployment requests to approve or reject" as one string in errors, also for who may not approve, and
//     "Deployment protection rule has already been reviewed" (public apps' tests and reports, not recordings)
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
//   - a deployment or a status shows its environment as the request spelt it, and the environment itself keeps its first
//     spelling; a status creates the environment it is for, also one that was deleted meanwhile
//   - target_url alone leaves log_url empty
//   - 401 "Requires authentication" on an anonymous write; any caller may read a public repository; basic authentication
//     is a bad credential
//   - every request costs one, whatever its answer, but for one that is refused for its User-Agent or API version; a
//     quota begins with its first request and lasts an hour
//   - pages below 1 and what is not a number count as absent; a page past the last is empty and points back
//   - webhooks: no redirect is followed; an app's ping names no repository and no sender; the installation's id; a
//     deployment that no run made has workflow null and workflow_run null, as described, where recordings of API-made
//     ones have neither; deployment_review names the owner as its organization, also a person; the name, file and event
//     of a workflow run; the status waiting has an event, by github-actions[bot]
//   - curl gets its JSON laid out with two spaces and a line's end; every other client gets one line
//   - an absent key of a PUT of an environment replaces the setting by its default; [WithEnvironmentPUT] has the other
//     reading; a null that is not wait_timer, reviewers or deployment_branch_policy is refused
//   - environments are listed by name; the order of their rules; a rule that does not change keeps its id
//   - the texts of the 422s about the length of an environment's name, wait_timer, reviewers, the two equal members and
//     null; several keys that are not permitted are named line by line, by name
//   - an environment without reviewers exists after the 422 about prevent_self_review, as after the one about the plan
//   - on the free plan an environment that a deployment created on a private repository can be read and deleted
//   - users and teams that were not set up can review, under made-up names, until [WithUser] or [WithTeam] says who there
//     is; an unknown user is left out as a team is; who is sent twice reviews once
//   - an older server's answers lack the keys that it does not know
//   - DELETE of an environment that is not there is 404; its deployments stay
//   - the 303 has no Location; the same pattern for a branch and a tag are two; a PUT to a pattern that exists is 422; an
//     empty pattern is 422; branch policies go when the environment leaves custom_branch_policies
//   - custom rules: integration_id is required; an unknown app, one that is enabled already and a seventh are 422, also
//     without the plan; the list of apps holds enabled ones too; the list of rules has no pages
//   - rules hold back the jobs of a run only, not deployments made through the API; branch policies hold back nothing
//   - the reading operations of a run need actions=read
//   - a run: its deployments are by github-actions[bot]; waiting, then in_progress once no rule holds them back, failure
//     once rejected; without rules in_progress at once; wait_timer_started_at is null without a timer, else when the run
//     started; the rules are those of now; a deployment that is deleted waits no more
//   - of several environments those are reviewed that wait for the caller; an app is no reviewer of pending deployments
//   - a review by a user token of a custom rule, or of another app's, is 403; the 422s about reports; reviews and reports
//     of apps are in the history
//   - addresses for people are on the host without api., or on the host itself
package ghdeploytest
