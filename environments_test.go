package ghdeploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const environmentJSON = `{
	"id": 23921538204, "node_id": "EN_kwDOJMGGU843Qhca", "name": "staging / eu",
	"url": "https://ghe.example.com/api/v3/repos/o/r/environments/staging%20%2F%20eu",
	"html_url": "https://ghe.example.com/o/r/deployments/activity_log?environments_filter=staging+%2F+eu",
	"created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:06Z",
	"can_admins_bypass": false,
	"protection_rules": [
		{"id": 68296717, "node_id": "GA_1", "type": "wait_timer", "wait_timer": 30},
		{"id": 68296718, "node_id": "GA_2", "type": "required_reviewers", "prevent_self_review": true, "reviewers": [
			{"type": "User", "reviewer": {"login": "octocat", "id": 1, "type": "User"}},
			{"type": "Team", "reviewer": {"id": 4532992, "name": "Ops", "slug": "ops", "type": "organization",
				"permissions": {"pull": true, "triage": true, "push": true, "maintain": false, "admin": false},
				"parent": {"id": 7, "slug": "all", "ldap_dn": "ou=all"}}}]},
		{"id": 68296719, "node_id": "GA_3", "type": "branch_policy"}
	],
	"deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}
}`

func environment() *ghdeploy.Environment {
	return &ghdeploy.Environment{
		ID: 23921538204, NodeID: "EN_kwDOJMGGU843Qhca", Name: "staging / eu",
		URL:       "https://ghe.example.com/api/v3/repos/o/r/environments/staging%20%2F%20eu",
		HTMLURL:   "https://ghe.example.com/o/r/deployments/activity_log?environments_filter=staging+%2F+eu",
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), UpdatedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC),
		CanAdminsBypass: new(false),
		ProtectionRules: []ghdeploy.ProtectionRule{
			{ID: 68296717, NodeID: "GA_1", Type: ghdeploy.RuleWaitTimer, WaitTimer: 30, Raw: rawRule(0)},
			{ID: 68296718, NodeID: "GA_2", Type: ghdeploy.RuleRequiredReviewers, PreventSelfReview: true, Raw: rawRule(1), Reviewers: []ghdeploy.Reviewer{
				{Type: ghdeploy.ReviewerUser, User: &ghdeploy.User{Login: "octocat", ID: 1, Type: "User"}, Raw: rawReviewer(0)},
				{Type: ghdeploy.ReviewerTeam, Raw: rawReviewer(1), Team: &ghdeploy.Team{
					ID: 4532992, Name: "Ops", Slug: "ops", Type: ghdeploy.TeamOfOrganization,
					Permissions: ghdeploy.TeamPermissions{Pull: true, Triage: true, Push: true},
					Parent:      &ghdeploy.Team{ID: 7, Slug: "all", LDAPDN: "ou=all"},
				}},
			}},
			{ID: 68296719, NodeID: "GA_3", Type: ghdeploy.RuleBranchPolicy, Raw: rawRule(2)},
		},
		DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
	}
}

// rawRule and rawReviewer return parts of environmentJSON, unchanged.
func rawRule(i int) json.RawMessage {
	var e struct {
		Rules []json.RawMessage `json:"protection_rules"`
	}
	if err := json.Unmarshal([]byte(environmentJSON), &e); err != nil {
		panic(err)
	}
	return e.Rules[i]
}

func rawReviewer(i int) json.RawMessage {
	var r struct {
		Reviewers []json.RawMessage `json:"reviewers"`
	}
	if err := json.Unmarshal(rawRule(1), &r); err != nil {
		panic(err)
	}
	return r.Reviewers[i]
}

func TestEnvironments(t *testing.T) {
	const path = " /repos/o/r/environments/staging%20%2F%20eu"
	checkExchanges(t, []exchange{
		{
			name: "List",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.List(ctx, "o", "r", ghdeploy.EnvironmentListOptions{Page: 2, PerPage: 1})
			},
			request: "GET /repos/o/r/environments?page=2&per_page=1",
			reply: reply(200, `{"total_count": 3, "environments": [`+environmentJSON+`]}`,
				`Link: <https://ghe.example.com/api/v3/repositories/1/environments?page=3>; rel="next"`, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4999"),
			want: &ghdeploy.Page[*ghdeploy.Environment]{
				Items: []*ghdeploy.Environment{environment()}, NextPage: 3, Total: 3,
				Rate: ghdeploy.Rate{Limit: 5000, Remaining: 4999},
			},
		},
		{
			name: "List of an empty page",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.List(ctx, "o", "r", ghdeploy.EnvironmentListOptions{})
			},
			request: "GET /repos/o/r/environments",
			reply:   reply(200, `{"total_count": 0, "environments": []}`),
			want:    &ghdeploy.Page[*ghdeploy.Environment]{Items: []*ghdeploy.Environment{}},
		},
		{
			name: "List without a count",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.List(ctx, "o", "r", ghdeploy.EnvironmentListOptions{})
			},
			request: "GET /repos/o/r/environments",
			reply:   reply(200, `{"environments": [{"id": 1}]}`),
			want:    &ghdeploy.Page[*ghdeploy.Environment]{Items: []*ghdeploy.Environment{{ID: 1}}},
		},
		{
			name: "Get",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.Get(ctx, "o", "r", "staging / eu")
			},
			request: "GET" + path, reply: reply(200, environmentJSON), want: environment(),
		},
		{
			name: "Get of an old server",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.Get(ctx, "o", "r", "qa")
			},
			request: "GET /repos/o/r/environments/qa",
			reply:   reply(200, `{"id": 1, "name": "qa", "protection_rules": null, "deployment_branch_policy": null}`),
			want:    &ghdeploy.Environment{ID: 1, Name: "qa"},
		},
		{
			name: "Replace with nothing",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.Replace(ctx, "o", "r", "staging / eu", ghdeploy.EnvironmentRequest{Reviewers: []ghdeploy.ReviewerRequest{}})
			},
			request: "PUT" + path, body: `{}`, reply: reply(200, environmentJSON), want: environment(),
		},
		{
			name: "Replace with all",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.Replace(ctx, "o", "r", "staging / eu", ghdeploy.EnvironmentRequest{
					WaitTimer: new(30), PreventSelfReview: new(false), CanAdminsBypass: new(true),
					Reviewers:              []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 1}, {Type: "EnterpriseTeam", ID: 2}},
					DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true},
				})
			},
			request: "PUT" + path,
			body: `{"wait_timer":30,"prevent_self_review":false,"reviewers":[{"type":"User","id":1},{"type":"EnterpriseTeam","id":2}],` +
				`"can_admins_bypass":true,"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}`,
			reply: reply(200, environmentJSON), want: environment(),
		},
		{
			name: "Replace that removes",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Environments.Replace(ctx, "o", "r", "staging / eu", ghdeploy.EnvironmentRequest{WaitTimer: new(0), RemoveReviewers: true, AllBranches: true})
			},
			request: "PUT" + path, body: `{"wait_timer":0,"reviewers":[],"deployment_branch_policy":null}`,
			reply: reply(200, environmentJSON), want: environment(),
		},
		{
			name: "Delete",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.Environments.Delete(ctx, "o", "r", "staging / eu")
			},
			request: "DELETE" + path, reply: reply(204, ""),
		},
	})
}

func TestEnvironmentsAll(t *testing.T) {
	w := replies(
		reply(200, `{"total_count": 3, "environments": [{"id": 1}, {"id": 2}]}`, `Link: <https://ghe.example.com/api/v3/repositories/1/environments?page=2>; rel="next"`),
		reply(200, `{"total_count": 3, "environments": [{"id": 2}, {"id": 3}]}`),
	)
	var ids []int64
	for e, err := range clientOn(t, w).Environments.All(t.Context(), "o", "r", ghdeploy.EnvironmentListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	same(t, "ids", []int64{1, 2, 3}, ids)
	same(t, "requests", []string{
		onRoot("GET /repos/o/r/environments?per_page=100"),
		onRoot("GET /repos/o/r/environments?page=2&per_page=100"),
	}, lines(w.requests()))
}

func TestEnvironmentsMalformed(t *testing.T) {
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Environments.List(ctx, "o", "r", ghdeploy.EnvironmentListOptions{})
		return err
	}, ``, `null`, `[]`, `{}`, `{"total_count": 1}`, `{"total_count": 1, "environments": null}`, `{"environments": {}}`, `{"environments": [null]}`,
		`{"environments": [{"id": 0}]}`, `{"environments": [{"name": "qa"}]}`, `{"total_count": "1", "environments": []}`,
		`{"total_count": -1, "environments": []}`, `{"environments": [{"id": 1}]`, `{"environments": [{"id": 1, "protection_rules": [null]}]}`,
		`{"environments": [{"id": 1, "protection_rules": [{"type": "required_reviewers", "reviewers": [null]}]}]}`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Environments.Replace(ctx, "o", "r", "qa", ghdeploy.EnvironmentRequest{})
		return err
	}, ``, `null`, `[]`, `{}`, `{"id": null}`, `{"id": 0}`, `{"id": "1"}`, `{"id": 1, "protection_rules": {}}`, `<html>`)
}

func TestEnvironmentsInvalid(t *testing.T) {
	put := func(req ghdeploy.EnvironmentRequest) func(context.Context, *ghdeploy.Client) error {
		return func(ctx context.Context, c *ghdeploy.Client) error {
			if _, err := c.Environments.Replace(ctx, "o", "r", "qa", req); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				return err
			}
			_, err := c.Environments.CreateOrUpdate(ctx, "o", "r", "qa", req)
			return err
		}
	}
	user := []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 1}}
	checkInvalid(t, map[string]func(context.Context, *ghdeploy.Client) error{
		"negative wait":                 put(ghdeploy.EnvironmentRequest{WaitTimer: new(-1)}),
		"reviewers and none":            put(ghdeploy.EnvironmentRequest{Reviewers: user, RemoveReviewers: true}),
		"self review without reviewers": put(ghdeploy.EnvironmentRequest{PreventSelfReview: new(true), RemoveReviewers: true}),
		"policy and all branches":       put(ghdeploy.EnvironmentRequest{DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true}, AllBranches: true}),
		"policy of both":                put(ghdeploy.EnvironmentRequest{DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true, CustomBranchPolicies: true}}),
		"policy of neither":             put(ghdeploy.EnvironmentRequest{DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{}}),
		"reviewer 0":                    put(ghdeploy.EnvironmentRequest{Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser}}}),
		"untyped reviewer":              put(ghdeploy.EnvironmentRequest{Reviewers: []ghdeploy.ReviewerRequest{{ID: 1}}}),
		"page": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.Environments.List(ctx, "o", "r", ghdeploy.EnvironmentListOptions{PerPage: 101})
			return err
		},
	})
}

func TestRefusedKeysAreNamed(t *testing.T) {
	for _, test := range []struct {
		message, errors string
		want            []ghdeploy.FieldError
	}{
		{
			message: `Invalid request.\n\nInvalid input: \"prevent_self_review\" is not a permitted key.`,
			want:    []ghdeploy.FieldError{{Field: "prevent_self_review", Code: "unprocessable"}},
		},
		{
			message: `Invalid request.\n\n\"name\" wasn't supplied.\nInvalid input: \"wait_timer\", \"reviewers\" are not permitted keys.`,
			want:    []ghdeploy.FieldError{{Field: "wait_timer", Code: "unprocessable"}, {Field: "reviewers", Code: "unprocessable"}},
		},
		{
			message: `Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule.`,
			want:    []ghdeploy.FieldError{{Field: "reviewers", Code: "unprocessable"}},
		},
		{
			message: `Failed to create the environment protection rule. Please ensure the billing plan supports the wait timer protection rule.`,
			want:    []ghdeploy.FieldError{{Field: "wait_timer", Code: "unprocessable"}},
		},
		{
			message: `Fail to create protected rule, please ensure billing plan include protected branch gate.`,
			want:    []ghdeploy.FieldError{{Field: "deployment_branch_policy", Code: "unprocessable"}},
		},
		{message: `Please ensure the billing plan supports this.`},
		{message: `The reviewers are too many.`},
		{
			message: `Validation Failed`, errors: `["\"can_admins_bypass\" is not a permitted key"]`,
			want: []ghdeploy.FieldError{{Message: `"can_admins_bypass" is not a permitted key`}, {Field: "can_admins_bypass", Code: "unprocessable"}},
		},
		{
			message: `"x" is not a permitted key`, errors: `[{"field": "reviewers", "code": "invalid"}]`,
			want: []ghdeploy.FieldError{{Field: "reviewers", Code: "invalid"}},
		},
	} {
		t.Run(test.message, func(t *testing.T) {
			body := `{"message": "` + strings.ReplaceAll(test.message, `"x"`, `\"x\"`) + `"`
			if test.errors != "" {
				body += `, "errors": ` + test.errors
			}
			w := replies(reply(422, body+`}`))
			_, err := clientOn(t, w).Environments.Replace(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{})
			var validation *ghdeploy.ValidationError
			if !errors.As(err, &validation) || !errors.Is(err, ghdeploy.ErrValidation) {
				t.Fatalf("err = %v, want a *ValidationError", err)
			}
			same(t, "errors", test.want, validation.Errors)
			for _, f := range test.want {
				if !strings.Contains(err.Error(), f.Field) {
					t.Errorf("the line %q does not name %s", err, f.Field)
				}
			}
			w.request(t) // no second PUT without the refused keys
		})
	}
}

// After a 422 no PUT follows without the refused protection.
func TestRefusedProtectionIsNotDropped(t *testing.T) {
	type put = func(ghdeploy.EnvironmentsService, context.Context, string, string, string, ghdeploy.EnvironmentRequest) (*ghdeploy.Environment, error)
	for name, put := range map[string]put{"CreateOrUpdate": ghdeploy.EnvironmentsService.CreateOrUpdate, "Replace": ghdeploy.EnvironmentsService.Replace} {
		for _, test := range []struct {
			name, key string
			req       ghdeploy.EnvironmentRequest
			server    []ghdeploytest.Option
		}{
			{
				"smaller plan", "reviewers",
				ghdeploy.EnvironmentRequest{Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 1}}},
				[]ghdeploytest.Option{ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Private: true, Plan: "team"})},
			},
			{
				"older server", "can_admins_bypass",
				ghdeploy.EnvironmentRequest{CanAdminsBypass: new(false)},
				[]ghdeploytest.Option{ghdeploytest.WithUnknownKeys("can_admins_bypass")},
			},
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				srv := ghdeploytest.NewServer(test.server...)
				defer srv.Close()
				client, passed := tapped(t, srv, ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 4}))
				_, err := put(client.Environments, t.Context(), "octocat", "example", "qa", test.req)
				checkRefusal(t, err, test.key)
				if len(passed.written) != 1 {
					t.Errorf("PUTs %s, want one", passed.written)
				}
			})
		}
	}
}
