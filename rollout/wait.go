package rollout

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// WaitOptions are the options of [Repo.Wait]. The zero value waits for success.
type WaitOptions struct {
	// Until are the states to wait for. Default: success. To wait for any end,
	// leave Until empty and treat [ErrOtherState] as a result: Last of the
	// [*WaitError] is the final status. With inactive in Until, a success that
	// a later deployment superseded is returned as inactive.
	Until []ghdeploy.State
	// Interval is the time between two reads. It grows by half after each read
	// without a new status, up to MaxInterval, and starts over after a new
	// status. Default 2 s.
	Interval time.Duration
	// MaxInterval is the maximum time between two reads. Default 15 s, or
	// Interval if that is longer.
	MaxInterval time.Duration
	// OnStatus is called for each status once, oldest first, on the goroutine
	// that called Wait.
	OnStatus func(*ghdeploy.DeploymentStatus)
}

const (
	defaultInterval    = 2 * time.Second
	defaultMaxInterval = 15 * time.Second
	// newDeployment is the time during which a new deployment may be missing,
	// because its creation may not have reached every replica.
	newDeployment = 10 * time.Second
)

func (o WaitOptions) withDefaults() (WaitOptions, error) {
	switch {
	case o.Interval < 0 || o.MaxInterval < 0:
		return o, invalidArgument("Wait: Interval is %v and MaxInterval is %v; omit them for the defaults", o.Interval, o.MaxInterval)
	case slices.Contains(o.Until, ""):
		return o, invalidArgument("Wait: Until holds an empty state; omit Until to wait for success")
	}
	if len(o.Until) == 0 {
		o.Until = []ghdeploy.State{ghdeploy.StateSuccess}
	}
	if o.Interval == 0 {
		o.Interval = defaultInterval
		if o.MaxInterval > 0 {
			o.Interval = min(o.Interval, o.MaxInterval)
		}
	}
	if o.MaxInterval == 0 {
		o.MaxInterval = max(defaultMaxInterval, o.Interval)
	}
	if o.Interval > o.MaxInterval {
		return o, invalidArgument("Wait: Interval %v is longer than MaxInterval %v", o.Interval, o.MaxInterval)
	}
	return o, nil
}

// Wait waits until a deployment reaches one of the states of
// [WaitOptions].Until. Of the statuses with such a state, it returns the
// newest. It has no timeout of its own: end it with ctx.
//
// Wait looks at all statuses of the deployment, not only at the newest, because
// a newer deployment may make a success inactive between two reads. If no
// status has one of the states and the newest status is final, the error is
// [ErrOtherState].
//
// Wait continues after rate limits, 5xx responses and lost connections. In the
// first 10 s it also continues after a 404, because a new deployment may not be
// visible yet.
//
// For an invalid argument the error is [ghdeploy.ErrInvalidArgument]. Every
// other error is a [*WaitError] with the newest status. It wraps
// [context.Canceled] or [context.DeadlineExceeded] if ctx ended,
// [ErrOtherState], or the error of [ghdeploy.StatusesService].List.
//
// Each read is one GET, and one more for each further hundred statuses.
func (r Repo) Wait(ctx context.Context, id int64, opts WaitOptions) (*ghdeploy.DeploymentStatus, error) {
	if err := r.check(statuses); err != nil {
		return nil, err
	}
	if id <= 0 {
		return nil, invalidArgument("Wait: the deployment ID is %d; IDs are positive", id)
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	w := waiter{opts: opts, seen: make(map[int64]bool)}
	interval := opts.Interval
	for start := time.Now(); ; {
		h, err := r.history(ctx, id)
		wait, again := retryable(ctx, err)
		switch {
		case err == nil:
			changed := w.take(h)
			if found := w.reached(); found != nil {
				return found, nil
			}
			if w.last != nil && w.last.State.Final() {
				return nil, w.failed(id, ErrOtherState)
			}
			if changed {
				interval = opts.Interval
			}
		case ctx.Err() != nil:
			return nil, w.failed(id, contexts.Error(ctx))
		case errors.Is(err, ghdeploy.ErrNotFound) && !w.found && time.Since(start) < newDeployment:
			interval = opts.Interval
		case !again:
			return nil, w.failed(id, err)
		}
		if err := contexts.Sleep(ctx, max(wait, interval)); err != nil {
			return nil, w.failed(id, err)
		}
		interval = min(interval+(interval+1)/2, opts.MaxInterval)
	}
}

// waiter is the state of one Wait.
type waiter struct {
	opts  WaitOptions
	found bool           // the deployment was found
	seen  map[int64]bool // IDs of the statuses in all
	all   history
	last  *ghdeploy.DeploymentStatus // the newest status
}

func (w *waiter) failed(id int64, err error) error {
	return &WaitError{ID: id, Last: w.last, Err: err, unread: !w.found}
}

// take adds the statuses of one read and reports whether there was a new one.
func (w *waiter) take(h history) bool {
	w.found = true
	var added history
	for _, s := range h {
		if !w.seen[s.ID] {
			w.seen[s.ID] = true
			added = append(added, s)
		}
	}
	slices.SortFunc(added, compareStatuses)
	w.all = append(w.all, added...)
	w.last = w.all.newest()
	for _, s := range added {
		if w.opts.OnStatus != nil {
			w.opts.OnStatus(s)
		}
	}
	return len(added) > 0
}

// reached returns the newest status in a state of Until.
func (w *waiter) reached() *ghdeploy.DeploymentStatus {
	return w.all.where(func(s *ghdeploy.DeploymentStatus) bool { return slices.Contains(w.opts.Until, s.State) }).newest()
}
