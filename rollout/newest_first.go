package rollout

import (
	"context"
	"iter"
	"slices"

	"github.com/ghdeploy/ghdeploy"
)

// listing reads one page of deployments.
type listing func(number int) (*ghdeploy.Page[*ghdeploy.Deployment], error)

// listing reads pages of the deployments that the options match.
func (r Repo) listing(ctx context.Context, opts ghdeploy.DeploymentListOptions) listing {
	return func(number int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts := opts
		opts.Page, opts.PerPage = number, pageSize
		page, err := r.Client.Deployments.List(ctx, r.Owner, r.Name, opts)
		if err != nil || page == nil {
			return nil, err
		}
		own := *page
		own.Items = withoutNil(page.Items)
		return &own, nil
	}
}

// newestFirst ranges over all deployments of a listing, the newest first. It
// costs one request per hundred.
//
// A page is sorted as a whole. GitHub lists newest first but documents no
// order: where page 1 is in another order and is not all there is, every page
// is read before the first deployment is yielded.
func (list listing) newestFirst() iter.Seq2[*ghdeploy.Deployment, error] {
	return ghdeploy.Pages(1, func(number int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		page, err := list(number)
		if err != nil || page == nil {
			return nil, err
		}
		if number == 1 && page.NextPage != 0 && !descends(page.Items) {
			rest, err := collect(ghdeploy.Pages(page.NextPage, list))
			if err != nil {
				return nil, err
			}
			page.Items = append(page.Items, rest...)
			page.NextPage = 0
		}
		sortNewestFirst(page.Items)
		return page, nil
	})
}

// descends reports whether deployments come newest first. Of two that were
// created together, time and ID can disagree, so one of them is enough.
func descends(list []*ghdeploy.Deployment) bool {
	for i := 1; i < len(list); i++ {
		if before, d := list[i-1], list[i]; d.ID > before.ID && !d.CreatedAt.Before(before.CreatedAt) {
			return false
		}
	}
	return true
}

// withoutNil returns a copy without nil rows, which a stub can return.
func withoutNil[T any](rows []*T) []*T {
	return slices.DeleteFunc(slices.Clone(rows), func(row *T) bool { return row == nil })
}

// collect returns the values of a range, or its first error.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for value, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, value)
	}
	return all, nil
}

// values ranges over a slice without an error.
func values[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, value := range list {
			if !yield(value, nil) {
				return
			}
		}
	}
}
