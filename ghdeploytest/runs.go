package ghdeploytest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Run is a workflow run whose jobs deploy. Start it with [Server.StartRun], or
// as part of a [Repository].
type Run struct {
	// ID is the run's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
	// Ref is the branch or tag of the run. The default is the default branch.
	Ref string `json:"ref,omitempty"`
	// Actor is the login of the user who started the run. The default is
	// octocat.
	Actor string `json:"actor,omitempty"`
	// Environments are the environments that the jobs deploy to. Required.
	Environments []string `json:"environments"`
	// Deployments are the IDs of the run's deployments, in the order of
	// Environments. StartRun sets them.
	Deployments []int64 `json:"-"`
}

// Review is an entry in the review history of a run.
type Review struct {
	Environments []string
	// State is approved, rejected, or pending for an app's status report.
	State   string
	Comment string
	Login   string
}

// run is a workflow run.
type run struct {
	id      int64
	actor   string
	waits   []*wait   // one per environment
	reviews []*review // oldest first
}

type review struct {
	environments         []*environment
	state, comment, user string
}

// wait is a job that waits for the rules of its environment. A rule that is
// removed in the meantime does not block it any more.
type wait struct {
	environment *environment
	deployment  *deployment
	since       time.Time
	approved    bool           // by a reviewer
	reviewed    map[int64]bool // IDs of the custom rules that approved
	reports     int            // number of status reports
	over        bool
}

// maxWait is how long a job waits for reviews before it fails.
const maxWait = 30 * 24 * time.Hour

const actionsBot = "github-actions[bot]"

// timerEnd returns the end of the wait timer.
func (w *wait) timerEnd() time.Time {
	return w.since.Add(time.Duration(w.environment.waitTimer) * time.Minute)
}

func (w *wait) needsReview() bool { return len(w.environment.reviewers) > 0 && !w.approved }

func (w *wait) needs(r *customRule) bool { return r != nil && !w.reviewed[r.id] }

// held reports whether a rule still blocks the job.
func (w *wait) held(now time.Time) bool {
	return now.Before(w.timerEnd()) || w.needsReview() || slices.ContainsFunc(w.environment.customRules, w.needs)
}

// settle starts the jobs whose rules have passed, and fails those that waited
// too long. It runs before every request, so it notices a clock that has moved.
func (s *Server) settle(now time.Time) {
	for _, r := range s.state.repositories {
		for _, run := range r.runs {
			for _, w := range run.waits {
				switch {
				case w.over:
				case r.deployment(w.deployment.id) == nil:
					w.over = true // deleted
				case !w.held(now):
					s.endWait(r, w, "in_progress", now)
				case !now.Before(w.since.Add(maxWait)):
					s.endWait(r, w, "failure", now)
				}
			}
		}
	}
}

// endWait ends a wait and adds a status.
func (s *Server) endWait(r *repository, w *wait, state string, now time.Time) {
	w.over = true
	if r.deployment(w.deployment.id) != nil {
		st := &deploymentStatus{state: state}
		s.addStatus(r, w.deployment, st, actionsBot, "", now)
		s.emitStatus(s.serverCall(r), w.deployment, st)
	}
}

func (r *repository) run(id int64) *run {
	for _, run := range r.runs {
		if run.id == id {
			return run
		}
	}
	return nil
}

// StartRun starts a workflow run that deploys to each of its environments. It
// returns the run with its IDs. A deployment to an environment with protection
// rules has the state waiting until the rules have passed. A deployment to any
// other environment is in_progress at once. Branch policies do not block a run
// here.
func (s *Server) StartRun(fullName string, run Run) Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startRun(s.mustFind("StartRun", fullName), run)
}

func (s *Server) startRun(r *repository, given Run) Run {
	if given.ID == 0 {
		given.ID = s.state.ids.next(runIDs)
	}
	if given.Ref == "" {
		given.Ref = r.defaultBranch
	}
	if given.Actor == "" {
		given.Actor = "octocat"
	}
	target, _ := r.resolve(given.Ref)
	switch {
	case r.run(given.ID) != nil:
		panic(fmt.Sprintf("ghdeploytest: two runs of %s have the id %d; omit ID to get a new one", r.fullName(), given.ID))
	case target == nil:
		panic(fmt.Sprintf("ghdeploytest: Run{Ref: %q}, which %s does not have; add it to Branches", given.Ref, r.fullName()))
	case len(given.Environments) == 0:
		panic("ghdeploytest: Run without Environments; write the environments that its jobs deploy to, like production")
	}
	for i, name := range given.Environments {
		same := func(other string) bool { return strings.EqualFold(name, other) }
		if environmentProblem(name) != "" || slices.ContainsFunc(given.Environments[:i], same) {
			panic(fmt.Sprintf("ghdeploytest: Run{Environments: %q}; write each name once, with 1 to %d characters", given.Environments, maxEnvironmentName))
		}
	}

	s.state.ids.given[given.ID] = true
	now := s.now().UTC()
	started := &run{id: given.ID, actor: given.Actor}
	given.Deployments = nil
	r.runs = append(r.runs, started)
	for _, name := range given.Environments {
		d := &deployment{
			id: s.state.ids.next(deploymentIDs), sha: target.sha, ref: given.Ref, task: "deploy", payload: []byte("{}"),
			originalEnvironment: name, environment: name, production: name == "production",
			creator: actionsBot, createdAt: now, updatedAt: now, written: now,
		}
		r.append(d)
		given.Deployments = append(given.Deployments, d.id)
		w := &wait{environment: s.ensureEnvironment(r, name, now), deployment: d, since: now, reviewed: map[int64]bool{}}
		started.waits = append(started.waits, w)
		s.emitDeployment(s.serverCall(r), d)
		if w.held(now) {
			s.addStatus(r, d, &deploymentStatus{state: "waiting"}, actionsBot, "", now)
			s.emitWait(r, started, w)
		} else {
			s.endWait(r, w, "in_progress", now)
		}
	}
	return given
}

// Reviews returns the review history of a run, oldest first.
func (s *Server) Reviews(fullName string, runID int64) []Review {
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.mustFind("Reviews", fullName).run(runID)
	if run == nil {
		panic(fmt.Sprintf("ghdeploytest: Reviews of the run %d, which %s does not have; write an id that StartRun returned", runID, fullName))
	}
	var list []Review
	for _, r := range run.reviews {
		view := Review{State: r.state, Comment: r.comment, Login: r.user}
		for _, e := range r.environments {
			view.Environments = append(view.Environments, e.name)
		}
		list = append(list, view)
	}
	return list
}
