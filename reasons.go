package ghdeploy

import (
	"cmp"
	"strconv"
	"strings"
	"time"
)

// MergedBranchError is GitHub's 202 to a new deployment: the ref was behind the
// default branch, so GitHub merged that branch into it and created no
// deployment. The merge commit has no status checks yet, and without
// RequiredContexts a second Create would deploy it unchecked. Name the checks
// in RequiredContexts, and repeat Create while the error is [ErrChecksFailed]
// and no check of [ConflictError].Contexts has failed; docs/concepts.md has the
// loop. With AutoMerge false GitHub never merges.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
type MergedBranchError struct {
	Message string // GitHub's, such as "Auto-merged main into topic on deployment."
}

func (e *MergedBranchError) Error() string {
	if e.Message == "" {
		return "ghdeploy: " + e.detail()
	}
	return "ghdeploy: " + oneLine(e.Message) + ": " + e.detail()
}
func (e *MergedBranchError) Unwrap() error { return ErrMergedBranch }
func (e *MergedBranchError) detail() string {
	return "no deployment was created; name the checks of the merge commit in RequiredContexts, and create it again once they succeed"
}

// ConflictReason distinguishes GitHub's 409s.
type ConflictReason string

// The reasons of a [ConflictError].
const (
	ConflictMerge  ConflictReason = "merge"  // the default branch cannot be merged into the ref
	ConflictChecks ConflictReason = "checks" // a required status check has not succeeded
	ConflictOther  ConflictReason = "other"  // GitHub's words are in the Message of the [Error]
)

// ConflictError is GitHub's 409.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
// (the docs name the two causes; the bodies are known from recorded responses).
type ConflictError struct {
	Reason   ConflictReason
	Contexts []ContextState // all that were checked; with ConflictChecks, if GitHub sends them
}

// ContextState is the state of one status check of a commit.
type ContextState struct {
	Context string // the check's name
	State   string // as GitHub reports it; only success passes, and pending can still become success
}

// Failing returns the contexts whose state is not "success".
func (e *ConflictError) Failing() []ContextState {
	var failing []ContextState
	for _, c := range e.Contexts {
		if c.State != "success" {
			failing = append(failing, c)
		}
	}
	return failing
}

func (e *ConflictError) Error() string {
	text := e.Unwrap().Error()
	if d := e.detail(); d != "" {
		text += ": " + oneLine(d)
	}
	return text
}

func (e *ConflictError) Unwrap() error {
	switch e.Reason {
	case ConflictMerge:
		return ErrMergeConflict
	case ConflictChecks:
		return ErrChecksFailed
	default:
		return ErrConflict
	}
}

func (e *ConflictError) detail() string {
	var parts []string
	for _, c := range e.Failing() {
		switch {
		case c.Context == "": // unknown
		case c.State == "":
			parts = append(parts, c.Context+" has no state")
		default:
			parts = append(parts, c.Context+" is "+c.State)
		}
	}
	return strings.Join(parts, ", ")
}

// ValidationError is GitHub's 422.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed
type ValidationError struct {
	Errors []FieldError // those that GitHub lists; if empty, see the Message of the [Error]

	// Err is the specific reason: ErrRefNotFound, ErrActiveDeployment,
	// ErrTooManyStatuses, or nil.
	Err error
}

// FieldError is one fault in a [ValidationError]. If GitHub sends a plain
// string or JSON of another form, that is the Message. If only the message of
// the response names a key, because the server does not know it or the plan
// does not include it, that key is the Field, and the Code is unprocessable.
type FieldError struct {
	Resource string
	Field    string
	Code     string // missing, missing_field, invalid, already_exists, unprocessable, custom
	Message  string // set where Code is custom
}

func (e *ValidationError) Error() string {
	text := e.Unwrap().Error()
	if d := e.detail(); d != "" {
		text += ": " + oneLine(d)
	}
	return text
}

func (e *ValidationError) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return ErrValidation
}

func (e *ValidationError) detail() string {
	var parts []string
	for _, f := range e.Errors {
		part := f.Message
		if part == "" {
			part = strings.TrimSpace(cmp.Or(f.Field, f.Resource) + " " + f.Code)
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// NotPendingError is a review of environments that the workflow run does not
// wait for. Nothing was approved or rejected.
type NotPendingError struct {
	Environments []string // asked for, and not pending
	Pending      []string // what the run waits for
}

func (e *NotPendingError) Error() string { return "ghdeploy: " + oneLine(e.detail()) }
func (e *NotPendingError) Unwrap() error { return ErrNotPending }
func (e *NotPendingError) detail() string {
	text := "the run does not wait for " + quotedList(e.Environments)
	if len(e.Pending) == 0 {
		return text + ", nor for any environment"
	}
	return text + "; it waits for " + quotedList(e.Pending)
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = strconv.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// RateLimitError is a rate limit: the hourly quota (primary), or too many
// requests in a short time (secondary). If the client did not send the request,
// because a rate limit response to another call still applies, the StatusCode
// of its [Error] is 0. Attempts then counts only requests sent before, often
// none.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
type RateLimitError struct {
	Secondary  bool
	Rate       Rate          // the quota, as far as the response reported it
	RetryAfter time.Duration // from the return of the call, at most 65 minutes; 1 s if the limit has ended and other calls go first
	RetryAt    time.Time     // the same on this machine's clock
}

func (e *RateLimitError) Error() string { return "ghdeploy: " + e.detail() }
func (e *RateLimitError) Unwrap() error { return ErrRateLimited }
func (e *RateLimitError) detail() string {
	kind := "primary"
	if e.Secondary {
		kind = "secondary"
	}
	text := kind + " rate limit"
	if !e.RetryAt.IsZero() {
		text += ", retry at " + e.RetryAt.Format(time.RFC3339)
	}
	return text
}

// OutcomeUnknownError is a POST that may have been executed: the connection was
// lost, an attempt timed out, GitHub returned a 5xx, the response cannot be
// read, or the transport wrote the request a second time. The client does not
// retry it. The deployment, the status, the branch policy or the review may
// exist: look for it before you send it again. Package rollout does that for
// deployments and statuses. To do it by hand, store a random key in the Payload
// of each deployment, and look for it with List for some seconds.
type OutcomeUnknownError struct {
	Cause error // what happened to the response; nil if it was a 5xx
}

func (e *OutcomeUnknownError) Error() string { return "ghdeploy: " + e.detail() }

// Unwrap returns ErrOutcomeUnknown and the cause.
func (e *OutcomeUnknownError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrOutcomeUnknown}
	}
	return []error{ErrOutcomeUnknown, e.Cause}
}

func (e *OutcomeUnknownError) detail() string {
	text := "it is unknown whether this was executed"
	if e.Cause != nil {
		text += ": " + strings.TrimPrefix(e.Cause.Error(), "ghdeploy: ")
	}
	return text
}
