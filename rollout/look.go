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
	Environment string                     // name of the environment
	Deployment  *ghdeploy.Deployment       // nil if no deployment is live
	Status      *ghdeploy.DeploymentStatus // the newest status, unless the function documents another; nil without a status
}

// LookOptions selects the deployments that [Repo.Current], [Repo.Previous],
// [Repo.Succeeded] and [Repo.Overview] read. The zero value selects the newest
// 100 of all tasks.
type LookOptions struct {
	// Task selects the deployments of one task. Default: all tasks.
	//
	// GitHub's auto_inactive ignores the task. Outside production, a success of
	// one task makes the deployments of all other tasks in the environment
	// inactive, and [Repo.Current] then finds no live deployment of them. To
	// deploy several tasks to one environment, set KeepEarlier in [RunOptions],
	// or AutoInactive to false in the status.
	//
	// GitHub docs: https://docs.github.com/rest/deployments/deployments#inactive-deployments
	Task string
	// Lookback is the maximum number of deployments to read, counted from the
	// newest. Default 100.
	Lookback int
}

const defaultLookback = 100

// check sets the default and returns an error for an invalid option.
func (o *LookOptions) check() error {
	switch {
	case o.Lookback < 0:
		return invalidArgument("LookOptions.Lookback is %d; it is the number of deployments to read; 0 means %d", o.Lookback, defaultLookback)
	case o.Lookback == 0:
		o.Lookback = defaultLookback
	}
	return nil
}

// Current returns the live deployment of an environment with its newest status.
//
// Current takes the newest deployment that ever succeeded. If the newest status
// of that deployment is success, it is live. Otherwise the error is
// [ErrNoneLive], and the Entry holds that deployment; its Deployment is nil if
// no deployment within Lookback ever succeeded. An older deployment with the
// state success is not live: in production, and for transient environments,
// GitHub never makes it inactive.
//
// Current costs one request for the list and one for each history that it
// reads. It reads histories from the newest deployment on, 1, 2, 4 and then 8
// at a time. That makes 2 requests if the newest deployment is live, at most 48
// if the 40th is, and 101 if none of 100 succeeded. Each further hundred
// statuses of a deployment, and each further hundred of LookOptions.Lookback,
// costs one more. If GitHub's list is not in the order newest first, Current
// reads the whole list.
//
// Current may miss changes that happen during the call.
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

// Previous returns the deployment to roll back to, with its newest status.
// [Again] turns it into a request.
//
// Previous skips the newest deployment of the environment and all deployments
// of the same commit. Of the older ones, it returns the newest that ever
// succeeded. Without one, the error is [ErrNoneOlder]. After a failed
// deployment of a new commit, that is the deployment that was live before.
//
// Previous does not know which deployments were rollbacks: after a rollback
// from C to B, it returns C. To go further back, choose the commit, and pass
// the deployment of [Repo.Succeeded] to Again. If a second deployment of the
// live commit fails, Previous returns the commit before that one.
//
// If the newest deployment has statuses but no final one, it is still running:
// the error is [ErrRunning], and the Entry holds that deployment. If its
// program has died, report the state error for it and call Previous again. A
// newest deployment without a status does not count as running.
//
// Previous costs one request for the list, one for the newest deployment, and
// one for each older deployment of another commit that it reads, as for
// [Repo.Current]: 3 in most cases, at most 101 with the default Lookback.
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
	case err != nil && !errors.Is(err, ghdeploy.ErrNotFound): // deleted since it was listed
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
		return invalidArgument("the environment is empty; pass its name")
	}
	return opts.check()
}

// candidates yields the newest Lookback deployments of an environment. It
// checks the environment itself, because GitHub does not document whether its
// filter means the original or the current one.
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
// an environment, or nil.
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
