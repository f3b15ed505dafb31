package rollout

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Compare these errors with [errors.Is].
var (
	// ErrAlreadyFinal is a status queued, pending or in_progress that
	// [Repo.Report] did not post, because the newest status of the deployment
	// is final.
	ErrAlreadyFinal = errors.New("rollout: the deployment is already final")
	// ErrOtherState is a deployment that [Repo.Wait] found final in a state that
	// the caller did not wait for.
	ErrOtherState = errors.New("rollout: the deployment ended in another state")
	// ErrNoneLive is an environment without a live deployment: see
	// [Repo.Current].
	ErrNoneLive = errors.New("rollout: no deployment is live")
	// ErrNoneOlder is an environment without an earlier deployment to return
	// to: see [Repo.Previous].
	ErrNoneOlder = errors.New("rollout: no earlier deployment succeeded")
	// ErrNeverSucceeded is a commit without a successful deployment: see
	// [Repo.Succeeded].
	ErrNeverSucceeded = errors.New("rollout: no deployment of the commit succeeded")
	// ErrRunning is a deployment that has started and not ended: see
	// [Repo.Previous].
	ErrRunning = errors.New("rollout: a deployment is running")
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

	unread bool // the statuses were never read
}

// Error returns one line. It explains a deployment that never had a status.
func (e *WaitError) Error() string {
	text := fmt.Sprintf("rollout: wait for deployment %d: ", e.ID)
	switch {
	case e.Last != nil:
		return text + fmt.Sprintf("its newest status is %s: %v", e.Last.State, e.Err)
	case e.unread:
		return text + fmt.Sprintf("its statuses were not read: %v", e.Err)
	}
	text += fmt.Sprintf("it has no status: %v", e.Err)
	if isContextError(e.Err) {
		text += "; a deployment created with a workflow's GITHUB_TOKEN starts no workflow"
	}
	return text
}

// Unwrap returns Err.
func (e *WaitError) Unwrap() error { return e.Err }

// reason is a sentinel with the details of one call.
type reason struct {
	is   error
	text string
}

func (e *reason) Error() string { return e.is.Error() + ": " + e.text }
func (e *reason) Unwrap() error { return e.is }

// invalidArgument returns an error that is [ghdeploy.ErrInvalidArgument].
func invalidArgument(format string, args ...any) error {
	return &argumentError{text: fmt.Sprintf(format, args...)}
}

type argumentError struct{ text string }

func (e *argumentError) Error() string { return "rollout: " + e.text }
func (e *argumentError) Unwrap() error { return ghdeploy.ErrInvalidArgument }

// join joins two errors and leaves a single one as it is.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
