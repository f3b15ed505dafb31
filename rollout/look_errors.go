package rollout

import (
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// What the functions that look report with [errors.Is].
var (
	// ErrNoneLive is an environment without a live deployment: see
	// [Repo.Current].
	ErrNoneLive error = &sentinel{"no deployment is live"}
	// ErrNoneOlder is an environment without an earlier deployment to return
	// to: see [Repo.Previous].
	ErrNoneOlder error = &sentinel{"no earlier deployment succeeded"}
	// ErrNeverSucceeded is a commit without a successful deployment: see
	// [Repo.Succeeded].
	ErrNeverSucceeded error = &sentinel{"no deployment of the commit succeeded"}
	// ErrRunning is a deployment that has started and not ended: see
	// [Repo.Previous].
	ErrRunning error = &sentinel{"a deployment is running"}
)

// errNoPage is the error for a stub that returns neither a page nor an error.
var errNoPage error = &ghdeploy.Error{Err: fmt.Errorf("%w: the service returned no page", ghdeploy.ErrPagination)}

// sentinel is an error that is compared by identity.
type sentinel struct{ text string }

func (s *sentinel) Error() string { return "rollout: " + s.text }

// reason is a sentinel with the details of one call.
type reason struct {
	is   error
	text string
}

func (e *reason) Error() string { return e.is.Error() + ": " + e.text }
func (e *reason) Unwrap() error { return e.is }
