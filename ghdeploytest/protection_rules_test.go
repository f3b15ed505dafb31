package ghdeploytest_test

import (
	"fmt"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	rules    = production + "/deployment_protection_rules"
	ruleDocs = "https://docs.github.com/rest/deployments/protection-rules#create-a-custom-deployment-protection-rule-on-an-environment"
)

func withApps(slugs ...string) ghdeploytest.Option {
	var seed ghdeploytest.Seed
	for i, slug := range slugs {
		seed.Apps = append(seed.Apps, ghdeploytest.App{Slug: slug, ID: int64(i + 1)})
	}
	return ghdeploytest.WithSeed(seed)
}

// The shapes are those of GitHub's description. The empty list is recorded.
func TestCustomRules(t *testing.T) {
	srv := newServer(t, withApps("a-custom-app", "another-custom-app"))
	must(t, srv, 200, "PUT", production, "")
	const (
		app  = `{"id":1,"node_id":"A_ks8AAAAAAAAAAQ","slug":"a-custom-app","integration_url":"https://api.github.test/apps/a-custom-app"}`
		app2 = `{"id":2,"node_id":"A_ks8AAAAAAAAAAg","slug":"another-custom-app","integration_url":"https://api.github.test/apps/another-custom-app"}`
		rule = `{"id":10000000001,"node_id":"GA_ks8AAAABKgXyAc8AAAACVAvkAQ","enabled":true,"app":` + app + `}`
	)
	wantJSON(t, must(t, srv, 200, "GET", rules, "").body, `{"total_count":0,"custom_deployment_protection_rules":[]}`)
	wantJSON(t, must(t, srv, 200, "GET", rules+"/apps", "").body, `{"total_count":2,"available_custom_deployment_protection_rule_integrations":[`+app+`,`+app2+`]}`)
	wantJSON(t, must(t, srv, 200, "GET", rules+"/apps?per_page=1&page=2", "").body, `{"total_count":2,"available_custom_deployment_protection_rule_integrations":[`+app2+`]}`)
	wantJSON(t, must(t, srv, 201, "POST", rules, `{"integration_id":1}`).body, rule)
	wantJSON(t, must(t, srv, 200, "GET", rules, "").body, `{"total_count":1,"custom_deployment_protection_rules":[`+rule+`]}`)
	wantJSON(t, must(t, srv, 200, "GET", rules+"/10000000001", "").body, rule)
	wantFields(t, must(t, srv, 200, "GET", production, "").body, map[string]string{"protection_rules": "[]"}) // recorded: only built-in rules
	must(t, srv, 200, "PUT", production, "")
	must(t, srv, 200, "GET", rules+"/10000000001", "") // a PUT of the environment keeps custom rules

	got := must(t, srv, 204, "DELETE", rules+"/10000000001", "")
	wantHeaders(t, got.header, map[string]string{"Content-Type": ""})
	must(t, srv, 404, "GET", rules+"/10000000001", "")
	must(t, srv, 404, "DELETE", rules+"/10000000001", "")
	wantFields(t, must(t, srv, 201, "POST", rules, `{"integration_id":1}`).body, map[string]string{"id": "10000000002"})
}

func TestCustomRuleRefused(t *testing.T) {
	srv := newServer(t, withApps("a", "b", "c", "d", "e", "f", "g"))
	for _, tt := range []struct{ method, path, body string }{
		{"GET", rules, ""}, {"GET", rules + "/apps", ""}, {"GET", rules + "/1", ""}, {"POST", rules, `{"integration_id":1}`}, {"DELETE", rules + "/1", ""},
	} {
		must(t, srv, 404, tt.method, tt.path, tt.body) // no environment
	}
	must(t, srv, 200, "PUT", production, "")
	for id := 1; id <= 6; id++ {
		must(t, srv, 201, "POST", rules, fmt.Sprintf(`{"integration_id":%d}`, id))
	}
	validation := func(fields string) string {
		return `{"message":"Validation Failed","errors":[{"resource":"DeploymentProtectionRule","field":"integration_id",` + fields + `}],"documentation_url":"` + ruleDocs + `","status":"422"}`
	}
	for _, tt := range []struct{ body, want string }{
		{`{"integration_id":7}`, validation(`"code":"custom","message":"at most 6 rules can be enabled for an environment"`)},
		{`{"integration_id":1}`, validation(`"code":"already_exists"`)},
		{`{"integration_id":99}`, validation(`"code":"invalid"`)},
		{`{}`, `{"message":"Invalid request.\n\n\"integration_id\" wasn't supplied.","documentation_url":"` + ruleDocs + `","status":"422"}`},
		{`{"integration_id":1.5}`, `{"message":"Invalid request.\n\nFor 'properties/integration_id', 1.5 is not an integer.","documentation_url":"` + ruleDocs + `","status":"422"}`},
	} {
		wantJSON(t, must(t, srv, 422, "POST", rules, tt.body).body, tt.want)
	}
	if got := srv.Environments("octocat/example")[0].ProtectionRules; len(got) != 6 {
		t.Error(got)
	}
}

// Documented: custom rules of a private repository need the enterprise plan.
func TestCustomRulePlans(t *testing.T) {
	for plan, want := range map[string]int{"pro": 422, "team": 422, "enterprise": 201} {
		srv := newServer(t, withApps("a"), ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Private: true, Plan: plan}))
		must(t, srv, 200, "PUT", production, "")
		must(t, srv, want, "POST", rules, `{"integration_id":1}`)
	}
}

// An app has the same ID everywhere.
func TestAppIDs(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithApp(ghdeploytest.App{Slug: "gate", ID: 3522435}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", App: "gate"}))
	got := must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	var app struct {
		App struct{ ID int64 } `json:"performed_via_github_app"`
	}
	decode(t, got.body, &app)
	if app.App.ID != 3522435 {
		t.Error(got.body)
	}
}
