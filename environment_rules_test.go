package ghdeploy_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

func TestUnknownProtectionsAreKept(t *testing.T) {
	const body = `{"total_count": 1, "environments": [{"id": 1, "protection_rules": [
		{"id": "GA-9", "node_id": "GA_9", "type": "quorum", "reviewers": "everybody", "wait_timer": {"hours": 1}},
		{"type": null},
		{"id": 2, "type": "required_reviewers", "reviewers": [
			{"type": "EnterpriseTeam", "reviewer": {"id": "x"}}, {"type": "Team", "reviewer": null}, {"reviewer": 7}, {}]}]}]}`
	page, err := clientOn(t, replies(reply(200, body))).Environments.List(t.Context(), "o", "r", ghdeploy.EnvironmentListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rules := page.Items[0].ProtectionRules
	same(t, "rules", []ghdeploy.ProtectionRule{
		{NodeID: "GA_9", Type: "quorum", Raw: json.RawMessage(`{"id": "GA-9", "node_id": "GA_9", "type": "quorum", "reviewers": "everybody", "wait_timer": {"hours": 1}}`)},
		{Raw: json.RawMessage(`{"type": null}`)},
	}, rules[:2])
	same(t, "reviewers", []ghdeploy.Reviewer{
		{Type: "EnterpriseTeam", Raw: json.RawMessage(`{"type": "EnterpriseTeam", "reviewer": {"id": "x"}}`)},
		{Type: "Team", Raw: json.RawMessage(`{"type": "Team", "reviewer": null}`)},
		{Raw: json.RawMessage(`{"reviewer": 7}`)},
		{Raw: json.RawMessage(`{}`)},
	}, rules[2].Reviewers)
}

func TestProtectionRulesEncode(t *testing.T) {
	e := environment()
	have, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, environmentJSON, string(have))

	for i := range e.ProtectionRules {
		e.ProtectionRules[i].Raw = nil
		for j := range e.ProtectionRules[i].Reviewers {
			e.ProtectionRules[i].Reviewers[j].Raw = nil
		}
	}
	if have, err = json.Marshal(e); err != nil {
		t.Fatal(err)
	}
	var back ghdeploy.Environment
	if err := json.Unmarshal(have, &back); err != nil {
		t.Fatal(err)
	}
	same(t, "users and teams", "octocat, ops", back.ProtectionRules[1].Reviewers[0].User.Login+", "+back.ProtectionRules[1].Reviewers[1].Team.Slug)
	if have, err = json.Marshal(ghdeploy.Reviewer{Type: "Bot"}); err != nil || string(have) != `{"type":"Bot","reviewer":null}` {
		t.Errorf("a reviewer without a user or team encodes as %s, %v", have, err)
	}
}

// CreateOrUpdate fails if it cannot send a protection back, unless the request
// replaces that protection.
func TestCreateOrUpdateRefusesToLoseAProtection(t *testing.T) {
	type request = ghdeploy.EnvironmentRequest
	wait := request{WaitTimer: new(5)}
	removed := request{RemoveReviewers: true}
	replaced := request{Reviewers: []ghdeploy.ReviewerRequest{{Type: ghdeploy.ReviewerUser, ID: 7}}}
	tests := []struct {
		name, rules string
		req         request
		says        string // in the error; "": the PUT is sent
	}{
		{name: "enterprise team", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: wait, says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team, nothing named", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team among others", rules: reviewersRule(`{"type": "User", "reviewer": {"id": 5}}, {"type": "EnterpriseTeam"}`), req: wait, says: `a reviewer of the type "EnterpriseTeam"`},
		{name: "enterprise team, removed", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: removed},
		{name: "enterprise team, replaced", rules: reviewersRule(`{"type": "EnterpriseTeam", "reviewer": {"id": 5}}`), req: replaced},
		{name: "null reviewer", rules: reviewersRule(`{"type": "User", "reviewer": null}`), req: wait, says: `a reviewer of the type "User" without an id`},
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
			w := replies(reply(200, `{"id": 1, "protection_rules": [`+test.rules+`]}`), reply(200, `{"id": 1}`))
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
			if envelope.Method != http.MethodGet || envelope.Attempts != 1 || envelope.StatusCode != http.StatusOK {
				t.Errorf("the *Error is %+v, want the GET that was sent", envelope)
			}
		})
	}
}

func reviewersRule(reviewers string) string {
	return `{"type": "required_reviewers", "reviewers": [` + reviewers + `]}`
}

func FuzzProtectionRule(f *testing.F) {
	for _, seed := range []string{
		`{"id": 1, "node_id": "GA_1", "type": "wait_timer", "wait_timer": 30}`,
		`{"id": 2, "type": "required_reviewers", "prevent_self_review": true, "reviewers": [{"type": "User", "reviewer": {"id": 1}}, {"type": "Team", "reviewer": {"id": 2}}]}`,
		`{"id": 3, "type": "branch_policy"}`, `{"type": "quorum", "id": "x", "reviewers": 1}`, `{"type": 7}`, `{}`, `null`, `[]`, `"x"`, `{"type":"wait_timer","type":"quorum"}`,
		`{"type": "required_reviewers", "reviewers": [{"type": "Robot", "reviewer": [1]}, {"reviewer": null}]}`, "{\"type\": \"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var rule ghdeploy.ProtectionRule
		err := json.Unmarshal(data, &rule)
		trimmed := strings.TrimSpace(string(data))
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil || object == nil {
			if err == nil {
				t.Errorf("%q is not an object, and decodes", data)
			}
			return
		}
		var kind ghdeploy.ProtectionRuleType
		_ = json.Unmarshal(object["type"], &kind)
		switch kind {
		case ghdeploy.RuleWaitTimer, ghdeploy.RuleRequiredReviewers, ghdeploy.RuleBranchPolicy:
			if err != nil {
				return // a known rule with a wrong type
			}
		}
		if err != nil {
			t.Fatalf("an unknown rule %q: %v", data, err)
		}
		if string(rule.Raw) != trimmed {
			t.Errorf("kept %q of %q", rule.Raw, trimmed)
		}
		// An unknown rule does not break a partial update either.
		update := replies(reply(200, `{"id": 1, "protection_rules": [`+trimmed+`]}`), reply(200, `{"id": 1}`))
		_, err = clientOn(t, update).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(1), RemoveReviewers: true, AllBranches: true})
		if sent := update.requests(); len(sent) == 2 { // GET, PUT
			if err != nil {
				t.Errorf("%q: %v after the PUT", data, err)
			}
			if !strings.HasPrefix(sent[1].Body, `{"wait_timer":1,`) {
				t.Errorf("%q: PUT %s", data, sent[1].Body)
			}
		}
	})
}
