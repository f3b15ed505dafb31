package conformance

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// exception is a place where GitHub's description contradicts itself, GitHub's
// documentation or what was recorded. One that is not met fails.
type exception struct {
	operation string   // "": any
	status    int      // of the answer; 0: the request
	finding   string   // how it begins
	in        []string // the descriptions, by a part of their name; nil: all
	reason    string
}

// The reasons name their source: "documented" is a page of docs.github.com/rest,
// "recorded" is in the recorded traffic.
var exceptions = []exception{
	// What any operation can answer, and few are described with.
	{status: 301, finding: notDescribed, reason: "a renamed repository, on a GET: recorded; documented in best practices, described for GET repository alone"},
	{status: 307, finding: notDescribed, reason: "a renamed repository, on another method: recorded; documented in best practices"},
	{status: 400, finding: notDescribed, reason: "an API version that there is not: documented in API versions and in troubleshooting"},
	{status: 401, finding: notDescribed, reason: "no token where one is needed, or a wrong one: recorded; documented in troubleshooting; no operation here is described with it"},
	{status: 403, finding: notDescribed, reason: "a missing right, or a limit: recorded; documented in troubleshooting and in rate limits"},
	{status: 404, finding: notDescribed, reason: "nothing there, or nothing that the caller may see: recorded; documented in troubleshooting"},
	{status: 422, finding: notDescribed, reason: "a wrong or impossible request: recorded for many operations; documented in troubleshooting"},
	{status: 429, finding: notDescribed, reason: "a limit: documented in rate limits as the other status of one"},

	{
		status: 422, finding: "/status: the key is not described",
		reason: "errors hold their status since 2024-11, recorded; basic-error has the key, and neither validation-error nor validation-error-simple has",
	},
	{
		operation: "POST /repos/{owner}/{repo}/deployments", status: 409, finding: "a body, and none is described",
		reason: "both 409s have a body, quoted in public issues; the description gives them a text only",
	},
	{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", status: 200, finding: "/*/state: value is not one of the allowed",
		reason: "a status is \"waiting\" while rules hold its deployment back: recorded in deliveries of deployment_status; deployment-status lists the states that can be set",
	},
	{
		operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}", status: 200, finding: "/state: value is not one of the allowed",
		reason: "as in the list",
	},
	{
		operation: "POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", status: 404, finding: "a body, and none is described",
		reason: "GitHub's 404s have the body of an error, as recorded ones do; the description gives this one a text only",
	},
	{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", finding: "/: property \"can_admins_bypass\" is unsupported",
		reason: "GitHub takes it: go-github sends it always; the description has it nowhere and forbids what it does not have",
	},
	{
		operation: "PUT /repos/{owner}/{repo}/environments/{environment_name}", status: 200, finding: "/can_admins_bypass: the key is not described",
		reason: "recorded in every answer, all of them of 2023",
	},
	{
		operation: "GET /repos/{owner}/{repo}/environments/{environment_name}", status: 200, finding: "/can_admins_bypass: the key is not described",
		reason: "recorded in every answer, all of them of 2023",
	},
	{
		operation: "GET /repos/{owner}/{repo}/environments", status: 200, finding: "/environments/*/can_admins_bypass: the key is not described",
		reason: "recorded in every answer, all of them of 2023",
	},
}

const notDescribed = "the status is not described"

// applied counts how often each exception was met, by description.
type applied struct {
	mu    sync.Mutex
	count []map[string]int
	calls map[string]int // made under each description
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

// allows tells whether a finding is listed.
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

// report fails for each exception that was not met, where every call was made.
func (a *applied) report(t *testing.T, all []description) {
	t.Helper()
	if t.Failed() {
		return // what did not run met nothing
	}
	for i := range exceptions {
		e := &exceptions[i]
		for _, d := range all {
			if a.calls[d.name] == len(drives) && e.is(d.name) && a.count[i][d.name] == 0 {
				t.Errorf("%s: this exception is not met any more: %s %d %q (%s)", d.name, e.operation, e.status, e.finding, e.reason)
			}
		}
		t.Logf("exception: %s %d %q: %s", e.operation, e.status, e.finding, e.reason)
	}
}
