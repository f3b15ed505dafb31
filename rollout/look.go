package rollout

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ghdeploy/ghdeploy"
)

// Entry is a deployment with one of its statuses.
type Entry struct {
	Environment string                     // its name
	Deployment  *ghdeploy.Deployment       // nil where none is live
	Status      *ghdeploy.DeploymentStatus // the newest, unless the function says otherwise; nil: it has none
}

// LookOptions limits which deployments are looked at. The zero value looks at
// all tasks.
type LookOptions struct {
	// Task limits the look to deployments of one task. Default: all tasks.
	//
	// GitHub's auto_inactive ignores the task. Outside production a success of
	// one task makes the deployments of every other task in the environment
	// inactive, and [Repo.Current] then finds none of theirs live. To deploy
	// several tasks to one environment, set KeepEarlier in [RunOptions], or
	// AutoInactive to false in the status.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#inactive-deployments
	Task string
	// Lookback is the number of deployments that are looked at, counted from
	// the newest. Default 100.
	Lookback int
}

const defaultLookback = 100

// check reports whether the options can be used, and sets the default.
func (o *LookOptions) check() error {
	switch {
	case o.Lookback < 0:
		return invalidArgument("LookOptions.Lookback is %d; it is the number of deployments to look at, and 0 means %d", o.Lookback, defaultLookback)
	case o.Lookback == 0:
		o.Lookback = defaultLookback
	}
	return nil
}

// Current returns the live deployment of an environment with its newest status.
//
// The newest deployment that ever succeeded decides. It is live if success is
// its newest status. Otherwise the error is [ErrNoneLive], and the Entry names
// that deployment; its Deployment is nil if none of the deployments that were
// looked at succeeded. An older deployment that still shows success is not
// live: in production, and for transient environments, GitHub never makes it
// inactive.
//
// Current costs one request for the list and one for each history that it
// reads, the newest first, 1, 2, 4 and then 8 at a time: 2 requests if the
// newest deployment is live, at most 48 if the one at place 40 is, and 101 if
// none of 100 succeeded. Each further hundred statuses of a deployment, and
// each further hundred of LookOptions.Lookback, costs one more. If GitHub lists
// an environment's deployments in another order than newest first, Current
// reads the whole list.
//
// What changes during the call may be missed.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments#inactive-deployments
func (r Repo) Current(ctx context.Context, environment string, opts LookOptions) (*Entry, error) {
	if err := r.checkLook(environment, &opts); err != nil {
		return nil, err
	}
	seen, err := r.newestSuccess(ctx, environment, r.candidates(ctx, environment, opts))
	switch {
	case err != nil:
		return nil, err
	case seen == nil:
		return &Entry{Environment: environment}, &reason{ErrNoneLive, fmt.Sprintf(
			"none of the newest %d deployments to %s succeeded", opts.Lookback, environment)}
	}
	entry := seen.entry()
	if entry.Status.State != ghdeploy.StateSuccess {
		return entry, &reason{ErrNoneLive, fmt.Sprintf(
			"deployment %d to %s was the newest to succeed, and its newest status is %s", seen.ID, environment, entry.Status.State)}
	}
	return entry, nil
}

// Previous returns the deployment to return to when the newest one is bad, with
// its newest status. [Again] makes a request of it.
//
// It is the newest deployment that ever succeeded, is older than the newest
// deployment of the environment, and deployed another commit. So after a failed
// deployment it is the one that was live before. Without one the error is
// [ErrNoneOlder].
//
// If the newest deployment has statuses and none of them is final, it is still
// running: the error is [ErrRunning], and the Entry names it. A newest
// deployment without any status does not count as running.
//
// Previous costs one request for the list, one for the newest deployment, and
// one for each older deployment of another commit that it reads, as
// [Repo.Current] does: 3 in most cases, at most 101 with the default Lookback.
func (r Repo) Previous(ctx context.Context, environment string, opts LookOptions) (*Entry, error) {
	if err := r.checkLook(environment, &opts); err != nil {
		return nil, err
	}
	next, stop := iter.Pull2(r.candidates(ctx, environment, opts))
	defer stop()
	newest, err, found := next()
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &reason{ErrNoneOlder, "nothing was deployed to " + environment}
	}
	h, err := r.history(ctx, newest.ID)
	switch {
	case err != nil && !errors.Is(err, ghdeploy.ErrNotFound): // deleted meanwhile
		return nil, err
	case len(h) > 0 && !h.ended():
		return looked{newest, h}.entry(), &reason{ErrRunning, fmt.Sprintf(
			"deployment %d to %s has the state %s", newest.ID, environment, h.state())}
	}
	seen, err := r.newestSuccess(ctx, environment, func(yield func(*ghdeploy.Deployment, error) bool) {
		for d, err, ok := next(); ok; d, err, ok = next() {
			if err == nil && d.SHA == newest.SHA {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	})
	switch {
	case err != nil:
		return nil, err
	case seen == nil:
		return nil, &reason{ErrNoneOlder, fmt.Sprintf(
			"of the newest %d deployments to %s none of another commit than %s succeeded", opts.Lookback, environment, newest.SHA)}
	}
	return seen.entry(), nil
}

func (r Repo) checkLook(environment string, opts *LookOptions) error {
	if err := r.check(deployments, statuses); err != nil {
		return err
	}
	if environment == "" {
		return invalidArgument("the environment is empty; write its name")
	}
	return opts.check()
}

// candidates are the deployments of an environment that Lookback allows, the
// newest first. A status can move a deployment to another environment, and
// GitHub does not document which of the two its filter means.
func (r Repo) candidates(ctx context.Context, environment string, opts LookOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	list := r.take(ctx, opts.Lookback, ghdeploy.DeploymentListOptions{Environment: environment, Task: opts.Task})
	return func(yield func(*ghdeploy.Deployment, error) bool) {
		for d, err := range list {
			if err == nil && !within(d.Environment, environment) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// take yields the newest n deployments that the options match.
func (r Repo) take(ctx context.Context, n int, opts ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	return func(yield func(*ghdeploy.Deployment, error) bool) {
		left := n
		for d, err := range newestFirst(r.deployments(ctx, opts)) {
			if !yield(d, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// newestSuccess returns the first deployment of a list that ever succeeded in
// an environment, nil if none did.
func (r Repo) newestSuccess(ctx context.Context, environment string, list iter.Seq2[*ghdeploy.Deployment, error]) (*looked, error) {
	for seen, err := range r.look(ctx, list) {
		switch {
		case err != nil:
			return nil, err
		case seen.firstSuccess(environment) != nil:
			return &seen, nil
		}
	}
	return nil, nil
}
