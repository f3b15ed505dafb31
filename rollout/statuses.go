package rollout

import (
	"context"
	"slices"

	"github.com/ghdeploy/ghdeploy"
)

// history is the statuses of one deployment.
type history []*ghdeploy.DeploymentStatus

// history reads all statuses of a deployment: one request per hundred. One page
// is enough for nearly every deployment.
func (r Repo) history(ctx context.Context, id int64) (history, error) {
	return collect(r.statuses(ctx, id).rows())
}

// newest returns the newest status, nil if there is none.
func (h history) newest() *ghdeploy.DeploymentStatus {
	if len(h) == 0 {
		return nil
	}
	return slices.MaxFunc(h, compareStatuses)
}

// state returns the state of the newest status, "" if there is none.
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

// firstSuccess returns the oldest status with the state success in an
// environment, nil if there is none: a status can move a deployment.
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

// failed reports whether the deployment has deployed nothing, or not all.
func (h history) failed() bool {
	switch h.state() {
	case ghdeploy.StateInactive:
		return !slices.ContainsFunc(h, func(s *ghdeploy.DeploymentStatus) bool { return s.State == ghdeploy.StateSuccess })
	case ghdeploy.StateFailure, ghdeploy.StateError:
		return true
	}
	return false
}
