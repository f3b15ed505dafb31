package rolloutcheck

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// Run is the function under test.
type Run func(context.Context, rollout.Repo, ghdeploy.DeploymentRequest, rollout.RunOptions, func(context.Context, *rollout.Running) error) (*ghdeploy.Deployment, error)

// ending is how a deployment function ends.
type ending int

const (
	succeeds ending = iota
	fails
	panics
	exits
)

func (e ending) String() string {
	return [...]string{"succeeds", "fails", "panics", "exits"}[e]
}

var errFailed = errors.New("the deployment failed")

// release is one call of Run and its result.
type release struct {
	*trial
	ending    ending
	takes     time.Duration
	cancelled time.Duration // cancelled after this time; 0 is not cancelled
	obeys     bool          // the function returns when its context ends

	started    time.Time
	called     bool
	ended      bool          // the context had ended when the function returned
	late       time.Duration // time between both, if ended is set
	returned   bool          // Run returned; otherwise it panicked or exited
	deployment *ghdeploy.Deployment
	err        error
}

// CheckRun makes one call of run with faults in every request, and compares its
// result with the server's record a minute later.
func CheckRun(ctx context.Context, report *Report, seed uint64, run Run) {
	t := newTrial(report, seed)
	defer t.server.Close()
	r := &release{
		trial:  t,
		ending: ending(t.random.IntN(int(exits) + 1)),
		takes:  t.upTo(3 * time.Minute),
		obeys:  t.random.IntN(2) == 0,
	}
	if r.random.IntN(2) == 0 {
		r.ending = succeeds
	}
	if r.random.IntN(3) == 0 {
		r.cancelled = t.upTo(4 * time.Minute)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil && p != "boom" {
				r.violate("Run panicked: %v", p)
			}
		}()
		r.run(ctx, run)
	}()
	<-done
	posts := r.posts()
	time.Sleep(time.Minute)
	if n := r.posts(); n != posts {
		r.violate("%d requests were sent after Run had ended", n-posts)
	}
	r.compare()
}

func (r *release) run(ctx context.Context, run Run) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.started = time.Now()
	if r.cancelled > 0 {
		timer := time.AfterFunc(r.cancelled, cancel)
		defer timer.Stop()
	}
	opts := rollout.RunOptions{}
	if r.random.IntN(3) == 0 {
		opts.Superseded = func(*ghdeploy.Deployment) error { return nil }
	}
	r.deployment, r.err = run(ctx, r.repo, ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}, opts, r.deploy)
	r.returned = true
}

// deploy is the function that Run calls. It reports progress continuously.
func (r *release) deploy(ctx context.Context, running *rollout.Running) error {
	r.called = true
	defer func() {
		r.ended = ctx.Err() != nil
		r.late = time.Since(r.started) - r.cancelled
	}()
	over := time.After(r.takes)
	for i := 0; ; i++ {
		running.Progress(fmt.Sprint("step ", i))
		select {
		case <-over:
			switch r.ending {
			case fails:
				return errFailed
			case panics:
				panic("boom")
			case exits:
				runtime.Goexit()
			}
			return nil
		case <-time.After(r.upTo(5 * time.Second)):
		}
		if r.obeys && ctx.Err() != nil {
			r.ending = fails
			return ctx.Err()
		}
	}
}

// posts returns the number of requests that have reached the server.
func (r *release) posts() int { return len(r.server.Requests()) }

// compare compares the result with the server's record.
func (r *release) compare() {
	list := r.server.Deployments(fullName)
	var newest string
	var finals []string
	if len(list) > 0 {
		newest = list[0].State()
		finals = finalStates(list[0])
	}
	said := r.said()
	r.tally(newest, said)
	switch {
	case len(list) > 1:
		r.violate("Run created %d deployments", len(list))
	case len(finals) > 1:
		r.violate("the deployment has the final states %v: %v", finals, r.err)
	case r.returned && r.err == nil && newest != "success":
		r.violate("Run returned nil, but the newest status is %q", newest)
	case len(list) == 1 && !ghdeploy.State(newest).Final() && r.returned && !said:
		r.violate("the newest status is %q and is not final a minute later, but the error does not say so: %v", newest, r.err)
	case r.returned && r.deployment != nil && len(list) == 1 && r.deployment.ID != list[0].ID:
		r.violate("Run returned deployment %d, but the server has %d", r.deployment.ID, list[0].ID)
	case r.called && len(finals) == 1 && !slices.Contains(r.expected(), finals[0]):
		r.violate("the final state is %s for a function that %s, %v after its context ended (%v): %v", finals[0], r.ending, r.late, r.ended, r.err)
	case r.called && len(finals) == 0 && r.returned && !said:
		r.violate("there is no final status, but the error does not say so: %v", r.err)
	}
}

// expected returns the correct final states for the function's ending. The
// grace is 2 s, and a progress status in flight may delay the final one.
func (r *release) expected() []string {
	switch {
	case r.ending == succeeds && (!r.ended || r.late < 2*time.Second):
		return []string{"success"}
	case r.ending == succeeds && r.late < 4*time.Second:
		return []string{"success", "error"}
	case r.ending == fails && !r.ended:
		return []string{"failure"}
	}
	return []string{"error"}
}

// said reports whether the error says that the final status may be missing.
func (r *release) said() bool {
	_, report := errors.AsType[*rollout.ReportError](r.err)
	return report || r.deployment == nil && r.err != nil
}

// tally counts the release by its result.
func (r *release) tally(newest string, said bool) {
	r.report.count("trials of Run")
	if r.called {
		r.report.count("Run: the function was called and " + r.ending.String())
	}
	switch {
	case newest == "" && said:
		r.report.count("Run: no status, and the error says so")
	case ghdeploy.State(newest).Final():
		r.report.count("Run: the newest status is final")
	case said:
		r.report.count("Run: the newest status is not final, and the error says so")
	case !r.returned:
		r.report.count("Run: the newest status is not final after a panic or Goexit")
	}
}

// finalStates returns the different final states of a deployment.
func finalStates(d ghdeploytest.Deployment) []string {
	var states []string
	for _, st := range d.Statuses {
		if ghdeploy.State(st.State).Final() && !slices.Contains(states, st.State) {
			states = append(states, st.State)
		}
	}
	return states
}
