package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// looksForNewer returns the context of newer. It leaves the final status half
// of Finish, or 5 s of the 8 s after ctx ended.
func (x *run) looksForNewer(ctx context.Context) (context.Context, context.CancelFunc) {
	late, stop := linger(ctx, lookAfterEnd)
	lookCtx, cancel := context.WithTimeout(late, x.opts.Finish/2)
	return lookCtx, func() {
		cancel()
		stop()
	}
}

// newer returns the newest later deployment of the same environment and task
// that has not failed, or nil.
func (x *run) newer(ctx context.Context) (*ghdeploy.Deployment, error) {
	d := x.running.deployment
	newer, err := persist(ctx, func() (*ghdeploy.Deployment, error) {
		list := x.repo.deployments(ctx, ghdeploy.DeploymentListOptions{Environment: d.Environment, Task: d.Task})
		for o, err := range newestFirst(list) {
			if err != nil {
				return nil, err
			}
			if compareDeployments(o, d) <= 0 {
				return nil, nil
			}
			h, err := x.repo.history(ctx, o.ID)
			if err != nil && !errors.Is(err, ghdeploy.ErrNotFound) { // deleted since it was listed
				return nil, err
			}
			if err == nil && !h.failed() {
				return o, nil
			}
		}
		return nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("rollout: deployment %d: Superseded was not called, because later deployments could not be read: %w", d.ID, err)
	}
	return newer, nil
}
