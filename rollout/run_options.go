package rollout

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// RunOptions are the options of [Repo.Run]. The zero value suits most releases.
type RunOptions struct {
	// Cancelled is the final state if ctx ended and the function failed: error,
	// failure or inactive. Default error. GitHub sends no webhook for inactive,
	// and shows a transient environment as destroyed.
	Cancelled ghdeploy.State

	// LogURL is the address of the deployment's output. Default: the workflow
	// run of GitHub Actions, if the environment variables GITHUB_SERVER_URL,
	// GITHUB_REPOSITORY and GITHUB_RUN_ID are set.
	LogURL string

	// KeepEarlier sends auto_inactive false with the success, so that earlier
	// deployments stay successful. GitHub's auto_inactive ignores the task:
	// outside production, a success of one task makes the successes of all
	// other tasks inactive. Set KeepEarlier if several tasks deploy to one
	// environment.
	KeepEarlier bool

	// Grace is the time that the function may run after ctx ended, before Run
	// posts the final status Cancelled. Default 2 s.
	Grace time.Duration

	// Finish is the maximum time to report the final status while ctx is alive.
	// Default 2 min, because a secondary rate limit lasts a minute. Once ctx
	// has ended, the maximum is 8 s.
	Finish time.Duration

	// Superseded is called before the final success if there is a later
	// deployment of the same environment and task that has not failed. newer is
	// the newest such deployment. If Superseded returns an error, the final
	// state is inactive, and Run returns the error; if it returns nil, Run
	// reports the success. It runs on the goroutine that called Run. A later
	// deployment counts as failed if its newest status is failure or error. It
	// also does if that is inactive and no earlier status is success.
	//
	// If the later deployments cannot be read within half of Finish, or within
	// 3 s after ctx ended, Superseded is not called. Run then reports the
	// success and returns an error that says so.
	Superseded func(newer *ghdeploy.Deployment) error
}

const (
	defaultGrace  = 2 * time.Second
	defaultFinish = 2 * time.Minute
	// afterEnd is the maximum time for the final status after ctx ended. With
	// the default Grace it fits into the 10 s before GitHub Actions kills a
	// cancelled job.
	// GitHub docs: https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
	afterEnd = 8 * time.Second
	// lookAfterEnd is the maximum time for the looks of an earlier POST after
	// ctx ended.
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
