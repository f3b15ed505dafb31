package rollout

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Compare the errors of the functions that look with [errors.Is].
var (
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

// errNoPage is the error for a stub that returns neither a page nor an error.
var errNoPage error = &ghdeploy.Error{Err: fmt.Errorf("%w: the service returned no page", ghdeploy.ErrPagination)}

// reason is a sentinel with the details of one call.
type reason struct {
	is   error
	text string
}

func (e *reason) Error() string { return e.is.Error() + ": " + e.text }
func (e *reason) Unwrap() error { return e.is }
