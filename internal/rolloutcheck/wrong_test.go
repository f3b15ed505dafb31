package rolloutcheck

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// plainRun has one context for all requests and never looks for a lost result.
func plainRun(ctx context.Context, repo rollout.Repo, req ghdeploy.DeploymentRequest, _ rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error) {
	d, err := repo.Client.Deployments.Create(ctx, repo.Owner, repo.Name, req)
	if err != nil {
		return nil, err
	}
	post := func(state ghdeploy.State) error {
		_, err := repo.Client.Statuses.Create(ctx, repo.Owner, repo.Name, d.ID, ghdeploy.DeploymentStatusRequest{State: state})
		return err
	}
	if err := post(ghdeploy.StateInProgress); err != nil {
		return d, err
	}
	if err := deploy(ctx, new(rollout.Running)); err != nil {
		return d, errors.Join(err, post(ghdeploy.StateFailure))
	}
	return d, post(ghdeploy.StateSuccess)
}

// eagerRun repeats a create of unknown outcome at once.
func eagerRun(ctx context.Context, repo rollout.Repo, req ghdeploy.DeploymentRequest, opts rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error) {
	d, err := run(ctx, repo, req, opts, deploy)
	if d == nil && errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		return run(ctx, repo, req, opts, deploy)
	}
	return d, err
}

// twoFaced reports a failure after the success.
func twoFaced(ctx context.Context, repo rollout.Repo, req ghdeploy.DeploymentRequest, opts rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error) {
	d, err := run(ctx, repo, req, opts, deploy)
	if d != nil && err == nil {
		_, err = repo.Client.Statuses.Create(ctx, repo.Owner, repo.Name, d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure})
	}
	return d, err
}

// restless sends requests after it has returned.
func restless(ctx context.Context, repo rollout.Repo, req ghdeploy.DeploymentRequest, opts rollout.RunOptions, deploy func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error) {
	d, err := run(ctx, repo, req, opts, deploy)
	if d != nil {
		time.AfterFunc(time.Second, func() {
			_, _ = repo.Client.Deployments.Get(context.WithoutCancel(ctx), repo.Owner, repo.Name, d.ID)
		})
	}
	return d, err
}

// few is the number of trials that finds each wrong function.
const few = 100

func TestWrongRunIsFound(t *testing.T) {
	tests := map[string]struct {
		run  Run
		want string
	}{
		"plain":     {plainRun, "is not final"},
		"eager":     {eagerRun, "Run created 2 deployments"},
		"two-faced": {twoFaced, "final states [success failure]"},
		"restless":  {restless, "after Run had ended"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			report := trials(t, few, func(ctx context.Context, report *Report, seed uint64) { CheckRun(ctx, report, seed, tt.run) })
			found(t, report, tt.want)
		})
	}
}

// forgetful creates without a lookup. hasty looks once and repeats the create.
func forgetful(ctx context.Context, repo rollout.Repo, _ string, req ghdeploy.DeploymentRequest) (*rollout.Ensured, error) {
	d, err := repo.Client.Deployments.Create(ctx, repo.Owner, repo.Name, req)
	if err != nil {
		return nil, err
	}
	return &rollout.Ensured{Deployment: d, Created: true}, nil
}

func hasty(ctx context.Context, repo rollout.Repo, key string, req ghdeploy.DeploymentRequest) (*rollout.Ensured, error) {
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if got, err := repo.Ensure(short, key, req); !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		return got, err
	}
	return repo.Ensure(ctx, key, req)
}

func TestWrongEnsureIsFound(t *testing.T) {
	for name, ensure := range map[string]Ensure{"forgetful": forgetful, "hasty": hasty} {
		t.Run(name, func(t *testing.T) {
			report := trials(t, few, func(ctx context.Context, report *Report, seed uint64) { CheckEnsure(ctx, report, seed, pause, ensure) })
			found(t, report, "Ensure created ")
		})
	}
}

func found(t *testing.T, report *Report, want string) {
	t.Helper()
	for _, v := range report.Violations() {
		if strings.Contains(v, want) {
			return
		}
	}
	t.Errorf("no violation has %q: %q", want, report.Violations())
}
