package ghdeploytest

import (
	"fmt"
	"strings"
)

// ActiveDeployment is a reading of GitHub's rule that an active deployment
// cannot be deleted.
type ActiveDeployment int

const (
	// ActiveOnSuccess takes a deployment for active if its newest status is
	// success and no later deployment of the same environment has success as
	// its newest status.
	ActiveOnSuccess ActiveDeployment = iota
	// ActiveWithoutStatus takes one without any status for active too, unless
	// a later one has succeeded.
	ActiveWithoutStatus
)

// WithActiveDeployment chooses the reading. The default is [ActiveOnSuccess]:
// GitHub has been recorded to delete a deployment that had no status, in a
// repository that had others. A tool that cleans up should work under both.
func WithActiveDeployment(reading ActiveDeployment) Option {
	if reading != ActiveOnSuccess && reading != ActiveWithoutStatus {
		panic(fmt.Sprintf("ghdeploytest: WithActiveDeployment(%d); write ActiveOnSuccess or ActiveWithoutStatus", reading))
	}
	return func(s *Server, _ *Seed) { s.activeDeployment = reading }
}

// OnlyDeployment is a reading of GitHub's rule that the only deployment can be
// deleted even if it is active.
type OnlyDeployment int

const (
	// OnlyInRepository means the only deployment of the repository.
	OnlyInRepository OnlyDeployment = iota
	// OnlyInEnvironment means the only deployment of its environment.
	OnlyInEnvironment
)

// WithOnlyDeployment chooses the reading. The default is [OnlyInRepository], as
// GitHub's description of the operation has it. The message of the refusal
// speaks of "the only deployment in a given environment" instead.
func WithOnlyDeployment(reading OnlyDeployment) Option {
	if reading != OnlyInRepository && reading != OnlyInEnvironment {
		panic(fmt.Sprintf("ghdeploytest: WithOnlyDeployment(%d); write OnlyInRepository or OnlyInEnvironment", reading))
	}
	return func(s *Server, _ *Seed) { s.onlyDeployment = reading }
}

// deletable reports whether GitHub would delete a deployment.
func (s *Server) deletable(r *repository, d *deployment) bool {
	return !s.isActive(r, d) || s.isOnly(r, d)
}

// isActive reports whether a deployment is the active one of its environment.
func (s *Server) isActive(r *repository, d *deployment) bool {
	switch d.latest() {
	case "success":
	case "":
		if s.activeDeployment != ActiveWithoutStatus {
			return false
		}
	default:
		return false
	}
	for _, other := range r.deployments {
		if other.place > d.place && other.latest() == "success" && strings.EqualFold(other.environment, d.environment) {
			return false
		}
	}
	return true
}

// isOnly reports whether there is no other deployment.
func (s *Server) isOnly(r *repository, d *deployment) bool {
	if s.onlyDeployment == OnlyInRepository {
		return len(r.deployments) == 1
	}
	for _, other := range r.deployments {
		if other != d && strings.EqualFold(other.environment, d.environment) {
			return false
		}
	}
	return true
}
