package ghdeploytest_test

import (
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	policies   = production + "/deployment-branch-policies"
	policyDocs = "https://docs.github.com/rest/deployments/branch-policies#create-a-deployment-branch-policy"
	custom     = `{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`
)

// customized returns a server whose environment production has
// custom_branch_policies.
func customized(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	srv := newServer(t)
	must(t, srv, 200, "PUT", production, custom)
	return srv
}

// Requests and responses are the examples of GitHub's description. The type is
// only in its schema.
func TestBranchPolicies(t *testing.T) {
	srv := customized(t)
	const (
		release = `{"id":11000000001,"node_id":"GBP_ks8AAAABKgXyAc8AAAACj6auAQ","name":"release/*","type":"branch"}`
		main    = `{"id":11000000002,"node_id":"GBP_ks8AAAABKgXyAc8AAAACj6auAg","name":"main","type":"branch"}`
		v1      = `{"id":11000000003,"node_id":"GBP_ks8AAAABKgXyAc8AAAACj6auAw","name":"v1","type":"tag"}`
	)
	wantJSON(t, must(t, srv, 200, "GET", policies, "").body, `{"total_count":0,"branch_policies":[]}`)
	wantJSON(t, must(t, srv, 200, "POST", policies, `{"name":"release/*"}`).body, release)
	wantJSON(t, must(t, srv, 200, "POST", policies, `{"name":"main","type":"branch"}`).body, main)
	wantJSON(t, must(t, srv, 200, "POST", policies, `{"name":"v1","type":"tag"}`).body, v1)

	got := must(t, srv, 200, "GET", policies+"?per_page=2", "")
	wantJSON(t, got.body, `{"total_count":3,"branch_policies":[`+release+`,`+main+`]}`)
	if link := got.header.Get("Link"); !strings.HasPrefix(link, "<https://api.github.test/repositories/5000000001/environments/production/deployment-branch-policies?per_page=2&page=2>; rel=\"next\"") {
		t.Error(link)
	}
	wantJSON(t, must(t, srv, 200, "GET", policies+"/11000000003", "").body, v1)

	// PUT changes the name and nothing else.
	got = must(t, srv, 200, "PUT", policies+"/11000000003", `{"name":"v*","type":"branch"}`)
	wantJSON(t, got.body, strings.Replace(v1, `"v1"`, `"v*"`, 1))
	wantJSON(t, must(t, srv, 200, "GET", policies+"/11000000003", "").body, got.body)

	got = must(t, srv, 204, "DELETE", policies+"/11000000001", "")
	wantHeaders(t, got.header, map[string]string{"Content-Type": ""})
	must(t, srv, 404, "GET", policies+"/11000000001", "")
	wantFields(t, must(t, srv, 200, "GET", policies, "").body, map[string]string{"total_count": "2"})
}

// GitHub's description: 303 if the pattern exists, with no documented body or
// Location.
func TestDuplicateBranchPolicy(t *testing.T) {
	srv := customized(t)
	must(t, srv, 200, "POST", policies, `{"name":"main"}`)
	got := must(t, srv, 303, "POST", policies, `{"name":"main","type":"branch"}`)
	if got.body != "" {
		t.Error(got.body)
	}
	wantHeaders(t, got.header, map[string]string{"Location": "", "Content-Type": "", "Content-Length": "0", "ETag": ""})
	must(t, srv, 200, "POST", policies, `{"name":"main","type":"tag"}`)
	must(t, srv, 200, "POST", policies, `{"name":"Main"}`)
	if n := len(srv.Environments("octocat/example")[0].BranchPolicies); n != 3 {
		t.Errorf("%d policies", n)
	}
	must(t, srv, 422, "PUT", policies+"/11000000003", `{"name":"main"}`)
	must(t, srv, 200, "PUT", policies+"/11000000003", `{"name":"Main"}`)
}

// Recorded: GET and POST return 404 unless custom_branch_policies is true. The
// custom rules of the same environment return 200.
func TestBranchPoliciesNeedCustomPolicies(t *testing.T) {
	srv := newServer(t)
	refused := func(when string) {
		t.Helper()
		for _, tt := range []struct{ method, path, body string }{
			{"GET", policies, ""}, {"POST", policies, `{"name":"main"}`}, {"GET", policies + "/11000000001", ""},
			{"PUT", policies + "/11000000001", `{"name":"x"}`}, {"DELETE", policies + "/11000000001", ""},
		} {
			if got := do(t, srv, tt.method, tt.path, tt.body); got.status != 404 {
				t.Errorf("%s: %s %s = %d", when, tt.method, tt.path, got.status)
			}
		}
	}
	refused("no environment")
	must(t, srv, 200, "PUT", production, "")
	refused("null")
	wantJSON(t, must(t, srv, 404, "POST", policies, `{"name":"main"}`).body, `{"message":"Not Found","documentation_url":"`+policyDocs+`","status":"404"}`)
	must(t, srv, 200, "GET", production+"/deployment_protection_rules", "")
	must(t, srv, 200, "PUT", production, custom)
	must(t, srv, 200, "POST", policies, `{"name":"main"}`)
	must(t, srv, 200, "PUT", production, custom) // a PUT that keeps the rule keeps them
	must(t, srv, 200, "GET", policies+"/11000000001", "")
	must(t, srv, 200, "PUT", production, `{"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}`)
	refused("protected branches")
	must(t, srv, 200, "PUT", production, custom)
	wantJSON(t, must(t, srv, 200, "GET", policies, "").body, `{"total_count":0,"branch_policies":[]}`)
}

func TestBranchPolicyRefused(t *testing.T) {
	srv := customized(t)
	for _, tt := range []struct{ body, message string }{
		{"", `Invalid request.\n\n\"name\" wasn't supplied.`},
		{`{"type":"tag"}`, `Invalid request.\n\n\"name\" wasn't supplied.`},
		{`{"name":""}`, `Invalid request.\n\nAt least 1 character is required; only 0 were supplied.`},
		{`{"name":1}`, `Invalid request.\n\nFor 'properties/name', 1 is not a string.`},
		{`{"name":"x","type":"ref"}`, `Invalid request.\n\nref is not a member of [\"branch\", \"tag\"].`},
	} {
		got := must(t, srv, 422, "POST", policies, tt.body)
		wantJSON(t, got.body, `{"message":"`+tt.message+`","documentation_url":"`+policyDocs+`","status":"422"}`)
	}
	must(t, srv, 200, "POST", policies, `{"name":"x"}`)
	must(t, srv, 422, "PUT", policies+"/11000000001", `{}`)
	must(t, srv, 404, "PUT", policies+"/1", `{"name":"x"}`)
	must(t, srv, 404, "GET", policies+"/x", "")
	must(t, srv, 404, "DELETE", policies+"/1", "")
}
