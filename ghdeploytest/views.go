package ghdeploytest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Deployment is the server's record of a deployment.
type Deployment struct {
	ID                    int64
	SHA, Ref, Task        string
	Payload               json.RawMessage
	OriginalEnvironment   string
	Environment           string
	Description           string
	Creator               string // login
	TransientEnvironment  bool
	ProductionEnvironment bool
	CreatedAt, UpdatedAt  time.Time
	Statuses              []DeploymentStatus // oldest first
}

// State returns the state of the newest status, "" without a status.
func (d Deployment) State() string {
	if len(d.Statuses) == 0 {
		return ""
	}
	return d.Statuses[len(d.Statuses)-1].State
}

// Inactive returns the status that made the deployment inactive, or nil if its
// newest status is not inactive. CreatedAt is when, Creator is by whom, and
// AutoInactiveBy is the other deployment whose success caused it. Of several
// inactive statuses in a row it returns the first.
func (d Deployment) Inactive() *DeploymentStatus {
	var found *DeploymentStatus
	for i := len(d.Statuses) - 1; i >= 0 && d.Statuses[i].State == "inactive"; i-- {
		found = &d.Statuses[i]
	}
	return found
}

// DeploymentStatus is the server's record of a status.
type DeploymentStatus struct {
	ID                                int64
	State, Description, Environment   string
	TargetURL, LogURL, EnvironmentURL string
	Creator                           string // login
	CreatedAt                         time.Time
	// AutoInactiveBy is the ID of the deployment whose success added this
	// status (auto_inactive). It is 0 for a status that a request or the setup
	// created.
	AutoInactiveBy int64
}

// Deployments returns the deployments of a repository with their statuses,
// oldest first.
func (s *Server) Deployments(fullName string) []Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(s.now().UTC())
	var list []Deployment
	for _, d := range s.mustFind("Deployments", fullName).deployments {
		view := Deployment{
			ID: d.id, SHA: d.sha, Ref: d.ref, Task: d.task, Payload: slices.Clone(d.payload),
			OriginalEnvironment: d.originalEnvironment, Environment: d.environment, Creator: d.creator,
			TransientEnvironment: d.transient, ProductionEnvironment: d.production,
			CreatedAt: d.createdAt, UpdatedAt: d.updatedAt,
		}
		if d.description != nil {
			view.Description = *d.description
		}
		for _, st := range d.statuses {
			view.Statuses = append(view.Statuses, DeploymentStatus{
				ID: st.id, State: st.state, Description: st.description, Environment: st.environment,
				TargetURL: st.targetURL, LogURL: st.logURL, EnvironmentURL: st.environmentURL,
				Creator: st.creator, CreatedAt: st.createdAt, AutoInactiveBy: st.autoInactiveBy,
			})
		}
		list = append(list, view)
	}
	return list
}

// SetCommitStatus sets the state of a context on a commit. The ref is a branch,
// a tag or a SHA.
func (s *Server) SetCommitStatus(fullName, ref, context, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustFind("SetCommitStatus", fullName)
	b, _ := r.resolve(ref)
	if b == nil {
		var known []string
		for _, b := range slices.Concat(r.branches, r.tags) {
			known = append(known, b.name)
		}
		panic(fmt.Sprintf("ghdeploytest: SetCommitStatus on %q, which %s does not have; write one of: %s", ref, fullName, strings.Join(known, ", ")))
	}
	r.checkStatuses(b.sha, []CommitStatus{{context, state}})
}

// SetBranch adds a branch, or replaces the branch of that name. Use it to let a
// branch fall behind, or to move its head.
func (s *Server) SetBranch(fullName string, b Branch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustFind("SetBranch", fullName).setBranch(b)
}

// RenameRepository changes the full name of a repository. Its former names
// redirect to it.
func (s *Server) RenameRepository(fullName, newName string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustFind("RenameRepository", fullName)
	owner, name, ok := strings.Cut(newName, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		panic(fmt.Sprintf("ghdeploytest: RenameRepository(..., %q); write owner/name", newName))
	}
	if other := s.state.find(newName); other != nil && other != r {
		panic(fmt.Sprintf("ghdeploytest: RenameRepository(..., %q); a repository of that name exists", newName))
	}
	s.state.renamed[strings.ToLower(r.fullName())] = r
	for _, t := range s.state.tokens {
		for i, given := range t.Repositories {
			if strings.EqualFold(given, r.fullName()) {
				t.Repositories[i] = newName
			}
		}
	}
	r.owner, r.name = owner, name
	delete(s.state.renamed, strings.ToLower(newName))
}

// AddWaitingStatus adds a status with the state waiting to a deployment, and
// returns its ID. GitHub sets this state while an environment waits for a
// review; a client cannot set it.
func (s *Server) AddWaitingStatus(fullName string, deploymentID int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustFind("AddWaitingStatus", fullName)
	d := r.deployment(deploymentID)
	if d == nil {
		panic(fmt.Sprintf("ghdeploytest: AddWaitingStatus on the deployment %d, which %s does not have; write an id from Deployments", deploymentID, fullName))
	}
	st := &deploymentStatus{state: "waiting"}
	s.addStatus(r, d, st, "github-actions[bot]", "", s.now().UTC())
	s.emitStatus(s.serverCall(r), d, st)
	return st.id
}

func (s *Server) mustFind(method, fullName string) *repository {
	r := s.state.find(fullName)
	if r == nil {
		panic(fmt.Sprintf("ghdeploytest: %s(%q): no such repository; there are: %s", method, fullName, s.state.names()))
	}
	return r
}
