package ghdeploytest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestListOrder(t *testing.T) {
	for _, tt := range []struct {
		order             ghdeploytest.ListOrder
		deploys, statuses string
	}{
		{ghdeploytest.NewestFirst, "6000000003 6000000002 6000000001", "7000000003 7000000002 7000000001"},
		{ghdeploytest.OldestFirst, "6000000001 6000000002 6000000003", "7000000001 7000000002 7000000003"},
	} {
		srv := newServer(t, ghdeploytest.WithListOrder(tt.order))
		for range 3 {
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`)
		}
		if got := listed(t, must(t, srv, 200, "GET", deployments, "").body); got != tt.deploys {
			t.Errorf("%d: %s", tt.order, got)
		}
		if got := listed(t, must(t, srv, 200, "GET", first+"/statuses", "").body); got != tt.statuses {
			t.Errorf("%d: %s", tt.order, got)
		}
	}
	wantPanic(t, func() { ghdeploytest.WithListOrder(3) }, "WithListOrder(3)")
}

// The pages of a shuffled list contain each row once, in the same order for
// every request. The first row is neither the newest nor the oldest.
func TestShuffledList(t *testing.T) {
	const n = 50
	srv := newServer(t, ghdeploytest.WithListOrder(ghdeploytest.Shuffled), ghdeploytest.WithRepository(manyDeployments(n)))
	whole := listed(t, must(t, srv, 200, "GET", deployments+"?per_page=100", "").body)
	var pages []string
	for page := 1; page <= 7; page++ {
		if got := listed(t, must(t, srv, 200, "GET", fmt.Sprintf("%s?per_page=8&page=%d", deployments, page), "").body); got != "" {
			pages = append(pages, got)
		}
	}
	if got := strings.Join(pages, " "); got != whole {
		t.Errorf("pages %s\nwhole %s", got, whole)
	}
	var sorted []string
	for id := range n {
		sorted = append(sorted, fmt.Sprint(id+1))
	}
	rows := strings.Fields(whole)
	if slices.Equal(rows, sorted) || rows[0] == "1" || rows[0] == "50" {
		t.Errorf("not shuffled: %s", whole)
	}
	slices.Sort(rows)
	slices.Sort(sorted)
	if !slices.Equal(rows, sorted) {
		t.Errorf("rows are missing: %s", whole)
	}
}

func TestListLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithListLag(5*time.Second), ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example", Deployments: []ghdeploytest.SeedDeployment{
				{ID: 1, Environment: "staging", Statuses: []ghdeploytest.SeedStatus{{State: "inactive"}}},
				{ID: 2, Environment: "staging"},
			},
		}))
		defer srv.Close()
		lists := func(path, want string) {
			t.Helper()
			if got := listed(t, must(t, srv, 200, "GET", path, "").body); got != want {
				t.Errorf("%s: %q, want %q", path, got, want)
			}
		}
		lists(deployments, "2 1") // the setup has no lag
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		must(t, srv, 201, "POST", deployments+"/2/statuses", `{"state":"success","environment":"qa"}`)
		must(t, srv, 204, "DELETE", deployments+"/1", "")
		time.Sleep(5*time.Second - time.Nanosecond)
		lists(deployments, "2 1")
		lists(deployments+"?environment=staging", "2 1")
		lists(deployments+"/2/statuses", "")
		must(t, srv, 200, "GET", first, "") // a single deployment has no lag
		must(t, srv, 404, "GET", deployments+"/1", "")
		got := must(t, srv, 200, "GET", deployments+"/2", "")
		wantFields(t, got.body, map[string]string{"environment": `"qa"`})
		time.Sleep(time.Nanosecond)
		lists(deployments, "6000000001 2")
		lists(deployments+"?environment=qa", "2")
		lists(deployments+"/2/statuses", "7000000002")

		must(t, srv, 201, "POST", deployments+"/2/statuses", `{"state":"failure"}`)
		must(t, srv, 204, "DELETE", deployments+"/2", "")
		lists(deployments, "6000000001 2") // still in its place
		time.Sleep(5 * time.Second)
		lists(deployments, "6000000001")
	})
	wantPanic(t, func() { ghdeploytest.WithListLag(0) }, "WithListLag(0s)")
}

func TestInactive(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "robot", App: "shipper"}))
	for i := range 3 {
		must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"staging"}`)
		must(t, srv, 201, "POST", fmt.Sprintf("%s/%d/statuses", deployments, 6000000001+int64(i)), `{"state":"success","auto_inactive":false}`)
	}
	clock.Time = clock.Add(time.Minute)
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"inactive"}`)
	clock.Time = clock.Add(time.Minute)
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"inactive"}`)
	must(t, srv, 201, "POST", deployments+"/6000000003/statuses", `{"state":"success"}`, "Authorization", "Bearer robot")
	type inactive struct {
		by    string
		after time.Duration
		auto  int64
	}
	want := []*inactive{{"octocat", time.Minute, 0}, {"shipper[bot]", 2 * time.Minute, 6000000003}, nil}
	for i, d := range srv.Deployments("octocat/example") {
		st := d.Inactive()
		switch {
		case (st == nil) != (want[i] == nil):
			t.Errorf("%d: %+v", d.ID, st)
		case st != nil:
			if got := (inactive{st.Creator, st.CreatedAt.Sub(newClock().Time), st.AutoInactiveBy}); got != *want[i] {
				t.Errorf("%d: %+v, want %+v", d.ID, got, *want[i])
			}
		}
	}
}
