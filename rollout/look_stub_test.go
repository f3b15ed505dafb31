package rollout_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// stubDeployments and stubStatuses implement the services with functions.
type stubDeployments struct {
	ghdeploy.DeploymentsService
	list []*ghdeploy.Deployment
	err  error
}

func (s stubDeployments) List(context.Context, string, string, ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	if s.list == nil {
		return nil, s.err
	}
	return &ghdeploy.Page[*ghdeploy.Deployment]{Items: s.list}, s.err
}

type stubStatuses struct {
	ghdeploy.StatusesService
	read func(ctx context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error)
}

func (s stubStatuses) List(ctx context.Context, _, _ string, id int64, _ ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	list, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return &ghdeploy.Page[*ghdeploy.DeploymentStatus]{Items: list}, nil
}

func stubbed(list []*ghdeploy.Deployment, read func(ctx context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error)) rollout.Repo {
	return rollout.Repo{Owner: "octocat", Name: "example", Client: &ghdeploy.Client{
		Deployments: stubDeployments{list: list}, Statuses: stubStatuses{read: read},
	}}
}

func numbered(n int) (list []*ghdeploy.Deployment) {
	for id := range n {
		list = append(list, &ghdeploy.Deployment{ID: int64(id + 1)})
	}
	return list
}

// Current reads 1, 2, 4 and then 8 histories at a time, and returns once all
// reads have ended.
func TestLookIsAtMostEightWide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var open, widest int
		repo := stubbed(numbered(40), func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) {
			mu.Lock()
			open++
			widest = max(widest, open)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			open--
			mu.Unlock()
			return nil, nil
		})
		start := time.Now()
		equal(t, "Current", "- ErrNoneLive", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		equal(t, "at the same time", 8, widest)
		equal(t, "time", 8*time.Second, time.Since(start)) // 1, 2, 4, 8, 8, 8, 8, 1
		equal(t, "readings left", 0, open)
	})
}

// An error about a deployment older than the live one is ignored; an error
// about a newer one is returned.
func TestLookErrors(t *testing.T) {
	failing := func(bad int64) rollout.Repo {
		return stubbed(numbered(5), func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
			switch id {
			case bad:
				return nil, &ghdeploy.Error{StatusCode: http.StatusBadGateway}
			case 3:
				return []*ghdeploy.DeploymentStatus{nil, {ID: 1, State: ghdeploy.StateSuccess}}, nil
			}
			return nil, nil
		})
	}
	equal(t, "older", "3 success", text(failing(2).Current(t.Context(), "staging", rollout.LookOptions{})))
	equal(t, "newer", "ghdeploy: 502 Bad Gateway", text(failing(4).Current(t.Context(), "staging", rollout.LookOptions{})))
	gone := stubbed(numbered(2), func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
		if id == 2 {
			return nil, &ghdeploy.Error{StatusCode: http.StatusNotFound}
		}
		return []*ghdeploy.DeploymentStatus{{ID: 1, State: ghdeploy.StateSuccess}}, nil
	})
	equal(t, "deleted during the call", "1 success", text(gone.Current(t.Context(), "staging", rollout.LookOptions{})))
	page, err := gone.History(t.Context(), ghdeploy.DeploymentListOptions{})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("History = %+v, %v; want the remaining one", page, err)
	}
}

// GitHub does not document whether its filter means the original or the current
// environment.
func TestCurrentOfAMovedDeployment(t *testing.T) {
	list := []*ghdeploy.Deployment{
		{ID: 2, OriginalEnvironment: "staging", Environment: "qa"},
		{ID: 1, OriginalEnvironment: "staging", Environment: "Staging"},
	}
	repo := stubbed(list, func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
		return []*ghdeploy.DeploymentStatus{{ID: id, State: ghdeploy.StateSuccess}}, nil
	})
	equal(t, "Current", "1 success", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
}

// A panic of a service reaches the caller's goroutine, where it can be
// recovered; Goexit, such as that of t.FailNow in a stub, ends it.
func TestLookPanics(t *testing.T) {
	repo := stubbed(numbered(5), func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
		if id == 4 {
			panic("boom")
		}
		return nil, nil
	})
	func() {
		defer func() { equal(t, "recovered", any("boom"), recover()) }()
		_, err := repo.Current(t.Context(), "staging", rollout.LookOptions{})
		t.Errorf("Current returned %v", err)
	}()
	repo = stubbed(numbered(5), func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) {
		runtime.Goexit()
		return nil, nil
	})
	returned, done := false, make(chan struct{})
	go func() {
		defer close(done)
		repo.Current(context.WithoutCancel(t.Context()), "staging", rollout.LookOptions{}) //nolint:errcheck // does not return
		returned = true
	}()
	<-done
	if returned {
		t.Error("Current returned although a service called Goexit")
	}
}

// The functions do not change the slice that a stub returns.
func TestLookDoesNotChangeTheList(t *testing.T) {
	list := append(numbered(3), nil)
	repo := stubbed(list, func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) { return nil, nil })
	if _, err := repo.History(t.Context(), ghdeploy.DeploymentListOptions{}); err != nil {
		t.Fatal(err)
	}
	equal(t, "Current", "- ErrNoneLive", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
	if list[0].ID != 1 || list[3] != nil {
		t.Errorf("the stub's list was changed: %v", list)
	}
	none := stubbed(nil, nil)
	if _, err := none.History(t.Context(), ghdeploy.DeploymentListOptions{}); err == nil {
		t.Error("History of a stub that returns no page: no error")
	}
	if _, err := none.Current(t.Context(), "staging", rollout.LookOptions{}); err == nil {
		t.Error("Current of a stub that returns no page: no error")
	}
}

// If a proxy drops the query, other tasks and commits are ignored.
func TestLookChecksTheFiltersItself(t *testing.T) {
	srv, repo := serve(t, aged(
		of("b", task("api", row("staging", "success"))),
		of("a", task("api", row("staging", "success"))),
		of("c", task("web", row("staging", "success"))),
		of("d", task("api", row("qa", "success"))),
	))
	defer srv.Close()
	repo.Client.Deployments = forgetful{repo.Client.Deployments}
	opts := rollout.LookOptions{Task: "api"}
	equal(t, "Current", "2 success", text(repo.Current(t.Context(), "staging", opts)))
	equal(t, "Previous", "1 success", text(repo.Previous(t.Context(), "staging", opts)))
	equal(t, "Succeeded", "1 success", text(repo.Succeeded(t.Context(), "staging", strings.Repeat("b", 40), opts)))
	equal(t, "Succeeded", "ErrNeverSucceeded", text(repo.Succeeded(t.Context(), "staging", strings.Repeat("c", 40), opts)))
	equal(t, "Succeeded", "ErrNeverSucceeded", text(repo.Succeeded(t.Context(), "staging", strings.Repeat("d", 40), opts)))
}

func TestLookCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := stubbed(numbered(5), func(ctx context.Context, _ int64) ([]*ghdeploy.DeploymentStatus, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		equal(t, "Current", "Canceled", text(repo.Current(ctx, "staging", rollout.LookOptions{})))
	})
}
