package ghdeploytest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// SeedDeployment is a deployment to start with, in [Repository.Deployments]. It
// costs no quota and sends no event.
type SeedDeployment struct {
	// ID is the deployment's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
	// Ref is the branch, tag or SHA that was deployed. The default is SHA, or
	// the default branch if SHA is empty too. Ref must exist if SHA is empty.
	Ref string `json:"ref,omitempty"`
	// SHA is the deployed commit: 40 hex digits in lower case. The default is
	// the commit of Ref. If the repository does not have the commit, it is
	// added as a [Commit] that is behind the default branch.
	SHA string `json:"sha,omitempty"`
	// Task is "deploy" by default.
	Task string `json:"task,omitempty"`
	// Payload is a JSON object or a JSON string. The default is {}.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Environment is the name at creation, "production" by default. A status
	// with another environment moves the deployment there.
	Environment string `json:"environment,omitempty"`
	// Description is null in responses if it is empty.
	Description string `json:"description,omitempty"`
	// Creator is a login, "octocat" by default.
	Creator              string `json:"creator,omitempty"`
	TransientEnvironment bool   `json:"transient_environment,omitempty"`
	// ProductionEnvironment is by default true if Environment is "production",
	// else false.
	ProductionEnvironment *bool `json:"production_environment,omitempty"`
	// CreatedAt is the server's current time by default. It cannot be later.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Statuses are the deployment's statuses, oldest first. The server adds
	// none: write the inactive status of an earlier deployment too.
	Statuses []SeedStatus `json:"statuses,omitempty"`
}

// SeedStatus is a status of a [SeedDeployment].
type SeedStatus struct {
	// ID is the status's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
	// State is one of the states that a client can set, or waiting. Required.
	State string `json:"state"`
	// Description has up to 140 characters.
	Description string `json:"description,omitempty"`
	// Environment is by default that of the previous status, or of the
	// deployment.
	Environment    string `json:"environment,omitempty"`
	LogURL         string `json:"log_url,omitempty"`
	EnvironmentURL string `json:"environment_url,omitempty"`
	// Creator is a login. The default is the creator of the deployment.
	Creator string `json:"creator,omitempty"`
	// CreatedAt is by default that of the previous status, or of the
	// deployment. It cannot be earlier than this default or later than the
	// server's current time.
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// addHistory adds the deployments of a setup.
func (s *Server) addHistory(r *repository, given []SeedDeployment) {
	now := s.now().UTC()
	list := make([]*deployment, len(given))
	deployments, statuses := map[int64]bool{}, map[int64]bool{}
	for i := range given {
		at := &seeding{s, r, now, deployments, statuses, fmt.Sprintf("ghdeploytest: Repository{FullName: %q}.Deployments[%d]", r.fullName(), i)}
		d := at.deployment(given[i])
		for j, st := range given[i].Statuses {
			at.status(d, j, st)
		}
		list[i] = d
	}
	slices.SortStableFunc(list, func(a, b *deployment) int { return a.createdAt.Compare(b.createdAt) })
	for _, d := range list {
		r.append(d)
	}
}

// seeding checks and adds one deployment of a setup.
type seeding struct {
	*Server
	repo *repository
	now  time.Time
	// deployments and statuses are the IDs in use.
	deployments, statuses map[int64]bool
	name                  string
}

func (at *seeding) refuse(format string, args ...any) {
	panic(at.name + " " + fmt.Sprintf(format, args...))
}

func (at *seeding) deployment(given SeedDeployment) *deployment {
	r := at.repo
	d := &deployment{
		id: given.ID, ref: given.Ref, sha: given.SHA, task: cmp.Or(given.Task, "deploy"), payload: at.payload(given.Payload),
		originalEnvironment: cmp.Or(given.Environment, "production"), creator: cmp.Or(given.Creator, "octocat"),
		transient: given.TransientEnvironment, createdAt: given.CreatedAt.UTC(),
	}
	d.environment = d.originalEnvironment
	d.production = d.environment == "production"
	if given.ProductionEnvironment != nil {
		d.production = *given.ProductionEnvironment
	}
	if given.Description != "" {
		d.description = &given.Description
	}
	if given.CreatedAt.IsZero() {
		d.createdAt = at.now
	}
	d.updatedAt = d.createdAt
	switch {
	case given.ID < 0 || given.ID != 0 && at.deployments[given.ID]:
		at.refuse("has the id %d, which is negative or in use; omit ID to get a new one", given.ID)
	case d.createdAt.After(at.now):
		at.refuse("has CreatedAt %s, which is after the server's time %s", timestamp(d.createdAt), timestamp(at.now))
	}
	at.checkEnvironment(d.environment)
	at.commit(d)
	if d.id == 0 {
		d.id = at.state.ids.next(deploymentIDs)
	}
	at.deployments[d.id] = true
	at.ensureEnvironment(r, d.environment, d.createdAt)
	return d
}

// commit sets the deployed commit.
func (at *seeding) commit(d *deployment) {
	r := at.repo
	d.ref = cmp.Or(d.ref, d.sha, r.defaultBranch)
	if d.sha != "" {
		d.sha = checkSHA(d.sha)
		if target, _ := r.resolve(d.sha); target == nil {
			r.keepCommit(d.sha, true)
		}
		return
	}
	target, _ := r.resolve(d.ref)
	if target == nil {
		at.refuse("has the ref %q, which the repository does not have; set SHA, or add the ref to Branches", d.ref)
	}
	d.sha = target.sha
}

func (at *seeding) payload(given json.RawMessage) json.RawMessage {
	text := bytes.TrimSpace(given)
	if len(text) == 0 {
		return json.RawMessage("{}")
	}
	if !json.Valid(text) || text[0] != '{' && text[0] != '"' {
		at.refuse("has the payload %s; write a JSON object or a JSON string", text)
	}
	return slices.Clone(text)
}

func (at *seeding) checkEnvironment(name string) {
	if problem := environmentProblem(name); problem != "" {
		at.refuse("has an environment that %s", problem)
	}
}

func (at *seeding) status(d *deployment, i int, given SeedStatus) {
	st := &deploymentStatus{
		id: given.ID, state: given.State, description: given.Description, environment: cmp.Or(given.Environment, d.environment),
		targetURL: given.LogURL, logURL: given.LogURL, environmentURL: given.EnvironmentURL,
		creator: cmp.Or(given.Creator, d.creator), createdAt: given.CreatedAt.UTC(),
	}
	if given.CreatedAt.IsZero() {
		st.createdAt = d.updatedAt
	}
	st.updatedAt = st.createdAt
	switch {
	case st.state != "waiting" && !slices.Contains(writableStates, st.state):
		at.refuse("has Statuses[%d] with the state %q; write waiting, or one of: %s", i, st.state, strings.Join(writableStates, ", "))
	case utf8.RuneCountInString(st.description) > maxStatusDescription:
		at.refuse("has Statuses[%d] with a description of %d characters; write up to %d", i, utf8.RuneCountInString(st.description), maxStatusDescription)
	case st.createdAt.Before(d.updatedAt) || st.createdAt.After(at.now):
		at.refuse("has Statuses[%d] of %s; write a time from %s, the previous one, to %s, the server's", i,
			timestamp(st.createdAt), timestamp(d.updatedAt), timestamp(at.now))
	case st.id < 0 || st.id != 0 && at.statuses[st.id]:
		at.refuse("has Statuses[%d] with the id %d, which is negative or in use; omit ID to get a new one", i, st.id)
	}
	at.checkEnvironment(st.environment)
	if st.id == 0 {
		st.id = at.state.ids.next(statusIDs)
	}
	at.statuses[st.id] = true
	d.statuses = append(d.statuses, st)
	d.environment, d.updatedAt = st.environment, st.createdAt
	at.ensureEnvironment(at.repo, st.environment, st.createdAt)
}
