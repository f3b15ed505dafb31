package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// entry is a line of the ledger, written by a worker's deploy function. The
// lines of all processes are in the order in which they were written.
type entry struct {
	what   string // "begin" or "end"
	worker string
	id     int64
}

// audit compares the server's record with the ledger, and returns each violated
// guarantee. The keys of the map are repositories. The lost workers were killed
// or paused; their runs may be reported as error by another worker.
func audit(repositories map[string][]ghdeploytest.Deployment, ledger []entry, lost ...string) []string {
	var broken []string
	report := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }

	begins, ends := map[int64]entry{}, map[int64]entry{}
	for _, e := range ledger {
		list := begins
		if e.what == "end" {
			list = ends
		}
		if earlier, twice := list[e.id]; twice {
			report("deployment %d: %s on %s and again on %s", e.id, e.what, earlier.worker, e.worker)
		}
		list[e.id] = e
	}

	type environment struct{ repository, name string }
	environmentOf := map[int64]environment{}
	deployments := map[environment][]ghdeploytest.Deployment{}
	for repository, list := range repositories {
		for _, d := range list {
			env := environment{repository, strings.ToLower(d.Environment)}
			environmentOf[d.ID] = env
			deployments[env] = append(deployments[env], d)
		}
	}

	for env, list := range deployments {
		slices.SortFunc(list, func(a, b ghdeploytest.Deployment) int {
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		place := map[int64]int{}
		var history []step
		for i, d := range list {
			place[d.ID] = i
			begin, began := begins[d.ID]
			_, ended := ends[d.ID]
			final := finals(d)
			if len(final) != 1 {
				report("%v: deployment %d has %d final statuses: %v", env, d.ID, len(final), final)
				continue
			}
			interrupted := final[0] == "error" && slices.ContainsFunc(lost, func(worker string) bool {
				return strings.HasSuffix(d.Statuses[len(d.Statuses)-1].Description, " on "+worker)
			})
			want := "inactive"
			switch {
			case interrupted: // before it began, during the run, or before the report
				want = "error"
			case ended:
				want = "success"
			case began:
				want = "error of " + begin.worker
			}
			if final[0] != want {
				report("%v: deployment %d is %s, want %s", env, d.ID, final[0], want)
			}
			if began && !slices.Contains(lost, begin.worker) && !ended {
				report("%v: deployment %d never ended on %s, which was not lost", env, d.ID, begin.worker)
			}
			if i == len(list)-1 && !began && !interrupted {
				report("%v: deployment %d is the newest and was not deployed", env, d.ID)
			}
			history = append(history, steps(d)...)
		}

		// In the server's record, a run ends before the next one begins.
		slices.SortFunc(history, func(a, b step) int { return cmp.Compare(a.status, b.status) })
		running, last := int64(0), -1
		for _, s := range history {
			switch {
			case s.state == "in_progress" && running != 0:
				report("%v: deployment %d began while %d ran", env, s.deployment, running)
			case s.state == "in_progress" && place[s.deployment] <= last:
				report("%v: deployment %d began after a newer one", env, s.deployment)
			case s.state != "in_progress" && running != s.deployment:
				report("%v: deployment %d ended and had not begun", env, s.deployment)
			}
			running = 0
			if s.state == "in_progress" {
				running, last = s.deployment, place[s.deployment]
			}
		}
	}

	// The same applies to the ledger.
	running, last := map[environment]entry{}, map[environment]int64{}
	for _, e := range ledger {
		env, known := environmentOf[e.id]
		if !known {
			report("%s deployed %d, which GitHub does not have", e.worker, e.id)
			continue
		}
		if e.what == "end" {
			if running[env].id == e.id {
				delete(running, env)
			}
			continue
		}
		if other, overlap := running[env]; overlap && !slices.Contains(lost, other.worker) {
			report("%v: %s began %d while %s ran %d", env, e.worker, e.id, other.worker, other.id)
		}
		if e.id <= last[env] {
			report("%v: %s began %d after %d", env, e.worker, e.id, last[env])
		}
		running[env], last[env] = e, e.id
	}
	slices.Sort(broken)
	return broken
}

// finals returns the final states that were reported. It omits the inactive
// that GitHub gives an older success.
func finals(d ghdeploytest.Deployment) []string {
	var states []string
	for _, s := range d.Statuses {
		if s.AutoInactiveBy == 0 && s.State != "in_progress" && s.State != "queued" {
			states = append(states, s.State)
		}
	}
	return states
}

// step is the begin or the end of a run in the server's record.
type step struct {
	deployment, status int64
	state              string
}

// steps returns the steps of a deployment, nil if it was not run.
func steps(d ghdeploytest.Deployment) []step {
	if !slices.ContainsFunc(d.Statuses, func(s ghdeploytest.DeploymentStatus) bool { return s.State == "in_progress" }) {
		return nil
	}
	var list []step
	for _, s := range d.Statuses {
		if s.AutoInactiveBy == 0 && s.State != "queued" {
			list = append(list, step{d.ID, s.ID, s.State})
		}
	}
	return list
}

// TestAudit shows that audit reports each violated guarantee.
func TestAudit(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	status := func(id int64, state string) ghdeploytest.DeploymentStatus {
		return ghdeploytest.DeploymentStatus{ID: id, State: state}
	}
	for name, test := range map[string]struct {
		damage func(d []ghdeploytest.Deployment, ledger []entry) ([]ghdeploytest.Deployment, []entry)
		want   string
	}{
		"none": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) { return d, l }, ""},
		"deployed twice": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			return d, append(l, entry{"begin", "w2", 1})
		}, "deployment 1: begin on w1 and again on w2"},
		"no final status": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[1].Statuses = nil
			return d, l
		}, "deployment 2 has 0 final statuses"},
		"two final statuses": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[0].Statuses = append(d[0].Statuses, status(90, "error"))
			return d, l
		}, "deployment 1 has 2 final statuses: [success error]"},
		"a wrong outcome": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[0].Statuses[1].State = "inactive"
			return d, l
		}, "deployment 1 is inactive, want success"},
		"success of an interrupted run": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[2].Statuses[1].State = "success"
			return d, l
		}, "deployment 3 is success, want error of dead"},
		"an error without a killed worker": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[1].Statuses = []ghdeploytest.DeploymentStatus{status(15, "error")}
			return d, l
		}, "deployment 2 is error, want inactive"},
		"an interrupted run of another worker": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			l[2].worker = "w1"
			return d, l
		}, "deployment 3 never ended on w1"},
		"the newest not deployed": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[3].Statuses = []ghdeploytest.DeploymentStatus{status(50, "inactive")}
			return d, l[:3]
		}, "deployment 4 is the newest and was not deployed"},
		"overlap at GitHub": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[3].Statuses[0].ID = 21
			return d, l
		}, "deployment 4 began while 3 ran"},
		"overlap of workers": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			return d, []entry{l[0], l[2], l[1], l[3], l[4]}
		}, "dead began 3 while w1 ran 1"},
		"order at GitHub": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			d[0].Statuses[0].ID, d[0].Statuses[1].ID = 60, 61
			return d, l
		}, "deployment 1 began after a newer one"},
		"order of workers": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			return d, append(l[2:], l[:2]...)
		}, "w1 began 1 after 4"},
		"a forged deployment": {func(d []ghdeploytest.Deployment, l []entry) ([]ghdeploytest.Deployment, []entry) {
			return d, append(l, entry{"begin", "w2", 99})
		}, "w2 deployed 99, which GitHub does not have"},
	} {
		t.Run(name, func(t *testing.T) {
			deployments, ledger := test.damage([]ghdeploytest.Deployment{
				{ID: 1, CreatedAt: at, Environment: "e", Statuses: []ghdeploytest.DeploymentStatus{
					status(10, "in_progress"), status(11, "success"), {ID: 41, State: "inactive", AutoInactiveBy: 4},
				}},
				{ID: 2, CreatedAt: at, Environment: "E", Statuses: []ghdeploytest.DeploymentStatus{status(15, "inactive")}},
				{ID: 3, CreatedAt: at, Environment: "e", Statuses: []ghdeploytest.DeploymentStatus{
					status(20, "in_progress"), {ID: 22, State: "error", Description: "interrupted: fleet run x on dead"},
				}},
				{ID: 4, CreatedAt: at, Environment: "e", Statuses: []ghdeploytest.DeploymentStatus{status(30, "in_progress"), status(40, "success")}},
			}, []entry{{"begin", "w1", 1}, {"end", "w1", 1}, {"begin", "dead", 3}, {"begin", "w1", 4}, {"end", "w1", 4}})
			broken := audit(map[string][]ghdeploytest.Deployment{"o/r": deployments}, ledger, "dead")
			switch {
			case test.want == "" && len(broken) > 0:
				t.Errorf("audit reports %q", broken)
			case test.want != "" && !strings.Contains(strings.Join(broken, "\n"), test.want):
				t.Errorf("audit reports %q, want %q", broken, test.want)
			}
		})
	}
}
