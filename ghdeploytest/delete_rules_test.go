package ghdeploytest_test

import (
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// history returns a repository with one deployment for each item: environment,
// newest state or "", and kind of environment. The IDs count from 1.
func history(list ...[3]string) ghdeploytest.Repository {
	repo := ghdeploytest.Repository{FullName: "octocat/example"}
	for i, d := range list {
		given := ghdeploytest.SeedDeployment{
			ID: int64(i + 1), Environment: d[0], TransientEnvironment: d[2] == "transient", ProductionEnvironment: new(d[2] == "production"),
		}
		if d[1] != "" {
			given.Statuses = []ghdeploytest.SeedStatus{{State: d[1]}}
		}
		repo.Deployments = append(repo.Deployments, given)
	}
	return repo
}

func TestDeleteRules(t *testing.T) {
	strict := ghdeploytest.WithActiveDeployment(ghdeploytest.ActiveWithoutStatus)
	inEnvironment := ghdeploytest.WithOnlyDeployment(ghdeploytest.OnlyInEnvironment)
	for _, tt := range []struct {
		name    string
		options []ghdeploytest.Option
		history [][3]string
		delete  string
		status  int
	}{
		{"no status", nil, [][3]string{{"a", ""}, {"a", ""}}, "1", 204},
		{"no status, strict", []ghdeploytest.Option{strict}, [][3]string{{"a", ""}, {"a", ""}}, "1", 422},
		{"no status, strict, a later success", []ghdeploytest.Option{strict}, [][3]string{{"a", ""}, {"A", "success"}}, "1", 204},
		{"no status, strict, the only one", []ghdeploytest.Option{strict}, [][3]string{{"a", ""}}, "1", 204},
		{"in progress, strict", []ghdeploytest.Option{strict}, [][3]string{{"a", "in_progress"}, {"a", ""}}, "1", 204},
		{"success", nil, [][3]string{{"a", "success"}, {"a", "failure"}}, "1", 422},
		{"success, a later success, production", nil, [][3]string{{"a", "success", "production"}, {"A", "success", "production"}}, "1", 204},
		{"success, a later success, transient", nil, [][3]string{{"a", "success", "transient"}, {"a", "success", "transient"}}, "1", 204},
		{"the later success", nil, [][3]string{{"a", "success", "production"}, {"a", "success", "production"}}, "2", 422},
		{"success, a later success in another environment", nil, [][3]string{{"a", "success"}, {"b", "success"}}, "1", 422},
		{"success, the only one in its environment", nil, [][3]string{{"a", "success"}, {"b", ""}}, "1", 422},
		{"success, the only one in its environment, OnlyInEnvironment", []ghdeploytest.Option{inEnvironment}, [][3]string{{"a", "success"}, {"b", ""}}, "1", 204},
		{"success, one of two, OnlyInEnvironment", []ghdeploytest.Option{inEnvironment}, [][3]string{{"a", "success"}, {"A", ""}}, "1", 422},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t, append(tt.options, ghdeploytest.WithRepository(history(tt.history...)))...)
			must(t, srv, tt.status, "DELETE", deployments+"/"+tt.delete, "")
			want := len(tt.history)
			if tt.status == 204 {
				want--
			}
			if n := len(srv.Deployments("octocat/example")); n != want {
				t.Errorf("%d deployments, want %d", n, want)
			}
		})
	}
	wantPanic(t, func() { ghdeploytest.WithActiveDeployment(2) }, "WithActiveDeployment(2)")
	wantPanic(t, func() { ghdeploytest.WithOnlyDeployment(-1) }, "WithOnlyDeployment(-1)")
}

// Creation time decides which deployment is later. The ID does not.
func TestDeleteComparesCreationTime(t *testing.T) {
	for id, status := range map[string]int{"9": 204, "1": 422} {
		clock := newClock()
		success := []ghdeploytest.SeedStatus{{State: "success"}}
		srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example",
			Deployments: []ghdeploytest.SeedDeployment{
				{ID: 9, CreatedAt: clock.Add(-2 * time.Hour), Statuses: success},
				{ID: 1, CreatedAt: clock.Add(-time.Hour), Statuses: success},
			},
		}))
		must(t, srv, status, "DELETE", deployments+"/"+id, "")
	}
}
