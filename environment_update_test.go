package ghdeploy_test

import (
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
)

// Every test of a partial update runs under both readings of GitHub's PUT: what
// it leaves out is removed, or is kept. Which one holds is documented nowhere.
type reading string

const (
	removesAbsent reading = "removes what is absent"
	keepsAbsent   reading = "keeps what is absent"
)

// settings are an environment's by their keys in the PUT, as raw JSON. A
// protection that is not set has no key.
type settings map[string]string

// unset is what a key's value is where there is none.
var unset = settings{
	"wait_timer":               "0",
	"prevent_self_review":      "false",
	"reviewers":                "[]",
	"deployment_branch_policy": "null",
	"can_admins_bypass":        "true",
}

// oneEnvironment is a server of one environment.
type oneEnvironment struct {
	reading reading
	now     settings
	refuses map[string]string // key to the message of the 422
	hidden  []string          // keys that GET does not show

	shown string // what the last GET answered
	put   string // what the last PUT was sent
	puts  int
}

func (s *oneEnvironment) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, ""
	switch r.Method {
	case http.MethodGet:
		s.shown = s.show()
		body = s.shown
	case http.MethodPut:
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		s.puts++
		s.put = string(sent)
		if message := s.take(sent); message != "" {
			status, body = http.StatusUnprocessableEntity, fmt.Sprintf(`{"message": %q}`, message)
			break
		}
		body = s.show()
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// take carries a PUT out, or says why not.
func (s *oneEnvironment) take(sent []byte) string {
	var body map[string]json.RawMessage
	if err := json.Unmarshal(sent, &body); err != nil {
		return err.Error()
	}
	for _, key := range slices.Sorted(maps.Keys(body)) {
		if _, known := unset[key]; !known {
			return fmt.Sprintf("Invalid input: %q is not a permitted key.", key)
		}
		if message := s.refuses[key]; message != "" {
			return message
		}
	}
	next := settings{}
	if s.reading == keepsAbsent {
		maps.Copy(next, s.now)
	}
	for key, value := range body {
		next[key] = string(value)
		if next[key] == unset[key] {
			delete(next, key)
		}
	}
	s.now = next
	return ""
}

// show is the environment as GET answers it.
func (s *oneEnvironment) show() string {
	rules, rest := []string{}, ""
	if minutes, ok := s.now["wait_timer"]; ok {
		rules = append(rules, `{"id": 11, "node_id": "GA_1", "type": "wait_timer", "wait_timer": `+minutes+`}`)
	}
	_, hasReviewers := s.now["reviewers"]
	_, prevents := s.now["prevent_self_review"]
	if hasReviewers || prevents {
		rule := `{"id": 12, "node_id": "GA_2", "type": "required_reviewers", `
		if !slices.Contains(s.hidden, "prevent_self_review") {
			rule += `"prevent_self_review": ` + s.value("prevent_self_review") + `, `
		}
		var reviewers []struct {
			Type string
			ID   int64
		}
		if err := json.Unmarshal([]byte(s.value("reviewers")), &reviewers); err != nil {
			panic(err)
		}
		shown := []string{}
		for _, r := range reviewers {
			shown = append(shown, fmt.Sprintf(`{"type": %q, "reviewer": {"id": %d, "node_id": "X", "url": "https://ghe.example.com"}}`, r.Type, r.ID))
		}
		rules = append(rules, rule+`"reviewers": [`+strings.Join(shown, ", ")+`]}`)
	}
	if _, ok := s.now["deployment_branch_policy"]; ok {
		rules = append(rules, `{"id": 13, "node_id": "GA_3", "type": "branch_policy"}`)
	}
	if !slices.Contains(s.hidden, "can_admins_bypass") {
		rest = `, "can_admins_bypass": ` + s.value("can_admins_bypass")
	}
	return `{"id": 1, "node_id": "EN_1", "name": "qa", "protection_rules": [` + strings.Join(rules, ", ") +
		`], "deployment_branch_policy": ` + s.value("deployment_branch_policy") + rest + `}`
}

func (s *oneEnvironment) value(key string) string {
	if value, ok := s.now[key]; ok {
		return value
	}
	return unset[key]
}

// protections reads the answer of GET by hand: the protections that it shows,
// by their keys in the PUT.
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

// naming is one way to name a setting, or none.
type naming struct {
	key, value string // "" where nothing is named
	set        func(*ghdeploy.EnvironmentRequest)
}

var namings = [][]naming{
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}},
		{"wait_timer", "45", func(r *ghdeploy.EnvironmentRequest) { r.WaitTimer = new(45) }},
		{"wait_timer", "0", func(r *ghdeploy.EnvironmentRequest) { r.WaitTimer = new(0) }},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}},
		{"prevent_self_review", "true", func(r *ghdeploy.EnvironmentRequest) { r.PreventSelfReview = new(true) }},
		{"prevent_self_review", "false", func(r *ghdeploy.EnvironmentRequest) { r.PreventSelfReview = new(false) }},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}},
		{set: func(r *ghdeploy.EnvironmentRequest) { r.Reviewers = []ghdeploy.ReviewerRequest{} }},
		{"reviewers", `[{"type":"Team","id":9}]`, func(r *ghdeploy.EnvironmentRequest) {
			r.Reviewers = []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerTeam, ID: 9}}
		}},
		{"reviewers", `[]`, func(r *ghdeploy.EnvironmentRequest) { r.RemoveReviewers = true }},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}},
		{"deployment_branch_policy", `{"protected_branches":true,"custom_branch_policies":false}`, func(r *ghdeploy.EnvironmentRequest) {
			r.DeploymentBranchPolicy = &ghdeploy.DeploymentBranchPolicySettings{ProtectedBranches: true}
		}},
		{"deployment_branch_policy", `null`, func(r *ghdeploy.EnvironmentRequest) { r.AllBranches = true }},
	},
	{
		{set: func(*ghdeploy.EnvironmentRequest) {}},
		{"can_admins_bypass", "true", func(r *ghdeploy.EnvironmentRequest) { r.CanAdminsBypass = new(true) }},
		{"can_admins_bypass", "false", func(r *ghdeploy.EnvironmentRequest) { r.CanAdminsBypass = new(false) }},
	},
}

// combinations is every request that namings can make.
func combinations(yield func(ghdeploy.EnvironmentRequest, settings) bool) {
	pick := make([]int, len(namings))
	for {
		var req ghdeploy.EnvironmentRequest
		named := settings{}
		for i, choices := range namings {
			n := choices[pick[i]]
			n.set(&req)
			if n.key != "" {
				named[n.key] = n.value
			}
		}
		if !yield(req, named) {
			return
		}
		i := 0
		for ; i < len(pick); i++ {
			if pick[i]++; pick[i] < len(namings[i]) {
				break
			}
			pick[i] = 0
		}
		if i == len(pick) {
			return
		}
	}
}

const (
	custom    = `{"protected_branches":false,"custom_branch_policies":true}`
	reviewers = `[{"type":"User","id":1},{"type":"Team","id":4532992}]`
	unknown   = `Invalid request.` + "\n\n" + `Invalid input: "can_admins_bypass" is not a permitted key.`
)

func TestCreateOrUpdateChangesOnlyWhatIsNamed(t *testing.T) {
	tests := []struct {
		name    string
		now     settings
		hidden  []string
		refuses map[string]string
	}{
		{name: "unprotected", now: settings{}},
		{name: "wait timer", now: settings{"wait_timer": "30"}},
		{name: "reviewers", now: settings{"reviewers": reviewers}},
		{name: "no self review", now: settings{"prevent_self_review": "true"}},
		{name: "branch policy", now: settings{"deployment_branch_policy": custom}},
		{name: "no bypass", now: settings{"can_admins_bypass": "false"}},
		{name: "all", now: settings{
			"wait_timer": "43200", "prevent_self_review": "true", "reviewers": reviewers,
			"deployment_branch_policy": custom, "can_admins_bypass": "false",
		}},
		{
			name: "older server", now: settings{"wait_timer": "30", "reviewers": reviewers, "deployment_branch_policy": custom},
			hidden: []string{"prevent_self_review", "can_admins_bypass"},
			refuses: map[string]string{
				"can_admins_bypass":   unknown,
				"prevent_self_review": strings.Replace(unknown, "can_admins_bypass", "prevent_self_review", 1),
			},
		},
		{
			name: "smaller plan", now: settings{"deployment_branch_policy": custom},
			refuses: map[string]string{
				"wait_timer":          "Failed to create the environment protection rule. Please ensure the billing plan supports the wait timer protection rule.",
				"reviewers":           "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule.",
				"prevent_self_review": "Failed to create the environment protection rule. Please ensure the billing plan supports the prevent self review protection rule.",
			},
		},
	}
	for _, test := range tests {
		for _, reading := range []reading{removesAbsent, keepsAbsent} {
			t.Run(test.name+"/"+string(reading), func(t *testing.T) {
				count := 0
				for req, named := range combinations {
					count++
					server := &oneEnvironment{reading: reading, now: maps.Clone(test.now), hidden: test.hidden, refuses: test.refuses}
					_, err := clientOn(t, server).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", req)

					want := protections(t, server.shown)
					maps.Copy(want, named)
					same(t, fmt.Sprintf("PUT for %v", named), want, rawKeys(t, server.put))
					if server.puts != 1 {
						t.Fatalf("%d PUTs for %v, want 1", server.puts, named)
					}

					var refused []string
					for key := range named {
						if test.refuses[key] != "" {
							refused = append(refused, key)
						}
					}
					if refused != nil {
						slices.Sort(refused)
						holdRefusal(t, err, refused[0])
						same(t, "settings after a refusal", test.now, server.now)
						continue
					}
					if err != nil {
						t.Fatalf("%v: %v", named, err)
					}
					after := maps.Clone(test.now)
					for key, value := range named {
						if after[key] = value; value == unset[key] {
							delete(after, key)
						}
					}
					same(t, fmt.Sprintf("settings after %v", named), after, server.now)
				}
				if want := 3 * 3 * 4 * 3 * 3; count != want {
					t.Errorf("%d combinations, want %d", count, want)
				}
			})
		}
	}
}

func holdRefusal(t *testing.T, err error, key string) {
	t.Helper()
	var validation *ghdeploy.ValidationError
	if !errors.As(err, &validation) || len(validation.Errors) != 1 || validation.Errors[0].Field != key {
		t.Errorf("err = %v, want a *ValidationError that names %s", err, key)
	}
}

// rawKeys takes an object apart, its values as they stand there.
func rawKeys(t *testing.T, object string) settings {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &raw); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	s := settings{}
	for key, value := range raw {
		s[key] = string(value)
	}
	return s
}

func TestCreateOrUpdateOfANewEnvironment(t *testing.T) {
	for req, named := range combinations {
		w := answers(answer(404, `{"message": "Not Found", "status": "404"}`), answer(200, `{"id": 1, "name": "qa"}`))
		if _, err := clientOn(t, w).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", req); err != nil {
			t.Fatal(err)
		}
		sent := w.requests()
		same(t, "requests", []string{onRoot("GET /repos/o/r/environments/qa"), onRoot("PUT /repos/o/r/environments/qa")}, lines(sent))
		same(t, "PUT", named, rawKeys(t, sent[1].Body))
	}
}

// What the reading does not say must not be written.
func TestCreateOrUpdateThatCannotReadWritesNothing(t *testing.T) {
	for name, a := range map[string]canned{
		"401":          answer(401, `{"message": "Bad credentials"}`),
		"403":          answer(403, `{"message": "Resource not accessible by integration"}`),
		"502":          answer(502, `<html>`),
		"empty":        answer(200, ``),
		"null":         answer(200, `null`),
		"no id":        answer(200, `{"name": "qa"}`),
		"cut off":      answer(200, `{"id": 1, "protection_rules": [`),
		"other origin": answer(302, ``, "Location: https://elsewhere.example.com/"),
		"lost":         {err: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			w := answers(a)
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

// A protection that cannot be sent back stops the update, unless the caller
// names what takes its place.
func TestCreateOrUpdateRefusesToLoseAProtection(t *testing.T) {
	type request = ghdeploy.EnvironmentRequest
	wait := request{WaitTimer: new(5)}
	removed := request{RemoveReviewers: true}
	replaced := request{Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 7}}}
	tests := []struct {
		name, rules string
		req         request
		says        string // "" where the PUT is sent
	}{
		{name: "enterprise team", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: wait, says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team, nothing named", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team among others", rules: reviewersRule(`{"type": "User", "reviewer": {"id": 5}}, {"type": "EnterpriseTeam"}`), req: wait, says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team, removed", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: removed},
		{name: "enterprise team, replaced", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: replaced},
		{name: "nobody", rules: reviewersRule(`{"type": "User", "reviewer": null}`), req: wait, says: `a reviewer of the type "User" without an id`},
		{name: "id 0", rules: reviewersRule(`{"type": "Team", "reviewer": {"id": 0}}`), req: wait, says: `a reviewer of the type "Team" without an id`},
		{name: "no list", rules: `{"type": "required_reviewers"}`, req: wait, says: `a rule of the type "required_reviewers" without its reviewers`},
		{name: "no list, replaced", rules: `{"type": "required_reviewers"}`, req: replaced},
		{name: "no minutes", rules: `{"type": "wait_timer"}`, req: removed, says: `a rule of the type "wait_timer" without its minutes`},
		{name: "no minutes, named", rules: `{"type": "wait_timer"}`, req: wait},
		{name: "no policy", rules: `{"type": "branch_policy"}`, req: wait, says: `a rule of the type "branch_policy" without its settings`},
		{name: "no policy, named", rules: `{"type": "branch_policy"}`, req: request{AllBranches: true}},
		{name: "unknown rule", rules: `{"type": "quorum"}`, req: wait, says: `a rule of the type "quorum"`},
		{name: "untyped rule", rules: `{}`, req: wait, says: `a rule of the type ""`},
		{name: "the same twice", rules: `{"type": "wait_timer", "wait_timer": 1}, {"type": "wait_timer", "wait_timer": 2}`, req: removed, says: `two rules of the type "wait_timer"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := answers(answer(200, `{"id": 1, "protection_rules": [`+test.rules+`]}`), answer(200, `{"id": 1}`))
			_, err := clientOn(t, w).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", test.req)
			if test.says == "" {
				if err != nil || len(w.requests()) != 2 {
					t.Errorf("err = %v, sent %v", err, lines(w.requests()))
				}
				return
			}
			w.request(t)
			var envelope *ghdeploy.Error
			if !errors.Is(err, ghdeploy.ErrUnknownProtection) || !errors.As(err, &envelope) || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("err = %v, want an ErrUnknownProtection that says %s", err, test.says)
			}
			if envelope.Method != http.MethodPut || envelope.Attempts != 0 || envelope.StatusCode != 0 {
				t.Errorf("envelope is %+v, want a PUT that was not sent", envelope)
			}
		})
	}
}

func reviewersRule(reviewers string) string {
	return `{"type": "required_reviewers", "reviewers": [` + reviewers + `]}`
}

// A 422 is the last word: no second PUT without what was refused.
func TestNothingIsRetriedInAWeakerForm(t *testing.T) {
	const refusal = `{"message": "Failed to create the environment protection rule. Please ensure the billing plan supports the required reviewers protection rule."}`
	req := ghdeploy.EnvironmentRequest{Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 1}}}
	for name, call := range map[string]func(context.Context, *ghdeploy.Client) error{
		"CreateOrUpdate": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.Environments.CreateOrUpdate(ctx, "o", "r", "qa", req)
			return err
		},
		"Replace": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.Environments.Replace(ctx, "o", "r", "qa", req)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := &oneEnvironment{now: settings{}, refuses: map[string]string{"reviewers": refusal[13 : len(refusal)-2]}}
			client := clientOn(t, server, ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 4}))
			holdRefusal(t, call(t.Context(), client), "reviewers")
			if server.puts != 1 {
				t.Errorf("%d PUTs, want 1", server.puts)
			}
		})
	}
}
