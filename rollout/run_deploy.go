package rollout

import (
	"context"
	"fmt"
	"sync"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// run is one call of Run after it created the deployment. The goroutine of
// background posts statuses while deploy runs, the caller's before and after.
type run struct {
	repo    Repo
	opts    RunOptions
	running *Running

	returned chan struct{}   // closed when deploy has returned, panicked or exited
	looking  context.Context // context of the looks of background
	stopLook context.CancelFunc
	done     chan struct{} // closed when background has ended

	// Used only by the goroutine that posts.
	claimed bool     // a POST of a final status was started
	lateErr error    // error of the final status that background posted
	pending *pending // an in_progress that may still appear
	crash   any      // the value of a panic in background
}

func newRun(r Repo, d *ghdeploy.Deployment, opts RunOptions) *run {
	return &run{
		repo: r, opts: opts,
		running:  &Running{deployment: d, logURL: opts.LogURL, wake: make(chan struct{}, 1)},
		returned: make(chan struct{}),
		done:     make(chan struct{}),
	}
}

// open reports in_progress. If that fails, it reports the final state error.
func (x *run) open(ctx context.Context) error {
	err := contexts.Error(ctx)
	if err == nil {
		w := newWanted(x.running.status(ghdeploy.StateInProgress, ""))
		p := x.repo.statusPost(x.running.deployment.ID, w)
		lookCtx, cancel := linger(ctx, lookAfterEnd)
		defer cancel()
		_, err = p.do(ctx, lookCtx)
		x.note(w, err)
	}
	if err == nil && ctx.Err() != nil {
		err = contexts.Error(ctx)
	}
	if err == nil {
		return nil
	}
	finishCtx, cancel := x.finishing(ctx)
	defer cancel()
	final := x.finish(finishCtx, ghdeploy.StateError, "Not started: in_progress could not be reported")
	return join(&ReportError{x.running.deployment, ghdeploy.StateInProgress, err}, final)
}

// call calls deploy and reports the final status.
func (x *run) call(ctx context.Context, deploy func(context.Context, *Running) error) error {
	x.looking, x.stopLook = linger(ctx, lookAfterEnd)
	defer x.stopLook()
	left := sync.OnceFunc(func() { close(x.returned) })
	completed := false
	defer func() {
		if completed {
			return
		}
		// deploy or Superseded panicked or called Goexit; that continues after
		// this.
		left()
		finishCtx, cancel := x.finishing(ctx)
		defer cancel()
		x.rest(finishCtx)
		if !x.claimed {
			x.finish(finishCtx, ghdeploy.StateError, x.running.latest()) //nolint:errcheck // Run returns no error during a panic
		}
	}()
	go x.background(ctx)
	err := deploy(ctx, x.running)
	left()
	err = x.conclude(ctx, err)
	completed = true
	if x.crash != nil {
		panic(x.crash)
	}
	return err
}

// conclude reports the final status after deploy returned err.
func (x *run) conclude(ctx context.Context, err error) error {
	cancelled := ctx.Err() != nil
	finishCtx, cancel := x.finishing(ctx)
	defer cancel()
	lookCtx, stopLook := x.looksForNewer(ctx)
	defer stopLook()
	x.rest(finishCtx)
	if x.claimed {
		if err == nil {
			err = fmt.Errorf("rollout: the deployment function succeeded after its context ended; deployment %d was reported as %s before: %w",
				x.running.deployment.ID, x.opts.Cancelled, contexts.Error(ctx))
		}
		return join(err, x.lateErr)
	}
	state, unchecked := ghdeploy.StateSuccess, error(nil)
	switch {
	case err != nil && cancelled:
		state = x.opts.Cancelled
	case err != nil:
		state = ghdeploy.StateFailure
	case x.opts.Superseded != nil:
		var newer *ghdeploy.Deployment
		newer, unchecked = x.newer(lookCtx)
		left := timeLeft(finishCtx)
		if !cancelled && ctx.Err() != nil {
			left = min(left, afterEnd-lookAfterEnd)
		}
		if newer != nil {
			err = x.opts.Superseded(newer)
		}
		if err != nil {
			state = ghdeploy.StateInactive
		}
		finishCtx, cancel = x.finishing(ctx) // restarts, because the time of Superseded does not count
		defer cancel()
		finishCtx, cancel = context.WithTimeout(finishCtx, left)
		defer cancel()
	}
	return join(join(err, unchecked), x.finish(finishCtx, state, x.running.latest()))
}
