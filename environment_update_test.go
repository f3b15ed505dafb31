package ghdeploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// settings has an environment's settings as raw JSON, by their keys in the PUT.
// A protection that is not set has no key.
type settings map[string]string

// body returns the exact body of a PUT.
func (s settings) body() string {
	var members []string
	for _, key := range []string{"wait_timer", "prevent_self_review", "reviewers", "can_admins_bypass", "deployment_branch_policy"} {
		if value, ok := s[key]; ok {
			members = append(members, fmt.Sprintf("%q:%s", key, value))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// protections returns the protections in the response to a GET.
func protections(t *testing.T, shown string) settings {
	t.Helper()
	var e struct {
		Rules []struct {
			Type              string
			WaitTimer         json.RawMessage `json:"wait_timer"`
			PreventSelfReview json.RawMessage `json:"prevent_self_review"`
			Reviewers         []struct {
				Type     string
				Reviewer struct{ ID json.RawMessage }
			}
		} `json:"protection_rules"`
		Policy *json.RawMessage `json:"deployment_branch_policy"`
		Bypass json.RawMessage  `json:"can_admins_bypass"`
	}
	if err := json.Unmarshal([]byte(shown), &e); err != nil {
		t.Fatalf("%v: %s", err, shown)
	}
	s := settings{}
	for _, rule := range e.Rules {
		switch rule.Type {
		case "wait_timer":
			s["wait_timer"] = string(rule.WaitTimer)
		case "required_reviewers":
			if rule.PreventSelfReview != nil {
				s["prevent_self_review"] = string(rule.PreventSelfReview)
			}
			var reviewers []string
			for _, r := range rule.Reviewers {
				reviewers = append(reviewers, fmt.Sprintf(`{"type":%q,"id":%s}`, r.Type, r.Reviewer.ID))
			}
			s["reviewers"] = "[" + strings.Join(reviewers, ",") + "]"
		}
	}
	if e.Policy != nil {
		s["deployment_branch_policy"] = string(*e.Policy)
	}
	if e.Bypass != nil {
		s["can_admins_bypass"] = string(e.Bypass)
	}
	return s
}

// naming is a way to set one setting, or to omit it.
type naming struct {
	key, value string // in the PUT; "": the setting is omitted
	set        func(*ghdeploy.EnvironmentRequest)
	becomes    func(*ghdeploytest.Environment) // the effect on the server
}

func nothing(*ghdeploytest.Environment) {}

var namings = [][]naming{
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}, becomes: nothing},
		{
			"wait_timer", "45",
			func(r *ghdeploy.EnvironmentRequest) { r.WaitTimer = new(45) },
			func(e *ghdeploytest.Environment) { e.WaitTimer = 45 },
		},
		{
			"wait_timer", "0",
			func(r *ghdeploy.EnvironmentRequest) { r.WaitTimer = new(0) },
			func(e *ghdeploytest.Environment) { e.WaitTimer = 0 },
		},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}, becomes: nothing},
		{set: func(r *ghdeploy.EnvironmentRequest) { r.Reviewers = []ghdeploy.ReviewerRequest{} }, becomes: nothing},
		{
			"reviewers", `[{"type":"Team","id":9}]`,
			func(r *ghdeploy.EnvironmentRequest) {
				r.Reviewers = []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerTeam, ID: 9}}
			},
			func(e *ghdeploytest.Environment) { e.Reviewers = []ghdeploytest.Reviewer{{Team: "qa"}} },
		},
		{
			"reviewers", `[]`,
			func(r *ghdeploy.EnvironmentRequest) { r.RemoveReviewers = true },
			func(e *ghdeploytest.Environment) { e.Reviewers, e.PreventSelfReview = nil, false },
		},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}, becomes: nothing},
		{
			"prevent_self_review", "true",
			func(r *ghdeploy.EnvironmentRequest) { r.PreventSelfReview = new(true) },
			func(e *ghdeploytest.Environment) { e.PreventSelfReview = true },
		},
		{
			"prevent_self_review", "false",
			func(r *ghdeploy.EnvironmentRequest) { r.PreventSelfReview = new(false) },
			func(e *ghdeploytest.Environment) { e.PreventSelfReview = false },
		},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}, becomes: nothing},
		{
			"deployment_branch_policy", `{"protected_branches":true,"custom_branch_policies":false}`,
			func(r *ghdeploy.EnvironmentRequest) {
				r.DeploymentBranchPolicy = &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true}
			},
			func(e *ghdeploytest.Environment) {
				e.ProtectedBranches, e.CustomBranchPolicies, e.BranchPolicies = true, false, nil
			},
		},
		{
			"deployment_branch_policy", `null`,
			func(r *ghdeploy.EnvironmentRequest) { r.AllBranches = true },
			func(e *ghdeploytest.Environment) {
				e.ProtectedBranches, e.CustomBranchPolicies, e.BranchPolicies = false, false, nil
			},
		},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}, becomes: nothing},
		{
			"can_admins_bypass", "true",
			func(r *ghdeploy.EnvironmentRequest) { r.CanAdminsBypass = new(true) },
			func(e *ghdeploytest.Environment) { e.AdminsCannotBypass = false },
		},
		{
			"can_admins_bypass", "false",
			func(r *ghdeploy.EnvironmentRequest) { r.CanAdminsBypass = new(false) },
			func(e *ghdeploytest.Environment) { e.AdminsCannotBypass = true },
		},
	},
}

// combination is a request with one naming for each setting.
type combination []naming

func (c combination) request() (req ghdeploy.EnvironmentRequest) {
	for _, n := range c {
		n.set(&req)
	}
	return req
}

func (c combination) named() settings {
	named := settings{}
	for _, n := range c {
		if n.key != "" {
			named[n.key] = n.value
		}
	}
	return named
}

// of returns an environment after the request.
func (c combination) of(e ghdeploytest.Environment) ghdeploytest.Environment {
	for _, n := range c {
		n.becomes(&e)
	}
	return e
}

// combinations yields every combination of namings.
func combinations(yield func(combination) bool) {
	var pick func(combination) bool
	pick = func(c combination) bool {
		if len(c) == len(namings) {
			return yield(slices.Clone(c))
		}
		for _, n := range namings[len(c)] {
			if !pick(append(c, n)) {
				return false
			}
		}
		return true
	}
	pick(nil)
}

// tap records the bodies of GET responses and PUT requests.
type tap struct {
	ghdeploy.RoundTripFunc
	next    http.RoundTripper
	sent    []string // methods
	shown   string   // the latest response to a GET
	written []string // the bodies of the PUTs
}

func (p *tap) serve(r *http.Request) (*http.Response, error) {
	p.sent = append(p.sent, r.Method)
	if r.Method == http.MethodPut {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		p.written = append(p.written, string(body))
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := p.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet {
		return resp, err
	}
	shown, err := io.ReadAll(resp.Body)
	p.shown = string(shown)
	resp.Body = io.NopCloser(bytes.NewReader(shown))
	return resp, err
}

// tapped returns a client of a server and the tap between them.
func tapped(t *testing.T, srv *ghdeploytest.Server, opts ...ghdeploy.Option) (*ghdeploy.Client, *tap) {
	t.Helper()
	p := &tap{next: srv.Transport()}
	p.RoundTripFunc = p.serve
	return clientOn(t, p, append([]ghdeploy.Option{ghdeploy.WithToken(ghdeploytest.DefaultToken)}, opts...)...), p
}

// GitHub's docs do not say what a PUT does to a setting that it omits.
var readings = map[string]ghdeploytest.EnvironmentPUT{"absent is removed": ghdeploytest.PUTReplaces, "absent is kept": ghdeploytest.PUTKeeps}

func TestCreateOrUpdateChangesOnlyWhatIsNamed(t *testing.T) {
	type environment = ghdeploytest.Environment
	both := []ghdeploytest.Reviewer{{User: "octocat"}, {Team: "ops"}}
	custom := []ghdeploytest.BranchPolicy{{Name: "main"}, {Name: "v*", Type: "tag"}}
	tests := []struct {
		name    string
		now     *environment // nil: the environment does not exist
		unknown []string     // keys that an older server refuses
		plan    string       // of a private repository
		refused map[string]string
	}{
		{name: "new"},
		{name: "unprotected", now: &environment{}},
		{name: "wait timer", now: &environment{WaitTimer: 30}},
		{name: "reviewers", now: &environment{Reviewers: both}},
		{name: "no self review", now: &environment{Reviewers: both, PreventSelfReview: true}},
		{name: "protected branches", now: &environment{ProtectedBranches: true}},
		{name: "branch policies", now: &environment{BranchPolicies: custom}},
		{name: "no bypass", now: &environment{AdminsCannotBypass: true}},
		{name: "rule of an app", now: &environment{ProtectionRules: []string{"gate"}}},
		{name: "all", now: &environment{
			WaitTimer: 43200, Reviewers: both, PreventSelfReview: true, BranchPolicies: custom, AdminsCannotBypass: true, ProtectionRules: []string{"gate"},
		}},
		{
			name: "older server", now: &environment{WaitTimer: 30, Reviewers: both, BranchPolicies: custom},
			unknown: []string{"can_admins_bypass", "prevent_self_review"},
			refused: map[string]string{"can_admins_bypass": "can_admins_bypass", "prevent_self_review": "prevent_self_review"},
		},
		{
			// A recorded response names the reviewers for all three settings.
			name: "smaller plan", now: &environment{BranchPolicies: custom, AdminsCannotBypass: true}, plan: "team",
			refused: map[string]string{"wait_timer": "reviewers", "reviewers": "reviewers", "prevent_self_review": "reviewers"},
		},
	}
	for _, test := range tests {
		for reading, put := range readings {
			t.Run(test.name+"/"+reading, func(t *testing.T) {
				repository := ghdeploytest.Repository{FullName: "o/r", Private: test.plan != "", Plan: test.plan}
				if test.now != nil {
					test.now.Name = "qa"
					repository.Environments = []environment{*test.now}
				}
				count := 0
				for c := range combinations {
					count++
					srv := ghdeploytest.NewServer(
						ghdeploytest.WithEnvironmentPUT(put), ghdeploytest.WithUnknownKeys(test.unknown...), ghdeploytest.WithRepository(repository),
						ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat", ID: 1}), ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "ops", ID: 4532992}),
						ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "qa", ID: 9}), ghdeploytest.WithApp(ghdeploytest.App{Slug: "gate"}),
					)
					checkUpdate(t, srv, c, test.refused)
					srv.Close()
				}
				if want := 3 * 4 * 3 * 3 * 3; count != want {
					t.Errorf("%d combinations, want %d", count, want)
				}
			})
		}
	}
}

// checkUpdate makes a partial update. It compares the PUT with the response to
// the GET, and the environment with the one before.
func checkUpdate(t *testing.T, srv *ghdeploytest.Server, c combination, refused map[string]string) {
	t.Helper()
	req, named := c.request(), c.named()
	before := ghdeploytest.Environment{Name: "qa"}
	if there := srv.Environments("o/r"); there != nil {
		before = there[0]
	}
	client, passed := tapped(t, srv)
	_, err := client.Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", req)

	if req.RemoveReviewers && named["prevent_self_review"] == "true" {
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) || passed.sent != nil {
			t.Fatalf("%v: %v after %v, want ErrInvalidArgument after nothing", named, err, passed.sent)
		}
		return
	}
	same(t, fmt.Sprintf("requests for %v", named), []string{http.MethodGet, http.MethodPut}, passed.sent)
	want := protections(t, passed.shown)
	if _, shown := want["prevent_self_review"]; shown && req.RemoveReviewers {
		want["prevent_self_review"] = "false" // it cannot be true without reviewers
	}
	maps.Copy(want, named)
	same(t, fmt.Sprintf("PUT for %v", named), want.body(), passed.written[0])

	after := srv.Environments("o/r")[0]
	if before.ID == 0 {
		before.ID = after.ID // the environment is new
	}
	fields := map[string]bool{}
	for key := range named {
		if field, ok := refused[key]; ok {
			fields[field] = true
		}
	}
	switch {
	case len(fields) > 0:
		checkRefusal(t, err, slices.Sorted(maps.Keys(fields))...)
		same(t, fmt.Sprintf("after the refusal of %v", named), before, after)
	case want["prevent_self_review"] == "true" && c.of(before).Reviewers == nil:
		if !errors.Is(err, ghdeploy.ErrValidation) || !strings.Contains(err.Error(), "at least one reviewer to set prevent_self_review") {
			t.Errorf("%v: %v, want GitHub's message", named, err)
		}
		same(t, fmt.Sprintf("after the refusal of %v", named), before, after)
	case err != nil:
		t.Fatalf("%v: %v", named, err)
	default:
		same(t, fmt.Sprintf("after %v", named), c.of(before), after)
	}
}

func checkRefusal(t *testing.T, err error, keys ...string) {
	t.Helper()
	var validation *ghdeploy.ValidationError
	var fields []string
	if errors.As(err, &validation) {
		for _, f := range validation.Errors {
			fields = append(fields, f.Field)
		}
	}
	if !slices.Equal(fields, keys) {
		t.Errorf("err = %v, want a *ValidationError that names %v", err, keys)
	}
}

// If the GET fails, CreateOrUpdate does not write.
func TestCreateOrUpdateThatCannotReadWritesNothing(t *testing.T) {
	for name, a := range map[string]*canned{
		"401":          reply(401, `{"message": "Bad credentials"}`),
		"403":          reply(403, `{"message": "Resource not accessible by integration"}`),
		"502":          reply(502, `<html>`),
		"empty":        reply(200, ``),
		"null":         reply(200, `null`),
		"no id":        reply(200, `{"name": "qa"}`),
		"cut off":      reply(200, `{"id": 1, "protection_rules": [`),
		"other origin": reply(302, ``, "Location: https://elsewhere.example.com/"),
		"lost":         {Err: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			w := replies(a)
			_, err := clientOn(t, w).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(1)})
			if err == nil {
				t.Error("no error")
			}
			if r := w.request(t); r.Method != http.MethodGet {
				t.Errorf("sent %s", r.Method)
			}
		})
	}
}

// Only GitHub's 404 means that the environment is new. A 404 of the token
// function does not.
func TestCreateOrUpdateWithoutATokenWritesNothing(t *testing.T) {
	w := replies(reply(200, `{"id": 1, "name": "qa", "protection_rules": []}`))
	asked := 0
	token := func(context.Context) (string, error) {
		if asked++; asked == 1 {
			return "", &ghdeploy.Error{StatusCode: http.StatusNotFound, Message: "no such installation"}
		}
		return "token-2", nil
	}
	_, err := clientOn(t, w, ghdeploy.WithTokenFunc(token)).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(1)})
	if err == nil || len(w.requests()) > 0 {
		t.Errorf("err = %v after %v, want the token's error and nothing sent", err, lines(w.requests()))
	}
}
