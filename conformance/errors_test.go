package conformance

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// sentinels has all sentinels of the client by name.
var sentinels = map[string]error{
	"ErrInvalidArgument":   ghdeploy.ErrInvalidArgument,
	"ErrUnauthorized":      ghdeploy.ErrUnauthorized,
	"ErrForbidden":         ghdeploy.ErrForbidden,
	"ErrNotFound":          ghdeploy.ErrNotFound,
	"ErrRateLimited":       ghdeploy.ErrRateLimited,
	"ErrMergedBranch":      ghdeploy.ErrMergedBranch,
	"ErrConflict":          ghdeploy.ErrConflict,
	"ErrMergeConflict":     ghdeploy.ErrMergeConflict,
	"ErrChecksFailed":      ghdeploy.ErrChecksFailed,
	"ErrValidation":        ghdeploy.ErrValidation,
	"ErrRefNotFound":       ghdeploy.ErrRefNotFound,
	"ErrActiveDeployment":  ghdeploy.ErrActiveDeployment,
	"ErrTooManyStatuses":   ghdeploy.ErrTooManyStatuses,
	"ErrAlreadyExists":     ghdeploy.ErrAlreadyExists,
	"ErrOutcomeUnknown":    ghdeploy.ErrOutcomeUnknown,
	"ErrRedirect":          ghdeploy.ErrRedirect,
	"ErrMalformedResponse": ghdeploy.ErrMalformedResponse,
	"ErrAttemptTimeout":    ghdeploy.ErrAttemptTimeout,
	"ErrTooLarge":          ghdeploy.ErrTooLarge,
	"ErrNotPending":        ghdeploy.ErrNotPending,
	"ErrPagination":        ghdeploy.ErrPagination,
	"ErrUnknownProtection": ghdeploy.ErrUnknownProtection,
}

// isAll returns the names of all sentinels that match an error.
func isAll(err error) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(sentinels)) {
		if errors.Is(err, sentinels[name]) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// refusals has the client's expected error for each recorded one.
var refusals = []struct {
	source, cause string // parts of the row's; together they match one row or several of one kind
	is            string // all sentinels that match, sorted
	check         func(t *testing.T, err error)
}{
	{source: "hubot-deploy#54", cause: "NO deployment", is: "ErrMergedBranch", check: merged("develop", "master")},
	{source: "github_deployment_create", cause: "merged the default branch", is: "ErrMergedBranch", check: merged("master", "topic")},
	{source: "github_deployment_create", cause: "merge conflict", is: "ErrConflict ErrMergeConflict", check: conflict(ghdeploy.ConflictMerge)},
	{source: "github_deployment_create", cause: "not all successful", is: "ErrChecksFailed ErrConflict", check: conflict(ghdeploy.ConflictChecks, "failure", "success")},
	{source: "github_deployment_create", cause: "bad token", is: "ErrUnauthorized"},
	{source: "slashdeploy#15", cause: "required context failed", is: "ErrChecksFailed ErrConflict", check: conflict(ghdeploy.ConflictChecks, "success", "failure")},
	{source: "ghup#135", cause: "contexts not shown", is: "ErrChecksFailed ErrConflict", check: conflict(ghdeploy.ConflictChecks)},
	{source: "website#130", cause: "required contexts failed", is: "ErrChecksFailed ErrConflict", check: conflict(ghdeploy.ConflictChecks)},
	{source: "deployment-action#1", cause: "auto_merge conflict", is: "ErrConflict ErrMergeConflict", check: conflict(ghdeploy.ConflictMerge)},
	{source: "backstage#28977", cause: "plan-gated", is: "ErrValidation"},
	{source: "github#2457", cause: "newer body field", is: "ErrValidation"},
	{source: "podman-desktop#13298", cause: "deployments: write", is: "ErrForbidden"},
	{source: "azure-dev", cause: "without admin", is: "ErrForbidden"},
	{source: "deployment-action#78", cause: "without credentials", is: "ErrNotFound"},
	{source: "github#2608", cause: "branch policy", is: "ErrNotFound"},
	{source: "knarr", cause: "does not exist", is: "ErrNotFound"},
	{source: "github-mirror#62", cause: "secondary", is: "ErrRateLimited", check: secondary},
	{source: "php-github-api#1072", cause: "secondary", is: "ErrRateLimited", check: secondary},
	{source: "github-api#2267", cause: "secondary", is: "ErrRateLimited", check: secondary},
	{source: "PyGithub#2047", cause: "unicorn", is: ""},
	{source: "admin#1792", cause: "unicorn page on a POST", is: "ErrOutcomeUnknown"},
	// Both were a DELETE of something else, replayed as Deployments.Delete. For
	// that, any 422 means that the deployment is active.
	{source: "Octokit_Client_Commits/_merge", cause: "refused", is: "ErrActiveDeployment ErrValidation"},
	{source: "Octokit_Client_Commits/_merge", cause: "own message", is: "ErrActiveDeployment ErrValidation"},
	{source: "_merge_pull_request", cause: "refused", is: "ErrValidation", check: field("PullRequest", "", "custom")},
	{source: "_vulnerability_alerts_enabled_", cause: "own message", is: "ErrNotFound"},
	{source: "_update_pull_request_review", cause: "revoked token", is: "ErrUnauthorized"},
	{source: "_update_key", cause: "method refused", is: ""},
	{source: "api.github.com/errors", cause: "refused", is: "ErrValidation", check: field("Label", "color", "invalid")},
	{source: "release-assets-conflict", cause: "refused", is: "ErrValidation", check: field("ReleaseAsset", "name", "already_exists")},
	// The Location is on api.github.com and not on the test's origin.
	// TestReplayTransport replays it on the origin of the base URL.
	{source: "rename-repository", cause: "renamed", is: "ErrRedirect"},
}

func merged(branch, ref string) func(t *testing.T, err error) {
	return func(t *testing.T, err error) {
		var reason *ghdeploy.MergedBranchError
		want := "Auto-merged " + branch + " into " + ref + " on deployment."
		if !errors.As(err, &reason) || reason.Message != want {
			t.Errorf("%v: not a MergedBranchError with the message %q", err, want)
		}
	}
}

func conflict(want ghdeploy.ConflictReason, states ...string) func(t *testing.T, err error) {
	return func(t *testing.T, err error) {
		var reason *ghdeploy.ConflictError
		if !errors.As(err, &reason) || reason.Reason != want {
			t.Fatalf("%v: not a ConflictError because of %s", err, want)
		}
		var got []string
		for _, context := range reason.Contexts {
			if context.Context == "" {
				t.Errorf("%v: a context without a name", err)
			}
			got = append(got, context.State)
		}
		if !slices.Equal(got, states) {
			t.Errorf("%v: the contexts are %q, want %q", err, got, states)
		}
	}
}

func secondary(t *testing.T, err error) {
	var reason *ghdeploy.RateLimitError
	if !errors.As(err, &reason) || !reason.Secondary || reason.RetryAfter <= 0 {
		t.Errorf("%v: not a secondary RateLimitError with a RetryAfter", err)
	}
}

func field(resource, name, code string) func(t *testing.T, err error) {
	return func(t *testing.T, err error) {
		var reason *ghdeploy.ValidationError
		if !errors.As(err, &reason) || len(reason.Errors) == 0 {
			t.Fatalf("%v: not a ValidationError with its fields", err)
		}
		got := reason.Errors[0]
		if got.Resource != resource || got.Field != name || got.Code != code {
			t.Errorf("%v: the FieldError is %+v, want %s %s %s", err, got, resource, name, code)
		}
	}
}

// nearest names an operation of ours that stands in for a foreign one. Errors
// depend on the method and the response; for a DELETE, on the path too.
var nearest = map[string]string{
	"":       "GET /repos/{owner}/{repo}/deployments/{deployment_id}", // the request was not recorded
	"GET":    "GET /repos/{owner}/{repo}/deployments/{deployment_id}",
	"HEAD":   "GET /repos/{owner}/{repo}/deployments/{deployment_id}",
	"POST":   "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	"PATCH":  "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", // the client has no PATCH
	"PUT":    "PUT /repos/{owner}/{repo}/environments/{environment_name}",
	"DELETE": "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}",
}

// nearestInput returns arguments for the nearest operation.
func nearestInput(method string) input {
	in := input{vars: map[string]string{"owner": "o", "repo": "r", "deployment_id": "7", "environment_name": "e"}, body: []byte("{}")}
	if strings.HasPrefix(nearest[method], "POST") {
		in.body = []byte(`{"state": "success"}`)
	}
	return in
}

// needed has request bodies for quoted requests without one.
var needed = map[string]string{
	"POST /repos/{owner}/{repo}/deployments":                                                `{"ref": "topic"}`,
	"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": `{"name": "release/*"}`,
}

// TestSentinels checks that the list of sentinels is complete.
func TestSentinels(t *testing.T) {
	source, err := os.ReadFile("../errors.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^\t(Err\w+) +error +=`).FindAllSubmatch(source, -1) {
		if name := string(match[1]); sentinels[name] == nil {
			t.Errorf("%s is missing in sentinels", name)
		}
	}
}

// TestReplayErrors replays each recorded error to the client.
func TestReplayErrors(t *testing.T) {
	rows := readRows(t, "errors.jsonl")
	count := make(map[string]int)
	used := make([]int, len(refusals))
	for _, r := range rows {
		t.Run(r.String(), func(t *testing.T) {
			which := -1
			for i, want := range refusals {
				if strings.Contains(r.Source, want.source) && strings.Contains(r.Cause, want.cause) {
					if which >= 0 {
						t.Fatalf("%s (%s) matches %q and %q", r.Source, r.Cause, refusals[which].cause, want.cause)
					}
					which = i
				}
			}
			if which < 0 {
				t.Fatalf("no expectation for: %s (%s)", r.Source, r.Cause)
			}
			want := refusals[which]
			used[which]++

			operation, vars, byID := operationOf(r)
			do, ours := calls[operation]
			in := input{vars: vars, query: r.query(), body: []byte("{}")}
			if ours && !byID {
				count["replayed on its own operation"]++
				if body, ok := needed[operation]; ok {
					in.body = []byte(body)
				}
				if keys := r.requestKeys(t); len(keys) > 0 {
					in.body = r.Request.Body
				}
				for name, value := range vars {
					if strings.HasPrefix(value, "%7B") || strings.HasPrefix(value, "{") {
						vars[name] = "7" // the quoted path has a placeholder
					}
				}
			} else {
				count["replayed on the nearest operation"]++
				do, in = calls[nearest[r.Request.Method]], nearestInput(r.Request.Method)
			}

			requests := new(requests)
			server := httptest.NewServer(requests.record(func(w http.ResponseWriter, _ *http.Request) { r.reply(w) }))
			defer server.Close()
			_, err := do.do(t.Context(), newClient(t, server.URL), in)
			if len(requests.list) != 1 {
				t.Fatalf("%d requests, want one", len(requests.list))
			}
			checkError(t, r, err, want.is)
			if want.check != nil {
				want.check(t, err)
			}
		})
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("refusals lists %s (%s), but no row matches", refusals[i].source, refusals[i].cause)
		}
	}
	report(t, len(rows), count, nil)
}

// checkError compares an error with the recorded response.
func checkError(t *testing.T, r *row, err error, is string) {
	t.Helper()
	var e *ghdeploy.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T): not a *ghdeploy.Error", err, err)
	}
	if e.StatusCode != r.Response.Status {
		t.Errorf("%v: the status is %d", err, e.StatusCode)
	}
	if got := isAll(err); got != is {
		t.Errorf("%v: it matches %q, want %q", err, got, is)
	}
	var body struct {
		Message          string `json:"message"`
		DocumentationURL string `json:"documentation_url"`
	}
	if json.Unmarshal(r.responseBody(), &body) == nil && (e.Message != body.Message || e.DocumentationURL != body.DocumentationURL) {
		t.Errorf("%v: the message is %q (%s), want %q (%s)", err, e.Message, e.DocumentationURL, body.Message, body.DocumentationURL)
	}
	if string(e.Body) != string(r.responseBody()) {
		t.Errorf("%v: the body is %q, want %q", err, e.Body, r.responseBody())
	}
	if got, want := e.RequestID, r.header("X-GitHub-Request-Id"); got != want {
		t.Errorf("%v: the request ID is %q, want %q", err, got, want)
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), token) {
		t.Errorf("%q: more than one line, or it contains the token", err.Error())
	}
}
