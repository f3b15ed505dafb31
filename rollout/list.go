package rollout

import (
	"context"
	"iter"

	"github.com/ghdeploy/ghdeploy"
)

// list ranges over the deployments of all pages.
func (r Repo) list(ctx context.Context, opts ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	opts.PerPage = pageSize
	return rows(func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts := opts
		opts.Page = page
		return r.Client.Deployments.List(ctx, r.Owner, r.Name, opts)
	})
}

// statuses reads all statuses of a deployment. One page is enough for nearly
// every deployment.
func (r Repo) statuses(ctx context.Context, id int64) ([]*ghdeploy.DeploymentStatus, error) {
	var all []*ghdeploy.DeploymentStatus
	for s, err := range rows(func(page int) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
		return r.Client.Statuses.List(ctx, r.Owner, r.Name, id, ghdeploy.DeploymentStatusListOptions{Page: page, PerPage: pageSize})
	}) {
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// rows ranges over the rows of all pages. It skips the nil ones that a stub may
// have. Only List is used, so that a stub needs no All.
func rows[R any](list func(page int) (*ghdeploy.Page[*R], error)) iter.Seq2[*R, error] {
	return func(yield func(*R, error) bool) {
		for row, err := range ghdeploy.Pages(0, list) {
			if (row != nil || err != nil) && !yield(row, err) {
				return
			}
		}
	}
}
