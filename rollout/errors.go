package rollout

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

var (
	// ErrAlreadyFinal is a status queued, pending or in_progress that
	// [Repo.Report] did not post, because the newest status of the deployment
	// is final.
	ErrAlreadyFinal = errors.New("rollout: the deployment is already final")

	// ErrOtherState is a deployment that [Repo.Wait] found final in a state that
	// the caller did not wait for.
	ErrOtherState = errors.New("rollout: the deployment ended in another state")
)

// ReportError is a status that [Repo.Run] could not report. The deployment may
// show an older state than the one it is in.
type ReportError struct {
	Deployment *ghdeploy.Deployment
	State      ghdeploy.State // of the status that was not reported
	Err        error          // why; its outcome may be unknown
}

// Error returns one line.
func (e *ReportError) Error() string {
	var id int64
	if e.Deployment != nil {
		id = e.Deployment.ID
	}
	return fmt.Sprintf("rollout: deployment %d: status %s was not reported: %v", id, e.State, e.Err)
}

// Unwrap returns Err.
func (e *ReportError) Unwrap() error { return e.Err }

// WaitError is the end of a [Repo.Wait] that did not see a state of
// [WaitOptions].Until.
type WaitError struct {
	ID   int64                      // of the deployment
	Last *ghdeploy.DeploymentStatus // the newest status seen; nil: there was none
	Err  error                      // why the wait ended
}

// Error returns one line. It explains a deployment that never had a status.
func (e *WaitError) Error() string {
	text := fmt.Sprintf("rollout: wait for deployment %d: ", e.ID)
	if e.Last != nil {
		return text + fmt.Sprintf("its newest status is %s: %v", e.Last.State, e.Err)
	}
	text += fmt.Sprintf("it has no status: %v", e.Err)
	if isContextError(e.Err) {
		text += "; a deployment created with a workflow's GITHUB_TOKEN starts no workflow"
	}
	return text
}

// Unwrap returns Err.
func (e *WaitError) Unwrap() error { return e.Err }
