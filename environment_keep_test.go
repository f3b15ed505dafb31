package ghdeploy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

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

// Only GitHub's own 404 says that the environment is new: one of whoever hands
// out tokens does not.
func TestCreateOrUpdateWithoutATokenWritesNothing(t *testing.T) {
	w := answers(answer(200, `{"id": 1, "name": "qa", "protection_rules": []}`))
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
			if envelope.Method != http.MethodGet || envelope.Attempts != 1 || envelope.StatusCode != http.StatusOK {
				t.Errorf("envelope is %+v, want the GET that was sent", envelope)
			}
		})
	}
}

func reviewersRule(reviewers string) string {
	return `{"type": "required_reviewers", "reviewers": [` + reviewers + `]}`
}

// A 422 is the last word: no second PUT without what was refused.
func TestNothingIsRetriedInAWeakerForm(t *testing.T) {
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
				holdRefusal(t, err, test.key)
				if len(passed.written) != 1 {
					t.Errorf("PUTs %s, want one", passed.written)
				}
			})
		}
	}
}
