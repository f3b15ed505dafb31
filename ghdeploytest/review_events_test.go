package ghdeploytest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The events of reviews are tested on the functions that send them.

func reviewServer(t *testing.T, apps ...string) (*Server, *call) {
	t.Helper()
	at := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	s := NewServer(WithClock(func() time.Time { return at }))
	t.Cleanup(s.Close)
	for _, app := range apps {
		s.AddWebhook(Webhook{Handler: http.NotFoundHandler(), App: app})
	}
	s.AddWebhook(Webhook{Handler: http.NotFoundHandler()}) // of the repository: it gets none of these
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, s.serverCall(s.state.find("octocat/example"))
}

func payloads(t *testing.T, s *Server, event string) []map[string]json.RawMessage {
	t.Helper()
	if err := s.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list []map[string]json.RawMessage
	for _, d := range s.Deliveries() {
		if d.Event != event {
			continue
		}
		if d.Header.Get("X-GitHub-Hook-Installation-Target-Type") != "integration" {
			t.Error("a repository's webhook got " + event)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(d.Payload), &members); err != nil {
			t.Fatal(err)
		}
		list = append(list, members)
	}
	return list
}

func wantMembers(t *testing.T, of map[string]json.RawMessage, keys string, want map[string]string) {
	t.Helper()
	got, names := slices.Sorted(maps.Keys(of)), strings.Fields(keys)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("members %v\nwant    %v", got, names)
	}
	for name, value := range want {
		if string(of[name]) != value {
			t.Errorf("%s = %s\nwant %s", name, of[name], value)
		}
	}
}

func object(t *testing.T, text json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return members
}

func aReview(action string) reviewEvent {
	at := time.Date(2026, 4, 1, 11, 59, 0, 0, time.UTC)
	return reviewEvent{
		action: action, comment: "Looks good",
		run: eventRun{
			id: 70, number: 15, name: "release", path: ".github/workflows/release.yml", branch: "main", sha: "5275a45b7e99c7fd7265b790392c10a74101a67a",
			event: "push", status: "waiting", actor: "octocat", createdAt: at, updatedAt: at,
		},
		jobs: []eventJob{
			{id: 71, name: "deploy", environment: "production", status: "waiting", createdAt: at, updatedAt: at},
			{id: 72, name: "docs", environment: "pages", status: "waiting", createdAt: at, updatedAt: at},
		},
		reviewers: []reviewerEventJSON{{Type: "Team", Reviewer: map[string]any{"slug": "admins"}}},
	}
}

const runKeys = `id name node_id head_branch head_sha path display_title run_number event status conclusion workflow_id
	check_suite_id check_suite_node_id url html_url pull_requests created_at updated_at actor run_attempt
	referenced_workflows run_started_at triggering_actor jobs_url logs_url check_suite_url artifacts_url cancel_url
	rerun_url previous_attempt_url workflow_url`

func TestReviewRequested(t *testing.T) {
	s, c := reviewServer(t, "gate", "watcher")
	s.mu.Lock()
	s.emitReview(c, aReview("requested"))
	s.mu.Unlock()
	list := payloads(t, s, "deployment_review")
	if len(list) != 2 {
		t.Fatalf("%d events, want one for each app", len(list))
	}
	got := list[0]
	wantMembers(t, got, `action workflow_run since workflow_job_run environment reviewers requestor repository organization sender installation`, map[string]string{
		"action": `"requested"`, "since": `"2026-04-01T12:00:00Z"`, "environment": `"production"`,
		"reviewers": `[{"type":"Team","reviewer":{"slug":"admins"}}]`,
		"workflow_job_run": `{"id":71,"name":"deploy","status":"waiting","conclusion":null,` +
			`"html_url":"https://github.test/octocat/example/actions/runs/70/jobs/71","created_at":"2026-04-01T11:59:00Z",` +
			`"updated_at":"2026-04-01T11:59:00Z","environment":"production"}`,
	})
	wantMembers(t, object(t, got["workflow_run"]), runKeys, map[string]string{
		"id": "70", "run_number": "15", "name": `"release"`, "path": `".github/workflows/release.yml"`, "head_branch": `"main"`,
		"event": `"push"`, "status": `"waiting"`, "conclusion": "null", "pull_requests": "[]", "run_attempt": "1",
		"url":      `"https://api.github.test/repos/octocat/example/actions/runs/70"`,
		"html_url": `"https://github.test/octocat/example/actions/runs/70"`,
		"jobs_url": `"https://api.github.test/repos/octocat/example/actions/runs/70/jobs"`,
	})
	wantMembers(t, object(t, got["organization"]), `login id node_id url repos_url events_url hooks_url issues_url members_url
		public_members_url avatar_url description`, map[string]string{
		"login": `"octocat"`, "url": `"https://api.github.test/orgs/octocat"`, "description": "null",
		"members_url": `"https://api.github.test/orgs/octocat/members{/member}"`,
	})
	if login := object(t, got["requestor"])["login"]; string(login) != `"octocat"` {
		t.Errorf("requestor: %s", login)
	}
	if login := object(t, got["sender"])["login"]; string(login) != `"github-actions[bot]"` {
		t.Errorf("sender: %s", login)
	}
}

func TestReviewGiven(t *testing.T) {
	for _, action := range []string{"approved", "rejected"} {
		s, c := reviewServer(t, "gate")
		c.actor = actor{&Token{Login: "hubot"}}
		e := aReview(action)
		e.run.status, e.run.conclusion, e.reviewers = "completed", "failure", nil
		s.mu.Lock()
		s.emitReview(c, e)
		s.mu.Unlock()
		got := payloads(t, s, "deployment_review")[0]
		wantMembers(t, got, `action workflow_run since workflow_job_run workflow_job_runs approver comment reviewers repository
			organization sender installation`, map[string]string{"action": `"` + action + `"`, "comment": `"Looks good"`, "reviewers": "[]"})
		if login := object(t, got["approver"])["login"]; string(login) != `"hubot"` {
			t.Errorf("approver: %s", login)
		}
		if conclusion := object(t, got["workflow_run"])["conclusion"]; string(conclusion) != `"failure"` {
			t.Errorf("conclusion: %s", conclusion)
		}
		if name := object(t, got["workflow_job_run"])["name"]; string(name) != "null" {
			t.Errorf("name: %s", name)
		}
		var jobs []struct{ Name, Environment string }
		if err := json.Unmarshal(got["workflow_job_runs"], &jobs); err != nil || len(jobs) != 2 || jobs[1].Name != "docs" || jobs[1].Environment != "pages" {
			t.Errorf("workflow_job_runs: %s", got["workflow_job_runs"])
		}
	}
}

func TestProtectionRuleRequested(t *testing.T) {
	s, c := reviewServer(t, "gate", "watcher")
	s.mu.Lock()
	d := &deployment{id: 6000000001, ref: "main", environment: "production", payload: json.RawMessage(`{}`), creator: "octocat"}
	s.emitProtectionRule(c, protectionRuleEvent{app: "watcher", runID: 70, environment: "production", event: "push", deployment: d})
	gate, watcher := s.hooks.list[0], s.hooks.list[1]
	s.mu.Unlock()
	list := payloads(t, s, "deployment_protection_rule")
	if len(list) != 1 || len(gate.queue) != 0 || s.Deliveries()[len(s.Deliveries())-1].HookID != watcher.id {
		t.Fatalf("%d events, want one, for the app of the rule", len(list))
	}
	wantMembers(t, list[0], `action environment event deployment_callback_url deployment pull_requests repository sender installation`, map[string]string{
		"action": `"requested"`, "environment": `"production"`, "event": `"push"`, "pull_requests": "[]",
		"deployment_callback_url": `"https://api.github.test/repos/octocat/example/actions/runs/70/deployment_protection_rule"`,
	})
	if id := object(t, list[0]["deployment"])["id"]; string(id) != "6000000001" {
		t.Errorf("deployment: %s", id)
	}
}

// The example of GitHub's documentation.
func TestSignature(t *testing.T) {
	const secret, body = "It's a Secret to Everybody", "Hello, World!"
	if got := sign(sha256.New, secret, body); got != "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("sha256=%s", got)
	}
	if got := sign(sha1.New, secret, body); got != "01dc10d0c83e72ed246219cdd91669667fe2ca59" {
		t.Errorf("sha1=%s", got)
	}
}

// A payload of more than 25 MB is not sent.
func TestTooLargePayload(t *testing.T) {
	s := NewServer(WithWebhook(Webhook{Handler: http.NotFoundHandler()}))
	defer s.Close()
	s.mu.Lock()
	s.send(s.hooks.list[0], "1", eventDeployment, "created", make([]byte, 25_000_000))
	s.send(s.hooks.list[0], "2", eventDeployment, "created", make([]byte, 25_000_001))
	s.mu.Unlock()
	if list := s.Deliveries(); len(list) != 2 || list[1].GUID != "1" {
		t.Errorf("%d deliveries, want the ping and one", len(list))
	}
}
