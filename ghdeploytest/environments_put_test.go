package ghdeploytest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// full sets every field of the PUT.
const full = `{
	"wait_timer":30, "reviewers":[{"type":"User","id":1}], "prevent_self_review":true, "can_admins_bypass":false,
	"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}
}`

// setting returns the settings in a response body on one line.
func setting(t *testing.T, body string) string {
	t.Helper()
	var e struct {
		CanAdminsBypass bool `json:"can_admins_bypass"`
		ProtectionRules []struct {
			Type              string `json:"type"`
			WaitTimer         int    `json:"wait_timer"`
			PreventSelfReview bool   `json:"prevent_self_review"`
			Reviewers         []struct {
				Type     string
				Reviewer struct{ ID int64 }
			} `json:"reviewers"`
		} `json:"protection_rules"`
		DeploymentBranchPolicy json.RawMessage `json:"deployment_branch_policy"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("bypass=%t", e.CanAdminsBypass)
	for _, r := range e.ProtectionRules {
		switch r.Type {
		case "wait_timer":
			text += fmt.Sprintf(" wait=%d", r.WaitTimer)
		case "required_reviewers":
			text += fmt.Sprintf(" self=%t", !r.PreventSelfReview)
			for _, who := range r.Reviewers {
				text += fmt.Sprintf(" %s=%d", who.Type, who.Reviewer.ID)
			}
		default:
			text += " " + r.Type
		}
	}
	return text + " " + string(e.DeploymentBranchPolicy)
}

// An absent key is reset or kept, as WithEnvironmentPUT says. A key that is
// sent, also as null or empty, is always set.
func TestEnvironmentPUTAbsentKeys(t *testing.T) {
	const (
		protected = `{"protected_branches":true,"custom_branch_policies":false}`
		all       = "bypass=false wait=30 self=false User=1 branch_policy " + protected
		none      = "bypass=true null"
	)
	tests := []struct{ body, replace, keep string }{
		{"", none, all},
		{"null", none, all},
		{"{}", none, all},
		{`{"wait_timer":0}`, none, "bypass=false self=false User=1 branch_policy " + protected},
		{`{"wait_timer":43200}`, "bypass=true wait=43200 null", "bypass=false wait=43200 self=false User=1 branch_policy " + protected},
		{`{"wait_timer":null}`, "bypass=true wait=30 null", all}, // recorded: null does not clear it
		{`{"deployment_branch_policy":null}`, none, "bypass=false wait=30 self=false User=1 null"},
		{`{"reviewers":null,"prevent_self_review":false}`, none, "bypass=false wait=30 branch_policy " + protected},
		{`{"reviewers":[],"prevent_self_review":false}`, none, "bypass=false wait=30 branch_policy " + protected},
		{`{"reviewers":[{"type":"Team","id":2}]}`, "bypass=true self=true Team=2 null", "bypass=false wait=30 self=false Team=2 branch_policy " + protected},
		{`{"can_admins_bypass":true}`, none, "bypass=true wait=30 self=false User=1 branch_policy " + protected},
		{full, all, all},
	}
	for _, tt := range tests {
		for _, reading := range []ghdeploytest.EnvironmentPUT{ghdeploytest.PUTReplaces, ghdeploytest.PUTKeeps} {
			want := []string{tt.replace, tt.keep}[reading]
			srv := newServer(t, ghdeploytest.WithEnvironmentPUT(reading))
			must(t, srv, 200, "PUT", production, full)
			if got := setting(t, must(t, srv, 200, "PUT", production, tt.body).body); got != want {
				t.Errorf("%v %s\n got %s\nwant %s", reading, tt.body, got, want)
			}
		}
	}
	srv := newServer(t) // PUTReplaces is the default
	must(t, srv, 200, "PUT", production, full)
	if got := setting(t, must(t, srv, 200, "PUT", production, "{}").body); got != none {
		t.Error(got)
	}
}

func TestPutEnvironmentRefused(t *testing.T) {
	many := strings.Repeat(`,{"type":"User","id":1}`, 7)[1:]
	tests := []struct{ name, body, message string }{
		{"unknown key", `{"wait_timer":1,"secrets":[]}`, `Invalid request.\n\nInvalid input: \"secrets\" is not a permitted key.`},
		{"wait_timer too small", `{"wait_timer":-1}`, `Invalid request.\n\n-1 must be greater than or equal to 0.`},
		{"wait_timer too large", `{"wait_timer":43201}`, `Invalid request.\n\n43201 must be less than or equal to 43200.`},
		{"wait_timer not a number", `{"wait_timer":"30"}`, `Invalid request.\n\nFor 'properties/wait_timer', \"30\" is not an integer.`},
		{"seven reviewers", `{"reviewers":[` + many + `]}`, `Invalid request.\n\nNo more than 6 items are allowed; 7 were supplied.`},
		{"reviewer's type", `{"reviewers":[{"type":"user","id":1}]}`, `Invalid request.\n\nuser is not a member of [\"User\", \"Team\"].`},
		{"reviewer without id", `{"reviewers":[{"type":"User"}]}`, `Invalid request.\n\n\"id\" wasn't supplied.`},
		{"reviewer's keys in capitals", `{"reviewers":[{"Type":"User","ID":1}]}`, `Invalid request.\n\n\"id\", \"type\" weren't supplied.`},
		{"reviewer's id in capitals", `{"reviewers":[{"type":"User","ID":1}]}`, `Invalid request.\n\n\"id\" wasn't supplied.`},
		{"reviewer's id null", `{"reviewers":[{"type":"User","id":null}]}`, `Invalid request.\n\nFor 'properties/id', nil is not an integer.`},
		{"reviewers not an array", `{"reviewers":{}}`, `Invalid request.\n\nFor 'properties/reviewers', {} is not an array or null.`},
		{"prevent_self_review null", `{"prevent_self_review":null}`, `Invalid request.\n\nFor 'properties/prevent_self_review', nil is not a boolean.`},
		{"both branch policies", `{"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":true}}`, `Exactly one of protected_branches and custom_branch_policies has to be true.`},
		{"neither branch policy", `{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":false}}`, `Exactly one of protected_branches and custom_branch_policies has to be true.`},
		{"branch policy in capitals", `{"deployment_branch_policy":{"Protected_branches":true,"custom_branch_policies":false}}`, `Invalid request.\n\n\"protected_branches\" wasn't supplied.`},
		{"only one branch policy", `{"deployment_branch_policy":{"protected_branches":true}}`, `Invalid request.\n\n\"custom_branch_policies\" wasn't supplied.`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t)
			got := must(t, srv, 422, "PUT", production, tt.body)
			wantJSON(t, got.body, `{"message":"`+tt.message+`","documentation_url":"`+putDocs+`","status":"422"}`)
			must(t, srv, 404, "GET", production, "")
		})
	}
	for _, body := range []string{"[]", `"x"`, "{"} {
		must(t, newServer(t), 400, "PUT", production, body)
	}
}

// Quoted in github-community-projects/safe-settings#628.
func TestPreventSelfReviewNeedsReviewers(t *testing.T) {
	srv := newServer(t)
	got := must(t, srv, 422, "PUT", production, `{"prevent_self_review":true,"reviewers":[]}`)
	wantJSON(t, got.body, `{"message":"Failed to create or update the environment protection rule. Required reviewers must have at least one reviewer to set prevent_self_review.","documentation_url":"`+putDocs+`","status":"422"}`)
}

// Quoted in backstage/backstage#28977: on a private repository without the
// enterprise plan GitHub refuses the keys even with their defaults, but creates
// the environment. go-github records the 404 of the free plan.
func TestPlans(t *testing.T) {
	const refused = `{"message":"Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule.","documentation_url":"` + putDocs + `","status":"422"}`
	gated := []string{`{"wait_timer":0}`, `{"wait_timer":30}`, `{"reviewers":[]}`, `{"reviewers":null}`, `{"prevent_self_review":false}`}
	allowed := []string{"", `{"can_admins_bypass":true}`, `{"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`, `{"deployment_branch_policy":null}`}
	for _, plan := range []string{"free", "pro", "team", "enterprise"} {
		for _, private := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s private=%t", plan, private), func(t *testing.T) {
				server := func() *ghdeploytest.Server {
					return newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Private: private, Plan: plan}))
				}
				for _, body := range gated {
					srv := server()
					switch {
					case private && plan == "free":
						must(t, srv, 404, "PUT", production, body)
						must(t, srv, 404, "GET", production, "")
					case private && plan != "enterprise":
						wantJSON(t, must(t, srv, 422, "PUT", production, body).body, refused)
						must(t, srv, 200, "GET", production, "")
					default:
						must(t, srv, 200, "PUT", production, body)
					}
				}
				for _, body := range allowed {
					want := 200
					if private && plan == "free" {
						want = 404
					}
					must(t, server(), want, "PUT", production, body)
				}
			})
		}
	}
	t.Run("a deployment's environment on a free private repository", func(t *testing.T) {
		srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Private: true}))
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		must(t, srv, 200, "GET", production, "")
		must(t, srv, 404, "POST", production+"/deployment_protection_rules", `{"integration_id":1}`)
	})
}

// Quoted in integrations/terraform-provider-github#2457, GitHub Enterprise
// Server 3.10. Environments recorded in 2022 and 2023 lack the two members.
func TestUnknownKeys(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithUnknownKeys("prevent_self_review", "can_admins_bypass"))
	got := must(t, srv, 422, "PUT", production, `{"prevent_self_review":false}`)
	wantJSON(t, got.body, `{"message":"Invalid request.\n\nInvalid input: \"prevent_self_review\" is not a permitted key.","documentation_url":"`+putDocs+`","status":"422"}`)
	got = must(t, srv, 422, "PUT", production, `{"prevent_self_review":false,"can_admins_bypass":true}`)
	wantFields(t, got.body, map[string]string{"message": `"Invalid request.\n\nInvalid input: \"can_admins_bypass\" is not a permitted key.\nInvalid input: \"prevent_self_review\" is not a permitted key."`})
	must(t, srv, 404, "GET", production, "")
	got = must(t, srv, 200, "PUT", production, `{"reviewers":[{"type":"User","id":1}]}`)
	for _, key := range []string{"prevent_self_review", "can_admins_bypass"} {
		if strings.Contains(got.body, key) {
			t.Errorf("the response has %s: %s", key, got.body)
		}
	}
	wantPanic(t, func() { ghdeploytest.WithUnknownKeys("reviewer") }, `"reviewer"`, "can_admins_bypass")
	wantPanic(t, func() { ghdeploytest.WithEnvironmentPUT(2) }, "PUTReplaces or PUTKeeps")
}

// Reported in integrations/terraform-provider-github#1166: GitHub returns 200
// and omits a team that cannot see the repository.
func TestReviewersWithoutAccess(t *testing.T) {
	srv := newServer(t, withJustice(), ghdeploytest.WithUser(ghdeploytest.User{Login: "hubot", ID: 3}))
	got := must(t, srv, 200, "PUT", production, `{"reviewers":[{"type":"Team","id":2},{"type":"Team","id":1},{"type":"User","id":2},{"type":"User","id":3},{"type":"User","id":3}]}`)
	if got := setting(t, got.body); got != "bypass=true self=true Team=1 User=3 null" {
		t.Error(got)
	}
}

func TestEnvironmentSeed(t *testing.T) {
	const file = `{
		"users": [{"login": "hubot", "id": 3}], "apps": [{"slug": "gate", "id": 5}], "teams": [{"slug": "admins", "id": 4, "members": ["mona"]}],
		"repositories": [{
			"full_name": "octocat/example",
			"environments": [
				{"name": "staging", "id": 17},
				{"name": "Prod/EU", "wait_timer": 5, "reviewers": [{"user": "hubot"}, {"team": "admins"}], "prevent_self_review": true, "admins_cannot_bypass": true,
				 "branch_policies": [{"name": "main"}, {"name": "v*", "type": "tag"}], "protection_rules": ["gate"]},
				{"name": "locked", "protected_branches": true}
			],
			"runs": [{"id": 42, "ref": "main", "actor": "mona", "environments": ["prod/eu"]}]
		}]
	}`
	var seed ghdeploytest.Seed
	if err := json.Unmarshal([]byte(file), &seed); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, ghdeploytest.WithSeed(seed))
	got, err := json.Marshal(srv.Environments("octocat/example"))
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, string(got), `[
		{"name": "staging", "id": 17},
		{"name": "Prod/EU", "id": 8000000002, "wait_timer": 5, "reviewers": [{"user": "hubot"}, {"team": "admins"}], "prevent_self_review": true, "admins_cannot_bypass": true,
		 "custom_branch_policies": true, "branch_policies": [{"name": "main", "type": "branch", "id": 11000000001}, {"name": "v*", "type": "tag", "id": 11000000002}],
		 "protection_rules": ["gate"]},
		{"name": "locked", "id": 8000000003, "protected_branches": true}
	]`)
	if got := setting(t, must(t, srv, 200, "GET", environments+"/prod%2Feu", "").body); got != `bypass=false wait=5 self=false User=3 Team=4 branch_policy {"protected_branches":false,"custom_branch_policies":true}` {
		t.Error(got)
	}
	if got := must(t, srv, 200, "GET", "/repos/octocat/example/actions/runs/42/pending_deployments", "").body; !strings.Contains(got, `"name":"Prod/EU"`) {
		t.Error(got)
	}
}

func TestEnvironmentSetupPanics(t *testing.T) {
	type env = ghdeploytest.Environment
	type reviewers = []ghdeploytest.Reviewer
	for name, tt := range map[string]struct {
		environments []env
		words        []string
	}{
		"name":             {[]env{{}}, []string{"1 to 255"}},
		"twice":            {[]env{{Name: "a"}, {Name: "A"}}, []string{`"A"`, "twice"}},
		"id":               {[]env{{Name: "a", ID: 1}, {Name: "b", ID: 1}}, []string{"id 1"}},
		"wait_timer":       {[]env{{Name: "a", WaitTimer: 43201}}, []string{"43201", "43200"}},
		"reviewers":        {[]env{{Name: "a", Reviewers: make(reviewers, 7)}}, []string{"up to 6"}},
		"reviewer":         {[]env{{Name: "a", Reviewers: reviewers{{User: "x", Team: "y"}}}}, []string{"a User or a Team"}},
		"team":             {[]env{{Name: "a", Reviewers: reviewers{{Team: "y"}}}}, []string{`"y"`, "WithTeam"}},
		"self":             {[]env{{Name: "a", PreventSelfReview: true}}, []string{"without Reviewers"}},
		"branches":         {[]env{{Name: "a", ProtectedBranches: true, BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "x"}}}}, []string{"one of them"}},
		"policy":           {[]env{{Name: "a", BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "x", Type: "ref"}}}}, []string{"branch or tag"}},
		"rule":             {[]env{{Name: "a", ProtectionRules: []string{"gate"}}}, []string{`"gate"`, "WithApp"}},
		"plan's rules":     {[]env{{Name: "private", WaitTimer: 1}}, []string{"free", `Plan: "enterprise"`}},
		"plan's branches":  {[]env{{Name: "private", ProtectedBranches: true}, {}}, []string{"1 to 255"}}, // only the second one
		"run's":            {nil, []string{"Run without Environments"}},
		"run's ref":        {nil, []string{`"gone"`, "Branches"}},
		"run's id":         {nil, []string{"id 1", "omit ID"}},
		"run's name twice": {nil, []string{"each name once"}},
	} {
		t.Run(name, func(t *testing.T) {
			runs := map[string][]ghdeploytest.Run{
				"run's":            {{}},
				"run's ref":        {{Ref: "gone", Environments: []string{"a"}}},
				"run's id":         {{ID: 1, Environments: []string{"a"}}, {ID: 1, Environments: []string{"a"}}},
				"run's name twice": {{Environments: []string{"a", "A"}}},
			}
			wantPanic(t, func() {
				ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
					FullName: "o/r", Private: strings.HasPrefix(name, "plan"), Environments: tt.environments, Runs: runs[name],
				}))
			}, tt.words...)
		})
	}
	seed := func(s ghdeploytest.Seed) func() { return func() { ghdeploytest.NewServer(ghdeploytest.WithSeed(s)) } }
	wantPanic(t, seed(ghdeploytest.Seed{Users: []ghdeploytest.User{{}}}), "User without Login")
	wantPanic(t, seed(ghdeploytest.Seed{Users: []ghdeploytest.User{{Login: "a", ID: 1}, {Login: "b", ID: 1}}}), "twice")
	wantPanic(t, seed(ghdeploytest.Seed{Teams: []ghdeploytest.Team{{}}}), "Team without Slug")
	wantPanic(t, seed(ghdeploytest.Seed{Teams: []ghdeploytest.Team{{Slug: "a"}, {Slug: "a"}}}), "twice")
	wantPanic(t, seed(ghdeploytest.Seed{Apps: []ghdeploytest.App{{}}}), "App without Slug")
	wantPanic(t, seed(ghdeploytest.Seed{Apps: []ghdeploytest.App{{Slug: "a", ID: 1}, {Slug: "b", ID: 1}}}), "twice")
	srv := newServer(t)
	wantPanic(t, func() { srv.StartRun("octocat/gone", ghdeploytest.Run{}) }, "octocat/gone")
	wantPanic(t, func() { srv.Reviews("octocat/example", 1) }, "run 1", "StartRun")
	wantPanic(t, func() { srv.Environments("octocat/gone") }, "octocat/gone")
}
