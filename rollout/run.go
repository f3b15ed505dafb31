package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Run creates a deployment, reports in_progress, calls deploy and reports how
// it ended. It returns the deployment once there is one, also with an error.
//
// The final state is
//
//   - success if deploy returned nil,
//   - failure if it returned an error,
//   - [RunOptions].Cancelled if it returned an error after ctx ended,
//   - error if it panicked or called [runtime.Goexit]; the panic goes on,
//   - inactive if [RunOptions].Superseded returned an error.
//
// Run calls deploy on the goroutine that called Run, with ctx and a [Running]
// for progress and URLs. The description of the final status is the latest text
// of [Running.Progress]; the text of an error is not sent to GitHub.
//
// A deploy that still runs [RunOptions].Grace after ctx ended gets the
// final state Cancelled then, and no other. If it succeeds after that, Run
// returns an error that says so.
//
// If in_progress cannot be reported, deploy is not called: the final state is
// error, and the error is a [*ReportError] with the state in_progress.
//
// Run sends auto_merge false; an AutoMerge that is true is
// [ghdeploy.ErrInvalidArgument]. It adds a random "ghdeploy_key" to a payload
// that is nil or an object, and finds its deployment by it if the outcome of the
// POST is unknown. With another payload Run returns that outcome to the caller.
// POSTs of unknown outcome are settled as described at [Repo.Report].
//
// The final status has [RunOptions].Finish to be reported, and 8 s once ctx has
// ended. Rate limits and 5xx are waited out in that time. If the final status
// was refused, its outcome stays unknown, or an earlier status may still appear
// after it, Run returns a [*ReportError]. It is joined with the error of deploy.
//
// Run checks nothing that GitHub does not check. In a workflow of GitHub
// Actions, the job that calls Run is itself a check of the commit, which has not
// succeeded yet: GitHub answers with [ghdeploy.ErrChecksFailed] unless the
// request sets SkipContexts or RequiredContexts.
func (r Repo) Run(ctx context.Context, req ghdeploy.DeploymentRequest, opts RunOptions, deploy func(context.Context, *Running) error) (*ghdeploy.Deployment, error) {
	if err := r.check(deployments, statuses); err != nil {
		return nil, err
	}
	if deploy == nil {
		return nil, invalidArgument("Run: deploy is nil; give the function that deploys")
	}
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	if req.AutoMerge != nil && *req.AutoMerge {
		return nil, invalidArgument("Run: AutoMerge is true; set it to false or nil, and merge before the deployment")
	}
	d, err := r.createOnce(ctx, req)
	if errors.Is(err, ghdeploy.ErrChecksFailed) {
		err = fmt.Errorf("%w; in a workflow, the job that runs this program is a check too: set SkipContexts, or name the others in RequiredContexts", err)
	}
	if err != nil {
		return nil, err
	}
	x := newRun(r, d, opts)
	if err := x.open(ctx); err != nil {
		return d, err
	}
	return d, x.call(ctx, deploy)
}
