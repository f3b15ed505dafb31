package ghdeploytest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	root     = "https://docs.github.com/rest"
	listDocs = root + "/deployments/deployments#list-deployments"
)

func TestRefusals(t *testing.T) {
	srv := newServer(t,
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/hidden", Private: true}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "reader", Permissions: map[string]string{"deployments": "read"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "app", App: "shipper", Permissions: map[string]string{"actions": "read"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "elsewhere", Repositories: []string{"octocat/example"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "hidden-only", Repositories: []string{"OCTOCAT/hidden"}}),
	)
	const hidden = "/repos/octocat/hidden/deployments"
	body := func(status int, message, docs string) string {
		return fmt.Sprintf(`{"message":%q,"documentation_url":%q,"status":"%d"}`, message, docs, status)
	}
	tests := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string
	}{
		{"unknown token", "GET", deployments, "", []string{"Authorization", "Bearer wrong"}, 401, body(401, "Bad credentials", root)},
		{"basic authentication", "GET", deployments, "", []string{"Authorization", "Basic b2N0b2NhdDpzZWNyZXQ="}, 401, body(401, "Bad credentials", root)},
		{"scheme token", "GET", deployments, "", []string{"Authorization", "token secret"}, 200, "[]"},
		{"scheme in lower case", "GET", deployments, "", []string{"Authorization", "bearer secret"}, 200, "[]"},
		{"unknown version", "GET", deployments, "", []string{"X-GitHub-Api-Version", "v3"}, 400,
			body(400, `The version you specified in the "X-GitHub-API-Version" request header, "v3", is not a supported version. The following versions are currently supported: "2026-03-10" (most recent), "2022-11-28".`, root)},
		{"trailing slash", "GET", deployments + "/", "", nil, 404, body(404, "Not Found", root)},
		{"trailing slash of a repository", "GET", "/repos/octocat/example/", "", nil, 404, body(404, "Not Found", root)},
		{"no such path", "GET", "/repos/octocat/example/nothing", "", nil, 404, body(404, "Not Found", root)},
		{"no such method", "PATCH", deployments, "{}", nil, 404, body(404, "Not Found", root)},
		{"no such repository", "GET", "/repos/octocat/gone/deployments", "", nil, 404, body(404, "Not Found", listDocs)},
		{"no such repository id", "GET", "/repositories/1/deployments", "", nil, 404, body(404, "Not Found", listDocs)},
		{"names differ only in case", "GET", "/repos/OctoCat/EXAMPLE/deployments", "", nil, 200, "[]"},
		{"anonymous read", "GET", deployments, "", []string{"Authorization", ""}, 200, "[]"},
		{"anonymous write", "POST", deployments, `{"ref":"main"}`, []string{"Authorization", ""}, 401, body(401, "Requires authentication", createDocs)},
		{"anonymous, private", "GET", hidden, "", []string{"Authorization", ""}, 404, body(404, "Not Found", listDocs)},
		{"private, not in the token's list", "GET", hidden, "", []string{"Authorization", "Bearer elsewhere"}, 404, body(404, "Not Found", listDocs)},
		{"private, not in the token's list, write", "POST", hidden, `{"ref":"main"}`, []string{"Authorization", "Bearer elsewhere"}, 404, body(404, "Not Found", createDocs)},
		{"private, in the token's list", "GET", hidden, "", []string{"Authorization", "Bearer hidden-only"}, 200, "[]"},
		{"public, not in the token's list, read", "GET", deployments, "", []string{"Authorization", "Bearer hidden-only"}, 200, "[]"},
		{"public, not in the token's list, write", "POST", deployments, `{"ref":"main"}`, []string{"Authorization", "Bearer hidden-only"}, 404, body(404, "Not Found", createDocs)},
		{"fine-grained, read", "GET", hidden, "", []string{"Authorization", "Bearer reader"}, 200, "[]"},
		{"fine-grained, write", "POST", hidden, `{"ref":"main"}`, []string{"Authorization", "Bearer reader"}, 403, body(403, "Resource not accessible by personal access token", createDocs)},
		{"app, write", "POST", deployments, `{"ref":"main"}`, []string{"Authorization", "Bearer app"}, 403, body(403, "Resource not accessible by integration", createDocs)},
		{"app, read of a private repository", "GET", hidden, "", []string{"Authorization", "Bearer app"}, 403, body(403, "Resource not accessible by integration", listDocs)},
		{"the permission is checked before the body", "POST", deployments, `{`, []string{"Authorization", "Bearer app"}, 403, body(403, "Resource not accessible by integration", createDocs)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := must(t, srv, tt.status, tt.method, tt.path, tt.body, tt.header...)
			wantJSON(t, got.body, tt.want)
			accepted := "" // for an unknown caller or operation
			switch known := tt.status == 200 || strings.Contains(tt.want, root+"/"); {
			case known && tt.method == "POST":
				accepted = "deployments=write"
			case known:
				accepted = "deployments=read"
			}
			wantHeaders(t, got.header, map[string]string{"X-Accepted-GitHub-Permissions": accepted})
		})
	}
}

// Recorded: a 401 has the headers of the anonymous quota.
func TestBadCredentialsUseTheAnonymousQuota(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}))
	got := must(t, srv, 401, "GET", deployments, "", "Authorization", "Bearer wrong")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "59"})
}

func TestNoUserAgent(t *testing.T) {
	srv := newServer(t)
	got := must(t, srv, 403, "GET", deployments, "", "User-Agent", "")
	if !strings.HasPrefix(got.body, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header") {
		t.Error(got.body)
	}
	wantHeaders(t, got.header, map[string]string{"Content-Type": "text/html", "X-RateLimit-Limit": ""})
	must(t, srv, 200, "GET", deployments, "") // net/http sends a User-Agent by default
}

// Recorded: octokit/fixtures, rename-repository.
func TestRenamedRepository(t *testing.T) {
	srv := newServer(t,
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", ID: 515436299}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/hidden", Private: true}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", Repositories: []string{"octocat/example", "octocat/hidden"}}))
	srv.RenameRepository("octocat/example", "octocat/sample")
	srv.RenameRepository("octocat/hidden", "octocat/secret")
	const to = "https://api.github.test/repositories/515436299"
	for _, tt := range []struct {
		method, path, body string
		status             int
		location           string
	}{
		{"GET", "/repos/octocat/example", "", 301, to},
		{"HEAD", "/repos/octocat/example", "", 301, to},
		{"GET", "/repos/Octocat/Example/deployments?per_page=1&environment=a%2Fb", "", 301, to + "/deployments?per_page=1&environment=a%2Fb"},
		{"POST", deployments, `{"ref":"main"}`, 307, to + "/deployments"},
		{"DELETE", first, "", 307, to + "/deployments/6000000001"},
	} {
		got := must(t, srv, tt.status, tt.method, tt.path, tt.body)
		wantHeaders(t, got.header, map[string]string{"Location": tt.location})
		if tt.method != "HEAD" {
			wantJSON(t, got.body, fmt.Sprintf(`{"message":"Moved Permanently","url":%q,"documentation_url":"https://docs.github.com/v3/#http-redirects"}`, tt.location))
		}
	}
	got := must(t, srv, 201, "POST", "/repositories/515436299/deployments", `{"ref":"main"}`)
	wantFields(t, got.body, map[string]string{"repository_url": `"https://api.github.test/repos/octocat/sample"`})
	must(t, srv, 404, "GET", "/repos/octocat/hidden", "", "Authorization", "")
	srv.RenameRepository("octocat/sample", "octocat/example") // the old name again: no redirect to itself
	must(t, srv, 200, "GET", "/repos/octocat/example", "")
	must(t, srv, 301, "GET", "/repos/octocat/sample", "")
}

func TestGetRepository(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now))
	got := must(t, srv, 200, "GET", "/repos/octocat/example", "")
	wantFields(t, got.body, map[string]string{
		"id": "5000000001", "full_name": `"octocat/example"`, "private": "false", "default_branch": `"main"`,
		"deployments_url": `"https://api.github.test/repos/octocat/example/deployments"`,
		"html_url":        `"https://github.test/octocat/example"`, "has_downloads": "true",
		"statuses_url": `"https://api.github.test/repos/octocat/example/statuses/{sha}"`,
		"created_at":   `"2026-04-01T12:00:00Z"`,
	})
	newer := must(t, srv, 200, "GET", "/repos/octocat/example", "", "X-GitHub-Api-Version", "2026-03-10")
	wantFields(t, newer.body, map[string]string{"has_downloads": ""})
}

func TestGetRateLimit(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now))
	must(t, srv, 200, "GET", deployments, "")
	for range 2 {
		got := must(t, srv, 200, "GET", "/rate_limit", "")
		wantFields(t, got.body, map[string]string{"rate": `{"limit":5000,"used":1,"remaining":4999,"reset":1775048400}`})
		if !strings.Contains(got.body, `"core":{"limit":5000,"used":1,"remaining":4999,"reset":1775048400}`) {
			t.Error(got.body)
		}
	}
	newer := must(t, srv, 200, "GET", "/rate_limit", "", "X-GitHub-Api-Version", "2026-03-10")
	wantFields(t, newer.body, map[string]string{"rate": ""})
}
