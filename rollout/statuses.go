package rollout

import (
	"context"
	"slices"

	"github.com/ghdeploy/ghdeploy"
)

// history holds the statuses of one deployment.
type history []*ghdeploy.DeploymentStatus

// history reads all statuses of a deployment, with one request per hundred.
func (r Repo) history(ctx context.Context, id int64) (history, error) {
	return collect(r.statuses(ctx, id).rows())
}

// newest returns the newest status, or nil.
func (h history) newest() *ghdeploy.DeploymentStatus {
	if len(h) == 0 {
		return nil
	}
	return slices.MaxFunc(h, compareStatuses)
}

// state returns the state of the newest status, or "".
func (h history) state() ghdeploy.State {
	if newest := h.newest(); newest != nil {
		return newest.State
	}
	return ""
}

// where returns the statuses that match.
func (h history) where(match func(*ghdeploy.DeploymentStatus) bool) history {
	var found history
	for _, s := range h {
		if match(s) {
			found = append(found, s)
		}
	}
	return found
}

// firstSuccess returns the oldest success status in an environment, or nil. A
// status can move the deployment to another environment.
func (h history) firstSuccess(environment string) *ghdeploy.DeploymentStatus {
	found := h.where(func(s *ghdeploy.DeploymentStatus) bool {
		return s.State == ghdeploy.StateSuccess && within(s.Environment, environment)
	})
	if len(found) == 0 {
		return nil
	}
	return slices.MinFunc(found, compareStatuses)
}

// ended reports whether any status is final.
func (h history) ended() bool {
	return slices.ContainsFunc(h, func(s *ghdeploy.DeploymentStatus) bool { return s.State.Final() })
}

// failed reports whether the newest status is failure or error, or is inactive
// without a success.
func (h history) failed() bool {
	switch h.state() {
	case ghdeploy.StateInactive:
		return !slices.ContainsFunc(h, func(s *ghdeploy.DeploymentStatus) bool { return s.State == ghdeploy.StateSuccess })
	case ghdeploy.StateFailure, ghdeploy.StateError:
		return true
	}
	return false
}
