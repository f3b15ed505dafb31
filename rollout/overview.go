package rollout

import (
	"cmp"
	"context"
	"errors"
	"iter"
)

// Overview ranges over the repository's environments and yields one Entry for
// each, with the live deployment as [Repo.Current] finds it. Deployment is nil
// if no deployment is live. Deleted environments are omitted, even if
// deployments to them remain.
//
// The environments are listed before the first Entry is yielded, so the loop
// may delete them. An error is yielded once, with the name of the environment
// if it concerns one, and ends the range.
//
// Overview costs one request for each hundred environments, and the cost of
// Current for each of them, usually 2. Listing environments requires the
// permission "Actions: read".
func (r Repo) Overview(ctx context.Context, opts LookOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		opts := opts // check changes opts, and the sequence can be ranged over twice
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
