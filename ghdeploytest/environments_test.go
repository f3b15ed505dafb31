package ghdeploytest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	environments = "/repos/octocat/example/environments"
	production   = environments + "/production"
	putDocs      = "https://docs.github.com/rest/deployments/environments#create-or-update-an-environment"
	getEnvDocs   = "https://docs.github.com/rest/deployments/environments#get-an-environment"
)

// bare is the response for an environment without rules. Its shape is recorded:
// octokit.rb, hosom/secret-repo, 2023-08-14.
const bare = `{
	"id": 8000000001, "node_id": "EN_ks8AAAABKgXyAc8AAAAB3NZQAQ", "name": "production",
	"url": "https://api.github.test/repos/octocat/example/environments/production",
	"html_url": "https://github.test/octocat/example/deployments/activity_log?environments_filter=production",
	"created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z",
	"can_admins_bypass": true, "protection_rules": [], "deployment_branch_policy": null
}`

// justice is the team in the example of GitHub's description. Its shape is that
// of the schema and of a recorded webhook.
const justice = `{
	"id": 1, "node_id": "T_ks8AAAACGHEaAc8AAAAAAAAAAQ", "name": "Justice League", "slug": "justice-league",
	"description": "", "privacy": "closed", "notification_setting": "notifications_enabled", "permission": "pull",
	"url": "https://api.github.test/teams/1", "html_url": "https://github.test/orgs/octocat/teams/justice-league",
	"members_url": "https://api.github.test/teams/1/members{/member}", "repositories_url": "https://api.github.test/teams/1/repos",
	"type": "organization", "organization_id": 9000000001, "parent": null
}`

func withJustice() ghdeploytest.Option {
	return ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "justice-league", ID: 1, Name: "Justice League", Members: []string{"hubot"}})
}

// Recorded: create and update return 200 with a body and a weak ETag. The ID
// does not change.
func TestPutEnvironment(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now))
	for _, body := range []string{"", "null", "{}", `{"wait_timer":0}`} {
		got := must(t, srv, 200, "PUT", production, body)
		wantJSON(t, got.body, bare)
		if tag := got.header.Get("ETag"); !strings.HasPrefix(tag, `W/"`) {
			t.Errorf("ETag %q", tag)
		}
		wantHeaders(t, got.header, map[string]string{"Location": "", "Last-Modified": ""})
		clock.Time = clock.Add(1)
	}
	got := must(t, srv, 200, "GET", production, "")
	wantJSON(t, got.body, bare)
	wantHeaders(t, got.header, map[string]string{"Last-Modified": ""})
}

// The request is the example of GitHub's description. The shape of the rules is
// recorded too.
func TestPutEnvironmentWithRules(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now), withJustice(), ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat"}))
	got := must(t, srv, 200, "PUT", production, `{
		"wait_timer": 30, "prevent_self_review": false, "reviewers": [{"type":"User","id":9000000001},{"type":"Team","id":1}],
		"deployment_branch_policy": {"protected_branches":false,"custom_branch_policies":true}
	}`)
	want := strings.NewReplacer(
		`"protection_rules": []`, `"protection_rules": [
			{"id":10000000001,"node_id":"GA_ks8AAAABKgXyAc8AAAACVAvkAQ","type":"wait_timer","wait_timer":30},
			{"id":10000000002,"node_id":"GA_ks8AAAABKgXyAc8AAAACVAvkAg","type":"required_reviewers","prevent_self_review":false,
			 "reviewers":[{"type":"User","reviewer":`+octocat+`},{"type":"Team","reviewer":`+justice+`}]},
			{"id":10000000003,"node_id":"GA_ks8AAAABKgXyAc8AAAACVAvkAw","type":"branch_policy"}]`,
		`"deployment_branch_policy": null`, `"deployment_branch_policy": {"protected_branches":false,"custom_branch_policies":true}`,
	).Replace(bare)
	wantJSON(t, got.body, want)
	wantJSON(t, must(t, srv, 200, "GET", production, "").body, want)
	wantJSON(t, must(t, srv, 200, "GET", environments, "").body, `{"total_count":1,"environments":[`+want+`]}`)
}

// Recorded: octokit.rb, updates_the_environment, 2023-03-21. The rule gets a
// new ID. The environment keeps its ID and its updated_at, two seconds later.
func TestUpdateEnvironment(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now))
	must(t, srv, 200, "PUT", production, `{"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}`)
	clock.Time = clock.Add(2e9)
	got := must(t, srv, 200, "PUT", production, `{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`)
	wantFields(t, got.body, map[string]string{
		"id": "8000000001", "updated_at": `"2026-04-01T12:00:00Z"`,
		"protection_rules":         `[{"id":10000000002,"node_id":"GA_ks8AAAABKgXyAc8AAAACVAvkAg","type":"branch_policy"}]`,
		"deployment_branch_policy": `{"protected_branches":false,"custom_branch_policies":true}`,
	})
}

func TestEnvironmentNames(t *testing.T) {
	long := strings.Repeat("é", 255)
	tests := []struct {
		name, path  string // path as sent
		url, filter string // as in the response
	}{
		{"Production", "Production", "Production", "Production"},
		{"test/env", "test%2Fenv", "test%2Fenv", "test%2Fenv"},
		{"overflowing-luck / production", "overflowing-luck%20%2F%20production", "overflowing-luck%20%2F%20production", "overflowing-luck+%2F+production"},
		{"a?b#c%", "a%3Fb%23c%25", "a%3Fb%23c%25", "a%3Fb%23c%25"},
		{"apps", "apps", "apps", "apps"},
		{long, strings.Repeat("%C3%A9", 255), strings.Repeat("%C3%A9", 255), strings.Repeat("%C3%A9", 255)},
	}
	for _, tt := range tests {
		t.Run(tt.name[:min(len(tt.name), 20)], func(t *testing.T) {
			srv := newServer(t)
			got := must(t, srv, 200, "PUT", environments+"/"+tt.path, "")
			wantFields(t, got.body, map[string]string{
				"name":     fmt.Sprintf("%q", tt.name),
				"url":      `"https://api.github.test/repos/octocat/example/environments/` + tt.url + `"`,
				"html_url": `"https://github.test/octocat/example/deployments/activity_log?environments_filter=` + tt.filter + `"`,
			})
			must(t, srv, 200, "GET", environments+"/"+tt.path, "")
			must(t, srv, 200, "GET", environments+"/"+tt.path+"/deployment_protection_rules", "")
			must(t, srv, 204, "DELETE", environments+"/"+tt.path, "")
		})
	}
	t.Run("names that differ only in case", func(t *testing.T) {
		srv := newServer(t)
		must(t, srv, 200, "PUT", environments+"/Production", "")
		got := must(t, srv, 200, "PUT", environments+"/PRODUCTION", "")
		wantFields(t, got.body, map[string]string{"id": "8000000001", "name": `"Production"`})
		must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"production"}`)
		if n := len(srv.Environments("octocat/example")); n != 1 {
			t.Errorf("%d environments", n)
		}
		must(t, srv, 204, "DELETE", environments+"/pRODUCTION", "")
	})
	t.Run("refused", func(t *testing.T) {
		srv := newServer(t)
		got := must(t, srv, 422, "PUT", environments+"/"+strings.Repeat("x", 256), "")
		wantJSON(t, got.body, `{"message":"The environment name is too long (maximum is 255 characters).","documentation_url":"`+putDocs+`","status":"422"}`)
		for _, method := range []string{"GET", "PUT", "DELETE"} { // an empty name does not reach the collection
			must(t, srv, 404, method, environments+"/", "")
		}
		must(t, srv, 404, "DELETE", environments, "")
		must(t, srv, 404, "PUT", environments+"/a/b", "") // an unescaped slash
	})
}

func TestMissingEnvironment(t *testing.T) {
	srv := newServer(t)
	got := must(t, srv, 404, "GET", production, "")
	wantJSON(t, got.body, `{"message":"Not Found","documentation_url":"`+getEnvDocs+`","status":"404"}`)
	wantHeaders(t, got.header, map[string]string{"ETag": ""})
	must(t, srv, 404, "DELETE", production, "")
	wantJSON(t, must(t, srv, 200, "GET", environments, "").body, `{"total_count":0,"environments":[]}`)
}

// A deployment or a status with a new environment creates the environment.
// Recorded: it remains after all deployments are deleted.
func TestEnvironmentCreatedByDeployment(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	wantJSON(t, must(t, srv, 200, "GET", production, "").body, bare)
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"inactive","environment":"QA"}`)
	must(t, srv, 204, "DELETE", first, "")
	got := must(t, srv, 200, "GET", environments, "")
	wantFields(t, got.body, map[string]string{"total_count": "2"})
}

// Recorded: 204 without a body, Content-Type or ETag. A later deployment to the
// environment creates a new one.
func TestDeleteEnvironment(t *testing.T) {
	srv := newServer(t)
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	got := must(t, srv, 204, "DELETE", production, "")
	wantHeaders(t, got.header, map[string]string{"Content-Type": "", "ETag": ""})
	if got.body != "" {
		t.Error(got.body)
	}
	must(t, srv, 404, "GET", production, "")
	must(t, srv, 200, "GET", first, "") // its deployments remain
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	wantFields(t, must(t, srv, 200, "GET", production, "").body, map[string]string{"id": "8000000002"})
}

// Assumed: a status creates the deleted environment of its deployment too. Each
// response has the spelling of its request.
func TestStatusRecreatesEnvironment(t *testing.T) {
	srv := newServer(t)
	must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"QA"}`)
	must(t, srv, 204, "DELETE", environments+"/QA", "")
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"failure"}`)
	must(t, srv, 200, "GET", environments+"/QA", "")
	got := must(t, srv, 201, "POST", first+"/statuses", `{"state":"failure","environment":"qa"}`)
	wantFields(t, got.body, map[string]string{"environment": `"qa"`})
	wantFields(t, must(t, srv, 200, "GET", first, "").body, map[string]string{"environment": `"qa"`, "original_environment": `"QA"`})
	wantFields(t, must(t, srv, 200, "GET", environments+"/qa", "").body, map[string]string{"name": `"QA"`})
}

// Recorded: octokit.rb, lists_environments. The newer octokit-environment comes
// before test-environment.
func TestListEnvironments(t *testing.T) {
	srv := newServer(t)
	for _, name := range []string{"test-environment", "Zebra", "octokit-environment"} {
		must(t, srv, 200, "PUT", environments+"/"+name, "")
	}
	names := func(query, want, link string) {
		t.Helper()
		got := must(t, srv, 200, "GET", environments+query, "")
		var names []string
		for part := range strings.SplitSeq(got.body, `"name":"`) {
			name, _, _ := strings.Cut(part, `"`)
			names = append(names, name)
		}
		if got := strings.Join(names[1:], " "); got != want {
			t.Errorf("%s lists %q, want %q", query, got, want)
		}
		wantFields(t, got.body, map[string]string{"total_count": "3"})
		wantHeaders(t, got.header, map[string]string{"Link": link})
	}
	const next = "<https://api.github.test/repositories/5000000001/environments?per_page=2&page="
	names("", "octokit-environment test-environment Zebra", "")
	names("?per_page=2", "octokit-environment test-environment", next+`2>; rel="next", `+next+`2>; rel="last"`)
	names("?per_page=2&page=2", "Zebra", next+`1>; rel="prev", `+next+`1>; rel="first"`)
}

func TestEnvironmentPermissions(t *testing.T) {
	token := func(value, name, level string) ghdeploytest.Option {
		return ghdeploytest.WithToken(ghdeploytest.Token{Value: value, App: value, Permissions: map[string]string{name: level}})
	}
	srv := newServer(t,
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example", Private: true, Plan: "enterprise",
			Environments: []ghdeploytest.Environment{{Name: "production", CustomBranchPolicies: true}},
			Runs:         []ghdeploytest.Run{{ID: 42, Environments: []string{"production"}}},
		}),
		token("deployer", "deployments", "write"), token("reader", "actions", "read"), token("auditor", "administration", "read"), token("admin", "administration", "write"))
	const run = "/repos/octocat/example/actions/runs/42"
	tests := []struct{ method, path, body, accepted, may, mayNot string }{
		{"GET", environments, "", "actions=read", "reader", "deployer"},
		{"GET", production, "", "actions=read", "reader", "admin"},
		{"PUT", production, "{}", "administration=write", "admin", "deployer"},
		{"DELETE", environments + "/x", "", "administration=write", "admin", "auditor"},
		{"GET", production + "/deployment-branch-policies", "", "actions=read", "reader", "deployer"},
		{"POST", production + "/deployment-branch-policies", `{"name":"x"}`, "administration=write", "admin", "reader"},
		{"GET", production + "/deployment-branch-policies/1", "", "actions=read", "reader", "deployer"},
		{"PUT", production + "/deployment-branch-policies/1", "{}", "administration=write", "admin", "reader"},
		{"DELETE", production + "/deployment-branch-policies/1", "", "administration=write", "admin", "reader"},
		{"GET", production + "/deployment_protection_rules", "", "actions=read", "reader", "deployer"},
		{"POST", production + "/deployment_protection_rules", "{}", "administration=write", "admin", "reader"},
		{"GET", production + "/deployment_protection_rules/apps", "", "administration=read", "auditor", "reader"},
		{"GET", production + "/deployment_protection_rules/1", "", "actions=read", "reader", "deployer"},
		{"DELETE", production + "/deployment_protection_rules/1", "", "administration=write", "admin", "reader"},
		{"GET", run + "/pending_deployments", "", "actions=read", "reader", "deployer"},
		{"POST", run + "/pending_deployments", "{}", "deployments=write", "deployer", "admin"},
		{"POST", run + "/deployment_protection_rule", "{}", "deployments=write", "deployer", "admin"},
		{"GET", run + "/approvals", "", "actions=read", "reader", "deployer"},
	}
	for _, tt := range tests {
		got := must(t, srv, 403, tt.method, tt.path, tt.body, "Authorization", "Bearer "+tt.mayNot)
		wantHeaders(t, got.header, map[string]string{"X-Accepted-GitHub-Permissions": tt.accepted})
		wantFields(t, got.body, map[string]string{"message": `"Resource not accessible by integration"`})
		if got := do(t, srv, tt.method, tt.path, tt.body, "Authorization", "Bearer "+tt.may); got.status == 403 {
			t.Errorf("%s %s by %s: %s", tt.method, tt.path, tt.may, got.body)
		}
		must(t, srv, 404, tt.method, tt.path, tt.body, "Authorization", "")
	}
}
