package ghdeploytest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The user's role and the scopes decide what a classic token may do.
func TestClassicTokens(t *testing.T) {
	token := func(value, role string, scopes ...string) ghdeploytest.Option {
		return ghdeploytest.WithToken(ghdeploytest.Token{Value: value, Role: role, Scopes: scopes})
	}
	const (
		private  = "/repos/octocat/hidden"
		public   = "/repos/octocat/example"
		notAdmin = `"Must have admin rights to Repository."`
		notFound = `"Not Found"`
	)
	for _, tt := range []struct {
		token, method, path, body string
		status                    int
		message                   string
	}{
		{"reader", "GET", private + "/deployments", "", 200, ""},
		{"reader", "POST", private + "/deployments", `{"ref":"main"}`, 404, notFound},
		{"reader", "POST", private + "/deployments/1/statuses", `{"state":"queued"}`, 404, notFound},
		{"reader", "DELETE", private + "/deployments/1", "", 404, notFound},
		{"reader", "PUT", private + "/environments/qa", "", 403, notAdmin},
		{"reader", "GET", private + "/environments/production/deployment_protection_rules/apps", "", 200, ""},
		{"writer", "POST", private + "/deployments", `{"ref":"main"}`, 201, ""},
		{"writer", "DELETE", private + "/deployments/1", "", 204, ""},
		{"writer", "PUT", private + "/environments/qa", "", 403, notAdmin},
		{"writer", "DELETE", private + "/environments/production", "", 403, notAdmin},
		{"writer", "POST", private + "/environments/production/deployment-branch-policies", `{"name":"x"}`, 403, notAdmin},
		{"writer", "POST", private + "/environments/production/deployment_protection_rules", `{"integration_id":1}`, 403, notAdmin},
		{"admin", "PUT", private + "/environments/qa", "", 200, ""},
		{"default", "PUT", private + "/environments/qa", "", 200, ""},

		{"no-scope", "GET", public + "/deployments", "", 200, ""},
		{"no-scope", "POST", public + "/deployments", `{"ref":"main"}`, 404, notFound},
		{"no-scope", "GET", private + "/deployments", "", 404, notFound},
		{"public", "POST", public + "/deployments", `{"ref":"main"}`, 201, ""},
		{"public", "PUT", public + "/environments/qa", "", 200, ""},
		{"public", "GET", private + "/deployments", "", 404, notFound},
		{"deployer", "POST", private + "/deployments", `{"ref":"main"}`, 201, ""},
		{"deployer", "GET", private + "/deployments", "", 200, ""},
		{"deployer", "GET", private + "/environments", "", 404, notFound},
		{"deployer", "PUT", public + "/environments/qa", "", 404, notFound},
	} {
		srv := newServer(t, token("reader", "read", "repo"), token("writer", "write", "repo"), token("admin", "admin", "repo"), token("default", ""),
			ghdeploytest.WithToken(ghdeploytest.Token{Value: "no-scope", Scopes: []string{}}), token("public", "", "public_repo"), token("deployer", "", "repo_deployment"),
			ghdeploytest.WithRepository(ghdeploytest.Repository{
				FullName: "octocat/hidden", Private: true, Plan: "enterprise",
				Deployments:  []ghdeploytest.SeedDeployment{{ID: 1}},
				Environments: []ghdeploytest.Environment{{Name: "production", CustomBranchPolicies: true}},
			}),
			ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}))
		got := do(t, srv, tt.method, tt.path, tt.body, "Authorization", "Bearer "+tt.token)
		if got.status != tt.status {
			t.Errorf("%s: %s %s = %d, want %d: %s", tt.token, tt.method, tt.path, got.status, tt.status, got.body)
			continue
		}
		if tt.message != "" {
			wantFields(t, got.body, map[string]string{"message": tt.message})
		}
	}
}

// A reviewer needs only read access to the repository.
func TestReaderReviews(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", Role: "read"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example", Environments: []ghdeploytest.Environment{{Name: "production", Reviewers: byOctocat}},
			Runs: []ghdeploytest.Run{{ID: 42, Environments: []string{"production"}}},
		}))
	must(t, srv, 200, "POST", runPath+"/pending_deployments", `{"environment_ids":[8000000001],"state":"approved","comment":""}`)
}

// Without permission to delete, a deployment returns 404 (GitHub's description)
// and an environment returns 403 (quoted by GitHub's users).
func TestDeleteWithoutPermission(t *testing.T) {
	srv := newServer(t,
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "fine", Permissions: map[string]string{"deployments": "read"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "app", App: "shipper", Permissions: map[string]string{"deployments": "read"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "classic", Role: "read"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example", Environments: []ghdeploytest.Environment{{Name: "production"}}, Deployments: []ghdeploytest.SeedDeployment{{ID: 1}},
		}))
	for token, text := range map[string]string{"fine": "Resource not accessible by personal access token", "app": "Resource not accessible by integration", "classic": "Must have admin rights to Repository."} {
		got := must(t, srv, 404, "DELETE", deployments+"/1", "", "Authorization", "Bearer "+token)
		wantJSON(t, got.body, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest/deployments/deployments#delete-a-deployment","status":"404"}`)
		got = must(t, srv, 403, "DELETE", environments+"/production", "", "Authorization", "Bearer "+token)
		wantFields(t, got.body, map[string]string{"message": fmt.Sprintf("%q", text)})
	}
	must(t, srv, 401, "DELETE", deployments+"/1", "", "Authorization", "")
	if n := len(srv.Deployments("octocat/example")); n != 1 {
		t.Errorf("%d deployments", n)
	}
}

// Recorded: octokit.rb (scopes), hosom (permissions), GET /user of 2025 (both).
func TestScopeAndPermissionHeaders(t *testing.T) {
	srv := newServer(t,
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "classic", Scopes: []string{"user", "repo"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "fine", Permissions: map[string]string{"deployments": "write"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "app", App: "shipper"}))
	const none = "none"
	for _, tt := range []struct {
		token, method, path, body     string
		status                        int
		accepted, scopes, permissions string
	}{
		{"classic", "GET", deployments, "", 200, "repo, repo_deployment", "repo, user", "deployments=read"},
		{"classic", "POST", deployments, `{"ref":"main"}`, 201, "", "repo, user", "deployments=write"},
		{"classic", "POST", deployments, `{}`, 422, "", "repo, user", "deployments=write"},
		{"classic", "GET", deployments + "/9", "", 404, "repo, repo_deployment", "repo, user", "deployments=read"},
		{"classic", "PUT", environments + "/qa", "", 200, "repo", "repo, user", "administration=write"},
		{"classic", "DELETE", environments + "/qa", "", 204, "repo", "repo, user", "administration=write"},
		{"classic", "GET", "/user", "", 200, "", "repo, user", "allows_permissionless_access=true"},
		{"classic", "GET", "/nothing", "", 404, "", "repo, user", none},
		{"fine", "GET", deployments, "", 200, none, none, "deployments=read"},
		{"fine", "PUT", environments + "/qa", "", 403, none, none, "administration=write"},
		{"app", "GET", "/user", "", 403, none, none, "allows_permissionless_access=true"},
		{"wrong", "GET", deployments, "", 401, none, none, none},
	} {
		got := must(t, srv, tt.status, tt.method, tt.path, tt.body, "Authorization", "Bearer "+tt.token)
		for name, want := range map[string]string{"X-Accepted-Oauth-Scopes": tt.accepted, "X-Oauth-Scopes": tt.scopes, "X-Accepted-Github-Permissions": tt.permissions} {
			value, there := none, len(got.header[name]) > 0
			if there {
				value = got.header.Get(name)
			}
			if value != want {
				t.Errorf("%s %s %s: %s: %q, want %q", tt.token, tt.method, tt.path, name, value, want)
			}
		}
	}
}

func TestGetUser(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now), ghdeploytest.WithUser(ghdeploytest.User{Login: "hubot", ID: 7}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", Login: "hubot"}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "app", App: "shipper"}))
	got := must(t, srv, 200, "GET", "/user", "")
	wantFields(t, got.body, map[string]string{
		"login": `"hubot"`, "id": "7", "type": `"User"`, "user_view_type": `"public"`, "site_admin": "false", "email": "null",
		"url": `"https://api.github.test/users/hubot"`, "public_repos": "0", "created_at": `"2026-04-01T12:00:00Z"`,
	})
	must(t, srv, 200, "GET", "/api/v3/user", "")
	got = must(t, srv, 403, "GET", "/user", "", "Authorization", "Bearer app")
	wantFields(t, got.body, map[string]string{"message": `"Resource not accessible by integration"`})
	got = must(t, srv, 401, "GET", "/user", "", "Authorization", "")
	wantFields(t, got.body, map[string]string{"message": `"Requires authentication"`})
}

// Quoted: TermHub#935, scorecard#1504.
func TestSingleSignOn(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", SSORequired: true}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octo-org/example"}))
	for _, path := range []string{"", "/deployments", "/environments/production"} {
		got := must(t, srv, 403, "GET", "/repos/octo-org/example"+path, "")
		wantJSON(t, got.body, `{"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
			"documentation_url":"https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/","status":"403"}`)
		if sso := got.header.Get("X-GitHub-SSO"); !strings.HasPrefix(sso, "required; url=https://github.test/orgs/octo-org/sso?authorization_request=") {
			t.Errorf("X-GitHub-SSO: %q", sso)
		}
	}
	must(t, srv, 200, "GET", "/user", "")
}

func TestTokenRefusals(t *testing.T) {
	for _, tt := range []struct {
		token ghdeploytest.Token
		words string
	}{
		{ghdeploytest.Token{Role: "owner"}, `Role: "owner"`},
		{ghdeploytest.Token{Role: "read", App: "shipper"}, "Permissions instead"},
		{ghdeploytest.Token{Role: "read", Permissions: map[string]string{}}, "Permissions instead"},
		{ghdeploytest.Token{Scopes: []string{"repo"}, App: "shipper"}, "Permissions instead"},
		{ghdeploytest.Token{Scopes: []string{"repo, user"}}, "a text of its own"},
		{ghdeploytest.Token{Scopes: []string{""}}, "a text of its own"},
		{ghdeploytest.Token{SSORequired: true, App: "shipper"}, "single sign-on"},
	} {
		tt.token.Value = "secret"
		wantPanic(t, func() { ghdeploytest.NewServer(ghdeploytest.WithToken(tt.token)) }, tt.words)
	}
}
