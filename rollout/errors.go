package rollout

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Compare these errors with [errors.Is].
var (
	// ErrAlreadyFinal is returned by [Repo.Report] for a status queued, pending
	// or in_progress if the newest status of the deployment is final.
	ErrAlreadyFinal = errors.New("rollout: the deployment is already final")
	// ErrOtherState is returned by [Repo.Wait] if the deployment is final, but
	// in none of the states of [WaitOptions].Until.
	ErrOtherState = errors.New("rollout: the deployment ended in another state")
	// ErrNoneLive is returned by [Repo.Current] if no deployment is live in the
	// environment.
	ErrNoneLive = errors.New("rollout: no deployment is live")
	// ErrNoneOlder is returned by [Repo.Previous] if no earlier deployment of
	// another commit succeeded.
	ErrNoneOlder = errors.New("rollout: no earlier deployment succeeded")
	// ErrNeverSucceeded is returned by [Repo.Succeeded] if the commit was never
	// successfully deployed to the environment.
	ErrNeverSucceeded = errors.New("rollout: no deployment of the commit succeeded")
	// ErrRunning is returned by [Repo.Previous] if the newest deployment has
	// statuses but no final one.
	ErrRunning = errors.New("rollout: a deployment is running")
)

// ReportError is the error of a status that [Repo.Run] could not report. GitHub
// may show an older state of the deployment.
type ReportError struct {
	Deployment *ghdeploy.Deployment
	State      ghdeploy.State // the state that was not reported
	Err        error          // the reason; can be ErrOutcomeUnknown
}

// Error returns the deployment's ID, the state and the reason.
func (e *ReportError) Error() string {
	var id int64
	if e.Deployment != nil {
		id = e.Deployment.ID
	}
	return fmt.Sprintf("rollout: deployment %d: status %s was not reported: %v", id, e.State, e.Err)
}

// Unwrap returns Err.
func (e *ReportError) Unwrap() error { return e.Err }

// WaitError is the error of a [Repo.Wait] that ended before the deployment
// reached a state of [WaitOptions].Until.
type WaitError struct {
	ID   int64                      // ID of the deployment
	Last *ghdeploy.DeploymentStatus // the newest status; nil if there was no status
	Err  error                      // the reason

	unread bool // the statuses were never read
}

// Error returns the deployment's ID, its newest state and the reason.
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
		text += "; if a workflow should execute it: a deployment that was created with a GITHUB_TOKEN starts none"
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

// join joins two errors. If one is nil, it returns the other unchanged.
func join(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
