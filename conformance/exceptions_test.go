package conformance

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// exception is a place where GitHub's description contradicts itself, GitHub's
// documentation or recorded traffic. An unused exception fails the test.
type exception struct {
	operation string   // "" matches any operation
	status    int      // of the response; 0 for the request
	finding   string   // the beginning of the finding's text
	in        []string // parts of the names of the descriptions; nil is all
	reason    string
}

// The reasons name their source: "documented" is a page of
// docs.github.com/rest, "recorded" is the recorded traffic.
var exceptions = []exception{
	// Statuses that any operation can return and that few descriptions have.
	{status: 301, finding: notDescribed, reason: "a renamed repository, on a GET: recorded; documented in best practices, described only for GET repository"},
	{status: 307, finding: notDescribed, reason: "a renamed repository, on another method: recorded; documented in best practices"},
	{status: 400, finding: notDescribed, reason: "an unknown API version: documented in API versions and in troubleshooting"},
	{status: 401, finding: notDescribed, reason: "a missing or wrong token: recorded; documented in troubleshooting; described for no operation here"},
	{status: 403, finding: notDescribed, reason: "a missing permission, or a rate limit: recorded; documented in troubleshooting and in rate limits"},
	{status: 404, finding: notDescribed, reason: "a missing object, or one that the caller may not see: recorded; documented in troubleshooting"},
	{status: 422, finding: notDescribed, reason: "an invalid request: recorded for many operations; documented in troubleshooting"},
	{status: 429, finding: notDescribed, reason: "a rate limit: documented in rate limits as the other status"},

	{
		status: 422, finding: "/status: the key is not described",
		reason: "errors have their status since 2024-11, recorded; basic-error has the key, but validation-error and validation-error-simple do not",
	},
	{
		operation: "POST /repos/{owner}/{repo}/deployments", status: 409, finding: "a body that is not described",
		reason: "both 409s have a body, quoted in public issues; the description has only a text for them",
	},
	{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", status: 200, finding: "/*/state: value is not one of the allowed",
		reason: "a status is \"waiting\" while rules block its deployment: recorded in deliveries of deployment_status; deployment-status lists only the states that a request can set",
	},
	{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}", status: 200, finding: "/state: value is not one of the allowed",
		reason: "as in the list",
	},
	{
		operation: "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", status: 404, finding: "a body that is not described",
		reason: "GitHub's recorded 404s have an error body; the description has only a text for this one",
	},
	{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", finding: "/: property \"can_admins_bypass\" is unsupported",
		reason: "GitHub accepts it: go-github always sends it; the description lacks it and forbids additional keys",
	},
	{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", status: 200, finding: "/can_admins_bypass: the key is not described",
		reason: "recorded in every response, all from 2023",
	},
	{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}", status: 200, finding: "/can_admins_bypass: the key is not described",
		reason: "recorded in every response, all from 2023",
	},
	{
		operation: "GET /repos/{owner}/{repo}/environments", status: 200, finding: "/environments/*/can_admins_bypass: the key is not described",
		reason: "recorded in every response, all from 2023",
	},
}

const notDescribed = "the status is not described"

// applied counts how often each exception was used, by description.
type applied struct {
	mu    sync.Mutex
	count []map[string]int
	calls map[string]int // calls made for each description
}

func newApplied() *applied {
	a := &applied{count: make([]map[string]int, len(exceptions)), calls: make(map[string]int)}
	for i := range a.count {
		a.count[i] = make(map[string]int)
	}
	return a
}

func (e *exception) is(description string) bool {
	return e.in == nil || slices.ContainsFunc(e.in, func(part string) bool { return strings.Contains(description, part) })
}

// allows reports whether an exception covers the finding, and counts it.
func (a *applied) allows(description string, f finding) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range exceptions {
		e := &exceptions[i]
		if e.is(description) && (e.operation == "" || e.operation == f.operation) && e.status == f.status && strings.HasPrefix(f.text, e.finding) {
			a.count[i][description]++
			return true
		}
	}
	return false
}

// report fails for each unused exception of a description with all calls made.
func (a *applied) report(t *testing.T, all []description) {
	t.Helper()
	if t.Failed() {
		return // calls are missing, so exceptions can be unused
	}
	for i := range exceptions {
		e := &exceptions[i]
		for _, d := range all {
			if a.calls[d.name] == len(drives) && e.is(d.name) && a.count[i][d.name] == 0 {
				t.Errorf("%s: this exception is unused: %s %d %q (%s)", d.name, e.operation, e.status, e.finding, e.reason)
			}
		}
		t.Logf("exception: %s %d %q: %s", e.operation, e.status, e.finding, e.reason)
	}
}
