package rolloutcheck

import (
	"context"
	"flag"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

var (
	runs = flag.Int("runs", 300, "the number of trials of each check")
	seed = flag.Uint64("seed", 1, "the seed of the first trial; each one adds 1")
)

// trials runs a check in virtual time, once for each of n seeds.
func trials(t *testing.T, n int, check func(context.Context, *Report, uint64)) *Report {
	t.Helper()
	for _, name := range []string{"GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"} {
		t.Setenv(name, "")
	}
	report := new(Report)
	for i := range n {
		synctest.Test(t, func(t *testing.T) { check(t.Context(), report, *seed+uint64(i)) })
	}
	t.Logf("%d trials from seed %d:\n%s", n, *seed, report)
	return report
}

func noViolations(t *testing.T, report *Report) {
	t.Helper()
	for i, v := range report.Violations() {
		if i == 20 {
			t.Fatal("there are more violations")
		}
		t.Error(v)
	}
}

func ensure(ctx context.Context, repo rollout.Repo, key string, req ghdeploy.DeploymentRequest) (*rollout.Ensured, error) {
	return repo.Ensure(ctx, key, req)
}

func run(ctx context.Context, repo rollout.Repo, req ghdeploy.DeploymentRequest, opts rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error) {
	return repo.Run(ctx, req, opts, deploy)
}

func TestRun(t *testing.T) {
	report := trials(t, *runs, func(ctx context.Context, report *Report, seed uint64) { CheckRun(ctx, report, seed, run) })
	noViolations(t, report)
	for _, what := range []string{"succeeds", "fails", "panics", "exits"} {
		if report.Count("Run: the function was called and "+what) == 0 {
			t.Errorf("no called function %s", what)
		}
	}
}

func TestEnsure(t *testing.T) {
	report := trials(t, *runs, func(ctx context.Context, report *Report, seed uint64) { CheckEnsure(ctx, report, seed, pause, ensure) })
	noViolations(t, report)
	if report.Count("calls of Ensure with an unknown outcome") == 0 {
		t.Error("no call had an unknown outcome")
	}
}

// Calls within 15 s create duplicates, as documented. Later calls still return
// the oldest deployment.
func TestEnsureWithin15s(t *testing.T) {
	report := trials(t, *runs, func(ctx context.Context, report *Report, seed uint64) {
		CheckEnsure(ctx, report, seed, time.Second, ensure)
	})
	duplicates := 0
	for _, v := range report.Violations() {
		switch {
		case strings.Contains(v, "Ensure created "):
			duplicates++
		case strings.Contains(v, "a later call"):
			t.Error(v)
		}
	}
	if duplicates == 0 {
		t.Error("no trial had duplicates, so the check finds nothing")
	}
	t.Logf("%d trials had duplicates", duplicates)
}
