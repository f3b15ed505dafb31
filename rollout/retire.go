package rollout

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// RetireOptions selects the deployments that [Repo.Retire] retires, and how. A
// deployment must match every filter that is set. The filters are Environment,
// Ref, Task and OlderThan; at least one is required.
type RetireOptions struct {
	// Environment is the name of an environment, or a pattern for [path.Match],
	// such as "pr-*". A * does not match a slash. Case is ignored. If an
	// environment has exactly this name, it is not used as a pattern. A
	// backslash escapes a special character.
	Environment string
	Ref         string        // the ref as it was passed to Create
	Task        string        // such as "deploy"
	OlderThan   time.Duration // minimum age of the deployment when Retire starts

	// Keep is the number of deployments to keep in each environment, counted
	// from the newest of those that match Environment, Ref and Task.
	Keep int
	// Except holds the IDs of deployments to keep.
	Except []int64

	// Delete deletes the deployments. Default: they become inactive and stay in
	// the history. GitHub shows a transient environment as destroyed once its
	// deployments are inactive.
	Delete bool
	// Running retires running deployments too: those whose newest status is
	// not final, and those without a status. It does not stop the program that
	// deploys: if that reports success later, the deployment is live again. End
	// the program first.
	Running bool
	// Live retires the live deployment of a production environment too. Retire
	// determines the live deployment of each task, as [Repo.Current] does.
	Live bool
	// RemoveEnvironment removes each environment that matches Environment once
	// it has no deployments, with its secrets and protection rules. It requires
	// Delete, Environment and a token with admin rights. Without Running, a
	// running deployment keeps its environment.
	RemoveEnvironment bool

	// DryRun reads and reports, but changes nothing.
	DryRun bool
	// Pace is the minimum time between the starts of two writes. Default 1 s,
	// as GitHub recommends. Reads are up to ten times as frequent.
	Pace time.Duration
	// OnItem is called with each step, on the caller's goroutine.
	OnItem func(Item)
}

// Action is a step of [Repo.Retire]. Later versions may add actions.
type Action string

// The actions.
const (
	ActionKeep              Action = "keep"               // the deployment stays unchanged
	ActionDeactivate        Action = "deactivate"         // the deployment gets an inactive status
	ActionDelete            Action = "delete"             // the deployment is deleted, if necessary after an inactive status
	ActionGone              Action = "gone"               // the deployment was deleted by another program or user
	ActionRemoveEnvironment Action = "remove_environment" // the environment is removed
	ActionPause             Action = "pause"              // Retire waits for the end of a rate limit
)

// Item is one step of [Repo.Retire]: done, planned in a dry run, or failed.
type Item struct {
	Action      Action
	Environment string
	Deployment  *ghdeploy.Deployment // nil if the step concerns no deployment

	N, Of int // the deployment's number among the matches, from 1, and their total; Of can grow

	Err         error     // why the step failed; for a pause, the rate limit
	PausedUntil time.Time // when a pause ends
}

// Retired holds the counts of [Repo.Retire]. Each matching deployment that it
// reached is counted once.
type Retired struct {
	Deactivated  int      // made inactive, but not deleted
	Deleted      int      // deleted by Retire
	Gone         int      // deleted by another program or user
	Kept         int      // left unchanged
	Failed       []Item   // failed steps; the error of Retire joins their errors
	Environments []string // names of the removed environments
}

// defaultPace is the pause that GitHub recommends between two writes.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
const defaultPace = time.Second

// Retire makes old deployments inactive, or deletes them.
//
// It keeps running deployments unless Running is set, and the live deployment
// of a production environment unless Live is set. Without Delete it changes
// only deployments whose newest status is success, and running deployments if
// Running is set. It ignores deployments that are created after it started.
//
// Retire lists all deployments, retires the oldest first, and repeats this
// until the list has no new match. GitHub deletes only inactive deployments, so
// Retire first gives an active one an inactive status.
//
// If the arguments are valid, the result is not nil, even with an error. A
// deployment that GitHub refuses to change becomes an Item in Failed, and
// Retire continues. It stops if the token lacks the permission, after 10
// transient errors in a row, and when ctx ends. The error joins all failures.
// To continue later, call Retire again; completed steps are not repeated.
//
// After a rate limit response Retire pauses until the limit ends or ctx ends,
// and calls OnItem with the end of the pause. A deployment that is already
// deleted is counted as gone.
//
// Retire makes one request at a time, at most one write and 10 reads a second.
// That stays below the 900 points and the 80 creations a minute that GitHub
// documents. More than 500 inactive statuses in an hour can reach a further
// limit.
//
// Retire costs one request for each hundred deployments of the two lists, one
// to read each deployment's history, and one to change it: at most 940 requests
// to delete 460 deployments of one environment. If Delete, Running and Live are
// all set, Retire reads no histories, and needs at most 470 requests. A pattern
// costs two requests more. Patterns and RemoveEnvironment require the
// Environments service.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments#delete-a-deployment
func (r Repo) Retire(ctx context.Context, opts RetireOptions) (*Retired, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	needs := []service{deployments, statuses}
	if opts.RemoveEnvironment || isPattern(opts.Environment) {
		needs = append(needs, environments)
	}
	if err := r.check(needs...); err != nil {
		return nil, err
	}
	job := newRetirement(r, opts)
	err := job.run(ctx)
	result := job.result
	return &result, err
}

// check sets the defaults and returns an error for an invalid option.
func (o *RetireOptions) check() error {
	switch {
	case o.Environment == "" && o.Ref == "" && o.Task == "" && o.OlderThan == 0:
		return invalidArgument("RetireOptions has no filter; set Environment, Ref, Task or OlderThan")
	case o.OlderThan < 0:
		return invalidArgument("RetireOptions.OlderThan is %v; set the minimum age of a deployment", o.OlderThan)
	case o.Keep < 0:
		return invalidArgument("RetireOptions.Keep is %d; set the number of deployments to keep in each environment", o.Keep)
	case o.Pace < 0:
		return invalidArgument("RetireOptions.Pace is %v; set the time between two writes, or omit it for %v", o.Pace, defaultPace)
	case o.RemoveEnvironment && (!o.Delete || o.Environment == ""):
		return invalidArgument("RetireOptions.RemoveEnvironment requires Delete and Environment, because an environment is removed once its deployments are deleted")
	}
	if _, err := path.Match(o.Environment, ""); err != nil {
		return invalidArgument(`RetireOptions.Environment is %q, which is not a valid pattern for path.Match; in a name, escape each of * ? [ \ with a backslash`, o.Environment)
	}
	if o.Pace == 0 {
		o.Pace = defaultPace
	}
	return nil
}

// isPattern reports whether a name has special characters of [path.Match].
func isPattern(environment string) bool { return strings.ContainsAny(environment, `*?[\`) }

// run lists, plans and acts until the list has no new match.
func (j *retirement) run(ctx context.Context) error {
	if err := j.resolve(ctx); err != nil {
		return err
	}
	for {
		rows, err := j.list(ctx)
		if err != nil {
			return j.end(err)
		}
		plan, err := j.plan(ctx, rows)
		if err != nil {
			return j.end(err)
		}
		acted, err := j.act(ctx, plan)
		if err != nil {
			return j.end(err)
		}
		if !acted || j.DryRun {
			break
		}
	}
	if j.RemoveEnvironment {
		return j.end(j.removeEnvironments(ctx))
	}
	return j.end(nil)
}
