package rollout_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// On 10,000 deployments, as the doc comment of Current states it.
func TestCostOfCurrent(t *testing.T) {
	for _, tt := range []struct {
		live int // place of the live one, 0: none
		want string
		cost int
	}{
		{1, "10000 success", 2},
		{40, "9961 success", 48},
		{100, "9901 success", 101},
		{0, "- ErrNoneLive", 101},
	} {
		srv, repo := serve(t, aged(liveAt(tt.live, 10_000)...))
		equal(t, "Current", tt.want, told(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		if have := sent(srv, ""); have > tt.cost {
			t.Errorf("place %d: %d requests, want at most %d", tt.live, have, tt.cost)
		}
	}
}

// Where the first page is not the newest, all pages are read before any
// history.
func TestCostOfCurrentInAnotherOrder(t *testing.T) {
	rows := aged(liveAt(40, 1000)...)
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		srv, repo := serve(t, rows, ghdeploytest.WithListOrder(order))
		equal(t, "Current", "961 success", told(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		equal(t, "requests", 10+47, sent(srv, ""))
	}
}

// liveAt returns n failed deployments, and a success at a place counted from the
// newest.
func liveAt(place, n int) []ghdeploytest.SeedDeployment {
	rows := times(n, row("staging", "in_progress", "failure"))
	if place > 0 {
		rows[n-place] = row("staging", "in_progress", "success")
	}
	return rows
}

func TestCurrent(t *testing.T) {
	type rows = []ghdeploytest.SeedDeployment
	manyStatuses := row("staging", slices.Concat([]string{"success"}, slices.Repeat([]string{"in_progress"}, 250))...)
	for name, tt := range map[string]struct {
		rows rows
		opts rollout.LookOptions
		want string
	}{
		"nothing":               {nil, rollout.LookOptions{}, "- ErrNoneLive"},
		"another environment":   {rows{row("qa", "success")}, rollout.LookOptions{}, "- ErrNoneLive"},
		"the newest":            {rows{row("staging", "success", "inactive"), row("staging", "success")}, rollout.LookOptions{}, "2 success"},
		"failed since":          {rows{row("staging", "success"), row("staging", "failure"), row("staging", "error")}, rollout.LookOptions{}, "1 success"},
		"running":               {rows{row("staging", "success"), row("staging", "in_progress"), row("staging")}, rollout.LookOptions{}, "1 success"},
		"inactive":              {rows{row("staging", "success", "inactive")}, rollout.LookOptions{}, "1 inactive ErrNoneLive"},
		"inactive, older shows": {rows{row("staging", "success"), row("staging", "success", "inactive")}, rollout.LookOptions{}, "2 inactive ErrNoneLive"},
		"failed later":          {rows{row("staging", "success"), row("staging", "success", "error")}, rollout.LookOptions{}, "2 error ErrNoneLive"},
		"deployed again":        {rows{row("staging", "success", "in_progress")}, rollout.LookOptions{}, "1 in_progress ErrNoneLive"},
		"never":                 {rows{row("staging", "failure")}, rollout.LookOptions{}, "- ErrNoneLive"},
		"another case":          {rows{row("Staging", "success")}, rollout.LookOptions{}, "1 success"},
		"moved there": {rows{{Environment: "qa", Statuses: []ghdeploytest.SeedStatus{
			{State: "success", Environment: "staging"}}}}, rollout.LookOptions{}, "1 success"},
		"moved away": {rows{row("staging", "success"), {Environment: "staging", Statuses: []ghdeploytest.SeedStatus{
			{State: "success", Environment: "qa"}}}}, rollout.LookOptions{}, "1 success"},
		"succeeded elsewhere, moved there": {rows{row("staging", "success"), {Environment: "qa", Statuses: []ghdeploytest.SeedStatus{
			{State: "success"}, {State: "in_progress", Environment: "staging"}}}}, rollout.LookOptions{}, "1 success"},
		"of a task":        {rows{task("api", row("staging", "success")), row("staging", "success")}, rollout.LookOptions{Task: "api"}, "1 success"},
		"of all tasks":     {rows{task("api", row("staging", "success")), row("staging", "success")}, rollout.LookOptions{}, "2 success"},
		"in the lookback":  {rows{row("staging", "success"), row("staging", "failure")}, rollout.LookOptions{Lookback: 2}, "1 success"},
		"past it":          {rows{row("staging", "success"), row("staging", "failure")}, rollout.LookOptions{Lookback: 1}, "- ErrNoneLive"},
		"251 statuses":     {rows{manyStatuses}, rollout.LookOptions{}, "1 in_progress ErrNoneLive"},
		"on a second page": {slices.Concat(rows{row("staging", "success")}, times(150, row("staging", "error"))), rollout.LookOptions{Lookback: 200}, "1 success"},
	} {
		for order, listed := range orders {
			t.Run(name+", "+order, func(t *testing.T) {
				_, repo := serve(t, aged(tt.rows...), ghdeploytest.WithListOrder(listed))
				entry, err := repo.Current(t.Context(), "staging", tt.opts)
				equal(t, "Current", tt.want, told(entry, err))
				if entry == nil || !strings.EqualFold(entry.Environment, "staging") {
					t.Errorf("entry %+v, want one that names the environment", entry)
				}
			})
		}
	}
}

// GitHub's auto_inactive ignores the task, as LookOptions.Task says.
func TestCurrentOfATaskThatAnotherMadeInactive(t *testing.T) {
	_, repo := serve(t, nil)
	for _, name := range []string{"api", "web"} {
		d, err := repo.Client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Task: name, Environment: "staging"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := repo.Client.Statuses.Create(t.Context(), "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
			t.Fatal(err)
		}
	}
	if have := told(repo.Current(t.Context(), "staging", rollout.LookOptions{Task: "api"})); !strings.HasSuffix(have, "inactive ErrNoneLive") {
		t.Errorf("api: %s, want it inactive", have)
	}
	if have := told(repo.Current(t.Context(), "staging", rollout.LookOptions{Task: "web"})); !strings.HasSuffix(have, "success") {
		t.Errorf("web: %s, want it live", have)
	}
}

func TestPrevious(t *testing.T) {
	type rows = []ghdeploytest.SeedDeployment
	for name, tt := range map[string]struct {
		rows rows
		opts rollout.LookOptions
		want string
		cost int
	}{
		"nothing":           {nil, rollout.LookOptions{}, "ErrNoneOlder", 1},
		"the first":         {rows{row("staging", "success")}, rollout.LookOptions{}, "ErrNoneOlder", 2},
		"replaced":          {rows{of("a", row("staging", "success", "inactive")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 inactive", 3},
		"redeployed":        {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 success", 3},
		"failed":            {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("c", row("staging", "in_progress", "failure"))}, rollout.LookOptions{}, "2 success", 3},
		"failed twice":      {rows{of("b", row("staging", "success")), of("c", row("staging", "failure")), of("d", row("staging", "error"))}, rollout.LookOptions{}, "1 success", 4},
		"rolled back":       {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("a", row("staging", "success"))}, rollout.LookOptions{}, "2 success", 3},
		"failed later":      {rows{of("a", row("staging", "success")), of("b", row("staging", "success", "failure"))}, rollout.LookOptions{}, "1 success", 3},
		"older one too":     {rows{of("a", row("staging", "success", "error")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 error", 3},
		"running":           {rows{of("a", row("staging", "success")), of("b", row("staging", "queued", "in_progress"))}, rollout.LookOptions{}, "2 in_progress ErrRunning", 2},
		"waiting":           {rows{of("a", row("staging", "success")), of("b", row("staging", "waiting"))}, rollout.LookOptions{}, "2 waiting ErrRunning", 2},
		"without a status":  {rows{of("a", row("staging", "success")), of("b", row("staging"))}, rollout.LookOptions{}, "1 success", 3},
		"goes on after it":  {rows{of("a", row("staging", "success")), of("b", row("staging", "success", "in_progress"))}, rollout.LookOptions{}, "1 success", 3},
		"of a task":         {rows{of("a", task("api", row("staging", "success"))), of("b", row("staging", "success")), of("c", task("api", row("staging", "success")))}, rollout.LookOptions{Task: "api"}, "1 success", 3},
		"past the lookback": {rows{of("a", row("staging", "success")), of("b", row("staging", "failure")), of("c", row("staging", "failure"))}, rollout.LookOptions{Lookback: 2}, "ErrNoneOlder", 3},
	} {
		for order, listed := range orders {
			t.Run(name+", "+order, func(t *testing.T) {
				srv, repo := serve(t, aged(tt.rows...), ghdeploytest.WithListOrder(listed))
				equal(t, "Previous", tt.want, told(repo.Previous(t.Context(), "staging", tt.opts)))
				equal(t, "requests", tt.cost, sent(srv, ""))
			})
		}
	}
}

func TestCostOfPrevious(t *testing.T) {
	srv, repo := serve(t, aged(times(10_000, row("staging", "failure"))...))
	equal(t, "Previous", "ErrNoneOlder", told(repo.Previous(t.Context(), "staging", rollout.LookOptions{})))
	equal(t, "requests", 101, sent(srv, ""))
}

func TestSucceeded(t *testing.T) {
	a, b := strings.Repeat("a", 40), strings.Repeat("b", 40)
	synctest.Test(t, func(t *testing.T) {
		at := func(ago time.Duration, states ...string) (list []ghdeploytest.SeedStatus) {
			for _, state := range states {
				list = append(list, ghdeploytest.SeedStatus{State: state, CreatedAt: time.Now().Add(-ago)})
			}
			return list
		}
		created := func(id int64, ago time.Duration, sha string, statuses []ghdeploytest.SeedStatus) ghdeploytest.SeedDeployment {
			return ghdeploytest.SeedDeployment{ID: id, SHA: sha, Environment: "staging", CreatedAt: time.Now().Add(-ago), Statuses: statuses}
		}
		rows := []ghdeploytest.SeedDeployment{
			created(1, 10*time.Hour, a, at(9*time.Hour, "failure")),
			created(2, 8*time.Hour, a, at(5*time.Hour, "success")), // a slow one
			created(3, 7*time.Hour, a, slices.Concat(at(6*time.Hour, "success", "inactive"), at(time.Hour, "success"))),
			created(4, 3*time.Hour, a, at(2*time.Hour, "success")),
			created(5, 3*time.Hour, b, at(2*time.Hour, "failure")),
		}
		for order, listed := range orders {
			srv, repo := serve(t, rows, ghdeploytest.WithListOrder(listed))
			for _, sha := range []string{a, strings.ToUpper(a)} {
				entry, err := repo.Succeeded(t.Context(), "staging", sha, rollout.LookOptions{})
				equal(t, order, "3 success", told(entry, err))
				equal(t, order+": time of the first success", time.Now().Add(-6*time.Hour).UTC(), entry.Status.CreatedAt.UTC())
			}
			equal(t, order+": requests", 2*(1+1+2+1), sent(srv, ""))
			equal(t, order, "ErrNeverSucceeded", told(repo.Succeeded(t.Context(), "staging", b, rollout.LookOptions{})))
			equal(t, order, "ErrNeverSucceeded", told(repo.Succeeded(t.Context(), "qa", a, rollout.LookOptions{})))
			equal(t, order, "ErrNeverSucceeded", told(repo.Succeeded(t.Context(), "staging", a, rollout.LookOptions{Task: "api"})))
			equal(t, order, "4 success", told(repo.Succeeded(t.Context(), "staging", a, rollout.LookOptions{Lookback: 1})))
		}
	})
}

// A status can move a deployment: it succeeded in both.
func TestSucceededOfAMovedDeployment(t *testing.T) {
	srv, repo := serve(t, aged(of("a", ghdeploytest.SeedDeployment{Environment: "staging", Statuses: []ghdeploytest.SeedStatus{
		{State: "success", Description: "in staging"}, {State: "success", Environment: "production"},
	}}), of("a", row("qa", "success"))))
	for _, environment := range []string{"staging", "production"} {
		entry, err := repo.Succeeded(t.Context(), environment, strings.Repeat("a", 40), rollout.LookOptions{})
		equal(t, environment, "1 success", told(entry, err))
		equal(t, "environment", environment, entry.Status.Environment)
	}
	equal(t, "requests", 4, sent(srv, ""))
}

func TestHistory(t *testing.T) {
	for order, listed := range orders {
		t.Run(order, func(t *testing.T) {
			srv, repo := serve(t, aged(row("staging", "success", "inactive"), row("qa", "failure"), row("staging"), row("staging", "queued", "success")), ghdeploytest.WithListOrder(listed))
			page, err := repo.History(t.Context(), ghdeploy.DeploymentListOptions{Environment: "staging"})
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, entry := range page.Items {
				have = append(have, told(&entry, nil))
			}
			equal(t, "History", []string{"4 success", "3", "1 inactive"}, have)
			equal(t, "requests", 4, sent(srv, ""))
			page, err = repo.History(t.Context(), ghdeploy.DeploymentListOptions{PerPage: 2, Page: 1})
			if err != nil || len(page.Items) != 2 || page.NextPage != 2 || page.LastPage != 2 || page.Rate.Limit != 5000 {
				t.Errorf("page %+v, %v; want 2 of 2 pages and the quota", page, err)
			}
		})
	}
}

func TestOverview(t *testing.T) {
	var rows []ghdeploytest.SeedDeployment
	for i := range 120 {
		rows = append(rows, row(fmt.Sprintf("pr-%03d", i), "success"))
	}
	rows = append(rows, row("production", "success"), row("staging", "success", "inactive"))
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: repository, Deployments: aged(rows...), Environments: []ghdeploytest.Environment{{Name: "never"}},
	}))
	t.Cleanup(srv.Close)
	repo := repoOn(srv)
	seq := repo.Overview(t.Context(), rollout.LookOptions{})
	for range 2 { // a second range starts over
		have := map[string]string{}
		for entry, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			have[entry.Environment] = told(&entry, nil)
			if entry.Deployment == nil && entry.Status != nil {
				t.Errorf("%s has a status without a deployment", entry.Environment)
			}
		}
		equal(t, "environments", 123, len(have))
		for environment, want := range map[string]string{"pr-000": "1 success", "pr-119": "120 success", "production": "121 success", "staging": "-", "never": "-"} {
			equal(t, environment, want, have[environment])
		}
	}
	equal(t, "requests", 2*(2+122*2+1), sent(srv, ""))
	for _, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	equal(t, "requests after a break at the environment never", 2*(2+122*2+1)+2+1, sent(srv, ""))
}

// An error ends the range and names the environment.
func TestOverviewError(t *testing.T) {
	srv, repo := serve(t, aged(row("a", "success"), row("b", "success"), row("c", "success")))
	srv.Inject(ghdeploytest.Fault{Operation: "GET /repos/{owner}/{repo}/deployments", Nth: 2, Effect: ghdeploytest.Respond(403, `{"message":"no"}`)})
	var have []string
	for entry, err := range repo.Overview(t.Context(), rollout.LookOptions{}) {
		if err != nil {
			have = append(have, entry.Environment+" failed")
			continue
		}
		have = append(have, entry.Environment)
	}
	equal(t, "entries", []string{"a", "b failed"}, have)
}

func TestLookArguments(t *testing.T) {
	srv, repo := serve(t, nil)
	sha := strings.Repeat("a", 40)
	for name, call := range map[string]func(rollout.Repo) (*rollout.Entry, error){
		"Deployments is nil": func(r rollout.Repo) (*rollout.Entry, error) {
			r.Client = &ghdeploy.Client{Statuses: repo.Client.Statuses}
			return r.Current(t.Context(), "staging", rollout.LookOptions{})
		},
		"Statuses is nil": func(r rollout.Repo) (*rollout.Entry, error) {
			r.Client = &ghdeploy.Client{Deployments: repo.Client.Deployments}
			return r.Previous(t.Context(), "staging", rollout.LookOptions{})
		},
		"Environments is nil": func(r rollout.Repo) (*rollout.Entry, error) {
			r.Client = &ghdeploy.Client{Deployments: repo.Client.Deployments, Statuses: repo.Client.Statuses}
			for _, err := range r.Overview(t.Context(), rollout.LookOptions{}) {
				return nil, err
			}
			return nil, nil
		},
		"Client is nil": func(r rollout.Repo) (*rollout.Entry, error) {
			r.Client = nil
			_, err := r.History(t.Context(), ghdeploy.DeploymentListOptions{})
			return nil, err
		},
		"environment is empty": func(r rollout.Repo) (*rollout.Entry, error) {
			return r.Succeeded(t.Context(), "", sha, rollout.LookOptions{})
		},
		`SHA is "abc"`: func(r rollout.Repo) (*rollout.Entry, error) {
			return r.Succeeded(t.Context(), "staging", "abc", rollout.LookOptions{})
		},
		"Lookback is -1": func(r rollout.Repo) (*rollout.Entry, error) {
			return r.Current(t.Context(), "staging", rollout.LookOptions{Lookback: -1})
		},
		"LookOptions.Lookback is -2": func(r rollout.Repo) (*rollout.Entry, error) {
			for _, err := range r.Overview(t.Context(), rollout.LookOptions{Lookback: -2}) {
				return nil, err
			}
			return nil, nil
		},
		"PerPage is 101": func(r rollout.Repo) (*rollout.Entry, error) {
			_, err := r.History(t.Context(), ghdeploy.DeploymentListOptions{PerPage: 101})
			return nil, err
		},
	} {
		entry, err := call(repo)
		if entry != nil || told(nil, err) != "ErrInvalidArgument" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v; want ErrInvalidArgument that says so", name, entry, err)
		}
	}
	equal(t, "requests", 0, sent(srv, ""))
}

// stubDeployments and stubStatuses are services that are functions.
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

// Reads 1, 2, 4 and 8 at a time, never more, and returns only once all have
// ended.
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
		equal(t, "Current", "- ErrNoneLive", told(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		equal(t, "at the same time", 8, widest)
		equal(t, "time", 8*time.Second, time.Since(start)) // 1, 2, 4, 8, 8, 8, 8, 1
		equal(t, "readings left", 0, open)
	})
}

// An error about an older deployment than the one that decides changes nothing;
// one about a newer deployment does.
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
	equal(t, "older", "3 success", told(failing(2).Current(t.Context(), "staging", rollout.LookOptions{})))
	equal(t, "newer", "ghdeploy: 502 Bad Gateway", told(failing(4).Current(t.Context(), "staging", rollout.LookOptions{})))
	gone := stubbed(numbered(2), func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
		if id == 2 {
			return nil, &ghdeploy.Error{StatusCode: http.StatusNotFound}
		}
		return []*ghdeploy.DeploymentStatus{{ID: 1, State: ghdeploy.StateSuccess}}, nil
	})
	equal(t, "deleted meanwhile", "1 success", told(gone.Current(t.Context(), "staging", rollout.LookOptions{})))
	page, err := gone.History(t.Context(), ghdeploy.DeploymentListOptions{})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("History = %+v, %v; want the one that is left", page, err)
	}
}

// GitHub does not document whether its filter means the environment at the
// creation or the present one.
func TestCurrentOfAMovedDeployment(t *testing.T) {
	list := []*ghdeploy.Deployment{
		{ID: 2, OriginalEnvironment: "staging", Environment: "qa"},
		{ID: 1, OriginalEnvironment: "staging", Environment: "Staging"},
	}
	repo := stubbed(list, func(_ context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
		return []*ghdeploy.DeploymentStatus{{ID: id, State: ghdeploy.StateSuccess}}, nil
	})
	equal(t, "Current", "1 success", told(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
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

// A stub's slice and its rows belong to the stub.
func TestLookLeavesTheListAsItIs(t *testing.T) {
	list := append(numbered(3), nil)
	repo := stubbed(list, func(context.Context, int64) ([]*ghdeploy.DeploymentStatus, error) { return nil, nil })
	if _, err := repo.History(t.Context(), ghdeploy.DeploymentListOptions{}); err != nil {
		t.Fatal(err)
	}
	equal(t, "Current", "- ErrNoneLive", told(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
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

func TestLookCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		repo := stubbed(numbered(5), func(ctx context.Context, _ int64) ([]*ghdeploy.DeploymentStatus, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		equal(t, "Current", "Canceled", told(repo.Current(ctx, "staging", rollout.LookOptions{})))
	})
}
