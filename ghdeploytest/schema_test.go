package ghdeploytest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const runPath = "/repos/octocat/example/actions/runs/42"

// fullServer has an object for every operation with a request body. Its tokens
// are secret, of a user, and gate, of an app.
func fullServer(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	return newServer(t, withApps("gate", "other"),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "gate", App: "gate"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example",
			Environments: []ghdeploytest.Environment{{
				Name: "production", Reviewers: byOctocat, ProtectionRules: []string{"gate"},
				BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "main"}},
			}},
			Deployments: []ghdeploytest.SeedDeployment{{ID: 7}},
			Runs:        []ghdeploytest.Run{{ID: 42, Environments: []string{"production"}}},
		}))
}

// Each required string and each enum rejects "" and null.
func TestRequiredAndEnums(t *testing.T) {
	const (
		states    = `[\"error\", \"failure\", \"inactive\", \"in_progress\", \"queued\", \"pending\", \"success\"]`
		decisions = `[\"approved\", \"rejected\"]`
		invalid   = `Invalid request.\n\n`
		ids       = `"environment_ids":[8000000001]`
	)
	tests := []struct {
		method, path, body, token, message string
	}{
		{"POST", deployments, `{}`, "secret", invalid + `\"ref\" wasn't supplied.`},
		{"POST", deployments, `{"ref":""}`, "secret", `No ref found for: `},
		{"POST", deployments, `{"ref":null}`, "secret", invalid + `For 'properties/ref', nil is not a string.`},

		{"POST", deployments + "/7/statuses", `{}`, "secret", invalid + `\"state\" wasn't supplied.`},
		{"POST", deployments + "/7/statuses", `{"state":""}`, "secret", invalid + ` is not a member of ` + states + `.`},
		{"POST", deployments + "/7/statuses", `{"state":null}`, "secret", invalid + ` is not a member of ` + states + `.\nFor 'properties/state', nil is not a string.`},
		{"POST", deployments + "/7/statuses", `{"state":"Success"}`, "secret", invalid + `Success is not a member of ` + states + `.`},
		{"POST", deployments + "/7/statuses", `{"state":9}`, "secret", invalid + `9 is not a member of ` + states + `.\nFor 'properties/state', 9 is not a string.`},

		{"PUT", environments + "/qa", `{"reviewers":[{"type":"","id":1}]}`, "secret", invalid + ` is not a member of [\"User\", \"Team\"].`},
		{"PUT", environments + "/qa", `{"reviewers":[{"type":null,"id":1}]}`, "secret", invalid + ` is not a member of [\"User\", \"Team\"].\nFor 'properties/type', nil is not a string.`},
		{"PUT", environments + "/qa", `{"reviewers":[null]}`, "secret", invalid + `For 'items', nil is not an object.`},
		{"PUT", environments + "/qa", `{"reviewers":[{"type":"User","id":""}]}`, "secret", invalid + `For 'properties/id', \"\" is not an integer.`},
		{"PUT", environments + "/qa", `{"wait_timer":""}`, "secret", invalid + `For 'properties/wait_timer', \"\" is not an integer.`},
		{"PUT", environments + "/qa", `{"wait_timer":99999999999999999999}`, "secret", invalid + `99999999999999999999 must be less than or equal to 43200.`},
		{"PUT", environments + "/qa", `{"prevent_self_review":""}`, "secret", invalid + `For 'properties/prevent_self_review', \"\" is not a boolean.`},
		{"PUT", environments + "/qa", `{"deployment_branch_policy":""}`, "secret", invalid + `For 'properties/deployment_branch_policy', \"\" is not an object or null.`},
		{"PUT", environments + "/qa", `{"deployment_branch_policy":{"protected_branches":null,"custom_branch_policies":true}}`, "secret", invalid + `For 'properties/protected_branches', nil is not a boolean.`},

		{"POST", environments + "/production/deployment-branch-policies", `{}`, "secret", invalid + `\"name\" wasn't supplied.`},
		{"POST", environments + "/production/deployment-branch-policies", `{"name":""}`, "secret", invalid + `At least 1 character is required; only 0 were supplied.`},
		{"POST", environments + "/production/deployment-branch-policies", `{"name":null}`, "secret", invalid + `For 'properties/name', nil is not a string.`},
		{"POST", environments + "/production/deployment-branch-policies", `{"name":"a","type":""}`, "secret", invalid + ` is not a member of [\"branch\", \"tag\"].`},
		{"POST", environments + "/production/deployment-branch-policies", `{"name":"a","type":null}`, "secret", invalid + ` is not a member of [\"branch\", \"tag\"].\nFor 'properties/type', nil is not a string.`},
		{"PUT", environments + "/production/deployment-branch-policies/11000000001", `{}`, "secret", invalid + `\"name\" wasn't supplied.`},
		{"PUT", environments + "/production/deployment-branch-policies/11000000001", `{"name":""}`, "secret", invalid + `At least 1 character is required; only 0 were supplied.`},
		{"PUT", environments + "/production/deployment-branch-policies/11000000001", `{"name":null}`, "secret", invalid + `For 'properties/name', nil is not a string.`},

		{"POST", environments + "/production/deployment_protection_rules", `{}`, "secret", invalid + `\"integration_id\" wasn't supplied.`},
		{"POST", environments + "/production/deployment_protection_rules", `{"integration_id":""}`, "secret", invalid + `For 'properties/integration_id', \"\" is not an integer.`},
		{"POST", environments + "/production/deployment_protection_rules", `{"integration_id":null}`, "secret", invalid + `For 'properties/integration_id', nil is not an integer.`},

		{"POST", runPath + "/pending_deployments", `{` + ids + `,"state":"","comment":"x"}`, "secret", invalid + ` is not a member of ` + decisions + `.`},
		{"POST", runPath + "/pending_deployments", `{` + ids + `,"state":null,"comment":"x"}`, "secret", invalid + ` is not a member of ` + decisions + `.\nFor 'properties/state', nil is not a string.`},
		{"POST", runPath + "/pending_deployments", `{` + ids + `,"state":"approved","comment":null}`, "secret", invalid + `For 'properties/comment', nil is not a string.`},
		{"POST", runPath + "/pending_deployments", `{` + ids + `,"state":"approved"}`, "secret", invalid + `\"comment\" wasn't supplied.`},
		{"POST", runPath + "/pending_deployments", `{"environment_ids":null,"state":"approved","comment":"x"}`, "secret", invalid + `For 'properties/environment_ids', nil is not an array.`},
		{"POST", runPath + "/pending_deployments", `{"environment_ids":"","state":"approved","comment":"x"}`, "secret", invalid + `For 'properties/environment_ids', \"\" is not an array.`},
		{"POST", runPath + "/pending_deployments", `{"environment_ids":[null],"state":"approved","comment":"x"}`, "secret", invalid + `For 'items', nil is not an integer.`},

		{"POST", runPath + "/deployment_protection_rule", `{"environment_name":"","state":"approved"}`, "gate", `No pending deployment requests to approve or reject`},
		{"POST", runPath + "/deployment_protection_rule", `{"environment_name":null,"state":"approved"}`, "gate", invalid + `For 'properties/environment_name', nil is not a string.`},
		{"POST", runPath + "/deployment_protection_rule", `{"environment_name":"production","state":""}`, "gate", invalid + ` is not a member of ` + decisions + `.`},
		{"POST", runPath + "/deployment_protection_rule", `{"environment_name":"production","state":null}`, "gate", invalid + ` is not a member of ` + decisions + `.\nFor 'properties/state', nil is not a string.`},
		{"POST", runPath + "/deployment_protection_rule", `{"environment_name":"production","comment":null}`, "gate", invalid + `For 'properties/comment', nil is not a string.`},
	}
	for _, tt := range tests {
		srv := fullServer(t)
		got := must(t, srv, 422, tt.method, tt.path, tt.body, "Authorization", "Bearer "+tt.token)
		wantFields(t, got.body, map[string]string{"message": `"` + tt.message + `"`, "errors": ""})
		if n := len(srv.Deployments("octocat/example")); n != 2 {
			t.Errorf("%s %s %s: %d deployments, want 2", tt.method, tt.path, tt.body, n)
		}
	}
}

// Quoted in mergeable#773 and mp_duty#3639: GitHub prints values as Ruby does.
func TestSchemaShowsValues(t *testing.T) {
	srv := newServer(t)
	for value, shown := range map[string]string{
		`null`:                         `nil`,
		`true`:                         `true`,
		`1.50`:                         `1.50`,
		`[1,[],{}]`:                    `[1, [], {}]`,
		`{"a":{"b":["c",null]},"d":1}`: `{"a"=>{"b"=>["c", nil]}, "d"=>1}`,
		`["\"\u00e9\n"]`:               `["\"é\n"]`,
		strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000): strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000),
	} {
		got := must(t, srv, 422, "POST", deployments, `{"ref":`+value+`}`)
		var body struct{ Message string }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatal(err)
		}
		if want := "Invalid request.\n\nFor 'properties/ref', " + shown + " is not a string."; body.Message != want {
			t.Errorf("%q, want %q", body.Message, want)
		}
	}
}

func TestIDsAreDigits(t *testing.T) {
	srv := fullServer(t)
	must(t, srv, 200, "GET", deployments+"/7", "")
	for _, id := range []string{"+7", "07", "7.0", "%37%20", "-7", "0", "7e0", "0x7", "99999999999999999999"} {
		must(t, srv, 404, "GET", deployments+"/"+id, "")
	}
	must(t, srv, 200, "GET", deployments+"/%37", "") // an escape of a digit is that digit
}

func TestRefusedEnvironmentNames(t *testing.T) {
	srv := fullServer(t)
	for _, name := range []string{"a\\u0000b", "a\\nb", "a\\u007fb", "a\\u0085b"} {
		got := must(t, srv, 422, "POST", deployments, `{"ref":"main","environment":"`+name+`"}`)
		wantFields(t, got.body, map[string]string{"errors": `[{"resource":"Deployment","code":"custom","field":"environment","message":"environment contains invalid characters"}]`})
		must(t, srv, 422, "POST", deployments+"/7/statuses", `{"state":"queued","environment":"`+name+`"}`)
	}
	for _, name := range []string{"a%00b", "a%0Ab", "a%FFb", "%C3%28"} {
		got := must(t, srv, 422, "PUT", environments+"/"+name, "")
		wantFields(t, got.body, map[string]string{"message": `"The environment name contains invalid characters."`})
		must(t, srv, 404, "GET", environments+"/"+name, "")
	}
	must(t, srv, 200, "PUT", environments+"/caf%C3%A9%20%2F%20%F0%9F%9A%80", "")
	if n := len(srv.Environments("octocat/example")); n != 2 {
		t.Errorf("%d environments", n)
	}
	got := must(t, srv, 400, "POST", deployments, "{\"ref\":\"main\",\"environment\":\"a\xffb\"}")
	wantFields(t, got.body, map[string]string{"message": `"Problems parsing JSON"`})
	wantPanic(t, func() { srv.StartRun("octocat/example", ghdeploytest.Run{Environments: []string{"a\x00"}}) }, "Environments")
	wantPanic(t, func() {
		ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "o/r", Environments: []ghdeploytest.Environment{{Name: "a\xff"}}}))
	}, "contains invalid characters")
}

// Recorded: the contexts of a 409 may repeat a name, because a commit status
// and a check run can have the same name.
func TestRepeatedContext(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Branches: []ghdeploytest.Branch{{
		Name: "main", Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "failure"}, {Context: "lint", State: "success"}, {Context: "ci", State: "success"}},
	}}}))
	const failing = `[{"contexts":[{"context":"ci","state":"failure"}%s],"resource":"Deployment","field":"required_contexts","code":"invalid"}]`
	got := must(t, srv, 409, "POST", deployments, `{"ref":"main"}`)
	wantFields(t, got.body, map[string]string{"errors": strings.ReplaceAll(failing, "%s", `,{"context":"lint","state":"success"},{"context":"ci","state":"success"}`)})
	got = must(t, srv, 409, "POST", deployments, `{"ref":"main","required_contexts":["ci"]}`)
	wantFields(t, got.body, map[string]string{"errors": strings.ReplaceAll(failing, "%s", `,{"context":"ci","state":"success"}`)})
	srv.SetCommitStatus("octocat/example", "main", "ci", "success") // replaces both
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
}
