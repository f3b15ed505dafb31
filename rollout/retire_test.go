package rollout_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// The three kinds of environments that GitHub's auto_inactive distinguishes.
var kinds = map[string]func() []ghdeploytest.SeedDeployment{
	"plain": func() []ghdeploytest.SeedDeployment {
		return append(times(459, row("staging", "success", "inactive")), row("staging", "success"))
	},
	"transient": func() []ghdeploytest.SeedDeployment {
		rows := times(460, row("pr-7", "success"))
		for i := range rows {
			rows[i].TransientEnvironment = true
		}
		return rows
	},
	"production": func() []ghdeploytest.SeedDeployment {
		return times(460, row("production", "in_progress", "success"))
	},
}

// Deletes 460 deployments, as the doc comment of Retire documents. Another
// environment has one more, because GitHub always deletes the only deployment.
func TestCostOfRetire(t *testing.T) {
	for kind, rows := range kinds {
		environment := rows()[0].Environment
		t.Run(kind+", everything", func(t *testing.T) {
			virtually(t, func() []ghdeploytest.SeedDeployment { return append(rows(), row("other", "success")) }, func(b *bed) {
				start := time.Now()
				equal(b.T, "result", "0 deactivated, 460 deleted, 0 gone, 0 kept, 0 failed",
					b.retire(rollout.RetireOptions{Environment: environment, Delete: true, Running: true, Live: true}))
				equal(b.T, "left", []string{"461 success"}, b.left())
				requests, writes, refused := sent(b.srv, ""), sent(b.srv, "DELETE")+sent(b.srv, "POST"), refusals(b.srv, 422)
				if requests > 470 || writes != 462 || refused != 1 {
					b.Errorf("%d requests, %d writes, %d refusals; want at most 470, 462 and 1", requests, writes, refused)
				}
				b.Logf("%d requests, %d writes, %d refusals, %v", requests, writes, refused, time.Since(start))
				b.wantNothingTwice()
				b.wantPoints()
			}, ghdeploytest.WithPointsPerMinute(900, ghdeploytest.SecondaryRetryAfter))
		})
		t.Run(kind+", by default", func(t *testing.T) {
			virtually(t, func() []ghdeploytest.SeedDeployment { return append(rows(), row("other", "success")) }, func(b *bed) {
				result, left := "0 deactivated, 460 deleted, 0 gone, 0 kept, 0 failed", []string{"461 success"}
				if kind == "production" {
					result, left = "0 deactivated, 459 deleted, 0 gone, 1 kept, 0 failed", []string{"460 success", "461 success"}
				}
				start := time.Now()
				equal(b.T, "result", result, b.retire(rollout.RetireOptions{Environment: environment, Delete: true}))
				equal(b.T, "left", left, b.left())
				requests, writes, refused := sent(b.srv, ""), sent(b.srv, "DELETE")+sent(b.srv, "POST"), refusals(b.srv, 422)
				if requests > 940 || writes > 462 || refused > 0 {
					b.Errorf("%d requests, %d writes, %d refusals; want at most 940, 462 and 0", requests, writes, refused)
				}
				b.Logf("%d requests, %d writes, %d refusals, %v", requests, writes, refused, time.Since(start))
				b.wantNothingTwice()
				b.wantPoints()
				// A second pass has nothing to do.
				before := sent(b.srv, "GET")
				b.retire(rollout.RetireOptions{Environment: environment, Delete: true})
				equal(b.T, "writes of a second pass", writes, sent(b.srv, "DELETE")+sent(b.srv, "POST"))
				if reads := sent(b.srv, "GET") - before; reads > 3 {
					b.Errorf("%d reads in the second pass, want at most 3", reads)
				}
			}, ghdeploytest.WithPointsPerMinute(900, ghdeploytest.SecondaryRetryAfter))
		})
	}
}

// The deployments that Retire keeps and changes, and its items.
func TestRetire(t *testing.T) {
	type rows = []ghdeploytest.SeedDeployment
	type options = rollout.RetireOptions
	mixed := rows{
		row("staging", "success"), row("staging", "failure"), row("staging", "success", "inactive"), row("staging", "error"),
		row("staging", "queued"), row("staging", "in_progress"), row("staging", "waiting"), row("staging"), row("staging", "success"),
	}
	for name, tt := range map[string]struct {
		rows   rows
		opts   options
		result string
		left   []string
	}{
		"nothing matches": {mixed, options{Environment: "qa"}, "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed",
			[]string{"1 success", "2 failure", "3 inactive", "4 error", "5 queued", "6 in_progress", "7 waiting", "8", "9 success"}},
		"only success becomes inactive": {mixed, options{Environment: "staging"}, "2 deactivated, 0 deleted, 0 gone, 7 kept, 0 failed",
			[]string{"1 inactive", "2 failure", "3 inactive", "4 error", "5 queued", "6 in_progress", "7 waiting", "8", "9 inactive"}},
		"and running ones": {mixed, options{Environment: "staging", Running: true, Live: true}, "6 deactivated, 0 deleted, 0 gone, 3 kept, 0 failed",
			[]string{"1 inactive", "2 failure", "3 inactive", "4 error", "5 inactive", "6 inactive", "7 inactive", "8 inactive", "9 inactive"}},
		"deletes all but running ones": {mixed, options{Environment: "staging", Delete: true}, "0 deactivated, 5 deleted, 0 gone, 4 kept, 0 failed",
			[]string{"5 queued", "6 in_progress", "7 waiting", "8"}},
		"deletes running ones": {mixed, options{Environment: "staging", Delete: true, Running: true}, "0 deactivated, 9 deleted, 0 gone, 0 kept, 0 failed", nil},
		"keeps the live one of each task": {
			rows{task("api", row("production", "success")), task("web", row("production", "success")), task("api", row("production", "success")), task("api", row("production", "failure"))},
			options{Environment: "production", Delete: true}, "0 deactivated, 2 deleted, 0 gone, 2 kept, 0 failed", []string{"2 success", "3 success"}},
		"nothing is live": {rows{row("production", "success"), row("production", "success", "inactive")},
			options{Environment: "production", Delete: true}, "0 deactivated, 2 deleted, 0 gone, 0 kept, 0 failed", nil},
		"a newer one of another ref is live": {
			rows{{Environment: "production", Ref: "topic", Statuses: []ghdeploytest.SeedStatus{{State: "success"}}}, row("production", "success")},
			options{Ref: "topic"}, "1 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", []string{"1 inactive", "2 success"}},
		"the live one has the ref": {
			rows{{Environment: "production", Ref: "topic", Statuses: []ghdeploytest.SeedStatus{{State: "success"}}}, row("production", "failure")},
			options{Ref: "topic"}, "0 deactivated, 0 deleted, 0 gone, 1 kept, 0 failed", []string{"1 success", "2 failure"}},
		"of a task": {rows{task("api", row("staging", "success")), row("staging", "success")},
			options{Task: "api", Delete: true}, "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", []string{"2 success"}},
		"keeps some of each environment": {
			rows{row("a", "success"), row("b", "success"), row("A", "success"), row("a", "success"), row("b", "success"), row("b", "success")},
			options{Environment: "*", Keep: 2, Delete: true}, "0 deactivated, 2 deleted, 0 gone, 4 kept, 0 failed",
			[]string{"3 success", "4 success", "5 success", "6 success"}},
		"except": {rows{row("a", "success"), row("a", "success"), row("a", "success")},
			options{Environment: "a", Except: []int64{2, 99}, Delete: true}, "0 deactivated, 2 deleted, 0 gone, 1 kept, 0 failed", []string{"2 success"}},
		"older than": {rows{row("a", "failure"), row("a", "failure"), row("a", "failure"), row("a", "failure")}, // 4 to 1 hours
			options{OlderThan: 150 * time.Minute, Delete: true}, "0 deactivated, 2 deleted, 0 gone, 0 kept, 0 failed", []string{"3 failure", "4 failure"}},
		"young ones count as kept": {rows{row("a", "failure"), row("a", "failure"), row("a", "failure"), row("a", "failure")},
			options{OlderThan: 150 * time.Minute, Keep: 3, Delete: true}, "0 deactivated, 1 deleted, 0 gone, 1 kept, 0 failed", []string{"2 failure", "3 failure", "4 failure"}},
		"pattern": {rows{row("pr-1", "success"), row("PR-2", "success"), row("pr-3/web", "success"), row("staging", "success"), row("pr-", "success")},
			options{Environment: "pr-*", Delete: true}, "0 deactivated, 3 deleted, 0 gone, 0 kept, 0 failed", []string{"3 success", "4 success"}},
		"a name wins over a pattern": {rows{row("PR-*", "success"), row("pr-1", "success")},
			options{Environment: "pr-*", Delete: true}, "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", []string{"2 success"}},
		"a pattern for a name": {rows{row("pr-*", "success"), row("pr-1", "success")},
			options{Environment: `pr-\*`, Delete: true}, "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", []string{"2 success"}},
		"the only deployment": {rows{row("a", "in_progress")},
			options{Environment: "a", Delete: true, Running: true, Live: true}, "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", nil},
	} {
		test := func(t *testing.T, readings ...ghdeploytest.Option) {
			virtually(t, func() rows { return slices.Clone(tt.rows) }, func(b *bed) {
				dry := tt.opts
				dry.DryRun = true
				equal(b.T, "dry run", tt.result, b.retire(dry))
				planned := len(b.items)
				equal(b.T, "writes of a dry run", 0, sent(b.srv, "")-sent(b.srv, "GET"))
				equal(b.T, "result", tt.result, b.retire(tt.opts))
				equal(b.T, "items", planned, len(b.items))
				equal(b.T, "left", tt.left, b.left())
				b.wantPoints()
				writes := sent(b.srv, "") - sent(b.srv, "GET")
				b.retire(tt.opts)
				equal(b.T, "writes of a second pass", writes, sent(b.srv, "")-sent(b.srv, "GET"))
				equal(b.T, "left after a second pass", tt.left, b.left())
			}, readings...)
		}
		t.Run(name, func(t *testing.T) { test(t) })
		t.Run(name+", other interpretations of GitHub's rules", func(t *testing.T) {
			test(t, ghdeploytest.WithActiveDeployment(ghdeploytest.ActiveWithoutStatus), ghdeploytest.WithOnlyDeployment(ghdeploytest.OnlyInEnvironment))
		})
	}
}

// The name of an environment without deployments is not used as a pattern.
func TestRetireNameWithoutDeployments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: repository, Environments: []ghdeploytest.Environment{{Name: "feature[1]"}}, Deployments: aged(row("feature1", "failure")),
		}))
		defer srv.Close()
		b := &bed{T: t, srv: srv, repo: repoOn(srv)}
		equal(t, "name", "0 deactivated, 0 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "feature[1]", Delete: true}))
		equal(t, "pattern", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "feature[12]", Delete: true}))
	})
}

// Neither is the name of a removed environment that still has deployments.
func TestRetireNameWithoutEnvironment(t *testing.T) {
	virtually(t, func() []ghdeploytest.SeedDeployment {
		return []ghdeploytest.SeedDeployment{row("PR-*", "failure"), row("pr-1", "failure")}
	}, func(b *bed) {
		if err := b.repo.Client.Environments.Delete(b.Context(), "octocat", "example", "pr-*"); err != nil {
			b.Fatal(err)
		}
		equal(b.T, "result", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed", b.retire(rollout.RetireOptions{Environment: "pr-*", Delete: true}))
		equal(b.T, "left", []string{"2 failure"}, b.left())
	})
}

func TestRetireItems(t *testing.T) {
	virtually(t, func() []ghdeploytest.SeedDeployment {
		return []ghdeploytest.SeedDeployment{row("pr-1", "success"), row("pr-1", "success", "inactive"), row("pr-2", "in_progress"), row("pr-1", "success"), row("other", "success")}
	}, func(b *bed) {
		opts := rollout.RetireOptions{Environment: "pr-*", Delete: true, RemoveEnvironment: true, DryRun: true}
		want := []string{"delete 1 (1/4)", "delete 2 (2/4)", "keep 3 (3/4)", "delete 4 (4/4)", "remove_environment pr-1"}
		equal(b.T, "dry run", "0 deactivated, 3 deleted, 0 gone, 1 kept, 0 failed, removed pr-1", b.retire(opts))
		b.wantItems(want...)
		opts.DryRun = false
		equal(b.T, "result", "0 deactivated, 3 deleted, 0 gone, 1 kept, 0 failed, removed pr-1", b.retire(opts))
		b.wantItems(want...)
		opts.Running = true
		equal(b.T, "the rest", "0 deactivated, 1 deleted, 0 gone, 0 kept, 0 failed, removed pr-2", b.retire(opts))
		var names []string
		for _, e := range b.srv.Environments(repository) {
			names = append(names, e.Name)
		}
		equal(b.T, "environments", []string{"other"}, names)
	})
}

// Many environments have an active deployment each. After the first refusal
// Retire reads the states first.
func TestRetireLearnsFromARefusal(t *testing.T) {
	virtually(t, func() (rows []ghdeploytest.SeedDeployment) {
		for range 5 {
			for i := range 20 {
				rows = append(rows, row(fmt.Sprintf("pr-%d", i), "success"))
			}
		}
		return rows
	}, func(b *bed) {
		equal(b.T, "result", "0 deactivated, 100 deleted, 0 gone, 0 kept, 0 failed",
			b.retire(rollout.RetireOptions{Environment: "pr-*", Delete: true, Running: true, Live: true}))
		equal(b.T, "refusals", 1, refusals(b.srv, 422))
		equal(b.T, "writes", 100+20+1, sent(b.srv, "DELETE")+sent(b.srv, "POST"))
		equal(b.T, "reads", 2+1+19+1, sent(b.srv, "GET")) // is it a name?, list, states, list
	})
}

// strict refuses to delete every deployment with the state success, as GitHub
// would if a newer success did not make an older one inactive.
type strict struct {
	ghdeploy.DeploymentsService
	statuses ghdeploy.StatusesService
	refused  int
}

func (s *strict) Delete(ctx context.Context, owner, repo string, id int64) error {
	page, err := s.statuses.List(ctx, owner, repo, id, ghdeploy.DeploymentStatusListOptions{PerPage: 100})
	if err != nil {
		return err
	}
	if len(page.Items) > 0 && page.Items[0].State == ghdeploy.StateSuccess {
		s.refused++
		return &ghdeploy.Error{StatusCode: 422, Err: ghdeploy.ErrActiveDeployment}
	}
	return s.DeploymentsService.Delete(ctx, owner, repo, id)
}

func TestRetireUnderAStricterRule(t *testing.T) {
	for _, opts := range []rollout.RetireOptions{
		{Environment: "production", Delete: true},
		{Environment: "production", Delete: true, Running: true, Live: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv, repo := serve(t, aged(times(20, row("production", "success"))...))
			rule := &strict{repo.Client.Deployments, repo.Client.Statuses, 0}
			repo.Client.Deployments = rule
			b := &bed{T: t, srv: srv, repo: repo}
			want := "0 deactivated, 19 deleted, 0 gone, 1 kept, 0 failed"
			if opts.Live {
				want = "0 deactivated, 20 deleted, 0 gone, 0 kept, 0 failed"
			}
			equal(t, "result", want, b.retire(opts))
			equal(t, "refusals", 1, rule.refused)
		})
	}
}

// Retire uses the states that it has read, so GitHub refuses no DELETE. The
// first refusal shows whether a deployment without a status is active.
func TestRetirePredictsRefusals(t *testing.T) {
	for reading, want := range map[ghdeploytest.ActiveDeployment][2]int{
		ghdeploytest.ActiveOnSuccess:     {0, 0},
		ghdeploytest.ActiveWithoutStatus: {1, 3}, // 4 is refused, so 5 and 6 get an inactive status first
	} {
		virtually(t, func() []ghdeploytest.SeedDeployment {
			return []ghdeploytest.SeedDeployment{
				row("production"), row("production", "success"), row("production", "success"), row("production"),
				row("production"), row("production"), row("production", "in_progress"), row("qa", "success"),
			}
		}, func(b *bed) {
			equal(b.T, "result", "0 deactivated, 6 deleted, 0 gone, 1 kept, 0 failed",
				b.retire(rollout.RetireOptions{Environment: "production", Delete: true, Running: true}))
			equal(b.T, "left", []string{"3 success", "8 success"}, b.left())
			equal(b.T, "refusals and inactive statuses", want, [2]int{refusals(b.srv, 422), sent(b.srv, "POST")})
		}, ghdeploytest.WithActiveDeployment(reading))
	}
}
