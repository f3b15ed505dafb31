package ghdeploytest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// curl sends a request with the headers of curl 8: its User-Agent, Accept */*
// by default, and with -d the content type of a form for any data.
func curl(t *testing.T, srv *ghdeploytest.Server, method, path, data string, header ...string) result {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL()+path, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", "curl/8.14.1")
	r.Header.Set("Accept", "*/*")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := receive((&http.Transport{DisableKeepAlives: true, DisableCompression: true}).RoundTrip(r))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const curlCreated = `{
  "url": "URL/repos/octocat/example/deployments/6000000001",
  "id": 6000000001,
  "node_id": "DE_ks8AAAABKgXyAc8AAAABZaC8AQ",
  "task": "deploy",
  "original_environment": "production",
  "environment": "production",
  "description": "Deploy request from hubot",
  "created_at": "2026-04-01T12:00:00Z",
  "updated_at": "2026-04-01T12:00:00Z",
  "statuses_url": "URL/repos/octocat/example/deployments/6000000001/statuses",
  "repository_url": "URL/repos/octocat/example",
  "creator": {
    "login": "octocat",
`

const curlCreatedEnd = `
  "ref": "topic-branch",
  "payload": "{ \"deploy\": \"migrate\" }",
  "transient_environment": false,
  "production_environment": true,
  "performed_via_github_app": null
}
`

const curlMissing = `{
  "message": "Not Found",
  "documentation_url": "https://docs.github.com/rest/deployments/deployments#get-a-deployment",
  "status": "404"
}
`

// The examples of GitHub's documentation, in the order of a first use.
func TestCurl(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now), ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example", Branches: []ghdeploytest.Branch{{Name: "topic-branch"}},
	}))
	documented := []string{
		"Accept", "application/vnd.github+json", "Authorization", "Bearer <YOUR-TOKEN>", "X-GitHub-Api-Version", "2022-11-28",
	}
	plain := []string{"Authorization", "token abc"}

	if got := curl(t, srv, "GET", deployments, "", documented...); got.status != 200 || got.body != "[]\n" {
		t.Errorf("list: %d %q", got.status, got.body)
	}

	data := `{"ref":"topic-branch","payload":"{ \"deploy\": \"migrate\" }","description":"Deploy request from hubot"}`
	created := curl(t, srv, "POST", deployments, data, documented...)
	body := strings.ReplaceAll(created.body, srv.URL(), "URL")
	if created.status != 201 || !strings.HasPrefix(body, curlCreated) || !strings.HasSuffix(body, curlCreatedEnd) {
		t.Errorf("create: %d %s", created.status, body)
	}
	wantHeaders(t, created.header, map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Location": srv.URL() + first, "X-GitHub-Media-Type": "github.v3; format=json",
	})

	data = `{"environment":"production","state":"success","log_url":"https://example.com/deployment/42/output",` +
		`"description":"Deployment finished successfully."}`
	status := curl(t, srv, "POST", first+"/statuses", data, plain...)
	for _, line := range []string{
		"\n  \"id\": 7000000001,\n", "\n  \"state\": \"success\",\n", "\n  \"environment\": \"production\",\n",
		"\n  \"log_url\": \"https://example.com/deployment/42/output\",\n", "\n  \"target_url\": \"https://example.com/deployment/42/output\",\n",
		"\n  \"description\": \"Deployment finished successfully.\",\n",
	} {
		if status.status != 201 || !strings.Contains(status.body, line) {
			t.Errorf("status: %d lacks %s: %s", status.status, line, status.body)
		}
	}
	if got := curl(t, srv, "GET", first+"/statuses", ""); got.status != 200 || !strings.HasPrefix(got.body, "[\n  {\n    \"url\": ") {
		t.Errorf("statuses, without a token: %d %s", got.status, got.body)
	}
	if got := curl(t, srv, "DELETE", first, "", plain...); got.status != 204 || got.body != "" {
		t.Errorf("delete: %d %s", got.status, got.body)
	}
	if got := curl(t, srv, "GET", first, "", plain...); got.status != 404 || got.body != curlMissing {
		t.Errorf("get: %d %s", got.status, got.body)
	}
}

func TestCurlRefused(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "known"}))
	for _, test := range []struct {
		name, data string
		header     []string
		status     int
		message    string
	}{
		{"no token", `{"ref":"main"}`, nil, 401, "Requires authentication"},
		{"a password", `{"ref":"main"}`, []string{"Authorization", "Basic b2N0b2NhdDpzZWNyZXQ="}, 401, "Bad credentials"},
		{"the wrong token", `{"ref":"main"}`, []string{"Authorization", "Bearer <YOUR-TOKEN>"}, 401, "Bad credentials"},
		{"without quotes", `{ref:main}`, []string{"Authorization", "Bearer known"}, 400, "Problems parsing JSON"},
		{"a form", `ref=main`, []string{"Authorization", "Bearer known"}, 400, "Problems parsing JSON"},
		{"-X POST without -d", "", []string{"Authorization", "Bearer known"}, 422, `Invalid request.\n\n\"ref\" wasn't supplied.`},
		{"another branch", `{"ref":"nope"}`, []string{"Authorization", "Bearer known"}, 422, "No ref found for: nope"},
	} {
		got := curl(t, srv, "POST", deployments, test.data, test.header...)
		if got.status != test.status || !strings.HasPrefix(got.body, "{\n  \"message\": \""+test.message+"\",\n  \"documentation_url\": ") {
			t.Errorf("%s: %d %s, want %d %s", test.name, got.status, got.body, test.status, test.message)
		}
	}
}

// The server indents JSON for curl, and not for programs. Content-Length is the
// length of the indented body; the ETag is the same for both.
func TestCurlLayout(t *testing.T) {
	srv := newServer(t)
	must(t, srv, 201, "POST", deployments, `{"ref":"main","payload":{"a":[]}}`)
	people := must(t, srv, 200, "GET", first, "", "User-Agent", "curl/8.14.1")
	programs := must(t, srv, 200, "GET", first, "")
	wantJSON(t, people.body, programs.body)
	if !strings.HasPrefix(people.body, "{\n  \"url\": ") || strings.Contains(programs.body, "\n") || people.header.Get("ETag") != programs.header.Get("ETag") {
		t.Errorf("%s\n%s", people.body, programs.body)
	}
	for _, got := range []result{people, programs} {
		if n := got.header.Get("Content-Length"); n != strconv.Itoa(len(got.body)) {
			t.Errorf("Content-Length: %s, want %d", n, len(got.body))
		}
	}
	must(t, srv, 304, "GET", first, "", "User-Agent", "curl/8.14.1", "If-None-Match", people.header.Get("ETag"))
}
