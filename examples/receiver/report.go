package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// report reports a final status. It retries until ctx ends, and for reportTime
// after that.
func (d *deployer) report(ctx context.Context, repo rollout.Repo, id int64, outcome ghdeploy.DeploymentStatusRequest, log *slog.Logger) error {
	log = log.With("state", outcome.State)
	d.unreported.set(id, outcome)
	ctx, cancel := linger(ctx, d.reportTime)
	defer cancel()
	post := func() error {
		_, err := repo.Report(ctx, id, outcome)
		return err
	}
	err := persist(ctx, log, post)
	if errors.Is(err, ghdeploy.ErrValidation) && outcome.EnvironmentURL != "" {
		log.Warn("GitHub refused the status; reporting it without its URL", "url", outcome.EnvironmentURL, "error", err)
		outcome.EnvironmentURL = ""
		err = persist(ctx, log, post)
	}
	if err != nil {
		log.Error("the outcome was not reported", "error", err)
		return fmt.Errorf("the outcome %s was not reported: %w", outcome.State, err)
	}
	d.unreported.remove(id)
	log.Info("reported")
	return nil
}

// linger returns a context with the values of ctx that ends d after ctx does.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-late.Done():
		case <-time.After(d):
			cancel(context.Cause(ctx))
		}
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}

// unreported holds the outcomes that are not reported yet, by deployment ID.
type unreported struct {
	mu       sync.Mutex
	outcomes map[int64]ghdeploy.DeploymentStatusRequest
}

func (u *unreported) set(id int64, outcome ghdeploy.DeploymentStatusRequest) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.outcomes == nil {
		u.outcomes = make(map[int64]ghdeploy.DeploymentStatusRequest)
	}
	u.outcomes[id] = outcome
}

func (u *unreported) get(id int64) (ghdeploy.DeploymentStatusRequest, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	outcome, ok := u.outcomes[id]
	return outcome, ok
}

func (u *unreported) remove(id int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.outcomes, id)
}

// ids returns the IDs of the deployments, in order.
func (u *unreported) ids() []int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Sorted(maps.Keys(u.outcomes))
}
