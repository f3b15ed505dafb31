package rollout

import (
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// selection says which deployments of a list are to be retired. Its methods
// make no requests.
type selection struct {
	RetireOptions
	cutoff time.Time // what was created later is too young; zero: nothing is
}

// step is what is to be done with one deployment.
type step struct {
	*ghdeploy.Deployment
	action Action

	newest     bool                       // no deployment of its environment in the list is newer
	superseded bool                       // a newer one of its environment is known to show success
	known      bool                       // its history was read
	status     *ghdeploy.DeploymentStatus // the newest; nil: it has none
	succeeded  bool                       // at any time
}

// state returns the state of the newest status, "" if there is none.
func (s *step) state() ghdeploy.State {
	if s.status == nil {
		return ""
	}
	return s.status.State
}

// choose returns the steps for a list that holds the newest deployment first:
// ActionKeep for those that Keep and Except name, else what the options ask
// for. Deployments that are too young have no step.
func (s selection) choose(rows []*ghdeploy.Deployment) []*step {
	var steps []*step
	seen := make(map[string]int) // deployments so far, by environment
	for _, d := range rows {
		environment := fold(d.Environment)
		place := seen[environment]
		seen[environment]++
		if !s.cutoff.IsZero() && d.CreatedAt.After(s.cutoff) {
			continue
		}
		step := &step{Deployment: d, action: ActionDeactivate, newest: place == 0}
		switch {
		case place < s.Keep, slices.Contains(s.Except, d.ID):
			step.action = ActionKeep
		case s.Delete:
			step.action = ActionDelete
		}
		steps = append(steps, step)
	}
	return steps
}

// mustRead reports whether a step needs the history of its deployment.
func (s selection) mustRead(step *step) bool {
	return step.action != ActionKeep &&
		(!s.Delete || !s.Running || !s.Live && step.ProductionEnvironment)
}

// mustProtect reports whether a step is allowed only if its deployment is not
// the live one.
func (s selection) mustProtect(step *step) bool {
	return !s.Live && step.ProductionEnvironment && step.action != ActionKeep && step.state() == ghdeploy.StateSuccess
}

// decide keeps a deployment whose history forbids the step. live reports
// whether it is the live one.
func (s selection) decide(step *step, live bool) {
	if !step.known || step.action == ActionKeep {
		return
	}
	running := !step.state().Final()
	switch {
	case running && !s.Running,
		live && s.mustProtect(step),
		!s.Delete && !running && step.state() != ghdeploy.StateSuccess:
		step.action = ActionKeep
	}
}

// supersede marks the steps, newest first, that a newer success makes inactive
// for GitHub's rule about deletions.
func supersede(steps []*step) {
	success := make(map[string]bool) // by environment
	for _, step := range steps {
		environment := fold(step.Environment)
		step.superseded = success[environment]
		if step.known && step.state() == ghdeploy.StateSuccess {
			success[environment] = true
		}
	}
}
