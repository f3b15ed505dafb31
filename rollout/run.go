package rollout

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Run creates a deployment, reports in_progress, calls deploy and reports the
// result as the final status. Once the deployment is created, Run returns it
// even with an error. Each call creates a new deployment: in a job that may be
// started twice, call [Repo.Ensure], and report with [Repo.Report].
//
// The final state is
//
//   - success if deploy returned nil,
//   - failure if it returned an error,
//   - [RunOptions].Cancelled if it returned an error after ctx ended,
//   - error if it panicked or called [runtime.Goexit]; the panic continues,
//   - inactive if [RunOptions].Superseded returned an error.
//
// Run calls deploy on the goroutine that called Run, with ctx and a [Running]
// for progress and URLs. The description of the final status is the latest text
// of [Running.Progress]; the text of an error is not sent to GitHub.
//
// If deploy still runs [RunOptions].Grace after ctx ended, Run reports the
// final state Cancelled then, and no other later. If deploy succeeds after
// that, Run returns an error that says so.
//
// If in_progress cannot be reported, Run does not call deploy. The final state
// is error, and Run returns a [*ReportError] with the state in_progress.
//
// Run sends auto_merge false; if AutoMerge is true, the error is
// [ghdeploy.ErrInvalidArgument]. If the payload is nil or an object, Run adds a
// random "ghdeploy_key", by which it finds the deployment after a POST of
// unknown outcome. With another payload, Run returns the error of such a POST,
// [ghdeploy.ErrOutcomeUnknown]. POSTs of unknown outcome are settled as
// described at [Repo.Report]. If the list does not show the deployment within
// 15 s, Run creates a second one with the same key: it calls deploy once, and
// the first deployment stays without a status.
//
// Run has [RunOptions].Finish to report the final status, but at most 8 s after
// ctx has ended. In that time it retries after rate limits and 5xx responses.
// Run returns a [*ReportError], joined with the error of deploy, in three
// cases: the final status was refused, its outcome is unknown, or an earlier
// status may still appear after it.
//
// GitHub checks the statuses of the commit. In GitHub Actions, the job that
// calls Run is itself such a check, which has not succeeded yet. So the error
// is [ghdeploy.ErrChecksFailed] unless the request sets SkipContexts or
// RequiredContexts.
func (r Repo) Run(ctx context.Context, req ghdeploy.DeploymentRequest, opts RunOptions, deploy func(context.Context, *Running) error) (*ghdeploy.Deployment, error) {
	if err := r.check(deployments, statuses); err != nil {
		return nil, err
	}
	if deploy == nil {
		return nil, invalidArgument("Run: deploy is nil; pass the function that deploys")
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
