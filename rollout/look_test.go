package rollout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// The costs in the doc comments of Current and Previous, on 10,000 deployments.
func TestCostOfCurrent(t *testing.T) {
	srv, repo := serve(t, aged(liveAt(0, 10_000)...))
	for _, tt := range []struct {
		live int64 // the deployment that becomes live before the call; 0 for none
		want string
		cost int
	}{
		{0, "- ErrNoneLive", 101},
		{9901, "9901 success", 101},
		{9961, "9961 success", 48},
		{10_000, "10000 success", 2},
	} {
		if tt.live > 0 {
			if _, err := repo.Client.Statuses.Create(t.Context(), "octocat", "example", tt.live, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
				t.Fatal(err)
			}
		}
		before := sent(srv, "")
		equal(t, "Current", tt.want, text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		if have := sent(srv, "") - before; have > tt.cost {
			t.Errorf("%d live: %d requests, want at most %d", tt.live, have, tt.cost)
		}
		if tt.live == 0 {
			before = sent(srv, "")
			equal(t, "Previous", "ErrNoneOlder", text(repo.Previous(t.Context(), "staging", rollout.LookOptions{})))
			equal(t, "requests", 101, sent(srv, "")-before)
		}
	}
}

// Where the first page is not the newest, all pages are read before any
// history.
func TestCostOfCurrentInAnotherOrder(t *testing.T) {
	rows := aged(liveAt(40, 1000)...)
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		srv, repo := serve(t, rows, ghdeploytest.WithListOrder(order))
		equal(t, "Current", "961 success", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
		equal(t, "requests", 10+47, sent(srv, ""))
	}
}

// Deployments of the same second are ordered by ID, and IDs in another order by
// time. In both cases Current does not read all pages.
func TestCostOfCurrentAmongEqualTimes(t *testing.T) {
	rows := aged(liveAt(1, 150)...)
	for i := range rows {
		rows[i].CreatedAt = rows[0].CreatedAt
	}
	srv, repo := serve(t, rows)
	equal(t, "equal times", "150 success", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
	equal(t, "requests", 2, sent(srv, ""))

	rows = aged(liveAt(1, 150)...)
	rows[140].ID, rows[141].ID = rows[141].ID, rows[140].ID
	srv, repo = serve(t, rows)
	equal(t, "IDs in another order", "150 success", text(repo.Current(t.Context(), "staging", rollout.LookOptions{})))
	equal(t, "requests", 2, sent(srv, ""))
}

// liveAt returns n deployments. The one at the place, counted from the newest,
// succeeded; the others failed.
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
		"nothing":                 {nil, rollout.LookOptions{}, "- ErrNoneLive"},
		"another environment":     {rows{row("qa", "success")}, rollout.LookOptions{}, "- ErrNoneLive"},
		"the newest":              {rows{row("staging", "success", "inactive"), row("staging", "success")}, rollout.LookOptions{}, "2 success"},
		"failed since":            {rows{row("staging", "success"), row("staging", "failure"), row("staging", "error")}, rollout.LookOptions{}, "1 success"},
		"running":                 {rows{row("staging", "success"), row("staging", "in_progress"), row("staging")}, rollout.LookOptions{}, "1 success"},
		"inactive":                {rows{row("staging", "success", "inactive")}, rollout.LookOptions{}, "1 inactive ErrNoneLive"},
		"inactive, older success": {rows{row("staging", "success"), row("staging", "success", "inactive")}, rollout.LookOptions{}, "2 inactive ErrNoneLive"},
		"failed later":            {rows{row("staging", "success"), row("staging", "success", "error")}, rollout.LookOptions{}, "2 error ErrNoneLive"},
		"deployed again":          {rows{row("staging", "success", "in_progress")}, rollout.LookOptions{}, "1 in_progress ErrNoneLive"},
		"never":                   {rows{row("staging", "failure")}, rollout.LookOptions{}, "- ErrNoneLive"},
		"another case":            {rows{row("Staging", "success")}, rollout.LookOptions{}, "1 success"},
		"moved there": {rows{{Environment: "qa", Statuses: []ghdeploytest.SeedStatus{
			{State: "success", Environment: "staging"}}}}, rollout.LookOptions{}, "1 success"},
		"moved away": {rows{row("staging", "success"), {Environment: "staging", Statuses: []ghdeploytest.SeedStatus{
			{State: "success", Environment: "qa"}}}}, rollout.LookOptions{}, "1 success"},
		"succeeded elsewhere, moved there": {rows{row("staging", "success"), {Environment: "qa", Statuses: []ghdeploytest.SeedStatus{
			{State: "success"}, {State: "in_progress", Environment: "staging"}}}}, rollout.LookOptions{}, "1 success"},
		"of a task":         {rows{task("api", row("staging", "success")), row("staging", "success")}, rollout.LookOptions{Task: "api"}, "1 success"},
		"of all tasks":      {rows{task("api", row("staging", "success")), row("staging", "success")}, rollout.LookOptions{}, "2 success"},
		"in the lookback":   {rows{row("staging", "success"), row("staging", "failure")}, rollout.LookOptions{Lookback: 2}, "1 success"},
		"past the lookback": {rows{row("staging", "success"), row("staging", "failure")}, rollout.LookOptions{Lookback: 1}, "- ErrNoneLive"},
		"251 statuses":      {rows{manyStatuses}, rollout.LookOptions{}, "1 in_progress ErrNoneLive"},
		"on a second page":  {slices.Concat(rows{row("staging", "success")}, times(150, row("staging", "error"))), rollout.LookOptions{Lookback: 200}, "1 success"},
	} {
		for order, listed := range orders {
			t.Run(name+", "+order, func(t *testing.T) {
				_, repo := serve(t, aged(tt.rows...), ghdeploytest.WithListOrder(listed))
				entry, err := repo.Current(t.Context(), "staging", tt.opts)
				equal(t, "Current", tt.want, text(entry, err))
				if entry == nil || !strings.EqualFold(entry.Environment, "staging") {
					t.Errorf("entry %+v, want one with the environment", entry)
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
	if have := text(repo.Current(t.Context(), "staging", rollout.LookOptions{Task: "api"})); !strings.HasSuffix(have, "inactive ErrNoneLive") {
		t.Errorf("api: %s, want it inactive", have)
	}
	if have := text(repo.Current(t.Context(), "staging", rollout.LookOptions{Task: "web"})); !strings.HasSuffix(have, "success") {
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
		"nothing":              {nil, rollout.LookOptions{}, "ErrNoneOlder", 1},
		"the first":            {rows{row("staging", "success")}, rollout.LookOptions{}, "ErrNoneOlder", 2},
		"replaced":             {rows{of("a", row("staging", "success", "inactive")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 inactive", 3},
		"redeployed":           {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 success", 3},
		"failed":               {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("c", row("staging", "in_progress", "failure"))}, rollout.LookOptions{}, "2 success", 3},
		"redeployed, failed":   {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("b", row("staging", "failure"))}, rollout.LookOptions{}, "1 success", 3},
		"failed twice":         {rows{of("b", row("staging", "success")), of("c", row("staging", "failure")), of("d", row("staging", "error"))}, rollout.LookOptions{}, "1 success", 4},
		"rolled back":          {rows{of("a", row("staging", "success")), of("b", row("staging", "success")), of("a", row("staging", "success"))}, rollout.LookOptions{}, "2 success", 3},
		"failed later":         {rows{of("a", row("staging", "success")), of("b", row("staging", "success", "failure"))}, rollout.LookOptions{}, "1 success", 3},
		"older one too":        {rows{of("a", row("staging", "success", "error")), of("b", row("staging", "success"))}, rollout.LookOptions{}, "1 error", 3},
		"running":              {rows{of("a", row("staging", "success")), of("b", row("staging", "queued", "in_progress"))}, rollout.LookOptions{}, "2 in_progress ErrRunning", 2},
		"waiting":              {rows{of("a", row("staging", "success")), of("b", row("staging", "waiting"))}, rollout.LookOptions{}, "2 waiting ErrRunning", 2},
		"without a status":     {rows{of("a", row("staging", "success")), of("b", row("staging"))}, rollout.LookOptions{}, "1 success", 3},
		"runs after a success": {rows{of("a", row("staging", "success")), of("b", row("staging", "success", "in_progress"))}, rollout.LookOptions{}, "1 success", 3},
		"of a task":            {rows{of("a", task("api", row("staging", "success"))), of("b", row("staging", "success")), of("c", task("api", row("staging", "success")))}, rollout.LookOptions{Task: "api"}, "1 success", 3},
		"past the lookback":    {rows{of("a", row("staging", "success")), of("b", row("staging", "failure")), of("c", row("staging", "failure"))}, rollout.LookOptions{Lookback: 2}, "ErrNoneOlder", 3},
	} {
		for order, listed := range orders {
			t.Run(name+", "+order, func(t *testing.T) {
				srv, repo := serve(t, aged(tt.rows...), ghdeploytest.WithListOrder(listed))
				equal(t, "Previous", tt.want, text(repo.Previous(t.Context(), "staging", tt.opts)))
				equal(t, "requests", tt.cost, sent(srv, ""))
			})
		}
	}
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
		if entry != nil || text(nil, err) != "ErrInvalidArgument" || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, %v; want ErrInvalidArgument that says so", name, entry, err)
		}
	}
	equal(t, "requests", 0, sent(srv, ""))
}
