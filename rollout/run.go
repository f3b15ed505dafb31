package rollout

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// RunOptions are the options of [Repo.Run]. The zero value is right for most
// releases.
type RunOptions struct {
	// Cancelled is the final state if ctx ended and the function failed: error,
	// failure or inactive. Default error. GitHub sends no webhook for inactive,
	// and shows a transient environment as destroyed.
	Cancelled ghdeploy.State

	// LogURL is where to see the output of the deployment. Default: the run of
	// the GitHub Actions workflow that the environment variables
	// GITHUB_SERVER_URL, GITHUB_REPOSITORY and GITHUB_RUN_ID name, if all are set.
	LogURL string

	// KeepEarlier leaves earlier successes of the environment as they are: it
	// sends auto_inactive false with the success. GitHub's auto_inactive ignores
	// the task: outside of production, a success of one task makes the successes
	// of all other tasks inactive. Set KeepEarlier if several tasks deploy to one
	// environment.
	KeepEarlier bool

	// Grace is how long the function may run after ctx ended, before the final
	// status Cancelled is posted without it. Default 2 s.
	Grace time.Duration

	// Finish bounds the time to report the final status while ctx is alive.
	// Default 2 min: a secondary rate limit lasts a minute. Once ctx has ended,
	// the bound is 8 s.
	Finish time.Duration

	// Superseded is called before the final success with the newest later
	// deployment of the same environment and task that has not failed, if there
	// is one. If it returns an error, the final state is inactive, and Run
	// returns the error. Return nil to report the success all the same. It runs
	// on the goroutine that called Run. A later deployment has failed if its
	// newest status is failure or error, or is inactive without a success.
	Superseded func(newer *ghdeploy.Deployment) error
}

const (
	defaultGrace  = 2 * time.Second
	defaultFinish = 2 * time.Minute
	// afterEnd bounds the reporting after the end of ctx. With the default
	// Grace it fits into the 10 s between the two signals and the kill of
	// GitHub Actions.
	// GitHub docs: https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
	afterEnd = 8 * time.Second
	// lookAfterEnd bounds the looks for an earlier POST after the end of ctx.
	lookAfterEnd = 3 * time.Second
)

func (o RunOptions) withDefaults() (RunOptions, error) {
	switch o.Cancelled {
	case "":
		o.Cancelled = ghdeploy.StateError
	case ghdeploy.StateError, ghdeploy.StateFailure, ghdeploy.StateInactive:
	default:
		return o, invalidArgument("Run: Cancelled is %q; use error, failure or inactive", o.Cancelled)
	}
	if o.Grace < 0 || o.Finish < 0 {
		return o, invalidArgument("Run: Grace is %v and Finish is %v; omit them for the defaults", o.Grace, o.Finish)
	}
	o.Grace = cmp.Or(o.Grace, defaultGrace)
	o.Finish = cmp.Or(o.Finish, defaultFinish)
	o.LogURL = cmp.Or(o.LogURL, actionsRun())
	return o, nil
}

// actionsRun returns the URL of the workflow run that this process is part of.
// GitHub docs: https://docs.github.com/actions/reference/workflows-and-actions/variables
func actionsRun() string {
	server, repository, id := os.Getenv("GITHUB_SERVER_URL"), os.Getenv("GITHUB_REPOSITORY"), os.Getenv("GITHUB_RUN_ID")
	if server == "" || repository == "" || id == "" {
		return ""
	}
	return strings.TrimSuffix(server, "/") + "/" + repository + "/actions/runs/" + id
}

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
// Run calls deploy on its own goroutine, with ctx and a [Running] for progress
// and URLs. A deploy that still runs [RunOptions].Grace after ctx ended gets the
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
	if err != nil {
		return nil, err
	}
	x := newRun(r, d, opts)
	if err := x.open(ctx); err != nil {
		return d, err
	}
	return d, x.call(ctx, deploy)
}

// createOnce creates the deployment and settles an unknown outcome with a
// random key.
func (r Repo) createOnce(ctx context.Context, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	req.AutoMerge = new(false)
	send := func(ctx context.Context) (*ghdeploy.Deployment, error) {
		return r.Client.Deployments.Create(ctx, r.Owner, r.Name, req)
	}
	key := rand.Text()
	payload, ok := withKey(req.Payload, key)
	if !ok {
		return send(ctx)
	}
	req.Payload = payload
	lookCtx, cancel := linger(ctx, lookAfterEnd)
	defer cancel()
	return post[ghdeploy.Deployment]{
		sends: maxSends,
		send:  send,
		look:  func(ctx context.Context) (*ghdeploy.Deployment, error) { return r.findNew(ctx, req, key) },
	}.do(ctx, lookCtx)
}

// findNew returns a deployment that was created seconds ago. It reads the first
// and the last page: GitHub does not document the order of the list.
func (r Repo) findNew(ctx context.Context, req ghdeploy.DeploymentRequest, key string) (*ghdeploy.Deployment, error) {
	opts := ghdeploy.DeploymentListOptions{
		Task:        cmp.Or(req.Task, defaultTask),
		Environment: cmp.Or(req.Environment, defaultEnvironment),
		PerPage:     pageSize,
	}
	for {
		page, err := r.Client.Deployments.List(ctx, r.Owner, r.Name, opts)
		if err != nil {
			return nil, err
		}
		if page == nil {
			return nil, errors.New("rollout: Deployments.List returned neither a page nor an error")
		}
		for _, d := range page.Items {
			if d != nil && hasKey(d, key) {
				return d, nil
			}
		}
		if page.LastPage <= max(opts.Page, 1) {
			return nil, nil
		}
		opts.Page = page.LastPage
	}
}

// run is one call of Run after the creation of its deployment. Two goroutines
// post statuses, never at the same time: background while deploy runs, the
// caller's before and after.
type run struct {
	repo    Repo
	opts    RunOptions
	running *Running

	returned chan struct{}   // deploy has returned, or will not
	looking  context.Context // of the looks of background
	stopLook context.CancelFunc
	done     chan struct{} // background has ended

	// Of the goroutine that posts.
	claimed bool     // a final status was posted, or tried
	lateErr error    // of the final status that background posted
	pending *pending // an in_progress that may still appear
	crash   any      // a panic in background
}

func newRun(r Repo, d *ghdeploy.Deployment, opts RunOptions) *run {
	return &run{
		repo: r, opts: opts,
		running:  &Running{deployment: d, logURL: opts.LogURL, wake: make(chan struct{}, 1)},
		returned: make(chan struct{}),
		done:     make(chan struct{}),
	}
}

// open reports in_progress. If it cannot, it reports the final state error.
func (x *run) open(ctx context.Context) error {
	err := contextError(ctx)
	if err == nil {
		w := newWanted(x.running.status(ghdeploy.StateInProgress, ""))
		p := x.repo.statusPost(x.running.deployment.ID, w)
		p.blind = true // nobody else reports on this deployment
		lookCtx, cancel := linger(ctx, lookAfterEnd)
		defer cancel()
		_, err = p.do(ctx, lookCtx)
		x.note(w, err)
	}
	if err == nil && ctx.Err() != nil {
		err = contextError(ctx)
	}
	if err == nil {
		return nil
	}
	finishCtx, cancel := x.finishing(ctx)
	defer cancel()
	final := x.finish(finishCtx, ghdeploy.StateError, "Not started: in_progress could not be reported")
	return join(&ReportError{x.running.deployment, ghdeploy.StateInProgress, err}, final)
}

// call calls deploy and reports how it ended.
func (x *run) call(ctx context.Context, deploy func(context.Context, *Running) error) error {
	x.looking, x.stopLook = linger(ctx, lookAfterEnd)
	defer x.stopLook()
	left := sync.OnceFunc(func() { close(x.returned) })
	completed := false
	defer func() {
		if completed {
			return
		}
		// A panic or a Goexit of deploy or Superseded, which goes on after this.
		left()
		finishCtx, cancel := x.finishing(ctx)
		defer cancel()
		x.rest(finishCtx)
		if !x.claimed {
			x.finish(finishCtx, ghdeploy.StateError, x.running.latest()) //nolint:errcheck // there is no caller to tell
		}
	}()
	go x.background(ctx)
	err := deploy(ctx, x.running)
	left()
	err = x.conclude(ctx, err)
	completed = true
	if x.crash != nil {
		panic(x.crash)
	}
	return err
}

// conclude reports the final status after deploy returned err.
func (x *run) conclude(ctx context.Context, err error) error {
	cancelled := ctx.Err() != nil
	finishCtx, cancel := x.finishing(ctx)
	defer cancel()
	x.rest(finishCtx)
	if x.claimed {
		if err == nil {
			err = fmt.Errorf("rollout: the deployment function succeeded after its context ended; deployment %d was reported as %s before: %w",
				x.running.deployment.ID, x.opts.Cancelled, contextError(ctx))
		}
		return join(err, x.lateErr)
	}
	state, unchecked := ghdeploy.StateSuccess, error(nil)
	switch {
	case err != nil && cancelled:
		state = x.opts.Cancelled
	case err != nil:
		state = ghdeploy.StateFailure
	case x.opts.Superseded != nil:
		var newer *ghdeploy.Deployment
		if newer, unchecked = x.newer(finishCtx); newer != nil {
			err = x.opts.Superseded(newer)
		}
		if err != nil {
			state = ghdeploy.StateInactive
		}
		finishCtx, cancel = x.finishing(ctx) // Superseded may have taken its time
		defer cancel()
	}
	return join(join(err, unchecked), x.finish(finishCtx, state, x.running.latest()))
}

// join joins two errors and leaves a single one as it is.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
