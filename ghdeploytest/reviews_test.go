package ghdeploytest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	pending    = "/repos/octocat/example/actions/runs/42/pending_deployments"
	gateReview = "/repos/octocat/example/actions/runs/42/deployment_protection_rule"
	approvals  = "/repos/octocat/example/actions/runs/42/approvals"
	reviewDocs = "https://docs.github.com/rest/actions/workflow-runs#review-pending-deployments-for-a-workflow-run"
	gateDocs   = "https://docs.github.com/rest/actions/workflow-runs#review-custom-deployment-protection-rules-for-a-workflow-run"
	approve    = `{"environment_ids":[8000000001],"state":"approved","comment":"Ship it!"}`
	reject     = `{"environment_ids":[8000000001],"state":"rejected","comment":"Not today"}`

	nothingPending = `{"message":"Validation Failed","errors":"No pending deployment requests to approve or reject","documentation_url":"` + reviewDocs + `","status":"422"}`
)

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// waiting returns a server with the tokens of the tests. octocat's run 42 waits
// for production.
func waiting(t *testing.T, production ghdeploytest.Environment, opts ...ghdeploytest.Option) *ghdeploytest.Server {
	t.Helper()
	production.Name = "production"
	opts = append(opts, withJustice(), withApps("gate", "other"),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Environments: []ghdeploytest.Environment{production}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", Login: "octocat"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "hubot", Login: "Hubot"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "mona", Login: "mona"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "gate", App: "gate"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "other", App: "other"}),
	)
	srv := newServer(t, opts...)
	run := srv.StartRun("octocat/example", ghdeploytest.Run{ID: 42, Environments: []string{"Production", "staging"}})
	if run.ID != 42 || !slices.Equal(run.Deployments, []int64{6000000001, 6000000002}) {
		t.Fatal(run)
	}
	return srv
}

var byOctocat = []ghdeploytest.Reviewer{{User: "octocat"}}

func wantState(t *testing.T, srv *ghdeploytest.Server, want ...string) {
	t.Helper()
	var got []string
	for _, d := range srv.Deployments("octocat/example") {
		var states []string
		for _, st := range d.Statuses {
			states = append(states, st.State)
		}
		got = append(got, strings.Join(states, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("states %q, want %q", got, want)
	}
}

// The shape is that of GitHub's description.
func TestPendingDeployments(t *testing.T) {
	clock := newClock()
	srv := waiting(t, ghdeploytest.Environment{WaitTimer: 30, Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}, {Team: "justice-league"}}}, ghdeploytest.WithClock(clock.now))
	wantState(t, srv, "waiting", "in_progress") // staging has no rules
	const want = `[{
		"environment": {
			"id": 8000000001, "node_id": "EN_ks8AAAABKgXyAc8AAAAB3NZQAQ", "name": "production",
			"url": "https://api.github.test/repos/octocat/example/environments/production",
			"html_url": "https://github.test/octocat/example/deployments/activity_log?environments_filter=production"
		},
		"wait_timer": 30, "wait_timer_started_at": "2026-04-01T12:00:00Z", "current_user_can_approve": true,
		"reviewers": [{"type":"User","reviewer":` + octocat + `},{"type":"Team","reviewer":` + justice + `}]
	}]`
	clock.Time = clock.Add(time.Minute)
	wantJSON(t, must(t, srv, 200, "GET", pending, "").body, want)
	for token, can := range map[string]bool{"secret": true, "hubot": true, "mona": false, "gate": false, "": false} {
		authorization := "Bearer " + token
		if token == "" {
			authorization = ""
		}
		got := must(t, srv, 200, "GET", pending, "", "Authorization", authorization)
		if strings.Contains(got.body, `"current_user_can_approve":true`) != can {
			t.Errorf("%q: %s", token, got.body)
		}
	}
	without := waiting(t, ghdeploytest.Environment{ProtectionRules: []string{"gate"}})
	var rows []json.RawMessage
	decode(t, must(t, without, 200, "GET", pending, "").body, &rows)
	wantFields(t, string(rows[0]), map[string]string{"wait_timer": "0", "wait_timer_started_at": "null", "current_user_can_approve": "false", "reviewers": "[]"})
}

func TestApprove(t *testing.T) {
	clock := newClock()
	srv := waiting(t, ghdeploytest.Environment{Reviewers: byOctocat}, ghdeploytest.WithClock(clock.now))
	clock.Time = clock.Add(time.Minute)
	got := must(t, srv, 200, "POST", pending, approve)
	var rows []json.RawMessage
	decode(t, got.body, &rows)
	if len(rows) != 1 {
		t.Fatal(got.body)
	}
	wantFields(t, string(rows[0]), map[string]string{
		"id": "6000000001", "environment": `"Production"`, "ref": `"main"`, "task": `"deploy"`, "payload": "{}", "description": "null",
		"created_at": `"2026-04-01T12:00:00Z"`, "updated_at": `"2026-04-01T12:01:00Z"`, "performed_via_github_app": "null",
	})
	wantState(t, srv, "waiting in_progress", "in_progress")
	wantJSON(t, must(t, srv, 200, "GET", pending, "").body, "[]")
	wantJSON(t, must(t, srv, 200, "GET", approvals, "").body, `[{
		"state": "approved", "comment": "Ship it!", "user": `+octocat+`,
		"environments": [{
			"id": 8000000001, "node_id": "EN_ks8AAAABKgXyAc8AAAAB3NZQAQ", "name": "production",
			"url": "https://api.github.test/repos/octocat/example/environments/production",
			"html_url": "https://github.test/octocat/example/deployments/activity_log?environments_filter=production",
			"created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z"
		}]
	}]`)
	if got := fmt.Sprint(srv.Reviews("octocat/example", 42)); got != "[{[production] approved Ship it! octocat}]" {
		t.Error(got)
	}
	// Quoted in the tests of public apps: errors is one string.
	wantJSON(t, must(t, srv, 422, "POST", pending, approve).body, nothingPending)
}

func TestReject(t *testing.T) {
	srv := waiting(t, ghdeploytest.Environment{Reviewers: byOctocat, WaitTimer: 30, ProtectionRules: []string{"gate"}})
	must(t, srv, 200, "POST", pending, reject)
	wantState(t, srv, "waiting failure", "in_progress")
	wantJSON(t, must(t, srv, 200, "GET", pending, "").body, "[]")
	got := must(t, srv, 422, "POST", gateReview, `{"environment_name":"production","state":"approved"}`, "Authorization", "Bearer gate")
	wantJSON(t, got.body, `{"message":"No pending deployment requests to approve or reject","documentation_url":"`+gateDocs+`","status":"422"}`)
}

// A user who may not approve gets the error that nothing is pending, as users
// of GitHub report.
func TestWhoMayApprove(t *testing.T) {
	both := []ghdeploytest.Reviewer{{User: "OCTOCAT"}, {Team: "justice-league"}}
	for _, tt := range []struct {
		name, token, body string
		production        ghdeploytest.Environment
		status            int
	}{
		{"a reviewer", "secret", approve, ghdeploytest.Environment{Reviewers: both}, 200},
		{"a member of a reviewing team", "hubot", approve, ghdeploytest.Environment{Reviewers: both}, 200},
		{"a user who is no reviewer", "mona", approve, ghdeploytest.Environment{Reviewers: both}, 422},
		{"an app", "gate", approve, ghdeploytest.Environment{Reviewers: both}, 422},
		{"the user who started the run", "secret", approve, ghdeploytest.Environment{Reviewers: both, PreventSelfReview: true}, 422},
		{"a user who did not start the run", "hubot", approve, ghdeploytest.Environment{Reviewers: both, PreventSelfReview: true}, 200},
		{"an environment without reviewers", "secret", approve, ghdeploytest.Environment{WaitTimer: 1}, 422},
		{"another environment", "secret", `{"environment_ids":[8000000002],"state":"approved","comment":""}`, ghdeploytest.Environment{Reviewers: both}, 422},
		{"no environment", "secret", `{"environment_ids":[],"state":"approved","comment":""}`, ghdeploytest.Environment{Reviewers: both}, 422},
		{"one waiting environment and one other", "secret", `{"environment_ids":[8000000002,8000000001],"state":"approved","comment":""}`, ghdeploytest.Environment{Reviewers: both}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := waiting(t, tt.production)
			got := must(t, srv, tt.status, "POST", pending, tt.body, "Authorization", "Bearer "+tt.token)
			if tt.status == 422 {
				wantJSON(t, got.body, nothingPending)
				wantJSON(t, must(t, srv, 200, "GET", approvals, "").body, "[]")
				wantState(t, srv, "waiting", "in_progress")
			}
		})
	}
}

func TestReviewRefused(t *testing.T) {
	srv := waiting(t, ghdeploytest.Environment{Reviewers: byOctocat, ProtectionRules: []string{"gate"}})
	long := strings.Repeat("x", 1025)
	for _, tt := range []struct {
		path, token, body string
		status            int
		message           string
	}{
		{pending, "secret", `{}`, 422, `Invalid request.\n\n\"comment\", \"environment_ids\", \"state\" weren't supplied.`},
		{pending, "secret", `{"environment_ids":[8000000001],"state":"approved"}`, 422, `Invalid request.\n\n\"comment\" wasn't supplied.`},
		{pending, "secret", `{"environment_ids":[8000000001],"state":"pending","comment":""}`, 422, `Invalid request.\n\npending is not a member of [\"approved\", \"rejected\"].`},
		{pending, "secret", `{"environment_ids":["production"],"state":"approved","comment":""}`, 422, `Invalid request.\n\nFor 'items', \"production\" is not an integer.`},
		{gateReview, "gate", `{}`, 422, `Invalid request.\n\n\"comment\", \"environment_name\" weren't supplied.`},
		{gateReview, "gate", `{"environment_name":"production"}`, 422, `Invalid request.\n\n\"comment\" wasn't supplied.`},
		{gateReview, "gate", `{"environment_name":"production","state":"pending"}`, 422, `Invalid request.\n\npending is not a member of [\"approved\", \"rejected\"].`},
		{gateReview, "gate", `{"environment_name":"production","comment":"` + long + `"}`, 422, `The comment is too long (maximum is 1024 characters).`},
		{gateReview, "gate", `{"environment_name":"gone","state":"approved"}`, 422, `No pending deployment requests to approve or reject`},
		{gateReview, "other", `{"environment_name":"production","state":"approved"}`, 403, `Resource not accessible by integration`},
		{gateReview, "secret", `{"environment_name":"production","state":"approved"}`, 403, `Resource not accessible by personal access token`},
	} {
		got := must(t, srv, tt.status, "POST", tt.path, tt.body, "Authorization", "Bearer "+tt.token)
		wantFields(t, got.body, map[string]string{"message": `"` + tt.message + `"`, "errors": ""})
	}
	for _, path := range []string{pending, gateReview, approvals} {
		path = strings.Replace(path, "/42/", "/43/", 1)
		method, body := "POST", `{"environment_name":"production","state":"approved"}`
		if strings.HasSuffix(path, "approvals") {
			method, body = "GET", ""
		}
		must(t, srv, 404, method, path, body, "Authorization", "Bearer gate")
	}
	must(t, srv, 404, "GET", "/repos/octocat/example/actions/runs/43/pending_deployments", "")
	wantState(t, srv, "waiting", "in_progress")
}

// The request is the example of GitHub's description; 204 without a body.
func TestReviewCustomRule(t *testing.T) {
	srv := waiting(t, ghdeploytest.Environment{ProtectionRules: []string{"gate", "other"}})
	const approved = `{"environment_name":"PRODUCTION","state":"approved","comment":"All health checks passed."}`
	if got := must(t, srv, 204, "POST", gateReview, approved, "Authorization", "Bearer gate"); got.body != "" {
		t.Error(got.body)
	}
	wantState(t, srv, "waiting", "in_progress") // waits for the other app
	got := must(t, srv, 422, "POST", gateReview, approved, "Authorization", "Bearer gate")
	wantJSON(t, got.body, `{"message":"Deployment protection rule has already been reviewed","documentation_url":"`+gateDocs+`","status":"422"}`)
	must(t, srv, 204, "POST", gateReview, approved, "Authorization", "Bearer other")
	wantState(t, srv, "waiting in_progress", "in_progress")
	if got := fmt.Sprint(srv.Reviews("octocat/example", 42)); got != "[{[production] approved All health checks passed. gate[bot]} {[production] approved All health checks passed. other[bot]}]" {
		t.Error(got)
	}

	srv = waiting(t, ghdeploytest.Environment{ProtectionRules: []string{"gate", "other"}})
	must(t, srv, 204, "POST", gateReview, `{"environment_name":"production","state":"rejected"}`, "Authorization", "Bearer gate")
	wantState(t, srv, "waiting failure", "in_progress")
}

// Documented: a comment without a state is a status report; at most ten, of at
// most 1,024 characters. Its state in the history is pending.
func TestStatusReports(t *testing.T) {
	srv := waiting(t, ghdeploytest.Environment{ProtectionRules: []string{"gate"}})
	report := `{"environment_name":"production","comment":"` + strings.Repeat("é", 1024) + `"}`
	for range 10 {
		must(t, srv, 204, "POST", gateReview, report, "Authorization", "Bearer gate")
	}
	got := must(t, srv, 422, "POST", gateReview, report, "Authorization", "Bearer gate")
	wantFields(t, got.body, map[string]string{"message": `"The deployment has its 10 status reports already."`})
	wantState(t, srv, "waiting", "in_progress")
	must(t, srv, 204, "POST", gateReview, `{"environment_name":"production","state":"approved"}`, "Authorization", "Bearer gate")
	var history []struct {
		State string
		User  struct{ Login, Type string }
	}
	decode(t, must(t, srv, 200, "GET", approvals, "").body, &history)
	if len(history) != 11 || history[0].State != "pending" || history[0].User.Login != "gate[bot]" || history[0].User.Type != "Bot" || history[10].State != "approved" {
		t.Error(history)
	}
}

// Every rule has to pass. Waits use the server's clock.
func TestWaits(t *testing.T) {
	clock := newClock()
	start := clock.Time
	srv := waiting(t, ghdeploytest.Environment{WaitTimer: 30}, ghdeploytest.WithClock(clock.now))
	clock.Time = start.Add(30*time.Minute - time.Second)
	wantState(t, srv, "waiting", "in_progress")
	clock.Time = start.Add(30 * time.Minute)
	wantJSON(t, must(t, srv, 200, "GET", pending, "").body, "[]")
	wantState(t, srv, "waiting in_progress", "in_progress")

	clock = newClock()
	srv = waiting(t, ghdeploytest.Environment{WaitTimer: 30, Reviewers: byOctocat}, ghdeploytest.WithClock(clock.now))
	must(t, srv, 200, "POST", pending, approve)
	wantState(t, srv, "waiting", "in_progress")
	wantJSON(t, must(t, srv, 422, "POST", pending, approve).body, nothingPending) // approved already
	clock.Time = start.Add(30 * time.Minute)
	wantState(t, srv, "waiting in_progress", "in_progress")

	clock = newClock()
	srv = waiting(t, ghdeploytest.Environment{Reviewers: byOctocat}, ghdeploytest.WithClock(clock.now))
	clock.Time = start.Add(30*24*time.Hour - time.Second)
	wantState(t, srv, "waiting", "in_progress")
	clock.Time = start.Add(30 * 24 * time.Hour)
	wantState(t, srv, "waiting failure", "in_progress")
}

// A job does not wait for a rule that was removed meanwhile. If the environment
// was deleted, the job fails.
func TestChangesWhileWaiting(t *testing.T) {
	srv := waiting(t, ghdeploytest.Environment{Reviewers: byOctocat, ProtectionRules: []string{"gate"}})
	must(t, srv, 200, "PUT", production, `{"reviewers":[]}`)
	wantState(t, srv, "waiting", "in_progress")
	must(t, srv, 204, "DELETE", rules+"/10000000002", "")
	wantState(t, srv, "waiting in_progress", "in_progress")

	srv = waiting(t, ghdeploytest.Environment{Reviewers: byOctocat})
	must(t, srv, 204, "DELETE", production, "")
	wantState(t, srv, "waiting failure", "in_progress")
	if got := srv.Environments("octocat/example"); len(got) != 1 || got[0].Name != "staging" {
		t.Error(got)
	}

	srv = waiting(t, ghdeploytest.Environment{Reviewers: byOctocat})
	must(t, srv, 204, "DELETE", first, "")
	wantJSON(t, must(t, srv, 200, "GET", pending, "").body, "[]")
	wantJSON(t, must(t, srv, 422, "POST", pending, approve).body, nothingPending)
}

func TestStartRunDefaults(t *testing.T) {
	srv := newServer(t)
	run := srv.StartRun("octocat/example", ghdeploytest.Run{Environments: []string{"staging"}})
	if run.ID != 12000000001 || run.Ref != "main" || run.Actor != "octocat" {
		t.Error(run)
	}
	got := must(t, srv, 200, "GET", fmt.Sprintf("%s/%d", deployments, run.Deployments[0]), "")
	if !strings.Contains(got.body, `"login":"github-actions[bot]"`) {
		t.Error(got.body)
	}
}
