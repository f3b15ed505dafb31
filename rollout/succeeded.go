package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ghdeploy/ghdeploy"
)

// Succeeded returns the first success of a commit in an environment: the oldest
// success status of the commit's deployments, with its deployment. Use it to
// find out whether and when a commit was deployed; the deployment need not be
// live now. sha must be a full SHA. Without a success the error is
// [ErrNeverSucceeded].
//
// Succeeded costs one request for the list of the commit's deployments to all
// environments, and one for each history that it reads. It reads the histories
// of this environment, the oldest deployment first: 2 requests in most cases,
// at most 101 with the default Lookback.
func (r Repo) Succeeded(ctx context.Context, environment, sha string, opts LookOptions) (*Entry, error) {
	if !isSHA(sha) {
		return nil, invalidArgument("the SHA is %q; pass the full SHA of a commit, 40 hexadecimal digits", sha)
	}
	if err := r.checkLook(environment, &opts); err != nil {
		return nil, err
	}
	list, err := collect(r.take(ctx, opts.Lookback, ghdeploy.DeploymentListOptions{SHA: strings.ToLower(sha), Task: opts.Task}))
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(d *ghdeploy.Deployment) bool {
		return !within(d.Environment, environment) && !within(d.OriginalEnvironment, environment)
	})
	var first *Entry
	oldestFirst := func(yield func(*ghdeploy.Deployment, error) bool) {
		for _, d := range slices.Backward(list) {
			if first != nil && d.CreatedAt.After(first.Status.CreatedAt) || !yield(d, nil) {
				return // a later deployment cannot have an earlier success
			}
		}
	}
	for seen, err := range r.look(ctx, oldestFirst) {
		if err != nil {
			return nil, err
		}
		if s := seen.firstSuccess(environment); s != nil && (first == nil || s.CreatedAt.Before(first.Status.CreatedAt)) {
			first = &Entry{Environment: environment, Deployment: seen.Deployment, Status: s}
		}
	}
	if first == nil {
		return nil, &reason{ErrNeverSucceeded, fmt.Sprintf("%s to %s", sha, environment)}
	}
	return first, nil
}
