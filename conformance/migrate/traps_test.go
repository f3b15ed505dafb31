package migrate

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// Each test here is a section of docs/migrate.md: the old code, the same code
// taken over unchanged, and the new code.

func TestSkipContexts(t *testing.T) {
	theirs, ours := newWorld(t), newWorld(t)
	gc, _ := theirs.pair()
	if err := skipChecksBefore(t.Context(), gc, "red"); err != nil {
		t.Errorf("before: %v", err)
	}

	_, err := ours.client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{
		Ref: "red", RequiredContexts: []string{},
	})
	if !errors.Is(err, ghdeploy.ErrInvalidArgument) || !strings.Contains(err.Error(), "SkipContexts") || len(ours.sent()) != 0 {
		t.Errorf("taken over: %v after %d requests", err, len(ours.sent()))
	}
	_, err = ours.client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "red"})
	if !errors.Is(err, ghdeploy.ErrChecksFailed) {
		t.Errorf("forgotten: %v", err)
	}
	if err := skipChecksAfter(t.Context(), ours.client, "red"); err != nil {
		t.Errorf("after: %v", err)
	}
	if before, after := theirs.sent()[0].Body, ours.sent()[1].Body; sorted(t, []byte(before)) != sorted(t, []byte(after)) {
		t.Errorf("sent %s before, %s after", before, after)
	}
	if diff := cmp.Diff(theirs.server.Deployments("octocat/example")[0].SHA, ours.server.Deployments("octocat/example")[0].SHA); diff != "" {
		t.Error(diff)
	}
}

func TestAccepted(t *testing.T) {
	w := newWorld(t)
	gc, _ := w.pair()
	if err := createBefore(t.Context(), gc, "behind"); err != nil {
		t.Errorf("before: %v", err)
	}
	if n := len(w.server.Deployments("octocat/example")); n != 0 {
		t.Errorf("before: %d deployments, and the error says that one is scheduled", n)
	}

	w = newWorld(t)
	if err := createAfter(t.Context(), w.client, "behind"); !errors.Is(err, ghdeploy.ErrMergedBranch) {
		t.Errorf("after: %v", err)
	}
	if n := len(w.server.Deployments("octocat/example")); n != 0 {
		t.Errorf("after: %d deployments", n)
	}

	// At once, the merge commit has no checks that could fail: a branch whose
	// checks had failed is deployed.
	w = newWorld(t)
	w.server.SetBranch("octocat/example", ghdeploytest.Branch{
		Name: "behind", Behind: true, Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "failure"}},
	})
	if err := createAfter(t.Context(), w.client, "behind"); !errors.Is(err, ghdeploy.ErrMergedBranch) {
		t.Errorf("first: %v", err)
	}
	if err := createAfter(t.Context(), w.client, "behind"); err != nil || len(w.server.Deployments("octocat/example")) != 1 {
		t.Errorf("second: %v", err)
	}
}

func TestErrorTypes(t *testing.T) {
	w := newWorld(t)
	gc, client := w.pair()
	if err := deleteBefore(t.Context(), gc, 1); err != nil {
		t.Errorf("before: %v", err)
	}
	err := client.Deployments.Delete(t.Context(), "octocat", "example", 1)
	var response *github.ErrorResponse
	if err == nil || errors.As(err, &response) {
		t.Errorf("taken over: %v", err)
	}
	if err := deleteAfter(t.Context(), client, 1); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestRetryLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.Inject(lostResponse)
		gc, _ := w.pair()
		if err := deployBefore(t.Context(), gc, "main"); err != nil {
			t.Errorf("before: %v", err)
		}
		if n := len(w.server.Deployments("octocat/example")); n != 2 {
			t.Errorf("before: %d deployments", n)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.Inject(lostResponse)
		err := deployAfter(t.Context(), w.client, "main")
		var e *ghdeploy.Error
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) || !errors.As(err, &e) || e.Retryable() {
			t.Errorf("after: %v", err)
		}
		if n := len(w.server.Deployments("octocat/example")); n != 1 {
			t.Errorf("after: %d deployments", n)
		}

		// A connection that was refused is retried: nothing was sent.
		w = newWorld(t)
		w.server.Inject(ghdeploytest.Fault{Operation: lostResponse.Operation, Effect: ghdeploytest.RefuseConnection()})
		if err := deployAfter(t.Context(), w.client, "main"); err != nil || len(w.server.Deployments("octocat/example")) != 1 {
			t.Errorf("a refused connection: %v", err)
		}
	})
}

func TestPathEscape(t *testing.T) {
	const name = "prod/eu"
	for title, tt := range map[string]struct {
		call func(w *world) error
		want string
	}{
		"before": {func(w *world) error {
			gc, _ := w.pair()
			return createEnvironmentBefore(w.t.Context(), gc, name)
		}, "prod%2Feu"},
		"taken over": {func(w *world) error {
			return createEnvironmentAfter(w.t.Context(), w.client, "prod%2Feu") // url.PathEscape(name)
		}, "prod%2Feu"},
		"after": {func(w *world) error {
			return createEnvironmentAfter(w.t.Context(), w.client, name)
		}, "prod/eu"},
	} {
		w := newWorld(t)
		if err := tt.call(w); err != nil {
			t.Errorf("%s: %v", title, err)
		}
		list := w.server.Environments("octocat/example")
		if len(list) != 2 || list[1].Name != tt.want || len(list[1].Reviewers)+len(list[1].BranchPolicies) != 0 {
			t.Errorf("%s: %+v", title, list)
		}
	}

	// A read finds no such environment, so the mistake is noticed there.
	w := newWorld(t)
	if err := createEnvironmentAfter(t.Context(), w.client, name); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.Environments.Get(t.Context(), "octocat", "example", "prod%2Feu"); !errors.Is(err, ghdeploy.ErrNotFound) {
		t.Errorf("a read of the escaped name: %v", err)
	}
}

func TestNilCreator(t *testing.T) {
	w := newWorld(t)
	deployed(w)
	w.server.Inject(ghdeploytest.Fault{
		Operation: "GET /repos/{owner}/{repo}/deployments/{deployment_id}", Times: ghdeploytest.Always,
		Effect: ghdeploytest.Respond(http.StatusOK, `{"id": 7, "ref": "main", "creator": null, "description": null}`),
	})
	gc, client := w.pair()
	before, _, err := gc.Repositories.GetDeployment(t.Context(), "octocat", "example", 7)
	if err != nil {
		t.Fatal(err)
	}
	after, err := client.Deployments.Get(t.Context(), "octocat", "example", 7)
	if err != nil {
		t.Fatal(err)
	}
	if got := describeBefore(before); got != "main by " {
		t.Errorf("before: %q", got)
	}
	if got := describeAfter(after); got != "main by ghost" {
		t.Errorf("after: %q", got)
	}
	if after.Description != "" {
		t.Errorf("the description is %q", after.Description)
	}
	defer func() {
		if recover() == nil {
			t.Error("a field of a nil creator did not panic")
		}
	}()
	t.Error("taken over: ", after.Creator.Login)
}

// TestPointers compares the section with the fields that can be nil.
func TestPointers(t *testing.T) {
	_, section, _ := strings.Cut(read(t, document), "### Getters become fields")
	section, _, _ = strings.Cut(section, "\n### ")
	found := 0
	for _, of := range []reflect.Type{
		reflect.TypeFor[ghdeploy.Deployment](), reflect.TypeFor[ghdeploy.DeploymentStatus](),
		reflect.TypeFor[ghdeploy.Environment](), reflect.TypeFor[ghdeploy.ProtectionRule](), reflect.TypeFor[ghdeploy.Reviewer](),
		reflect.TypeFor[ghdeploy.BranchPolicy](), reflect.TypeFor[ghdeploy.CustomProtectionRule](), reflect.TypeFor[ghdeploy.CustomProtectionRuleApp](),
		reflect.TypeFor[ghdeploy.PendingDeployment](), reflect.TypeFor[ghdeploy.EnvironmentReference](), reflect.TypeFor[ghdeploy.Approval](),
		reflect.TypeFor[ghdeploy.User](), reflect.TypeFor[ghdeploy.Team](), reflect.TypeFor[ghdeploy.GitHubApp](), reflect.TypeFor[ghdeploy.AppOwner](),
	} {
		for field := range of.Fields() {
			if field.Type.Kind() != reflect.Pointer {
				continue
			}
			found++
			if !strings.Contains(section, "`"+field.Name+"`") {
				t.Errorf("%s of %s is a pointer, and the section omits it", field.Name, of.Name())
			}
		}
	}
	if found < 7 {
		t.Errorf("found %d pointers", found)
	}
}

func TestEnterpriseAddresses(t *testing.T) {
	path := "/api/v3/repos/octocat/example/deployments"
	theirs := func(address string) string {
		c := &wire{next: newWorld(t).server.Transport()}
		gc, err := github.NewClient(github.WithEnterpriseURLs(address, address), github.WithHTTPClient(&http.Client{Transport: c}))
		if err != nil {
			t.Fatal(err)
		}
		return gc.BaseURL()
	}
	ours := func(option ghdeploy.Option) string {
		var got string
		client, err := ghdeploy.NewClient(option, ghdeploy.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			got = strings.TrimSuffix(r.URL.String(), "repos/octocat/example/deployments")
			return nil, context.Canceled
		})}), ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1}))
		if err != nil {
			t.Fatal(err)
		}
		if err := listWith(t.Context(), client); err == nil {
			t.Fatal("no error")
		}
		return got
	}
	for _, tt := range []struct{ got, want string }{
		{theirs("https://ghe.example.com"), "https://ghe.example.com/api/v3/"},
		{ours(ghdeploy.WithHost("ghe.example.com")), "https://ghe.example.com/api/v3/"},
		{ours(ghdeploy.WithHost("https://ghe.example.com/api/v3/")), "https://ghe.example.com/api/v3/"},
		{ours(ghdeploy.WithBaseURL("https://ghe.example.com/api/v3")), "https://ghe.example.com/api/v3/"},
		{ours(ghdeploy.WithBaseURL("https://ghe.example.com")), "https://ghe.example.com/"}, // the trap
		{theirs("https://octocorp.ghe.com"), "https://octocorp.ghe.com/api/v3/"},            // wrong
		{theirs("https://api.octocorp.ghe.com"), "https://api.octocorp.ghe.com/"},
		{ours(ghdeploy.WithHost("octocorp.ghe.com")), "https://api.octocorp.ghe.com/"},
		{ours(ghdeploy.WithHost("api.octocorp.ghe.com")), "https://api.octocorp.ghe.com/"},
	} {
		if tt.got != tt.want {
			t.Errorf("the root is %s, want %s", tt.got, tt.want)
		}
	}

	w := newWorld(t)
	before, err := enterpriseBefore(fullToken, w.http())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := before.Repositories.ListDeployments(t.Context(), "octocat", "example", nil); err != nil {
		t.Errorf("before: %v", err)
	}
	after, err := enterpriseAfter(fullToken, w.http())
	if err != nil {
		t.Fatal(err)
	}
	if err := listWith(t.Context(), after); err != nil {
		t.Errorf("after: %v", err)
	}
	for _, r := range w.sent() {
		if r.Host != enterprise || r.Path != path {
			t.Errorf("sent to %s%s", r.Host, r.Path)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
