package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

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
				equal(t, order, "3 success", text(entry, err))
				equal(t, order+": time of the first success", time.Now().Add(-6*time.Hour).UTC(), entry.Status.CreatedAt.UTC())
			}
			equal(t, order+": requests", 2*(1+1+2), sent(srv, ""))
			equal(t, order, "ErrNeverSucceeded", text(repo.Succeeded(t.Context(), "staging", b, rollout.LookOptions{})))
			equal(t, order, "ErrNeverSucceeded", text(repo.Succeeded(t.Context(), "qa", a, rollout.LookOptions{})))
			equal(t, order, "ErrNeverSucceeded", text(repo.Succeeded(t.Context(), "staging", a, rollout.LookOptions{Task: "api"})))
			equal(t, order, "4 success", text(repo.Succeeded(t.Context(), "staging", a, rollout.LookOptions{Lookback: 1})))
		}
	})
}

// A status can move a deployment to another environment. It succeeded in both.
func TestSucceededOfAMovedDeployment(t *testing.T) {
	srv, repo := serve(t, aged(of("a", ghdeploytest.SeedDeployment{Environment: "staging", Statuses: []ghdeploytest.SeedStatus{
		{State: "success", Description: "in staging"}, {State: "success", Environment: "production"},
	}}), of("a", row("qa", "success"))))
	for _, environment := range []string{"staging", "production"} {
		entry, err := repo.Succeeded(t.Context(), environment, strings.Repeat("a", 40), rollout.LookOptions{})
		equal(t, environment, "1 success", text(entry, err))
		equal(t, "environment", environment, entry.Status.Environment)
	}
	equal(t, "requests", 4, sent(srv, ""))
}
