package ghdeploy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// These tests take each service once through its work, on a server that obeys
// GitHub's rules. What goes over the wire for each operation is held elsewhere.

// production has a name that a path, a query and a pattern could trip over.
const production = "prod / eu?#%2F"

// gated is a server with an environment that a reviewer and an app guard.
func gated(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	guarded := ghdeploytest.Environment{
		Name: production, Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}, PreventSelfReview: true, ProtectionRules: []string{"health-gate"},
	}
	srv := ghdeploytest.NewServer(
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Environments: []ghdeploytest.Environment{
			guarded, {Name: "staging", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}}, {Name: "qa"},
		}}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "health-gate"}), ghdeploytest.WithApp(ghdeploytest.App{Slug: "quorum"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-octocat", Login: "octocat"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-mona", Login: "mona"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-health-gate", App: "health-gate"}),
	)
	t.Cleanup(srv.Close)
	return srv
}

// holder is a client of the server for who holds a token.
func holder(t *testing.T, srv *ghdeploytest.Server, token string) *ghdeploy.Client {
	t.Helper()
	return clientOn(t, srv.Transport(), ghdeploy.WithToken(token))
}

// reached are the requests that reached a server since the first n, as "GET 200
// /pending_deployments", with their paths from the last slash on.
func reached(srv *ghdeploytest.Server, n int) []string {
	var list []string
	for _, r := range srv.Requests()[n:] {
		list = append(list, fmt.Sprintf("%s %d %s", r.Method, r.Status, r.Path[strings.LastIndex(r.Path, "/"):]))
	}
	return list
}

// states are those of the deployments, oldest first.
func states(srv *ghdeploytest.Server) []string {
	var list []string
	for _, d := range srv.Deployments("octocat/example") {
		list = append(list, d.State())
	}
	return list
}

func TestReviewsOnAServer(t *testing.T) {
	srv := gated(t)
	octocat, mona, app := holder(t, srv, "of-octocat").Reviews, holder(t, srv, "of-mona").Reviews, holder(t, srv, "of-health-gate").Reviews
	run := srv.StartRun("octocat/example", ghdeploytest.Run{Actor: "mona", Environments: []string{production, "staging", "qa"}})
	same(t, "states", []string{"waiting", "waiting", "in_progress"}, states(srv))

	pending, err := octocat.ListPending(t.Context(), "octocat", "example", run.ID, ghdeploy.PendingDeploymentListOptions{})
	if err != nil || len(pending.Items) != 2 {
		t.Fatalf("ListPending = %+v, %v", pending, err)
	}
	if p := pending.Items[0]; p.Environment.Name != production || !p.CurrentUserCanApprove || p.Reviewers[0].User.Login != "octocat" {
		t.Errorf("pending: %+v", p)
	}

	// One name of two is not pending: nothing is approved.
	sent := len(srv.Requests())
	review := ghdeploy.ReviewRequest{Environments: []string{"STAGING", "qa"}, State: ghdeploy.ReviewApproved, Comment: "Ship it!"}
	_, err = octocat.Review(t.Context(), "octocat", "example", run.ID, review)
	var absent *ghdeploy.NotPendingError
	if !errors.As(err, &absent) || !slices.Equal(absent.Environments, []string{"qa"}) || !slices.Equal(absent.Pending, []string{production, "staging"}) {
		t.Errorf("Review of what is not pending: %v", err)
	}
	same(t, "requests", []string{"GET 304 /pending_deployments"}, reached(srv, sent)) // as in ListPending above
	if reviews := srv.Reviews("octocat/example", run.ID); reviews != nil {
		t.Errorf("reviewed all the same: %+v", reviews)
	}

	// Who started the run may not approve it, and GitHub's word for it is a 422.
	review.Environments = []string{production}
	if _, err = mona.Review(t.Context(), "octocat", "example", run.ID, review); !errors.Is(err, ghdeploy.ErrValidation) {
		t.Errorf("Review by who started the run: %v, want ErrValidation", err)
	}

	review.Environments = []string{"STAGING", production}
	deployments, err := octocat.Review(t.Context(), "octocat", "example", run.ID, review)
	if err != nil || len(deployments) != 2 || deployments[0].ID != run.Deployments[0] {
		t.Fatalf("Review = %v, %v", deployments, err)
	}
	same(t, "states", []string{"waiting", "in_progress", "in_progress"}, states(srv))

	// The app's rule is left.
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
	reviews := holder(t, srv, "of-octocat").Reviews
	request := ghdeploy.ReviewRequest{Environments: []string{"staging"}, State: ghdeploy.ReviewRejected, Comment: "Not on a Friday"}
	if _, err := reviews.Review(t.Context(), "octocat", "example", run.ID, request); err != nil {
		t.Fatal(err)
	}
	same(t, "states", []string{"failure"}, states(srv))
	if _, err := reviews.Review(t.Context(), "octocat", "example", run.ID, request); !errors.Is(err, ghdeploy.ErrNotPending) {
		t.Errorf("Review of what is over: %v, want ErrNotPending", err)
	}
}

func TestBranchPoliciesOnAServer(t *testing.T) {
	srv := gated(t)
	client := holder(t, srv, "of-octocat")
	ctx, policies := t.Context(), client.BranchPolicies
	main := ghdeploy.BranchPolicyRequest{Name: "main"}
	if _, err := policies.Create(ctx, "octocat", "example", production, main); !errors.Is(err, ghdeploy.ErrNotFound) {
		t.Errorf("Create where every branch may be deployed: %v, want ErrNotFound", err)
	}
	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", production, ghdeploy.EnvironmentRequest{
		DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	created, err := policies.Create(ctx, "octocat", "example", production, main)
	if err != nil {
		t.Fatal(err)
	}
	sent := len(srv.Requests())
	if _, err = policies.Create(ctx, "octocat", "example", production, main); !errors.Is(err, ghdeploy.ErrAlreadyExists) {
		t.Errorf("Create again: %v, want ErrAlreadyExists", err)
	}
	same(t, "requests", []string{"POST 303 /deployment-branch-policies"}, reached(srv, sent))
	tags, err := policies.Create(ctx, "octocat", "example", production, ghdeploy.BranchPolicyRequest{Name: "main", Type: ghdeploy.PolicyTag})
	if err != nil || tags.Type != ghdeploy.PolicyTag {
		t.Fatalf("Create for tags = %+v, %v", tags, err)
	}
	if _, err = policies.Update(ctx, "octocat", "example", production, created.ID, ghdeploy.UpdateBranchPolicyRequest{Name: "release/*"}); err != nil {
		t.Error(err)
	}
	if have, err := policies.Get(ctx, "octocat", "example", production, created.ID); err != nil || have.Name != "release/*" || have.Type != ghdeploy.PolicyBranch {
		t.Errorf("Get = %+v, %v", have, err)
	}
	page, err := policies.List(ctx, "octocat", "example", production, ghdeploy.BranchPolicyListOptions{PerPage: 1})
	if err != nil || len(page.Items) != 1 || page.Total != 2 || page.NextPage != 2 {
		t.Errorf("List = %+v, %v", page, err)
	}
	if err = policies.Delete(ctx, "octocat", "example", production, tags.ID); err != nil {
		t.Error(err)
	}
	var names []string
	for p, err := range policies.All(ctx, "octocat", "example", production, ghdeploy.BranchPolicyListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Name)
	}
	same(t, "policies", []string{"release/*"}, names)
}

func TestProtectionRulesOnAServer(t *testing.T) {
	srv := gated(t)
	ctx, rules := t.Context(), holder(t, srv, "of-octocat").ProtectionRules
	page, err := rules.ListApps(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleAppListOptions{PerPage: 1})
	if err != nil || len(page.Items) != 1 || page.Total != 2 || page.NextPage != 2 {
		t.Errorf("ListApps = %+v, %v", page, err)
	}
	var enabled *ghdeploy.CustomProtectionRule
	for app, err := range rules.AllApps(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleAppListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if app.Slug != "quorum" {
			continue
		}
		request := ghdeploy.CustomProtectionRuleRequest{IntegrationID: app.ID}
		if enabled, err = rules.Enable(ctx, "octocat", "example", production, request); err != nil || !enabled.Enabled {
			t.Fatalf("Enable = %+v, %v", enabled, err)
		}
		if _, err = rules.Enable(ctx, "octocat", "example", production, request); !errors.Is(err, ghdeploy.ErrValidation) {
			t.Errorf("Enable again: %v, want ErrValidation", err)
		}
	}
	if have, err := rules.Get(ctx, "octocat", "example", production, enabled.ID); err != nil || have.App.Slug != "quorum" {
		t.Errorf("Get = %+v, %v", have, err)
	}
	list, err := rules.List(ctx, "octocat", "example", production, ghdeploy.CustomProtectionRuleListOptions{})
	if err != nil || len(list.Items) != 2 || list.Total != 2 {
		t.Errorf("List = %+v, %v", list, err)
	}
	if err = rules.Disable(ctx, "octocat", "example", production, enabled.ID); err != nil {
		t.Error(err)
	}
	same(t, "rules", []string{"health-gate"}, srv.Environments("octocat/example")[0].ProtectionRules)
}

// servable are names that a server can hold side by side: it takes up to 255
// characters, none of them a control character, and case does not count.
func servable(names []string) []string {
	var list []string
	for _, name := range names {
		clash := slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(name, other) })
		control := strings.ContainsFunc(name, unicode.IsControl)
		if utf8.ValidString(name) && utf8.RuneCountInString(name) <= 255 && !clash && !control {
			list = append(list, name)
		}
	}
	return list
}

// Every name has an environment of its own beside all the others, over a
// socket and below a path prefix.
func TestNamesReachTheirEnvironmentOnAServer(t *testing.T) {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(srv.URL()+"/api/v3"), ghdeploy.WithToken(ghdeploytest.DefaultToken))
	if err != nil {
		t.Fatal(err)
	}
	ctx, names := t.Context(), servable(awkwardNames)
	for i, name := range names {
		if _, err := client.Environments.Replace(ctx, "octocat", "example", name, ghdeploy.EnvironmentRequest{WaitTimer: new(i + 1)}); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
	for i, name := range names {
		env, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", name, ghdeploy.EnvironmentRequest{
			DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
		})
		if err != nil || env.Name != name || env.ProtectionRules[0].WaitTimer != i+1 {
			t.Fatalf("%q: %+v, %v", name, env, err)
		}
		if _, err = client.BranchPolicies.Create(ctx, "octocat", "example", name, ghdeploy.BranchPolicyRequest{Name: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i, e := range srv.Environments("octocat/example") {
		if e.Name != names[i] || e.WaitTimer != int64(i+1) || len(e.BranchPolicies) != 1 || e.BranchPolicies[0].Name != e.Name {
			t.Errorf("%q became %+v", names[i], e)
		}
	}
	listed := 0
	for env, err := range client.Environments.All(ctx, "octocat", "example", ghdeploy.EnvironmentListOptions{PerPage: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
		have, err := client.Environments.Get(ctx, "octocat", "example", env.Name)
		if err != nil || have.ID != env.ID {
			t.Errorf("%q: %+v, %v", env.Name, have, err)
		}
	}
	same(t, "environments listed", len(names), listed)
	for i, name := range names {
		if err := client.Environments.Delete(ctx, "octocat", "example", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		left := []string{}
		for _, e := range srv.Environments("octocat/example") {
			left = append(left, e.Name)
		}
		same(t, fmt.Sprintf("left after the deletion of %q", name), names[i+1:], left)
	}
}

// holdRoundTrip takes one name through the life of an environment.
func holdRoundTrip(t *testing.T, name string) {
	t.Helper()
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	client := clientOn(t, srv.Transport(), ghdeploy.WithToken(ghdeploytest.DefaultToken))
	made, err := client.Environments.CreateOrUpdate(t.Context(), "octocat", "example", name, ghdeploy.EnvironmentRequest{WaitTimer: new(1)})
	if err != nil || made.Name != name {
		t.Fatalf("CreateOrUpdate of %q = %+v, %v", name, made, err)
	}
	if have, err := client.Environments.Get(t.Context(), "octocat", "example", name); err != nil || have.ID != made.ID {
		t.Errorf("Get of %q = %+v, %v", name, have, err)
	}
	if list := srv.Environments("octocat/example"); len(list) != 1 || list[0].Name != name {
		t.Errorf("%q became %+v", name, list)
	}
	if err := client.Environments.Delete(t.Context(), "octocat", "example", name); err != nil || srv.Environments("octocat/example") != nil {
		t.Errorf("Delete of %q: %v", name, err)
	}
}
