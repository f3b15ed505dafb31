package rollout

import (
	"cmp"
	"context"
	"errors"
	"iter"
)

// Overview ranges over the repository's environments and yields one Entry for
// each: the live deployment as [Repo.Current] finds it, or no deployment where
// none is live. An environment that was deleted is not in it, even if
// deployments to it remain.
//
// The environments are listed before the first Entry is yielded, so the loop
// may delete them. An error is yielded once, with the name of the environment
// if it concerns one, and ends the range.
//
// Overview costs one request for each hundred environments and what Current
// costs for each of them: mostly 2. Listing environments needs another
// permission than listing deployments: Actions: read.
func (r Repo) Overview(ctx context.Context, opts LookOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		opts := opts // a range must not change those of another
		if err := cmp.Or(r.check(deployments, statuses, environments), opts.check()); err != nil {
			yield(Entry{}, err)
			return
		}
		list, err := collect(r.environments(ctx).rows())
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for _, environment := range list {
			entry := Entry{Environment: environment.Name}
			current, err := r.Current(ctx, environment.Name, opts)
			switch {
			case errors.Is(err, ErrNoneLive):
			case err != nil:
				yield(entry, err)
				return
			default:
				entry.Deployment, entry.Status = current.Deployment, current.Status
			}
			if !yield(entry, nil) {
				return
			}
		}
	}
}
