package ghdeploytest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const createDocs = "https://docs.github.com/rest/deployments/deployments#create-a-deployment"

// octocat is a user in the form of the schema simple-user.
const octocat = `{
	"login": "octocat", "id": 9000000001, "node_id": "U_ks8AAAACGHEaAQ", "gravatar_id": "", "type": "User", "user_view_type": "public", "site_admin": false,
	"avatar_url": "https://avatars.githubusercontent.com/u/9000000001?v=4",
	"url": "https://api.github.test/users/octocat", "html_url": "https://github.test/octocat",
	"followers_url": "https://api.github.test/users/octocat/followers",
	"following_url": "https://api.github.test/users/octocat/following{/other_user}",
	"gists_url": "https://api.github.test/users/octocat/gists{/gist_id}",
	"starred_url": "https://api.github.test/users/octocat/starred{/owner}{/repo}",
	"subscriptions_url": "https://api.github.test/users/octocat/subscriptions",
	"organizations_url": "https://api.github.test/users/octocat/orgs",
	"repos_url": "https://api.github.test/users/octocat/repos",
	"events_url": "https://api.github.test/users/octocat/events{/privacy}",
	"received_events_url": "https://api.github.test/users/octocat/received_events"
}`

// The shape is the schema deployment of GitHub's description. null and {} are
// recorded (octokit.rb, 2020-11-12).
func TestCreateDeploymentResponse(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithClock(newClock().now), ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Branches: []ghdeploytest.Branch{{Name: "main", SHA: "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d"}},
	}))
	got := must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	want := `{
		"url": "https://api.github.test/repos/octocat/example/deployments/6000000001",
		"id": 6000000001, "node_id": "DE_ks8AAAABKgXyAc8AAAABZaC8AQ",
		"sha": "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d", "ref": "main", "task": "deploy", "payload": {},
		"original_environment": "production", "environment": "production", "description": null,
		"creator": ` + octocat + `,
		"created_at": "2026-04-01T12:00:00Z", "updated_at": "2026-04-01T12:00:00Z",
		"statuses_url": "https://api.github.test/repos/octocat/example/deployments/6000000001/statuses",
		"repository_url": "https://api.github.test/repos/octocat/example",
		"transient_environment": false, "production_environment": true, "performed_via_github_app": null
	}`
	wantJSON(t, got.body, want)
	wantHeaders(t, got.header, map[string]string{
		"Location":      "https://api.github.test/repos/octocat/example/deployments/6000000001",
		"Content-Type":  "application/json; charset=utf-8",
		"Last-Modified": "Wed, 01 Apr 2026 12:00:00 GMT",
		"Cache-Control": "private, max-age=60, s-maxage=60",
	})
	again := must(t, srv, 200, "GET", first, "")
	wantJSON(t, again.body, want)
	wantHeaders(t, again.header, map[string]string{"Last-Modified": "Wed, 01 Apr 2026 12:00:00 GMT"})
}

func TestCreateDeploymentParameters(t *testing.T) {
	tests := []struct {
		name, body string
		want       map[string]string
	}{
		{"another environment is not production", `{"ref":"main","environment":"staging"}`,
			map[string]string{"environment": `"staging"`, "original_environment": `"staging"`, "production_environment": "false"}},
		{"production_environment true", `{"ref":"main","environment":"eu","production_environment":true}`, map[string]string{"production_environment": "true"}},
		{"production_environment false", `{"ref":"main","production_environment":false}`, map[string]string{"production_environment": "false", "environment": `"production"`}},
		{"transient", `{"ref":"main","transient_environment":true}`, map[string]string{"transient_environment": "true"}},
		{"task", `{"ref":"main","task":"deploy:migrations"}`, map[string]string{"task": `"deploy:migrations"`}},
		{"description", `{"ref":"main","description":"<b> & co"}`, map[string]string{"description": `"<b> & co"`}},
		{"description null", `{"ref":"main","description":null}`, map[string]string{"description": "null"}},
		{"payload object", `{"ref":"main","payload":{"b":1,"a":[1.50,null]}}`, map[string]string{"payload": `{"b":1,"a":[1.50,null]}`}},
		{"payload string", `{"ref":"main","payload":"text"}`, map[string]string{"payload": `"text"`}},
		{"payload string of JSON stays a string", `{"ref":"main","payload":"{ \"deploy\": \"migrate\" }"}`, map[string]string{"payload": `"{ \"deploy\": \"migrate\" }"`}},
		{"payload empty string", `{"ref":"main","payload":""}`, map[string]string{"payload": `""`}},
		{"payload absent", `{"ref":"main"}`, map[string]string{"payload": `{}`}},
		{"the response repeats the ref", `{"ref":"refs/heads/main"}`, map[string]string{"ref": `"refs/heads/main"`}},
		{"a tag", `{"ref":"v1"}`, map[string]string{"sha": `"1111111111111111111111111111111111111111"`}},
		{"a sha", `{"ref":"1111111111111111111111111111111111111111"}`, map[string]string{"ref": `"1111111111111111111111111111111111111111"`}},
		{"an unknown key is ignored", `{"ref":"main","colour":"red"}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
				FullName: "octocat/example", Tags: []ghdeploytest.Tag{{Name: "v1", SHA: strings.Repeat("1", 40)}},
			}))
			wantFields(t, must(t, srv, 201, "POST", deployments, tt.body).body, tt.want)
		})
	}
}

func TestCreateDeploymentRefused(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		want       string
	}{
		{"no such ref", `{"ref":"gone"}`, 422, `{"message":"No ref found for: gone","documentation_url":"` + createDocs + `","status":"422"}`},
		{"no ref", `{}`, 422, `{"message":"Invalid request.\n\n\"ref\" wasn't supplied.","documentation_url":"` + createDocs + `","status":"422"}`},
		{"no body", ``, 422, `{"message":"Invalid request.\n\n\"ref\" wasn't supplied.","documentation_url":"` + createDocs + `","status":"422"}`},
		{"wrong types", `{"ref":1,"auto_merge":"yes","required_contexts":"ci","payload":[1]}`, 422,
			`{"message":"Invalid request.\n\nFor 'properties/ref', 1 is not a string.\nNo subschema in \"oneOf\" matched.\nFor 'oneOf/0', [1] is not an object.\nFor 'oneOf/1', [1] is not a string.\nFor 'properties/auto_merge', \"yes\" is not a boolean.\nFor 'properties/required_contexts', \"ci\" is not an array.","documentation_url":"` + createDocs + `","status":"422"}`},
		{"bad JSON", `{"ref":`, 400, `{"message":"Problems parsing JSON","documentation_url":"` + createDocs + `","status":"400"}`},
		{"not an object", `["main"]`, 400, `{"message":"Body should be a JSON object","documentation_url":"` + createDocs + `","status":"400"}`},
		{"environment too long", `{"ref":"main","environment":"` + strings.Repeat("é", 256) + `"}`, 422,
			`{"message":"Validation Failed","errors":[{"resource":"Deployment","code":"custom","field":"environment","message":"environment is too long (maximum is 255 characters)"}],"documentation_url":"` + createDocs + `","status":"422"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t)
			got := must(t, srv, tt.status, "POST", deployments, tt.body)
			wantJSON(t, got.body, tt.want)
			if n := len(srv.Deployments("octocat/example")); n != 0 {
				t.Errorf("%d deployments were created", n)
			}
		})
	}
}

// The message is the example of GitHub's description and is quoted in
// atmos/hubot-deploy#54.
func TestAutoMerge(t *testing.T) {
	setup := ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example", DefaultBranch: "master",
		Branches: []ghdeploytest.Branch{
			{Name: "topic-branch", SHA: strings.Repeat("a", 40), Behind: true},
			{Name: "torn", Conflict: true},
			{Name: "level"},
		},
		Tags: []ghdeploytest.Tag{{Name: "v1", Behind: true}},
	})
	t.Run("202 and then 201", func(t *testing.T) {
		srv := newServer(t, setup)
		got := must(t, srv, 202, "POST", deployments, `{"ref":"topic-branch"}`)
		wantJSON(t, got.body, `{"message":"Auto-merged master into topic-branch on deployment."}`)
		if n := len(srv.Deployments("octocat/example")); n != 0 {
			t.Errorf("the merge created %d deployments", n)
		}
		made := must(t, srv, 201, "POST", deployments, `{"ref":"topic-branch"}`)
		if strings.Contains(made.body, strings.Repeat("a", 40)) {
			t.Error("the branch did not move to a merge commit")
		}
	})
	t.Run("202 has no ETag and no Location", func(t *testing.T) {
		got := must(t, newServer(t, setup), 202, "POST", deployments, `{"ref":"topic-branch"}`)
		wantHeaders(t, got.header, map[string]string{"ETag": "", "Location": ""})
	})
	for _, tt := range []struct {
		name, body string
		status     int
		message    string
	}{
		{"auto_merge false", `{"ref":"topic-branch","auto_merge":false}`, 201, ""},
		{"level branch", `{"ref":"level"}`, 201, ""},
		{"conflict", `{"ref":"torn"}`, 409, "Conflict merging master into torn."},
		{"the conflict repeats the ref", `{"ref":"refs/heads/torn"}`, 409, "Conflict merging master into refs/heads/torn."},
		{"conflict, auto_merge false", `{"ref":"torn","auto_merge":false}`, 201, ""},
		{"a tag that is behind", `{"ref":"v1"}`, 409, "Conflict merging master into v1."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := must(t, newServer(t, setup), tt.status, "POST", deployments, tt.body)
			if tt.message != "" {
				wantJSON(t, got.body, fmt.Sprintf(`{"message":%q,"documentation_url":%q,"status":"409"}`, tt.message, createDocs))
			}
		})
	}
	t.Run("behind again", func(t *testing.T) {
		srv := newServer(t, setup)
		srv.SetBranch("octocat/example", ghdeploytest.Branch{Name: "level", Behind: true})
		must(t, srv, 202, "POST", deployments, `{"ref":"level"}`)
	})
}

// The body of the conflict is quoted in remind101/slashdeploy#15.
func TestRequiredContexts(t *testing.T) {
	tests := []struct {
		name     string
		statuses []ghdeploytest.CommitStatus
		required string // JSON; "": absent
		contexts string // of the 409; "": 201
	}{
		{"nothing reported", nil, "", ""},
		{"absent, all passed", []ghdeploytest.CommitStatus{{"ci", "success"}}, "", ""},
		{"absent, one failed", []ghdeploytest.CommitStatus{{"ci/circleci", "success"}, {"container/docker", "failure"}}, "",
			`[{"context":"ci/circleci","state":"success"},{"context":"container/docker","state":"failure"}]`},
		{"a skipped check run fails", []ghdeploytest.CommitStatus{{"build", "skipped"}}, "", `[{"context":"build","state":"skipped"}]`},
		{"empty list checks nothing", []ghdeploytest.CommitStatus{{"ci", "failure"}}, `[]`, ""},
		{"listed, another failed", []ghdeploytest.CommitStatus{{"ci", "success"}, {"lint", "failure"}}, `["ci"]`, ""},
		{"listed, failed", []ghdeploytest.CommitStatus{{"ci", "error"}, {"lint", "success"}}, `["ci"]`, `[{"context":"ci","state":"error"}]`},
		{"listed, not reported", nil, `["ci/janky"]`, `[{"context":"ci/janky","state":"pending"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
				FullName: "octocat/example", Branches: []ghdeploytest.Branch{{Name: "main", Statuses: tt.statuses}},
			}))
			body := `{"ref":"main"}`
			if tt.required != "" {
				body = `{"ref":"main","required_contexts":` + tt.required + `}`
			}
			if tt.contexts == "" {
				must(t, srv, 201, "POST", deployments, body)
				return
			}
			got := must(t, srv, 409, "POST", deployments, body)
			wantJSON(t, got.body, `{"message":"Conflict: Commit status checks failed for main.","errors":[{"contexts":`+tt.contexts+
				`,"resource":"Deployment","field":"required_contexts","code":"invalid"}],"documentation_url":"`+createDocs+`","status":"409"}`)
		})
	}
	t.Run("the newest status of a context counts", func(t *testing.T) {
		srv := newServer(t)
		srv.SetCommitStatus("octocat/example", "main", "ci", "failure")
		must(t, srv, 409, "POST", deployments, `{"ref":"main"}`)
		srv.SetCommitStatus("octocat/example", "main", "ci", "success")
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	})
}

func TestGetMissingDeployment(t *testing.T) {
	srv := newServer(t)
	for _, id := range []string{"6000000001", "0", "nine"} {
		got := must(t, srv, 404, "GET", deployments+"/"+id, "")
		wantJSON(t, got.body, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest/deployments/deployments#get-a-deployment","status":"404"}`)
		wantHeaders(t, got.header, map[string]string{"ETag": "", "Vary": "Accept-Encoding, Accept, X-Requested-With"})
	}
}

func TestDeleteDeployment(t *testing.T) {
	const second = deployments + "/6000000002"
	status := func(t *testing.T, srv *ghdeploytest.Server, path, body string) {
		must(t, srv, 201, "POST", path+"/statuses", body)
	}
	tests := []struct {
		name string
		prep func(t *testing.T, srv *ghdeploytest.Server)
		path string
		want int
	}{
		{"the only one, active", func(t *testing.T, srv *ghdeploytest.Server) { status(t, srv, first, `{"state":"success"}`) }, first, 204},
		// Recorded: octokit.rb creates one of several and deletes it at once.
		{"one of two, without a status", func(t *testing.T, srv *ghdeploytest.Server) {
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		}, first, 204},
		{"one of two, success", func(t *testing.T, srv *ghdeploytest.Server) {
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			status(t, srv, second, `{"state":"success"}`)
		}, second, 422},
		{"one of two, inactive", func(t *testing.T, srv *ghdeploytest.Server) {
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			status(t, srv, second, `{"state":"success"}`)
			status(t, srv, second, `{"state":"inactive"}`)
		}, second, 204},
		{"one of two, queued", func(t *testing.T, srv *ghdeploytest.Server) {
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			status(t, srv, second, `{"state":"queued"}`)
		}, second, 204},
		{"a newer one is active", func(t *testing.T, srv *ghdeploytest.Server) {
			status(t, srv, first, `{"state":"success"}`)
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			status(t, srv, second, `{"state":"success"}`)
		}, first, 204},
		{"a newer one is active in another environment", func(t *testing.T, srv *ghdeploytest.Server) {
			status(t, srv, first, `{"state":"success"}`)
			must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"eu"}`)
			status(t, srv, second, `{"state":"success"}`)
		}, first, 422},
		{"missing", func(*testing.T, *ghdeploytest.Server) {}, second, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t)
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			tt.prep(t, srv)
			before := len(srv.Deployments("octocat/example"))
			got := must(t, srv, tt.want, "DELETE", tt.path, "")
			after := before
			const docs = "https://docs.github.com/rest/deployments/deployments#delete-a-deployment"
			switch tt.want {
			case 204:
				after--
				if got.body != "" || got.header["Content-Type"] != nil || got.header["Etag"] != nil {
					t.Errorf("204 with body %q, headers %v", got.body, got.header)
				}
				must(t, srv, 404, "GET", tt.path, "")
			case 422:
				wantJSON(t, got.body, `{"message":"Validation Failed","errors":["We cannot delete an active deployment unless it is the only deployment in a given environment."],"documentation_url":"`+docs+`","status":"422"}`)
			case 404:
				wantJSON(t, got.body, `{"message":"Not Found","documentation_url":"`+docs+`","status":"404"}`)
			}
			if n := len(srv.Deployments("octocat/example")); n != after {
				t.Errorf("%d deployments remain, want %d", n, after)
			}
		})
	}
}

func TestAppCreatesDeployments(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", App: "shipper", Permissions: map[string]string{"deployments": "write"}}))
	got := must(t, srv, http.StatusCreated, "POST", deployments, `{"ref":"main"}`)
	for _, part := range []string{`"login":"shipper[bot]"`, `"type":"Bot"`, `/users/shipper%5Bbot%5D"`, `"performed_via_github_app":{"id":`, `"slug":"shipper"`, `"deployments":"write"`} {
		if !strings.Contains(got.body, part) {
			t.Errorf("%s lacks %s", got.body, part)
		}
	}
}
