package rollout_test

import (
	"fmt"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

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
				have = append(have, text(&entry, nil))
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
	for range 2 { // the sequence can be ranged over twice
		have := map[string]string{}
		for entry, err := range seq {
			if err != nil {
				t.Fatal(err)
			}
			have[entry.Environment] = text(&entry, nil)
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
