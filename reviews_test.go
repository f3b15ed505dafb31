package ghdeploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const pendingJSON = `[{
	"environment": {"id": 161171787, "node_id": "EN_1", "name": "Staging", "url": "https://ghe.example.com/api/v3/repos/o/r/environments/Staging",
		"html_url": "https://ghe.example.com/o/r/deployments/activity_log?environments_filter=Staging"},
	"wait_timer": 30, "wait_timer_started_at": "2026-01-02T03:04:05Z", "current_user_can_approve": true,
	"reviewers": [{"type": "User", "reviewer": {"login": "octocat", "id": 1}}, {"type": "Robot", "reviewer": {}}]
}, {
	"environment": {"id": 161171795, "name": "prod / eu"}, "wait_timer": 0, "wait_timer_started_at": null, "current_user_can_approve": false, "reviewers": []
}]`

func TestReviews(t *testing.T) {
	const path = " /repos/o/r/actions/runs/30433642/"
	const run = 30433642
	checkExchanges(t, []exchange{
		{
			name: "ListPending",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Reviews.ListPending(ctx, "o", "r", run, ghdeploy.PendingDeploymentListOptions{})
			},
			request: "GET" + path + "pending_deployments", reply: reply(200, pendingJSON),
			want: &ghdeploy.Page[*ghdeploy.PendingDeployment]{Items: []*ghdeploy.PendingDeployment{
				{
					Environment: ghdeploy.EnvironmentReference{
						ID: 161171787, NodeID: "EN_1", Name: "Staging", URL: "https://ghe.example.com/api/v3/repos/o/r/environments/Staging",
						HTMLURL: "https://ghe.example.com/o/r/deployments/activity_log?environments_filter=Staging",
					},
					WaitTimer: 30, WaitTimerStartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CurrentUserCanApprove: true,
					Reviewers: []ghdeploy.Reviewer{
						{Type: ghdeploy.ReviewerUser, User: &ghdeploy.User{Login: "octocat", ID: 1}, Raw: json.RawMessage(`{"type": "User", "reviewer": {"login": "octocat", "id": 1}}`)},
						{Type: "Robot", Raw: json.RawMessage(`{"type": "Robot", "reviewer": {}}`)},
					},
				},
				{Environment: ghdeploy.EnvironmentReference{ID: 161171795, Name: "prod / eu"}, Reviewers: []ghdeploy.Reviewer{}},
			}},
		},
		{
			name: "ListApprovals",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Reviews.ListApprovals(ctx, "o", "r", run, ghdeploy.ApprovalListOptions{})
			},
			request: "GET" + path + "approvals",
			reply: reply(200, `[
				{"state": "approved", "comment": "Ship it!", "user": {"login": "octocat", "id": 1}, "environments": [
					{"id": 161171787, "node_id": "EN_1", "name": "staging", "created_at": "2020-11-23T22:00:40Z", "updated_at": "2020-11-23T22:00:41Z"}]},
				{"state": "escalated", "comment": null, "user": null, "environments": []}]`),
			want: &ghdeploy.Page[*ghdeploy.Approval]{Items: []*ghdeploy.Approval{
				{
					State: ghdeploy.ReviewApproved, Comment: "Ship it!", User: &ghdeploy.User{Login: "octocat", ID: 1},
					Environments: []ghdeploy.EnvironmentReference{{
						ID: 161171787, NodeID: "EN_1", Name: "staging",
						CreatedAt: time.Date(2020, 11, 23, 22, 0, 40, 0, time.UTC), UpdatedAt: time.Date(2020, 11, 23, 22, 0, 41, 0, time.UTC),
					}},
				},
				{State: "escalated", Environments: []ghdeploy.EnvironmentReference{}},
			}},
		},
		{
			name: "Review by ID",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.Reviews.Review(ctx, "o", "r", run, ghdeploy.ReviewRequest{
					EnvironmentIDs: []int64{161171787, 161171795, 161171787}, State: ghdeploy.ReviewRejected, Comment: "Not on a Friday",
				})
			},
			request: "POST" + path + "pending_deployments",
			body:    `{"environment_ids":[161171787,161171795],"state":"rejected","comment":"Not on a Friday"}`,
			reply:   reply(200, `[{"id": 4442074271, "environment": "staging"}]`),
			want:    []*ghdeploy.Deployment{{ID: 4442074271, Environment: "staging"}},
		},
		{
			name: "ReviewCustomRule",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.Reviews.ReviewCustomRule(ctx, "o", "r", run, ghdeploy.CustomRuleReview{EnvironmentName: "prod / eu", State: ghdeploy.ReviewApproved, Comment: "All health checks passed."})
			},
			request: "POST" + path + "deployment_protection_rule",
			body:    `{"environment_name":"prod / eu","state":"approved","comment":"All health checks passed."}`, reply: reply(204, ""),
		},
		{
			name: "ReviewCustomRule without a comment",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.Reviews.ReviewCustomRule(ctx, "o", "r", run, ghdeploy.CustomRuleReview{EnvironmentName: "prod-eu", State: ghdeploy.ReviewRejected})
			},
			request: "POST" + path + "deployment_protection_rule", body: `{"environment_name":"prod-eu","state":"rejected"}`, reply: reply(200, "{}"),
		},
		{
			name: "ReportCustomRuleStatus",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.Reviews.ReportCustomRuleStatus(ctx, "o", "r", run, ghdeploy.CustomRuleStatus{EnvironmentName: "prod-eu", Comment: "Half of the **checks** passed."})
			},
			request: "POST" + path + "deployment_protection_rule",
			body:    `{"environment_name":"prod-eu","comment":"Half of the **checks** passed."}`, reply: reply(204, ""),
		},
	})
}

func TestReviewByName(t *testing.T) {
	w := replies(reply(200, pendingJSON), reply(200, `[{"id": 1}, {"id": 2}]`))
	deployments, err := clientOn(t, w).Reviews.Review(t.Context(), "o", "r", 7, ghdeploy.ReviewRequest{
		Environments: []string{"PROD / eu", "staging"}, EnvironmentIDs: []int64{5, 161171787}, State: ghdeploy.ReviewApproved,
	})
	if err != nil || len(deployments) != 2 {
		t.Fatalf("Review = %v, %v", deployments, err)
	}
	sent := w.requests()
	same(t, "requests", []string{
		onRoot("GET /repos/o/r/actions/runs/7/pending_deployments"),
		onRoot("POST /repos/o/r/actions/runs/7/pending_deployments"),
	}, lines(sent))
	same(t, "body", `{"environment_ids":[5,161171787,161171795],"state":"approved","comment":""}`, sent[1].Body)
}

func TestReviewNotPending(t *testing.T) {
	for _, test := range []struct {
		pending string
		names   []string
		want    ghdeploy.NotPendingError
		line    string
	}{
		{
			pendingJSON,
			[]string{"staging", "prod", "stag\ning"},
			ghdeploy.NotPendingError{Environments: []string{"prod", "stag\ning"}, Pending: []string{"Staging", "prod / eu"}},
			`ghdeploy: GET /repos/o/r/actions/runs/7/pending_deployments: 200 OK: the run does not wait for "prod", "stag\ning"; it waits for "Staging", "prod / eu"`,
		},
		{
			`[]`,
			[]string{"staging"},
			ghdeploy.NotPendingError{Environments: []string{"staging"}},
			`ghdeploy: GET /repos/o/r/actions/runs/7/pending_deployments: 200 OK: the run does not wait for "staging", nor for any environment`,
		},
	} {
		w := replies(reply(200, test.pending))
		_, err := clientOn(t, w).Reviews.Review(t.Context(), "o", "r", 7, ghdeploy.ReviewRequest{
			Environments: test.names, EnvironmentIDs: []int64{161171787}, State: ghdeploy.ReviewApproved,
		})
		if r := w.request(t); r.Method != http.MethodGet {
			t.Errorf("sent %s", r.Method)
		}
		var absent *ghdeploy.NotPendingError
		var e *ghdeploy.Error
		if !errors.As(err, &absent) || !errors.Is(err, ghdeploy.ErrNotPending) || !errors.As(err, &e) {
			t.Fatalf("err = %v, want a *NotPendingError in an *Error", err)
		}
		same(t, "error", test.want, *absent)
		same(t, "line", test.line, err.Error())
		same(t, "attempts", 1, e.Attempts)
	}
}

func TestReviewThatCannotLookUpApprovesNothing(t *testing.T) {
	for _, a := range []*canned{reply(404, `{"message": "Not Found"}`), reply(200, `null`), reply(200, `[{"environment": {"id": 0, "name": "staging"}}]`)} {
		w := replies(a)
		_, err := clientOn(t, w).Reviews.Review(t.Context(), "o", "r", 7, ghdeploy.ReviewRequest{Environments: []string{"staging"}, State: ghdeploy.ReviewApproved})
		if err == nil || errors.Is(err, ghdeploy.ErrNotPending) {
			t.Errorf("err = %v", err)
		}
		if r := w.request(t); r.Method != http.MethodGet {
			t.Errorf("sent %s", r.Method)
		}
	}
}

// A review of unknown outcome is not retried.
func TestReviewIsSentOnce(t *testing.T) {
	calls := map[string]func(context.Context, *ghdeploy.Client) error{
		"Review": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.Reviews.Review(ctx, "o", "r", 7, ghdeploy.ReviewRequest{EnvironmentIDs: []int64{1}, State: ghdeploy.ReviewApproved})
			return err
		},
		"ReviewCustomRule": func(ctx context.Context, c *ghdeploy.Client) error {
			return c.Reviews.ReviewCustomRule(ctx, "o", "r", 7, ghdeploy.CustomRuleReview{EnvironmentName: "qa", State: ghdeploy.ReviewApproved})
		},
		"ReportCustomRuleStatus": func(ctx context.Context, c *ghdeploy.Client) error {
			return c.Reviews.ReportCustomRuleStatus(ctx, "o", "r", 7, ghdeploy.CustomRuleStatus{EnvironmentName: "qa", Comment: "x"})
		},
	}
	for name, call := range calls {
		w := replies(reply(502, `<html>`))
		err := call(t.Context(), clientOn(t, w, ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 4})))
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("%s: err = %v, want ErrOutcomeUnknown", name, err)
		}
		w.request(t)
	}
}

func TestReviewsMalformed(t *testing.T) {
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Reviews.ListPending(ctx, "o", "r", 7, ghdeploy.PendingDeploymentListOptions{})
		return err
	}, ``, `null`, `{}`, `[null]`, `[{}]`, `[{"environment": null}]`, `[{"environment": {"id": 0}}]`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Reviews.ListApprovals(ctx, "o", "r", 7, ghdeploy.ApprovalListOptions{})
		return err
	}, ``, `null`, `{}`, `[null]`, `[{}]`, `[{"state": null}]`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Reviews.Review(ctx, "o", "r", 7, ghdeploy.ReviewRequest{EnvironmentIDs: []int64{1}, State: ghdeploy.ReviewApproved})
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("err = %v, want ErrOutcomeUnknown too", err)
		}
		return err
	}, ``, `null`, `{}`, `[null]`, `[{"id": 0}]`)
}

func TestReviewsInvalid(t *testing.T) {
	review := func(run int64, req ghdeploy.ReviewRequest) func(context.Context, *ghdeploy.Client) error {
		return func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.Reviews.Review(ctx, "o", "r", run, req)
			return err
		}
	}
	rule := func(req ghdeploy.CustomRuleReview) func(context.Context, *ghdeploy.Client) error {
		return func(ctx context.Context, c *ghdeploy.Client) error {
			return c.Reviews.ReviewCustomRule(ctx, "o", "r", 7, req)
		}
	}
	report := func(req ghdeploy.CustomRuleStatus) func(context.Context, *ghdeploy.Client) error {
		return func(ctx context.Context, c *ghdeploy.Client) error {
			return c.Reviews.ReportCustomRuleStatus(ctx, "o", "r", 7, req)
		}
	}
	const yes = ghdeploy.ReviewApproved
	checkInvalid(t, map[string]func(context.Context, *ghdeploy.Client) error{
		"run 0":                      review(0, ghdeploy.ReviewRequest{EnvironmentIDs: []int64{1}, State: yes}),
		"no state":                   review(7, ghdeploy.ReviewRequest{EnvironmentIDs: []int64{1}}),
		"no environment":             review(7, ghdeploy.ReviewRequest{State: yes}),
		"environment 0":              review(7, ghdeploy.ReviewRequest{EnvironmentIDs: []int64{1, 0}, State: yes}),
		"environment \"\"":           review(7, ghdeploy.ReviewRequest{Environments: []string{"qa", ""}, State: yes}),
		"rule without state":         rule(ghdeploy.CustomRuleReview{EnvironmentName: "qa", Comment: "x"}),
		"rule without environment":   rule(ghdeploy.CustomRuleReview{State: yes}),
		"rule of ..":                 rule(ghdeploy.CustomRuleReview{EnvironmentName: "..", State: yes}),
		"report without comment":     report(ghdeploy.CustomRuleStatus{EnvironmentName: "qa"}),
		"report without environment": report(ghdeploy.CustomRuleStatus{Comment: "x"}),
	})
}

func TestReviewsOnAServer(t *testing.T) {
	srv := gated(t)
	octocat, mona, app := clientWith(t, srv, "of-octocat").Reviews, clientWith(t, srv, "of-mona").Reviews, clientWith(t, srv, "of-health-gate").Reviews
	run := srv.StartRun("octocat/example", ghdeploytest.Run{Actor: "mona", Environments: []string{production, "staging", "qa"}})
	same(t, "states", []string{"waiting", "waiting", "in_progress"}, states(srv))

	pending, err := octocat.ListPending(t.Context(), "octocat", "example", run.ID, ghdeploy.PendingDeploymentListOptions{})
	if err != nil || len(pending.Items) != 2 {
		t.Fatalf("ListPending = %+v, %v", pending, err)
	}
	if p := pending.Items[0]; p.Environment.Name != production || !p.CurrentUserCanApprove || p.Reviewers[0].User.Login != "octocat" {
		t.Errorf("pending: %+v", p)
	}

	// One of two names is not pending: Review approves none.
	sent := len(srv.Requests())
	review := ghdeploy.ReviewRequest{Environments: []string{"STAGING", "qa"}, State: ghdeploy.ReviewApproved, Comment: "Ship it!"}
	_, err = octocat.Review(t.Context(), "octocat", "example", run.ID, review)
	var absent *ghdeploy.NotPendingError
	if !errors.As(err, &absent) || !slices.Equal(absent.Environments, []string{"qa"}) || !slices.Equal(absent.Pending, []string{production, "staging"}) {
		t.Errorf("Review of an environment that is not pending: %v", err)
	}
	same(t, "requests", []string{"GET 304 /pending_deployments"}, reached(srv, sent)) // as in ListPending above
	if reviews := srv.Reviews("octocat/example", run.ID); reviews != nil {
		t.Errorf("reviews = %+v, want none", reviews)
	}

	// The actor of the run may not approve it: GitHub returns 422.
	review.Environments = []string{production}
	if _, err = mona.Review(t.Context(), "octocat", "example", run.ID, review); !errors.Is(err, ghdeploy.ErrValidation) {
		t.Errorf("Review by the actor: %v, want ErrValidation", err)
	}

	review.Environments = []string{"STAGING", production}
	deployments, err := octocat.Review(t.Context(), "octocat", "example", run.ID, review)
	if err != nil || len(deployments) != 2 || deployments[0].ID != run.Deployments[0] {
		t.Fatalf("Review = %v, %v", deployments, err)
	}
	same(t, "states", []string{"waiting", "in_progress", "in_progress"}, states(srv))

	// The app's rule is still pending.
	if err = octocat.ReviewCustomRule(t.Context(), "octocat", "example", run.ID, ghdeploy.CustomRuleReview{EnvironmentName: production, State: ghdeploy.ReviewApproved}); !errors.Is(err, ghdeploy.ErrForbidden) {
		t.Errorf("ReviewCustomRule by a user: %v, want ErrForbidden", err)
	}
	if err = app.ReportCustomRuleStatus(t.Context(), "octocat", "example", run.ID, ghdeploy.CustomRuleStatus{EnvironmentName: production, Comment: "Half of the **checks**"}); err != nil {
		t.Error(err)
	}
	same(t, "states", []string{"waiting", "in_progress", "in_progress"}, states(srv))
	if err = app.ReviewCustomRule(t.Context(), "octocat", "example", run.ID, ghdeploy.CustomRuleReview{EnvironmentName: production, State: ghdeploy.ReviewApproved, Comment: "Healthy"}); err != nil {
		t.Error(err)
	}
	same(t, "states", []string{"in_progress", "in_progress", "in_progress"}, states(srv))

	approvals, err := mona.ListApprovals(t.Context(), "octocat", "example", run.ID, ghdeploy.ApprovalListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var history []string
	for _, a := range approvals.Items {
		history = append(history, fmt.Sprintf("%s %s %q by %s", a.State, a.Environments[0].Name, a.Comment, a.User.Login))
	}
	same(t, "history", []string{
		`approved ` + production + ` "Ship it!" by octocat`,
		`pending ` + production + ` "Half of the **checks**" by health-gate[bot]`,
		`approved ` + production + ` "Healthy" by health-gate[bot]`,
	}, history)
}

func TestRejectedReviewOnAServer(t *testing.T) {
	srv := gated(t)
	run := srv.StartRun("octocat/example", ghdeploytest.Run{Actor: "mona", Environments: []string{"staging"}})
	reviews := clientWith(t, srv, "of-octocat").Reviews
	request := ghdeploy.ReviewRequest{Environments: []string{"staging"}, State: ghdeploy.ReviewRejected, Comment: "Not on a Friday"}
	if _, err := reviews.Review(t.Context(), "octocat", "example", run.ID, request); err != nil {
		t.Fatal(err)
	}
	same(t, "states", []string{"failure"}, states(srv))
	if _, err := reviews.Review(t.Context(), "octocat", "example", run.ID, request); !errors.Is(err, ghdeploy.ErrNotPending) {
		t.Errorf("Review of a finished run: %v, want ErrNotPending", err)
	}
}
