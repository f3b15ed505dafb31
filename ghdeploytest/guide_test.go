package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// This file compiles and runs the code in docs/testing.md. TestDocuments in the
// root package compares the two.

// creator is the only method that ship needs.
type creator interface {
	Create(ctx context.Context, owner, repo string, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error)
}

func ship(ctx context.Context, deployments creator, ref string) error {
	_, err := deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: ref})
	if errors.Is(err, ghdeploy.ErrRefNotFound) {
		return fmt.Errorf("push %s first: %w", ref, err)
	}
	return err
}

type creatorFunc func(ghdeploy.DeploymentRequest) error

func (f creatorFunc) Create(_ context.Context, _, _ string, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	return &ghdeploy.Deployment{ID: 1, Ref: req.Ref}, f(req)
}

func TestShipUnknownRef(t *testing.T) {
	unknown := creatorFunc(func(ghdeploy.DeploymentRequest) error {
		return &ghdeploy.Error{StatusCode: 422, Err: ghdeploy.ErrRefNotFound}
	})
	if err := ship(t.Context(), unknown, "v1"); err == nil {
		t.Error("v1 was shipped")
	}
}

// live counts the deployments of main.
func live(ctx context.Context, client *ghdeploy.Client) (n int, err error) {
	for _, err := range client.Deployments.All(ctx, "octocat", "example", ghdeploy.DeploymentListOptions{Ref: "main"}) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// twoPages is a stub. Methods that it does not implement panic.
type twoPages struct{ ghdeploy.DeploymentsService }

func (twoPages) List(_ context.Context, _, _ string, opts ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	page := &ghdeploy.Page[*ghdeploy.Deployment]{Items: []*ghdeploy.Deployment{{ID: int64(opts.Page)}}}
	if opts.Page < 2 {
		page.NextPage = 2
	}
	return page, nil
}

func (s twoPages) All(ctx context.Context, owner, repo string, opts ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	return ghdeploy.Pages(opts.Page, func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts := opts
		opts.Page = page
		return s.List(ctx, owner, repo, opts)
	})
}

func TestLive(t *testing.T) {
	client := &ghdeploy.Client{Deployments: twoPages{}}
	if n, err := live(t.Context(), client); n != 2 || err != nil {
		t.Errorf("live = %d, %v, want 2", n, err)
	}
}

func TestShip(t *testing.T) {
	srv := ghdeploytest.NewServer()
	defer srv.Close()

	if err := ship(t.Context(), srv.Client().Deployments, "main"); err != nil {
		t.Fatal(err)
	}
	if got := srv.Deployments("octocat/example"); len(got) != 1 || got[0].Environment != "production" {
		t.Errorf("the server has %+v", got)
	}
}

func TestShipRefused(t *testing.T) {
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Branches: []ghdeploytest.Branch{
			{Name: "behind", Behind: true},
			{Name: "clash", Conflict: true},
			{Name: "red", Statuses: []ghdeploytest.CommitStatus{{Context: "build", State: "failure"}}},
		},
	}))
	defer srv.Close()

	for ref, want := range map[string]error{
		"behind": ghdeploy.ErrMergedBranch, // 202: merged, and nothing deployed
		"clash":  ghdeploy.ErrMergeConflict,
		"red":    ghdeploy.ErrChecksFailed,
		"gone":   ghdeploy.ErrRefNotFound,
	} {
		if err := ship(t.Context(), srv.Client().Deployments, ref); !errors.Is(err, want) {
			t.Errorf("ship(%s) = %v, want %v", ref, err, want)
		}
	}
}

func TestShipAgain(t *testing.T) {
	const old = "5d41402abc4b2a76b9719d911017c592ae1f3b6c" // no branch points to it any more
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Deployments: []ghdeploytest.SeedDeployment{{
			ID: 1, SHA: old, CreatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			Statuses: []ghdeploytest.SeedStatus{{State: "success"}, {State: "inactive"}},
		}},
	}))
	defer srv.Close()

	// The default branch has newer commits and cannot be merged into a commit.
	err := ship(t.Context(), srv.Client().Deployments, old)
	if !errors.Is(err, ghdeploy.ErrMergeConflict) {
		t.Errorf("ship = %v; send AutoMerge: new(bool) with a commit", err)
	}
}

func TestShipLosesTheResponse(t *testing.T) {
	srv := ghdeploytest.Start(t) // closes it at the test's end
	srv.Inject(ghdeploytest.Fault{
		Operation: "POST /repos/{owner}/{repo}/deployments",
		Effect:    ghdeploytest.DropAfter(),
	})

	err := ship(t.Context(), srv.Client().Deployments, "main")
	if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		t.Errorf("ship = %v", err)
	}
	if len(srv.Deployments("octocat/example")) != 1 { // it was created
		t.Error("there is no deployment")
	}
}

func TestShipRefusesOneRef(t *testing.T) {
	srv := ghdeploytest.Start(t)
	srv.Inject(ghdeploytest.Fault{
		Operation:  "POST /repos/{owner}/{repo}/deployments",
		Repository: "octocat/example",
		Match:      func(r ghdeploytest.Request) bool { return strings.Contains(r.Body, `"ref":"v2"`) },
		Effect:     ghdeploytest.Respond(422, `{"message":"Validation Failed"}`),
	})

	if err := ship(t.Context(), srv.Client().Deployments, "main"); err != nil {
		t.Errorf("ship(main) = %v", err)
	}
	if err := ship(t.Context(), srv.Client().Deployments, "v2"); !errors.Is(err, ghdeploy.ErrValidation) {
		t.Errorf("ship(v2) = %v", err)
	}
}

func TestReceiver(t *testing.T) {
	var events []string
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events = append(events, r.Header.Get("X-GitHub-Event"))
		w.WriteHeader(http.StatusNoContent)
	})
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: receiver, Secret: "secret"}))
	defer srv.Close()

	if err := ship(t.Context(), srv.Client().Deployments, "main"); err != nil {
		t.Fatal(err)
	}
	if err := srv.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(events); got != "[ping deployment]" {
		t.Errorf("received %s", got)
	}
	last := srv.Deliveries()[1]
	if !last.OK() {
		t.Errorf("the receiver responded with %d, %v", last.Status, last.Err)
	}
	srv.Redeliver(last.GUID) // a receiver must tolerate a second delivery
}

func TestShipWaitsForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryRetryAfter))
		defer srv.Close()
		client, start := srv.Client(), time.Now()

		for range 2 {
			if err := ship(t.Context(), client.Deployments, "main"); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(start); waited < time.Minute {
			t.Errorf("the second deployment came after %v", waited)
		}
	})
}

func TestQuotaComesBack(t *testing.T) {
	now := time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)
	srv := ghdeploytest.NewServer(ghdeploytest.WithClock(func() time.Time { return now }))
	defer srv.Close()
	srv.SetRemaining(ghdeploytest.DefaultToken, 0)

	impatient := ghdeploy.RetryPolicy{MaxWait: -1} // never wait for a limit
	err := ship(t.Context(), srv.Client(ghdeploy.WithRetry(impatient)).Deployments, "main")
	var limit *ghdeploy.RateLimitError
	if !errors.As(err, &limit) || !limit.Rate.Reset.Equal(now.Add(time.Hour)) {
		t.Fatalf("ship = %v", err)
	}
	now = limit.Rate.Reset
	if err := ship(t.Context(), srv.Client().Deployments, "main"); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestReceiverTakesADeployment(t *testing.T) {
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Hub-Signature-256") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	hook := ghdeploytest.Webhook{Secret: "secret"}
	w := httptest.NewRecorder()
	receiver.ServeHTTP(w, hook.NewRequest("deployment", `{"deployment":{"id":42,"ref":"v1"}}`))
	if w.Code != http.StatusOK {
		t.Errorf("the receiver responded with %d", w.Code)
	}
}
