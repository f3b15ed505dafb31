package ghdeploytest_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The payloads are GitHub's examples with the IDs and times of this server. The
// tests replace USER, SHA and REPOSITORY.

func userLiteral(login, id, node string) string {
	return strings.NewReplacer("octocat", login, "9000000001", id, "U_ks8AAAACGHEaAQ", node).Replace(`{
		"login": "octocat", "id": 9000000001, "node_id": "U_ks8AAAACGHEaAQ",
		"avatar_url": "https://avatars.githubusercontent.com/u/9000000001?v=4", "gravatar_id": "",
		"url": "https://api.github.test/users/octocat", "html_url": "https://github.test/octocat",
		"followers_url": "https://api.github.test/users/octocat/followers",
		"following_url": "https://api.github.test/users/octocat/following{/other_user}",
		"gists_url": "https://api.github.test/users/octocat/gists{/gist_id}",
		"starred_url": "https://api.github.test/users/octocat/starred{/owner}{/repo}",
		"subscriptions_url": "https://api.github.test/users/octocat/subscriptions",
		"organizations_url": "https://api.github.test/users/octocat/orgs",
		"repos_url": "https://api.github.test/users/octocat/repos",
		"events_url": "https://api.github.test/users/octocat/events{/privacy}",
		"received_events_url": "https://api.github.test/users/octocat/received_events",
		"type": "User", "user_view_type": "public", "site_admin": false}`)
}

const deploymentLiteral = `{
	"url": "https://api.github.test/repos/octocat/example/deployments/6000000001",
	"id": 6000000001, "node_id": "DE_ks8AAAABKgXyAc8AAAABZaC8AQ",
	"sha": "SHA", "ref": "main", "task": "deploy", "payload": {"build": 7},
	"original_environment": "production", "environment": "production", "description": null,
	"creator": USER, "created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z",
	"statuses_url": "https://api.github.test/repos/octocat/example/deployments/6000000001/statuses",
	"repository_url": "https://api.github.test/repos/octocat/example",
	"transient_environment": false, "production_environment": true, "performed_via_github_app": null}`

const statusLiteral = `{
	"url": "https://api.github.test/repos/octocat/example/deployments/6000000001/statuses/7000000001",
	"id": 7000000001, "node_id": "DES_ks8AAAABKgXyAc8AAAABoTuGAQ", "state": "success", "creator": USER,
	"description": "", "environment": "production", "target_url": "https://ci.example/1",
	"created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z",
	"deployment_url": "https://api.github.test/repos/octocat/example/deployments/6000000001",
	"repository_url": "https://api.github.test/repos/octocat/example",
	"environment_url": "", "log_url": "https://ci.example/1", "performed_via_github_app": null}`

// repositoryKeys are the keys of a repository in GitHub's examples of 2022.
const repositoryKeys = `id node_id name full_name private owner html_url description fork url forks_url keys_url
	collaborators_url teams_url hooks_url issue_events_url events_url assignees_url branches_url tags_url blobs_url
	git_tags_url git_refs_url trees_url statuses_url languages_url stargazers_url contributors_url subscribers_url
	subscription_url commits_url git_commits_url comments_url issue_comment_url contents_url compare_url merges_url
	archive_url downloads_url issues_url pulls_url milestones_url notifications_url labels_url releases_url
	deployments_url created_at updated_at pushed_at git_url ssh_url clone_url svn_url homepage size stargazers_count
	watchers_count language has_issues has_projects has_downloads has_wiki has_pages forks_count mirror_url archived
	disabled open_issues_count license forks open_issues watchers default_branch is_template topics visibility
	web_commit_signoff_required custom_properties allow_forking has_discussions`

// wantEvent compares a payload with a literal. Of the repository it compares
// the keys and some values.
func wantEvent(t testing.TB, payload, want string) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(payload), &members); err != nil {
		t.Fatal(err)
	}
	if repository := members["repository"]; repository != nil {
		var got map[string]any
		if err := json.Unmarshal(repository, &got); err != nil {
			t.Fatal(err)
		}
		keys, names := slices.Sorted(maps.Keys(got)), strings.Fields(repositoryKeys)
		slices.Sort(names)
		if !slices.Equal(keys, names) {
			t.Errorf("repository has %v\nwant %v", keys, names)
		}
		wantFields(t, string(repository), map[string]string{
			"id": "5000000001", "full_name": `"octocat/example"`, "default_branch": `"main"`,
			"url": `"https://api.github.test/repos/octocat/example"`, "html_url": `"https://github.test/octocat/example"`,
		})
		members["repository"] = json.RawMessage(`"REPOSITORY"`)
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, string(text), want)
}

func TestEventPayloads(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithWebhook(ghdeploytest.Webhook{
		Handler: &inbox{}, Secret: "s", Events: []string{"deployment_status", "deployment"},
	}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main","payload":{"build":7}}`)
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"success","log_url":"https://ci.example/1"}`)
	list := wait(t, srv)
	fill := strings.NewReplacer("USER", userLiteral("octocat", "9000000001", "U_ks8AAAACGHEaAQ"), "SHA", srv.Deployments("octocat/example")[0].SHA)

	wantEvent(t, list[0].Payload, fill.Replace(`{
		"zen": "Anything added dilutes everything else.", "hook_id": 50000000001,
		"hook": {
			"type": "Repository", "id": 50000000001, "name": "web", "active": true, "events": ["deployment_status", "deployment"],
			"config": {"content_type": "json", "url": "https://receiver.test/", "insecure_ssl": "0", "secret": "********"},
			"updated_at": "2026-04-01T12:00:00Z", "created_at": "2026-04-01T12:00:00Z",
			"url": "https://api.github.test/repos/octocat/example/hooks/50000000001",
			"test_url": "https://api.github.test/repos/octocat/example/hooks/50000000001/test",
			"ping_url": "https://api.github.test/repos/octocat/example/hooks/50000000001/pings",
			"deliveries_url": "https://api.github.test/repos/octocat/example/hooks/50000000001/deliveries",
			"last_response": {"code": null, "status": "unused", "message": null}},
		"repository": "REPOSITORY", "sender": USER}`))
	wantEvent(t, list[1].Payload, fill.Replace(`{
		"action": "created", "deployment": `+deploymentLiteral+`, "workflow": null, "workflow_run": null,
		"repository": "REPOSITORY", "sender": USER}`))
	wantEvent(t, list[2].Payload, fill.Replace(`{
		"action": "created", "deployment_status": `+statusLiteral+`, "deployment": `+deploymentLiteral+`,
		"repository": "REPOSITORY", "sender": USER}`))
}

func TestEventsOfAnApp(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}, App: "rollout-bot"}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main","payload":"{\"build\":7}"}`)
	list := wait(t, srv)
	wantEvent(t, list[0].Payload, `{
		"zen": "Anything added dilutes everything else.", "hook_id": 50000000001,
		"hook": {
			"type": "App", "id": 50000000001, "name": "web", "active": true, "app_id": 9000000001,
			"events": ["deployment", "deployment_status", "deployment_review", "deployment_protection_rule"],
			"config": {"content_type": "json", "url": "https://receiver.test/", "insecure_ssl": "0"},
			"updated_at": "2026-04-01T12:00:00Z", "created_at": "2026-04-01T12:00:00Z",
			"deliveries_url": "https://api.github.test/app/hook/deliveries"}}`)
	// 023:IntegrationInstallation9000000003 in base64.
	wantFields(t, list[1].Payload, map[string]string{
		"installation": `{"id":9000000003,"node_id":"MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uOTAwMDAwMDAwMw=="}`,
	})
	var event struct{ Deployment json.RawMessage }
	if err := json.Unmarshal([]byte(list[1].Payload), &event); err != nil {
		t.Fatal(err)
	}
	wantFields(t, string(event.Deployment), map[string]string{"payload": `"{\"build\":7}"`}) // a string stays a string
}

// An event has URLs with the address of its request, and the state at the time
// of the event.
func TestEventAddress(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}}))
	must(t, srv, 201, "POST", "https://ghe.example/api/v3"+deployments, `{"ref":"main"}`, "X-GitHub-Api-Version", "2026-03-10")
	clock.Time = clock.Add(time.Minute)
	must(t, srv, 201, "POST", "https://ghe.example/api/v3"+first+"/statuses", `{"state":"success","environment":"staging"}`)
	list := wait(t, srv)
	var event struct {
		Deployment, Repository json.RawMessage
		Status                 json.RawMessage `json:"deployment_status"`
	}
	if err := json.Unmarshal([]byte(list[2].Payload), &event); err != nil {
		t.Fatal(err)
	}
	wantFields(t, string(event.Deployment), map[string]string{
		"url":         `"https://ghe.example/api/v3/repos/octocat/example/deployments/6000000001"`,
		"environment": `"staging"`, "original_environment": `"production"`, "updated_at": `"2026-04-01T12:01:00Z"`,
	})
	wantFields(t, string(event.Status), map[string]string{"environment": `"staging"`})
	wantFields(t, string(event.Repository), map[string]string{"html_url": `"https://ghe.example/octocat/example"`, "has_downloads": "true"})
	if list[1].Time != newClock().Time || list[2].Time != clock.Time {
		t.Errorf("the log does not have the server's time: %v, %v", list[1].Time, list[2].Time)
	}
}

// GitHub Actions sets the state waiting, so its bot is the sender.
func TestEventOfWaiting(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}, Events: []string{"deployment_status"}}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	srv.AddWaitingStatus("octocat/example", 6000000001)
	var event struct {
		Status struct{ State, URL string } `json:"deployment_status"`
		Sender struct{ Login, Type string }
	}
	if err := json.Unmarshal([]byte(wait(t, srv)[1].Payload), &event); err != nil {
		t.Fatal(err)
	}
	if event.Status.State != "waiting" || event.Sender.Login != "github-actions[bot]" || event.Sender.Type != "Bot" ||
		event.Status.URL != "https://api.github.test/repos/octocat/example/deployments/6000000001/statuses/7000000001" {
		t.Errorf("%+v", event)
	}
}
