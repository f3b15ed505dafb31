package rollout

import (
	"context"
	"path"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// RetireOptions selects the deployments that [Repo.Retire] retires and says
// how. A deployment must match every filter that is set. The filters are
// Environment, Ref, Task and OlderThan; at least one is required.
type RetireOptions struct {
	// Environment is the name of an environment, or a pattern for names as
	// [path.Match] takes it, such as "pr-*". A * does not match a slash. The
	// case of names does not count. If an environment has exactly this name, it
	// is a name; a backslash makes a special character an ordinary one.
	Environment string
	Ref         string        // the ref as it was given to Create
	Task        string        // such as "deploy"
	OlderThan   time.Duration // since the creation, when Retire starts

	// Keep is the number of deployments to keep in each environment, counted
	// from the newest of those that match Environment, Ref and Task.
	Keep int
	// Except are the IDs of deployments to keep.
	Except []int64

	// Delete deletes the deployments. Default: they become inactive and stay
	// in the history. GitHub shows a transient environment as destroyed once its
	// deployments are inactive.
	Delete bool
	// Running retires running deployments too: those whose newest status is
	// not final, and those without a status.
	Running bool
	// Live retires the live deployment of a production environment too. Retire
	// looks for the live one of each task, as [Repo.Current] does.
	Live bool
	// RemoveEnvironment removes each environment of Environment once no
	// deployment is left in it, with its secrets and protection rules. It
	// requires Delete, Environment and a token with admin rights.
	RemoveEnvironment bool

	// DryRun reads and reports, and changes nothing.
	DryRun bool
	// Pace is the time between the starts of two writes. Default 1 s, which is
	// GitHub's advice. Reads are up to ten times as frequent.
	Pace time.Duration
	// OnItem is called with each step, on the caller's goroutine.
	OnItem func(Item)
}

// Action is a step of [Repo.Retire]. Later versions may add actions.
type Action string

// The actions.
const (
	ActionKeep              Action = "keep"               // the deployment stays as it is
	ActionDeactivate        Action = "deactivate"         // it gets an inactive status
	ActionDelete            Action = "delete"             // it is deleted, if necessary after an inactive status
	ActionGone              Action = "gone"               // somebody else deleted it
	ActionRemoveEnvironment Action = "remove_environment" // the environment is removed
	ActionPause             Action = "pause"              // Retire waits for a rate limit to end
)

// Item is one step of [Repo.Retire]: done, to be done in a dry run, or failed.
type Item struct {
	Action      Action
	Environment string
	Deployment  *ghdeploy.Deployment // nil where the step is about no deployment

	N, Of int // the deployment's place among those that match, from 1; Of can grow

	Err         error     // why the step failed; for a pause, the rate limit
	PausedUntil time.Time // when a pause ends
}

// Retired counts what [Repo.Retire] did. Each matching deployment that it came
// to is counted once.
type Retired struct {
	Deactivated  int      // made inactive and not deleted
	Deleted      int      // by Retire
	Gone         int      // deleted by somebody else
	Kept         int      // left as they are
	Failed       []Item   // each is in the error too
	Environments []string // removed
}

// defaultPace is GitHub's advice for requests that change something.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests
const defaultPace = time.Second

// Retire makes old deployments inactive, or deletes them.
//
// It keeps what is running unless Running is set, and the live deployment of a
// production environment unless Live is set. Without Delete it changes only
// deployments whose newest status is success and, with Running, those that
// run. What the filters match is fixed when Retire starts: deployments created
// later are left alone.
//
// Retire first lists everything, then acts on the oldest deployment first, and
// lists again until nothing new matches. GitHub deletes a deployment only if it
// is inactive, so Retire gives the active ones an inactive status first.
//
// The result is never nil once the arguments are accepted. A deployment that
// GitHub refuses to change becomes an Item in Failed, and Retire goes on. It
// stops if the token may not do this, after 10 transient errors in a row, and
// when ctx ends. The error joins all failures. Call Retire again to
// continue; it repeats nothing that was done.
//
// A rate limit is a pause that only ctx bounds: OnItem gets an Item that says
// until when. A deployment that is already deleted is counted as gone.
//
// Retire makes one request at a time, at most one write and 10 reads a second.
// That keeps it below the 900 points and the 80 creations a minute that GitHub
// documents; more than 500 inactive statuses in an hour can meet a further
// limit.
//
// Retire costs one request for each hundred deployments of the two lists, one to
// read each deployment's history, and one to change it. Histories are not read
// if Delete, Running and Live are all set. To delete 460 deployments of one
// environment takes at most 470 requests then, and at most 940 otherwise. A
// pattern costs two requests more. Patterns and RemoveEnvironment need the
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

// check reports whether the options can be used, and sets the defaults.
func (o *RetireOptions) check() error {
	switch {
	case o.Environment == "" && o.Ref == "" && o.Task == "" && o.OlderThan == 0:
		return invalidArgument("RetireOptions has no filter; set Environment, Ref, Task or OlderThan")
	case o.OlderThan < 0:
		return invalidArgument("RetireOptions.OlderThan is %v; write how old a deployment must be", o.OlderThan)
	case o.Keep < 0:
		return invalidArgument("RetireOptions.Keep is %d; write how many deployments to keep in each environment", o.Keep)
	case o.Pace < 0:
		return invalidArgument("RetireOptions.Pace is %v; write the time between two writes, or omit it for %v", o.Pace, defaultPace)
	case o.RemoveEnvironment && (!o.Delete || o.Environment == ""):
		return invalidArgument("RetireOptions.RemoveEnvironment needs Delete and Environment; an environment is removed once its deployments are deleted")
	}
	if _, err := path.Match(o.Environment, ""); err != nil {
		return invalidArgument(`RetireOptions.Environment is %q, which is no pattern of path.Match; write a backslash before each of * ? [ \ in a name`, o.Environment)
	}
	if o.Pace == 0 {
		o.Pace = defaultPace
	}
	return nil
}

// isPattern reports whether a name can match others than itself.
func isPattern(environment string) bool { return strings.ContainsAny(environment, `*?[\`) }

// run is the whole job: list, plan, act, until nothing new matches.
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
