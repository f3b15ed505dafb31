package rollout

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/ghdeploy/ghdeploy"
)

// pageSize is GitHub's maximum. GitHub documents no order for its lists, so the
// newest row is always determined from whole pages of this size.
const pageSize = 100

// errNoPage is the error if a stub returns neither a page nor an error.
var errNoPage error = &ghdeploy.Error{Err: fmt.Errorf("%w: the service returned no page", ghdeploy.ErrPagination)}

// listing reads one page of a list; number 0 is the first one.
type listing[R any] func(number int) (*ghdeploy.Page[*R], error)

// deployments lists the deployments that match the options. It filters the rows
// itself too, because a proxy or a stub may drop the query.
func (r Repo) deployments(ctx context.Context, opts ghdeploy.DeploymentListOptions) listing[ghdeploy.Deployment] {
	return func(number int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts := opts
		opts.Page, opts.PerPage = number, pageSize
		page, err := r.Client.Deployments.List(ctx, r.Owner, r.Name, opts)
		if err != nil || page == nil {
			return page, err
		}
		own := *page
		own.Items = slices.DeleteFunc(slices.Clone(page.Items), func(d *ghdeploy.Deployment) bool {
			return d == nil || !matches(d, opts)
		})
		return &own, nil
	}
}

// matches reports whether a deployment matches the options. GitHub does not
// document whether its filter means the original or the current environment.
func matches(d *ghdeploy.Deployment, opts ghdeploy.DeploymentListOptions) bool {
	return (opts.SHA == "" || strings.EqualFold(d.SHA, opts.SHA)) &&
		(opts.Ref == "" || d.Ref == opts.Ref) &&
		(opts.Task == "" || d.Task == opts.Task) &&
		(opts.Environment == "" || within(d.Environment, opts.Environment) || sameEnvironment(d.OriginalEnvironment, opts.Environment))
}

// statuses lists the statuses of a deployment.
func (r Repo) statuses(ctx context.Context, id int64) listing[ghdeploy.DeploymentStatus] {
	return func(number int) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
		opts := ghdeploy.DeploymentStatusListOptions{Page: number, PerPage: pageSize}
		return r.Client.Statuses.List(ctx, r.Owner, r.Name, id, opts)
	}
}

// environments lists the environments of the repository.
func (r Repo) environments(ctx context.Context) listing[ghdeploy.Environment] {
	return func(number int) (*ghdeploy.Page[*ghdeploy.Environment], error) {
		opts := ghdeploy.EnvironmentListOptions{Page: number, PerPage: pageSize}
		return r.Client.Environments.List(ctx, r.Owner, r.Name, opts)
	}
}

// page reads a page and returns a copy without nil rows, which a stub can
// return. The slice of the stub stays unchanged.
func (list listing[R]) page(number int) (*ghdeploy.Page[*R], error) {
	page, err := list(number)
	switch {
	case err != nil:
		return nil, err
	case page == nil:
		return nil, errNoPage
	}
	own := *page
	own.Items = slices.DeleteFunc(slices.Clone(page.Items), func(row *R) bool { return row == nil })
	return &own, nil
}

// rows ranges over the rows of all pages. It uses only List, so that a stub
// needs no All.
func (list listing[R]) rows() iter.Seq2[*R, error] {
	return ghdeploy.Pages(0, list.page)
}

// newestFirst ranges over all deployments of a list, the newest first. GitHub
// documents no order: if page 1 is not sorted, all pages are read first.
func newestFirst(list listing[ghdeploy.Deployment]) iter.Seq2[*ghdeploy.Deployment, error] {
	return ghdeploy.Pages(0, func(number int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		page, err := list.page(number)
		if err != nil {
			return nil, err
		}
		if number == 0 && page.NextPage != 0 && !descends(page.Items) {
			rest, err := collect(ghdeploy.Pages(page.NextPage, list.page))
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
