package ghdeploytest

import (
	"fmt"
	"strings"
)

// ActiveDeployment is an interpretation of GitHub's rule that an active
// deployment cannot be deleted.
type ActiveDeployment int

const (
	// ActiveOnSuccess means that a deployment is active if its newest status is
	// success and no later deployment of the same environment has success as
	// its newest status.
	ActiveOnSuccess ActiveDeployment = iota
	// ActiveWithoutStatus means that a deployment without any status is active
	// too, unless a later deployment of the same environment has succeeded.
	ActiveWithoutStatus
)

// WithActiveDeployment sets the interpretation of "active". The default is
// [ActiveOnSuccess]: a recorded exchange shows GitHub deleting a deployment
// without a status in a repository that had other deployments. Test a tool that
// deletes deployments under both.
func WithActiveDeployment(active ActiveDeployment) Option {
	if active != ActiveOnSuccess && active != ActiveWithoutStatus {
		panic(fmt.Sprintf("ghdeploytest: WithActiveDeployment(%d); write ActiveOnSuccess or ActiveWithoutStatus", active))
	}
	return func(s *Server, _ *Seed) { s.activeDeployment = active }
}

// OnlyDeployment is an interpretation of GitHub's rule that the only deployment
// can be deleted even if it is active.
type OnlyDeployment int

const (
	// OnlyInRepository means the only deployment of the repository.
	OnlyInRepository OnlyDeployment = iota
	// OnlyInEnvironment means the only deployment of its environment.
	OnlyInEnvironment
)

// WithOnlyDeployment sets the interpretation of "only". The default is
// [OnlyInRepository], as in GitHub's description of the operation. GitHub's
// error message says "the only deployment in a given environment" instead.
func WithOnlyDeployment(only OnlyDeployment) Option {
	if only != OnlyInRepository && only != OnlyInEnvironment {
		panic(fmt.Sprintf("ghdeploytest: WithOnlyDeployment(%d); write OnlyInRepository or OnlyInEnvironment", only))
	}
	return func(s *Server, _ *Seed) { s.onlyDeployment = only }
}

// deletable reports whether a deployment can be deleted.
func (s *Server) deletable(r *repository, d *deployment) bool {
	return !s.isActive(r, d) || s.isOnly(r, d)
}

// isActive reports whether a deployment is active.
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
