package rollout

import (
	"context"

	"github.com/ghdeploy/ghdeploy"
)

// History returns one page of deployments, the newest first, each with its
// newest status. The options are those of
// [ghdeploy.DeploymentsService].List; a PerPage of 0 is GitHub's default, 30.
// A deployment that is deleted during the call is omitted, so the page can hold
// fewer rows than GitHub's.
//
// GitHub documents no order of the list. History sorts each page, but does not
// move rows between pages. Page.Rate is the rate of the list's response.
//
// History costs one request for the list and one for each deployment in it, up
// to 8 at a time. Each further hundred statuses of a deployment costs one more.
func (r Repo) History(ctx context.Context, opts ghdeploy.DeploymentListOptions) (*ghdeploy.Page[Entry], error) {
	if err := r.check(deployments, statuses); err != nil {
		return nil, err
	}
	list, err := listing[ghdeploy.Deployment](func(int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		return r.Client.Deployments.List(ctx, r.Owner, r.Name, opts)
	}).page(opts.Page)
	if err != nil {
		return nil, err
	}
	sortNewestFirst(list.Items)
	page := &ghdeploy.Page[Entry]{
		FirstPage: list.FirstPage, PrevPage: list.PrevPage, NextPage: list.NextPage, LastPage: list.LastPage,
		Total: list.Total, Rate: list.Rate,
	}
	for seen, err := range r.look(ctx, values(list.Items)) {
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, *seen.entry())
	}
	return page, nil
}
