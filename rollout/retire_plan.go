package rollout

import (
	"slices"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// selection selects the deployments of a list to retire. Its methods make no
// requests.
type selection struct {
	RetireOptions
	cutoff time.Time // deployments created later are too young; zero without a limit
}

// step is the planned action for one deployment.
type step struct {
	*ghdeploy.Deployment
	action Action

	newest     bool                       // whether it is the newest of its environment in the list
	superseded bool                       // whether a newer one of its environment has the state success
	known      bool                       // whether its history was read
	status     *ghdeploy.DeploymentStatus // its newest status, or nil
	succeeded  bool                       // whether it ever succeeded
}

// state returns the state of the newest status, or "".
func (s *step) state() ghdeploy.State {
	if s.status == nil {
		return ""
	}
	return s.status.State
}

// choose returns the steps for a list in the order newest first. Deployments
// that Keep or Except selects get ActionKeep; too young ones get no step.
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

// mustProtect reports whether a step must keep its deployment if that is live.
func (s selection) mustProtect(step *step) bool {
	return !s.Live && step.ProductionEnvironment && step.action != ActionKeep && step.state() == ghdeploy.StateSuccess
}

// decide keeps a deployment if its history forbids the step. live reports
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

// supersede marks the steps with a newer success in their environment. GitHub
// treats them as inactive when it deletes. steps are in the order newest first.
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
