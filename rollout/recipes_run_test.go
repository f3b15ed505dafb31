package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// These tests run each recipe of docs/recipes.md on a test server.

func works(context.Context, *rollout.Running) error { return nil }

// newest returns the newest deployment and its states, oldest first.
func newest(t *testing.T, srv *ghdeploytest.Server) (ghdeploytest.Deployment, string) {
	t.Helper()
	all := srv.Deployments(repository)
	if len(all) == 0 {
		t.Fatal("there is no deployment")
	}
	return all[len(all)-1], statesOf(all[len(all)-1])
}

func statesOf(d ghdeploytest.Deployment) string {
	var states []string
	for _, s := range d.Statuses {
		states = append(states, s.State)
	}
	return strings.Join(states, " ")
}

func TestRecipeConnect(t *testing.T) {
	srv, _ := serve(t, nil)
	t.Setenv("GH_TOKEN", "")
	t.Setenv("GITHUB_TOKEN", ghdeploytest.DefaultToken)
	t.Setenv("GITHUB_API_URL", strings.TrimSuffix(srv.URL(), "/")+"/api/v3")
	err := connect(func(repo rollout.Repo) error {
		_, err := repo.Run(t.Context(), ghdeploy.DeploymentRequest{Ref: "main"}, rollout.RunOptions{}, works)
		return err
	})
	if err != nil || len(srv.Deployments(repository)) != 1 {
		t.Errorf("%v, %d deployments", err, len(srv.Deployments(repository)))
	}
}

func TestRecipeRelease(t *testing.T) {
	srv, repo := serve(t, nil)
	if err := releaseWith(t.Context(), repo, "go", "env", "GOOS"); err != nil {
		t.Fatal(err)
	}
	if d, states := newest(t, srv); states != "in_progress success" || d.Environment != "staging" {
		t.Errorf("%s in %s", states, d.Environment)
	}
	if err := releaseWith(t.Context(), repo, "go", "tool", "no-such-tool"); err == nil {
		t.Error("no error")
	}
	if _, states := newest(t, srv); states != "in_progress failure" {
		t.Errorf("got %s", states)
	}
}

func TestRecipeReleaseLatest(t *testing.T) {
	srv, repo := serve(t, nil)
	err := releaseLatest(t.Context(), repo, func(ctx context.Context, _ *rollout.Running) error {
		return releaseLatest(ctx, repo, works)
	})
	if err == nil || !strings.Contains(err.Error(), "is newer") {
		t.Errorf("got %v", err)
	}
	all := srv.Deployments(repository)
	if got := all[0].State() + " " + all[1].State(); got != "inactive success" {
		t.Errorf("got %s", got)
	}
}

func TestRecipeReport(t *testing.T) {
	for state, failure := range map[string]error{"success": nil, "failure": errors.New("no space left")} {
		srv, repo := serve(t, nil)
		calls := 0
		verifier, err := webhook.NewVerifier("secret")
		if err != nil {
			t.Fatal(err)
		}
		receiver := webhook.NewHandler(verifier, deployer(repo.Client, func(context.Context, string) error {
			calls++
			return failure
		}))
		d, err := repo.Client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			event := map[string]any{"deployment": d, "repository": map[string]any{"full_name": repository, "name": "example", "owner": map[string]any{"login": "octocat"}}}
			w := httptest.NewRecorder()
			receiver.ServeHTTP(w, ghdeploytest.Webhook{Secret: "secret"}.NewRequest("deployment", event))
			if w.Code != http.StatusNoContent {
				t.Errorf("response %d %s", w.Code, w.Body)
			}
		}
		if _, got := newest(t, srv); got != "in_progress "+state || calls != 1 {
			t.Errorf("%s after %d calls", got, calls)
		}
	}
}

func TestRecipeRollBack(t *testing.T) {
	srv, repo := serve(t, aged(
		of("1", row("production", "success")),
		of("2", row("production", "failure")),
	))
	if err := rollBack(t.Context(), repo, works); err != nil {
		t.Fatal(err)
	}
	d, states := newest(t, srv)
	if d.SHA != strings.Repeat("1", 40) || states != "in_progress success" || !strings.HasPrefix(d.Description, "Roll back to ") {
		t.Errorf("%s of %s", states, d.SHA)
	}

	_, repo = serve(t, aged(row("production", "failure")))
	if err := rollBack(t.Context(), repo, works); !errors.Is(err, rollout.ErrNoneOlder) {
		t.Errorf("got %v", err)
	}
}

func TestRecipePromote(t *testing.T) {
	rows := aged(of("1", row("staging", "success", "inactive")), of("2", row("staging", "success")))
	srv, repo := serve(t, rows)
	if err := promote(t.Context(), repo, works); err != nil {
		t.Fatal(err)
	}
	if d, _ := newest(t, srv); d.SHA != strings.Repeat("2", 40) || d.Environment != "production" {
		t.Errorf("%s in %s", d.SHA, d.Environment)
	}
	if err := deployTested(t.Context(), repo, strings.Repeat("1", 40), works); err != nil {
		t.Fatal(err)
	}
	if d, _ := newest(t, srv); d.SHA != strings.Repeat("1", 40) || d.Environment != "production" {
		t.Errorf("%s in %s", d.SHA, d.Environment)
	}
	if err := deployTested(t.Context(), repo, strings.Repeat("3", 40), works); !errors.Is(err, rollout.ErrNeverSucceeded) {
		t.Errorf("got %v", err)
	}
}

func TestRecipeCleanUp(t *testing.T) {
	preview := func() []ghdeploytest.SeedDeployment {
		return aged(row("pr-7", "success", "inactive"), row("pr-7", "success"), row("pr-7", "in_progress"), row("pr-70", "success"))
	}
	for name, tt := range map[string]struct {
		clean        func(context.Context, rollout.Repo, int) error
		states       []string
		environments int
	}{
		"deactivate": {deactivatePreview, []string{"success inactive", "success inactive", "in_progress inactive", "success"}, 2},
		"delete":     {deletePreview, []string{"success"}, 2},
		"remove":     {removePreview, []string{"success"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, repo := serve(t, preview())
				if err := tt.clean(t.Context(), repo, 7); err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, d := range srv.Deployments(repository) {
					got = append(got, statesOf(d))
				}
				if strings.Join(got, ", ") != strings.Join(tt.states, ", ") {
					t.Errorf("got %q, want %q", got, tt.states)
				}
				if n := len(srv.Environments(repository)); n != tt.environments {
					t.Errorf("%d environments, want %d", n, tt.environments)
				}
			})
		})
	}
}

func TestRecipeRemoveOldPreviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, recent, production := row("pr-1", "success"), row("pr-2", "success"), row("production", "success")
		old.CreatedAt, production.CreatedAt = time.Now().Add(-31*24*time.Hour), time.Now().Add(-40*24*time.Hour)
		srv, repo := serve(t, []ghdeploytest.SeedDeployment{old, recent, production})
		if err := removeOldPreviews(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, d := range srv.Deployments(repository) {
			left = append(left, d.Environment)
		}
		if got := strings.Join(left, " "); got != "production pr-2" {
			t.Errorf("left: %s", got)
		}
	})
}

func TestRecipeLive(t *testing.T) {
	_, repo := serve(t, aged(of("1", row("production", "success")), of("2", row("production", "success")), row("qa", "failure")))
	for sha, want := range map[string]bool{strings.Repeat("1", 40): false, strings.Repeat("2", 40): true} {
		if got, err := isLive(t.Context(), repo, "production", sha); got != want || err != nil {
			t.Errorf("isLive(%.1s) = %v, %v", sha, got, err)
		}
	}
	if got, err := isLive(t.Context(), repo, "qa", strings.Repeat("1", 40)); got || err != nil {
		t.Errorf("isLive in qa = %v, %v", got, err)
	}
	if err := printLive(t.Context(), repo); err != nil {
		t.Error(err)
	}
}

func TestRecipeWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sha := strings.Repeat("1", 40)
		srv, repo := serve(t, aged(of("1", row("staging", "failure")), of("1", row("staging", "in_progress"))))
		var others sync.WaitGroup
		defer others.Wait()
		others.Go(func() {
			time.Sleep(10 * time.Minute)
			if _, err := srv.Client().Statuses.Create(t.Context(), "octocat", "example", 2, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
				t.Error(err)
			}
		})
		if err := waitForStaging(t.Context(), repo, sha); err != nil {
			t.Error(err)
		}
		if err := waitForStaging(t.Context(), repo, strings.Repeat("2", 40)); err == nil {
			t.Error("a commit without a deployment: no error")
		}
	})
}

func TestRecipeMergeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: repository,
			Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
		}))
		defer srv.Close()
		repo := repoOn(srv)
		var checks sync.WaitGroup
		defer checks.Wait()
		checks.Go(func() {
			for _, state := range []string{"pending", "success"} {
				time.Sleep(15 * time.Second)
				srv.SetCommitStatus(repository, "topic", "build", state)
			}
		})
		d, err := mergeFirst(t.Context(), repo, "topic", []string{"build"})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := newest(t, srv); got.ID != d.ID || len(srv.Deployments(repository)) != 1 {
			t.Errorf("%d deployments", len(srv.Deployments(repository)))
		}

		srv.SetCommitStatus(repository, "topic", "build", "failure")
		if _, err := mergeFirst(t.Context(), repo, "topic", []string{"build"}); !errors.Is(err, ghdeploy.ErrChecksFailed) {
			t.Errorf("got %v", err)
		}
	})
}
