package migrate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
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
		if len(list) != 2 || list[1].Name != tt.want {
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

func TestBase64Payload(t *testing.T) {
	w := newWorld(t)
	gc, client := w.pair()
	payload := []byte(`{"version":7}`)
	if err := payloadBefore(t.Context(), gc, payload); err != nil {
		t.Fatal(err)
	}
	_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Payload: payload})
	if !errors.Is(err, ghdeploy.ErrInvalidArgument) || !strings.Contains(err.Error(), "base64") || len(w.sent()) != 1 {
		t.Errorf("taken over: %v after %d requests", err, len(w.sent())-1)
	}
	if err := payloadAfter(t.Context(), client, payload); err != nil {
		t.Fatal(err)
	}
	list := w.server.Deployments("octocat/example")
	if len(list) != 2 || string(list[0].Payload) != `"eyJ2ZXJzaW9uIjo3fQ=="` || string(list[1].Payload) != `{"version":7}` {
		t.Errorf("stored: %+v", list)
	}

	for _, stored := range []string{`"eyJ2ZXJzaW9uIjo3fQ=="`, `{"version":7}`, `"{\"version\":7}"`} {
		var got struct{ Version int }
		d := &ghdeploy.Deployment{Payload: ghdeploy.Payload(stored)}
		if err := decodePayload(d, &got); err != nil || got.Version != 7 {
			t.Errorf("%s: %+v, %v", stored, got, err)
		}
	}
	for _, stored := range []string{`"true"`, `"main"`, `"1234"`, `"not base64"`, `""`} {
		var got string
		d := &ghdeploy.Deployment{Payload: ghdeploy.Payload(stored)}
		if err := decodePayload(d, &got); err != nil || `"`+got+`"` != stored {
			t.Errorf("%s: %q, %v", stored, got, err)
		}
	}
	var got struct{ Version int }
	if err := (ghdeploy.Payload(`"eyJ2ZXJzaW9uIjo3fQ=="`)).Decode(&got); err == nil {
		t.Errorf("Decode read base64: %+v", got)
	}
	if deployment := (&ghdeploy.Deployment{}); decodePayload(deployment, &got) != nil {
		t.Error("no payload is an error")
	}
	if err := decodePayload(&ghdeploy.Deployment{Payload: ghdeploy.Payload(json.RawMessage(`{"version":"x"}`))}, &got); err == nil {
		t.Error("a payload of another type is no error")
	}
}

func TestEnvironmentPatch(t *testing.T) {
	w := newWorld(t)
	want := w.server.Environments("octocat/example")
	want[0].WaitTimer = 30
	gc, _ := w.pair()
	if err := waitTimerBefore(t.Context(), gc); err != nil {
		t.Fatal(err)
	}
	if e := w.server.Environments("octocat/example")[0]; e.WaitTimer != 30 || len(e.Reviewers) != 0 || e.CustomBranchPolicies {
		t.Errorf("before: %+v", e)
	}

	w = newWorld(t)
	if err := waitTimerAfter(t.Context(), w.client); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.server.Environments("octocat/example")); diff != "" {
		t.Errorf("after: %s", diff)
	}

	// Taken over as Replace, it removes the reviewers and the branch policy.
	w = newWorld(t)
	if _, err := w.client.Environments.Replace(t.Context(), "octocat", "example", "production", ghdeploy.EnvironmentRequest{WaitTimer: new(30)}); err != nil {
		t.Fatal(err)
	}
	if e := w.server.Environments("octocat/example")[0]; len(e.Reviewers) != 0 || e.CustomBranchPolicies {
		t.Errorf("Replace kept %+v", e)
	}

	// Empty values name nothing; openToAll names everything.
	w = newWorld(t)
	before := w.server.Environments("octocat/example")
	if _, err := w.client.Environments.CreateOrUpdate(t.Context(), "octocat", "example", "production", ghdeploy.EnvironmentRequest{
		Reviewers: []ghdeploy.ReviewerRequest{},
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.server.Environments("octocat/example")); diff != "" {
		t.Errorf("an empty list: %s", diff)
	}
	if err := openToAll(t.Context(), w.client); err != nil {
		t.Fatal(err)
	}
	if e := w.server.Environments("octocat/example")[0]; len(e.Reviewers) != 0 || e.CustomBranchPolicies || e.WaitTimer != 0 {
		t.Errorf("openToAll kept %+v", e)
	}
}

func TestWebhooks(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	flags := log.Flags()
	log.SetFlags(0)
	defer func() { log.SetFlags(flags); log.SetOutput(os.Stderr) }()

	verifier, err := webhook.NewVerifier(secret)
	if err != nil {
		t.Fatal(err)
	}
	push := `{"ref": "refs/heads/main"}`
	for _, tt := range []struct {
		name          string
		request       func() *http.Request
		before, after bool // accepted
		want          string
	}{
		{"a deployment", func() *http.Request { return delivery("deployment", deploymentPayload) }, true, true, "deploy c4a9b0f3f4b1a2d7e5c6a8b9d0e1f2a3b4c5d6e7\n"},
		{"a push", func() *http.Request { return delivery("push", push) }, true, true, "push refs/heads/main\n"},
		{"a SHA-1 signature", func() *http.Request { return oldDelivery("push", push) }, true, false, "push refs/heads/main\n"},
		{"no signature", func() *http.Request { return ghdeploytest.Webhook{}.NewRequest("push", push) }, false, false, ""},
	} {
		logged.Reset()
		if err := receiveBefore(tt.request(), []byte(secret)); (err == nil) != tt.before || logged.String() != tt.want {
			t.Errorf("%s before: %v, logged %q", tt.name, err, logged.String())
		}
		want := tt.want
		if !tt.after {
			want = ""
		}
		logged.Reset()
		if err := receiveAfter(tt.request(), verifier); (err == nil) != tt.after || logged.String() != want {
			t.Errorf("%s after: %v, logged %q", tt.name, err, logged.String())
		}
	}

	// Without a secret go-github accepts what is not signed.
	if err := receiveBefore(ghdeploytest.Webhook{}.NewRequest("push", push), nil); err != nil {
		t.Errorf("no secret before: %v", err)
	}
	if _, err := webhook.NewVerifier(""); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
		t.Errorf("no secret after: %v", err)
	}
}
