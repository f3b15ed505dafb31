package ghdeploytest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const statusDocs = "https://docs.github.com/rest/deployments/statuses#create-a-deployment-status"

// deployed returns a server with one deployment of main.
func deployed(t *testing.T, opts ...ghdeploytest.Option) *ghdeploytest.Server {
	t.Helper()
	srv := newServer(t, opts...)
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	return srv
}

// The shape is recorded: tgstation/TerraGov-Marine-Corps, status 2151661540,
// 2023-06-29.
func TestCreateStatusResponse(t *testing.T) {
	srv := deployed(t, ghdeploytest.WithClock(newClock().now))
	got := must(t, srv, 201, "POST", first+"/statuses", `{"state":"in_progress","description":"The project is being deployed"}`)
	want := `{
		"url": "https://api.github.test/repos/octocat/example/deployments/6000000001/statuses/7000000001",
		"id": 7000000001, "node_id": "DES_ks8AAAABKgXyAc8AAAABoTuGAQ", "state": "in_progress",
		"creator": ` + octocat + `,
		"description": "The project is being deployed", "environment": "production", "target_url": "",
		"created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z",
		"deployment_url": "https://api.github.test/repos/octocat/example/deployments/6000000001",
		"repository_url": "https://api.github.test/repos/octocat/example",
		"environment_url": "", "log_url": "", "performed_via_github_app": null
	}`
	wantJSON(t, got.body, want)
	self := first + "/statuses/7000000001"
	wantHeaders(t, got.header, map[string]string{"Location": "https://api.github.test" + self, "Last-Modified": ""})
	wantJSON(t, must(t, srv, 200, "GET", self, "").body, want)
	wantJSON(t, must(t, srv, 200, "GET", first+"/statuses", "").body, "["+want+"]")
}

func TestCreateStatusParameters(t *testing.T) {
	tests := []struct {
		name, body string
		want       map[string]string
	}{
		{"description absent is an empty string", `{"state":"queued"}`, map[string]string{"description": `""`}},
		{"target_url alone", `{"state":"queued","target_url":"http://wynn.fm"}`, map[string]string{"target_url": `"http://wynn.fm"`, "log_url": `""`}},
		{"log_url sets both", `{"state":"queued","log_url":"https://example.com/42","target_url":"http://other.example"}`,
			map[string]string{"target_url": `"https://example.com/42"`, "log_url": `"https://example.com/42"`}},
		{"environment_url", `{"state":"success","environment_url":"https://test-branch.lab.acme.com"}`, map[string]string{"environment_url": `"https://test-branch.lab.acme.com"`}},
		{"140 characters", `{"state":"queued","description":"` + strings.Repeat("é", 140) + `"}`, nil},
	}
	for _, state := range []string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"} {
		tests = append(tests, struct {
			name, body string
			want       map[string]string
		}{state, fmt.Sprintf(`{"state":%q}`, state), map[string]string{"state": fmt.Sprintf("%q", state)}})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFields(t, must(t, deployed(t), 201, "POST", first+"/statuses", tt.body).body, tt.want)
		})
	}
}

func TestCreateStatusRefused(t *testing.T) {
	tests := []struct {
		name, body string
		want       string
	}{
		{"no state", `{}`, `{"message":"Invalid request.\n\n\"state\" wasn't supplied.","documentation_url":"` + statusDocs + `","status":"422"}`},
		{"only GitHub sets waiting", `{"state":"waiting"}`,
			`{"message":"Invalid request.\n\nwaiting is not a member of [\"error\", \"failure\", \"inactive\", \"in_progress\", \"queued\", \"pending\", \"success\"].","documentation_url":"` + statusDocs + `","status":"422"}`},
		{"141 characters", `{"state":"queued","description":"` + strings.Repeat("x", 141) + `"}`,
			`{"message":"Validation Failed","errors":[{"resource":"DeploymentStatus","code":"custom","field":"description","message":"description is too long (maximum is 140 characters)"}],"documentation_url":"` + statusDocs + `","status":"422"}`},
		{"environment_url without http", `{"state":"queued","environment_url":"ftp://example.com"}`,
			`{"message":"Validation Failed","errors":[{"resource":"DeploymentStatus","code":"custom","field":"environment_url","message":"environment_url must use http(s) scheme"}],"documentation_url":"` + statusDocs + `","status":"422"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := deployed(t)
			wantJSON(t, must(t, srv, 422, "POST", first+"/statuses", tt.body).body, tt.want)
			if n := len(srv.Deployments("octocat/example")[0].Statuses); n != 0 {
				t.Errorf("%d statuses were created", n)
			}
		})
	}
}

func TestMissingStatuses(t *testing.T) {
	srv := deployed(t)
	for _, tt := range []struct{ method, path, body string }{
		{"GET", deployments + "/1/statuses", ""},
		{"POST", deployments + "/1/statuses", `{"state":"queued"}`},
		{"GET", deployments + "/1/statuses/1", ""},
		{"GET", first + "/statuses/1", ""},
	} {
		must(t, srv, 404, tt.method, tt.path, tt.body)
	}
	if got := must(t, srv, 200, "GET", first+"/statuses", "").body; got != "[]" {
		t.Errorf("the list of statuses is %s, want []", got)
	}
}

func TestWaiting(t *testing.T) {
	srv := deployed(t)
	id := srv.AddWaitingStatus("octocat/example", 6000000001)
	got := must(t, srv, 200, "GET", fmt.Sprintf("%s/statuses/%d", first, id), "")
	wantFields(t, got.body, map[string]string{"state": `"waiting"`, "environment": `"production"`})
}

func TestStatusEnvironment(t *testing.T) {
	srv := deployed(t)
	post := func(body, environment string) {
		t.Helper()
		got := must(t, srv, 201, "POST", first+"/statuses", body)
		wantFields(t, got.body, map[string]string{"environment": environment})
	}
	post(`{"state":"queued"}`, `"production"`)                 // from the deployment
	post(`{"state":"in_progress","environment":"eu"}`, `"eu"`) // from the request
	post(`{"state":"success"}`, `"eu"`)                        // from the previous status
	got := must(t, srv, 200, "GET", first, "")
	wantFields(t, got.body, map[string]string{"environment": `"eu"`, "original_environment": `"production"`})
}

// Recorded in webhook payloads: the deployment's updated_at is the created_at
// of the newest status.
func TestStatusTouchesDeployment(t *testing.T) {
	clock := newClock()
	srv := deployed(t, ghdeploytest.WithClock(clock.now))
	clock.Time = clock.Add(90e9)
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`)
	got := must(t, srv, 200, "GET", first, "")
	wantFields(t, got.body, map[string]string{"created_at": `"2026-04-01T12:00:00Z"`, "updated_at": `"2026-04-01T12:01:30Z"`})
	wantHeaders(t, got.header, map[string]string{"Last-Modified": "Wed, 01 Apr 2026 12:01:30 GMT"})
}

func TestAutoInactive(t *testing.T) {
	tests := []struct {
		name    string
		earlier string // parameters of the first deployment
		state   string // of the first deployment
		later   string // parameters of the second deployment
		status  string // body of the second deployment's status
		want    []string
	}{
		{"same environment", `"environment":"eu"`, "success", `"environment":"eu"`, `{"state":"success"}`, []string{"success", "inactive"}},
		{"names differ only in case", `"environment":"eu"`, "success", `"environment":"EU"`, `{"state":"success"}`, []string{"success", "inactive"}},
		{"auto_inactive true", `"environment":"eu"`, "success", `"environment":"eu"`, `{"state":"success","auto_inactive":true}`, []string{"success", "inactive"}},
		{"auto_inactive false", `"environment":"eu"`, "success", `"environment":"eu"`, `{"state":"success","auto_inactive":false}`, []string{"success"}},
		{"another environment", `"environment":"eu"`, "success", `"environment":"us"`, `{"state":"success"}`, []string{"success"}},
		{"transient", `"environment":"eu","transient_environment":true`, "success", `"environment":"eu"`, `{"state":"success"}`, []string{"success"}},
		{"production by name", `"environment":"production"`, "success", `"environment":"production"`, `{"state":"success"}`, []string{"success"}},
		{"production by flag", `"environment":"eu","production_environment":true`, "success", `"environment":"eu"`, `{"state":"success"}`, []string{"success"}},
		{"the second deployment is production", `"environment":"eu"`, "success", `"environment":"eu","production_environment":true`, `{"state":"success"}`, []string{"success", "inactive"}},
		{"the first deployment failed", `"environment":"eu"`, "failure", `"environment":"eu"`, `{"state":"success"}`, []string{"failure"}},
		{"the second deployment has no success", `"environment":"eu"`, "success", `"environment":"eu"`, `{"state":"in_progress"}`, []string{"success"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t)
			must(t, srv, 201, "POST", deployments, `{"ref":"main",`+tt.earlier+`}`)
			must(t, srv, 201, "POST", first+"/statuses", fmt.Sprintf(`{"state":%q}`, tt.state))
			must(t, srv, 201, "POST", deployments, `{"ref":"main",`+tt.later+`}`)
			must(t, srv, 201, "POST", deployments+"/6000000002/statuses", tt.status)
			var got []string
			for _, st := range srv.Deployments("octocat/example")[0].Statuses {
				got = append(got, st.State)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("states %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("a later deployment stays active", func(t *testing.T) {
		srv := newServer(t)
		for range 2 {
			must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"eu"}`)
		}
		must(t, srv, 201, "POST", deployments+"/6000000002/statuses", `{"state":"success"}`)
		must(t, srv, 201, "POST", first+"/statuses", `{"state":"success"}`)
		if state := srv.Deployments("octocat/example")[1].State(); state != "success" {
			t.Errorf("the later deployment is %s", state)
		}
	})
	t.Run("a deployment of another repository stays active", func(t *testing.T) {
		srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}),
			ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/other"}))
		must(t, srv, 201, "POST", "/repos/octocat/other/deployments", `{"ref":"main","environment":"eu"}`)
		must(t, srv, 201, "POST", "/repos/octocat/other/deployments/6000000001/statuses", `{"state":"success"}`)
		must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"eu"}`)
		must(t, srv, 201, "POST", deployments+"/6000000002/statuses", `{"state":"success"}`)
		if state := srv.Deployments("octocat/other")[0].State(); state != "success" {
			t.Errorf("the other repository's deployment is %s", state)
		}
	})
}

func TestStatusCap(t *testing.T) {
	srv := deployed(t, ghdeploytest.WithStatusCap(2))
	for range 2 {
		must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`)
	}
	got := must(t, srv, 422, "POST", first+"/statuses", `{"state":"queued"}`)
	wantFields(t, got.body, map[string]string{"message": `"Validation Failed"`})
	if !strings.Contains(got.body, "maximum number of statuses") {
		t.Error(got.body)
	}
}
