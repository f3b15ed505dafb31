package ghdeploytest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// reviewServer returns a server with webhooks of two apps and of the
// repository, and a run. The job for production waits for octocat and the app
// gate. The job for docs does not wait.
func reviewServer(t *testing.T) (*ghdeploytest.Server, ghdeploytest.Run) {
	t.Helper()
	srv := newServer(t, ghdeploytest.WithClock(newClock().now), ghdeploytest.WithSeed(ghdeploytest.Seed{
		Users:  []ghdeploytest.User{{Login: "octocat"}, {Login: "hubot"}},
		Apps:   []ghdeploytest.App{{Slug: "gate"}, {Slug: "watcher"}},
		Tokens: []ghdeploytest.Token{{Value: "secret", Login: "octocat"}, {Value: "app", App: "gate"}},
		Repositories: []ghdeploytest.Repository{{FullName: "octocat/example", Environments: []ghdeploytest.Environment{
			{Name: "production", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}, ProtectionRules: []string{"gate"}},
		}}},
	}))
	for _, app := range []string{"gate", "watcher", ""} {
		srv.AddWebhook(ghdeploytest.Webhook{Handler: http.NotFoundHandler(), App: app})
	}
	run := srv.StartRun("octocat/example", ghdeploytest.Run{ID: 12000000001, Actor: "hubot", Environments: []string{"production", "docs"}})
	return srv, run
}

// of returns the deliveries to one webhook, without the ping.
func of(list []ghdeploytest.Delivery, hook int64) []ghdeploytest.Delivery {
	return slices.DeleteFunc(slices.Clone(list), func(d ghdeploytest.Delivery) bool { return d.HookID != hook || d.Event == "ping" })
}

const (
	gateHook       = 50000000001
	watcherHook    = 50000000002
	repositoryHook = 50000000003
	reviewPath     = "/repos/octocat/example/actions/runs/12000000001/pending_deployments"
	rulePath       = "/repos/octocat/example/actions/runs/12000000001/deployment_protection_rule"
)

func wantMembers(t *testing.T, text, keys string, want map[string]string) map[string]string {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got, names := slices.Sorted(maps.Keys(raw)), strings.Fields(keys)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Errorf("members %v\nwant    %v", got, names)
	}
	wantFields(t, text, want)
	members := map[string]string{}
	for name, value := range raw {
		members[name] = string(value)
	}
	return members
}

const runKeys = `id name node_id head_branch head_sha path display_title run_number event status conclusion workflow_id
	check_suite_id check_suite_node_id url html_url pull_requests created_at updated_at actor run_attempt
	referenced_workflows run_started_at triggering_actor jobs_url logs_url check_suite_url artifacts_url cancel_url
	rerun_url previous_attempt_url workflow_url`

func TestEventsOfARun(t *testing.T) {
	srv, _ := reviewServer(t)
	list := wait(t, srv)
	const common = "deployment/created deployment_status/created "
	for hook, want := range map[int64]string{
		gateHook:       common + "deployment_review/requested deployment_protection_rule/requested " + common,
		watcherHook:    common + "deployment_review/requested " + common,
		repositoryHook: common + common,
	} {
		if got := events(of(list, hook)); got != strings.TrimSpace(want) {
			t.Errorf("webhook %d got %s\nwant %s", hook, got, want)
		}
	}
	gate := of(list, gateHook)

	made := wantMembers(t, gate[0].Payload, `action deployment workflow workflow_run repository sender installation`, nil)
	wantMembers(t, made["workflow"], `id node_id name path state created_at updated_at url html_url badge_url`, map[string]string{
		"id": "12000000001", "state": `"active"`, "url": `"https://api.github.test/repos/octocat/example/actions/workflows/12000000001"`,
	})
	wantFields(t, made["workflow_run"], map[string]string{"id": "12000000001", "head_branch": `"main"`})
	wantFields(t, made["sender"], map[string]string{"login": `"github-actions[bot]"`})

	asked := wantMembers(t, gate[2].Payload, `action workflow_run since workflow_job_run environment reviewers requestor repository
		organization sender installation`, map[string]string{
		"action": `"requested"`, "since": `"2026-04-01T12:00:00Z"`, "environment": `"production"`,
		"workflow_job_run": `{"id":6000000001,"name":"deploy to production","status":"waiting","conclusion":null,` +
			`"html_url":"https://github.test/octocat/example/actions/runs/12000000001/jobs/6000000001",` +
			`"created_at":"2026-04-01T12:00:00Z","updated_at":"2026-04-01T12:00:00Z","environment":"production"}`,
	})
	wantMembers(t, asked["workflow_run"], runKeys, map[string]string{
		"id": "12000000001", "run_number": "1", "head_branch": `"main"`, "event": `"push"`, "status": `"waiting"`, "conclusion": "null",
		"pull_requests": "[]", "run_attempt": "1", "created_at": `"2026-04-01T12:00:00Z"`,
		"url":      `"https://api.github.test/repos/octocat/example/actions/runs/12000000001"`,
		"html_url": `"https://github.test/octocat/example/actions/runs/12000000001"`,
		"jobs_url": `"https://api.github.test/repos/octocat/example/actions/runs/12000000001/jobs"`,
	})
	wantMembers(t, asked["organization"], `login id node_id url repos_url events_url hooks_url issues_url members_url
		public_members_url avatar_url description`, map[string]string{
		"login": `"octocat"`, "url": `"https://api.github.test/orgs/octocat"`, "description": "null",
		"members_url": `"https://api.github.test/orgs/octocat/members{/member}"`,
	})
	for _, who := range []string{"requestor", "sender"} { // recorded: the same user
		wantFields(t, asked[who], map[string]string{"login": `"hubot"`})
	}
	if !strings.Contains(asked["reviewers"], `[{"type":"User","reviewer":{"login":"octocat"`) {
		t.Errorf("reviewers: %s", asked["reviewers"])
	}

	rule := wantMembers(t, gate[3].Payload, `action environment event deployment_callback_url deployment pull_requests repository sender
		installation`, map[string]string{
		"action": `"requested"`, "environment": `"production"`, "event": `"push"`, "pull_requests": "[]",
		"deployment_callback_url": `"https://api.github.test` + rulePath + `"`,
	})
	wantFields(t, rule["deployment"], map[string]string{"id": "6000000001", "environment": `"production"`})
}

// The runs of a seed start after the webhooks are set up.
func TestEventsOfASeededRun(t *testing.T) {
	in := &inbox{}
	srv := newServer(t, withApps("gate"),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: in, App: "gate"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName:     "octocat/example",
			Environments: []ghdeploytest.Environment{{Name: "production", Reviewers: byOctocat, ProtectionRules: []string{"gate"}}},
			Runs:         []ghdeploytest.Run{{Environments: []string{"production"}}},
		}))
	const want = "ping deployment/created deployment_status/created deployment_review/requested deployment_protection_rule/requested"
	if got := events(wait(t, srv)); got != want || len(in.bodies) != 5 {
		t.Errorf("%s; %d requests, want %s", got, len(in.bodies), want)
	}
}

func TestEventsOfAReview(t *testing.T) {
	for _, test := range []struct{ state, want string }{
		{"approved", "deployment_review/approved"}, // the job still waits for the app
		{"rejected", "deployment_review/rejected deployment_status/created"},
	} {
		srv, run := reviewServer(t)
		before := len(wait(t, srv))
		must(t, srv, 200, "POST", reviewPath, `{"environment_ids":[8000000001],"state":"`+test.state+`","comment":"Looks good"}`)
		list := of(wait(t, srv)[before:], watcherHook)
		if got := events(list); got != test.want {
			t.Fatalf("got %s, want %s", got, test.want)
		}
		got := wantMembers(t, list[0].Payload, `action workflow_run since workflow_job_run workflow_job_runs approver comment reviewers
			repository organization sender installation`, map[string]string{"action": `"` + test.state + `"`, "comment": `"Looks good"`})
		wantFields(t, got["approver"], map[string]string{"login": `"octocat"`})
		wantFields(t, got["sender"], map[string]string{"login": `"octocat"`})
		wantFields(t, got["workflow_job_run"], map[string]string{"name": "null", "environment": `"production"`})
		if !strings.Contains(got["workflow_job_runs"], `"name":"deploy to production"`) {
			t.Errorf("workflow_job_runs: %s", got["workflow_job_runs"])
		}
		if test.state == "approved" {
			must(t, srv, 204, "POST", rulePath, `{"environment_name":"production","state":"approved","comment":"go"}`, "Authorization", "Bearer app")
			list = of(wait(t, srv)[before:], repositoryHook)
			if got := events(list); got != "deployment_status/created" || !strings.Contains(list[0].Payload, `"state":"in_progress"`) {
				t.Errorf("after the app's approval: %s", got)
			}
		}
		if srv.Deployments("octocat/example")[0].ID != run.Deployments[0] {
			t.Error("the review created another deployment")
		}
	}
}
