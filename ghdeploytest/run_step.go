package ghdeploytest

import (
	"fmt"
	"slices"
	"strings"
)

// jobResults are the final states of a job.
var jobResults = []string{"success", "failure", "error"}

// StepRun advances each job of a workflow run by one step, as a runner does. A
// waiting job passes its protection rules without a review and becomes
// in_progress. A job in progress ends with result: success, failure or error.
// StepRun reports whether any job advanced; it returns false once all jobs have
// ended.
//
// A success makes earlier deployments of the environment inactive, as a status
// with auto_inactive does.
func (s *Server) StepRun(fullName string, runID int64, result string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.mustFind("StepRun", fullName)
	run := r.run(runID)
	switch {
	case run == nil:
		panic(fmt.Sprintf("ghdeploytest: StepRun of the run %d, which %s does not have; write an id that StartRun returned", runID, fullName))
	case !slices.Contains(jobResults, result):
		panic(fmt.Sprintf("ghdeploytest: StepRun with the result %q; write one of: %s", result, strings.Join(jobResults, ", ")))
	}
	now := s.now().UTC()
	s.settle(now)
	stepped := false
	for _, w := range run.waits {
		d := w.deployment
		switch {
		case r.deployment(d.id) == nil: // deleted
		case !w.over:
			s.endWait(r, w, "in_progress", now)
			stepped = true
		case d.latest() == "in_progress":
			st := &deploymentStatus{state: result}
			s.addStatus(r, d, st, actionsBot, "", now)
			if result == "success" {
				s.deactivateEarlier(r, d, st)
			}
			s.emitStatus(s.serverCall(r), d, st)
			stepped = true
		}
	}
	return stepped
}
