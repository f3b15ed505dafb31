package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// The sentinels that [errors.Is] finds in an error of this package. Some wrap a
// broader one: ErrMergeConflict is an ErrConflict too.
var (
	// ErrInvalidArgument is an invalid argument or option, such as an empty
	// owner or an environment named "..". Nothing was sent.
	ErrInvalidArgument error = &sentinel{text: "invalid argument"}

	// ErrUnauthorized is a 401: the token is missing, wrong, expired or
	// revoked.
	ErrUnauthorized error = &sentinel{text: "unauthorized"}
	// ErrForbidden is a 403 that is not a rate limit: the token lacks a
	// permission. See AcceptedPermissions and SSOURL of [Error].
	ErrForbidden error = &sentinel{text: "forbidden"}
	// ErrNotFound is a 404. GitHub also returns it for what the token may not
	// see.
	ErrNotFound error = &sentinel{text: "not found"}
	// ErrRateLimited is a primary or secondary rate limit: see
	// [RateLimitError].
	ErrRateLimited error = &sentinel{text: "rate limited"}

	// ErrMergedBranch is a 202 of [DeploymentsService].Create: see
	// [MergedBranchError].
	ErrMergedBranch error = &sentinel{text: "the default branch was merged into the ref instead of deploying"}
	// ErrConflict is a 409: see [ConflictError].
	ErrConflict error = &sentinel{text: "conflict"}
	// ErrMergeConflict is a 409: the default branch cannot be merged into the
	// ref.
	ErrMergeConflict error = &sentinel{text: "merge conflict", broader: ErrConflict}
	// ErrChecksFailed is a 409: a required status check has not succeeded.
	ErrChecksFailed error = &sentinel{text: "status checks failed", broader: ErrConflict}

	// ErrValidation is a 422: see [ValidationError].
	ErrValidation error = &sentinel{text: "validation failed"}
	// ErrRefNotFound is a 422: no such branch, tag or commit.
	ErrRefNotFound error = &sentinel{text: "ref not found", broader: ErrValidation}
	// ErrActiveDeployment is a 422: an active deployment can be deleted only
	// if it is the only deployment of the repository.
	ErrActiveDeployment error = &sentinel{text: "the deployment is active", broader: ErrValidation}
	// ErrTooManyStatuses is a 422: the deployment has the maximum number of
	// statuses. GitHub documents no number.
	ErrTooManyStatuses error = &sentinel{text: "too many statuses", broader: ErrValidation}
	// ErrAlreadyExists is a branch policy that exists already: GitHub returns
	// a 303.
	ErrAlreadyExists error = &sentinel{text: "already exists"}
	// ErrUnknownProtection is a protection of an environment that this package
	// cannot send back. A partial update might remove it, so none was sent.
	ErrUnknownProtection error = &sentinel{text: "a protection would be lost"}
	// ErrNotPending is an environment that the workflow run does not wait for:
	// see [NotPendingError].
	ErrNotPending error = &sentinel{text: "not pending"}

	// ErrOutcomeUnknown is a POST that may have been executed: see
	// [OutcomeUnknownError].
	ErrOutcomeUnknown error = &sentinel{text: "outcome unknown"}
	// ErrAttemptTimeout is an attempt that took longer than the client's own
	// timeout, while the caller's context lasted. It is never a
	// [context.DeadlineExceeded]. A POST is an ErrOutcomeUnknown as well,
	// unless it reached no connection.
	ErrAttemptTimeout error = &sentinel{text: "attempt timed out"}
	// ErrRedirect is a redirect that was not followed: it leaves the API's
	// origin, changes the method, is the tenth in a row, or has no valid
	// Location. It is also one that the caller's CheckRedirect refused.
	ErrRedirect error = &sentinel{text: "redirect refused"}
	// ErrMalformedResponse is a response that is not what the operation
	// documents: not JSON, cut off, null, an object without its ID, or a 304
	// to a request without a condition.
	ErrMalformedResponse error = &sentinel{text: "malformed response"}
	// ErrTooLarge is a response of more than 32 MiB, or one that would take
	// more than 96 MiB to decode.
	ErrTooLarge error = &sentinel{text: "response too large"}
	// ErrPagination is a list that cannot be continued: the number of its next
	// page is missing or does not grow, or pages go on without a new row.
	ErrPagination error = &sentinel{text: "pagination is broken"}
)

type sentinel struct {
	text    string
	broader error
}

func (s *sentinel) Error() string { return "ghdeploy: " + s.text }
func (s *sentinel) Unwrap() error { return s.broader }

// invalidArgument returns an [ErrInvalidArgument].
func invalidArgument(format string, args ...any) error {
	return &argumentError{text: fmt.Sprintf(format, args...)}
}

type argumentError struct{ text string }

func (e *argumentError) Error() string { return "ghdeploy: " + e.text }
func (e *argumentError) Unwrap() error { return ErrInvalidArgument }

// Error is a failed call: the request, the response, and the reason. Every
// error of a service method is an *Error, except an [ErrInvalidArgument].
//
// Err holds the reason. [errors.As] finds a [*MergedBranchError],
// [*ConflictError], [*ValidationError], [*RateLimitError], [*NotPendingError]
// or [*OutcomeUnknownError] in it, and [errors.Is] the sentinels. If Err is
// nil, the status decides, so that &Error{StatusCode: 404} in a stub is an
// ErrNotFound.
//
// No field contains the token: if a response repeats it, it is replaced.
type Error struct {
	Method     string // of the request
	Path       string // of the request, below the base URL, escaped
	StatusCode int    // 0: no response

	Message          string // GitHub's
	DocumentationURL string // GitHub's
	RequestID        string // X-GitHub-Request-Id; GitHub's support asks for it

	// AcceptedPermissions is X-Accepted-GitHub-Permissions: the permissions
	// that a fine-grained token or an app needs for this call. A comma means
	// "and", a semicolon "or".
	AcceptedPermissions string
	// SSOURL is the page on which to authorize the token for the single
	// sign-on of the organization, from X-GitHub-SSO. It is valid for an hour.
	SSOURL string

	// RetryAfter is the wait that the server requested: Retry-After, or the
	// time until a rate limit ends. 0: none.
	RetryAfter time.Duration

	Attempts int    // requests sent; 0: none
	Body     []byte // of the response, at most its first 64 KiB
	Err      error  // the reason; nil: the status is the reason

	note string // what is wrong with a body that has no message
}

// Retryable reports whether sending the same call again later can succeed
// without executing it twice. It is true for a rate limit, for a request that
// was not sent because of a transient error, and for a GET, PUT or DELETE with
// a 5xx (not 501), a lost connection, an [ErrAttemptTimeout], or a response
// that was cut off. It is false for a 202, for an [ErrOutcomeUnknown], for a
// context that ended, and for every other error. Wait for RetryAfter first.
func (e *Error) Retryable() bool {
	switch {
	case errors.Is(e, ErrOutcomeUnknown), errors.Is(e, context.Canceled), errors.Is(e, context.DeadlineExceeded):
		return false
	case errors.Is(e, ErrRateLimited):
		return true
	case e.Err != nil && !transient(e.Err):
		return false
	case e.StatusCode == 0: // a POST was not sent
		own, ok := errors.AsType[*sentinel](e.Err)
		return e.Err != nil && (!ok || errors.Is(own, ErrAttemptTimeout))
	}
	return repeatable(e.Method) && (transientStatus(e.StatusCode) || errors.Is(e, errCutOff) || errors.Is(e, ErrAttemptTimeout))
}

// Error returns one line.
func (e *Error) Error() string {
	line := "ghdeploy:"
	if e.Method != "" {
		line += " " + e.Method + " " + e.Path + ":"
	}
	if e.StatusCode != 0 {
		line += strings.TrimRight(fmt.Sprintf(" %d %s", e.StatusCode, e.text()), " ")
		if !strings.HasSuffix(line, "...") {
			line = strings.TrimSuffix(line, ".") // GitHub's sentence is part of ours
		}
	}
	if why := e.why(); why != "" {
		if e.StatusCode != 0 {
			line += ":"
		}
		line += " " + why
	}
	if e.RequestID != "" {
		line += " (request " + oneLine(e.RequestID) + ")"
	}
	if e.Attempts > 1 {
		line += fmt.Sprintf(" (%d attempts)", e.Attempts)
	}
	return line
}

// text returns what the response says.
func (e *Error) text() string {
	if e.Message != "" {
		if e.note != "" {
			return oneLine(e.Message) + " (" + e.note + ")"
		}
		return oneLine(e.Message)
	}
	text := http.StatusText(e.StatusCode) // "" for an unknown status
	if e.note != "" {
		text += " (" + e.note + ")"
	}
	return strings.TrimSpace(text)
}

// why returns what the reason or a header adds to the text of the response.
func (e *Error) why() string {
	if d, ok := e.Err.(interface{ detail() string }); ok {
		return oneLine(d.detail())
	}
	switch {
	case e.Err != nil:
		return oneLine(strings.TrimPrefix(e.Err.Error(), "ghdeploy: "))
	case e.SSOURL != "":
		return "authorize the token for single sign-on at " + oneLine(e.SSOURL)
	case e.AcceptedPermissions != "" && e.StatusCode == http.StatusForbidden:
		return "the token needs " + oneLine(e.AcceptedPermissions)
	case e.AcceptedPermissions != "" && e.StatusCode == http.StatusNotFound:
		// GitHub sends the header with every response, and hides what a token
		// may not see.
		return "if it exists, the token needs " + oneLine(e.AcceptedPermissions)
	}
	return ""
}

// Unwrap returns Err, or if that is nil the sentinel of the status.
func (e *Error) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return statusSentinel(e.StatusCode)
}

// LogValue returns a group of the parts of the text of Error, for [log/slog].
// The body and the documentation URL are omitted.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("method", e.Method),
		slog.String("path", e.Path),
		slog.Int("status", e.StatusCode),
		slog.Int("attempts", e.Attempts),
	}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("message", e.text())
	add("reason", e.why())
	add("request_id", e.RequestID)
	add("accepted_permissions", e.AcceptedPermissions)
	return slog.GroupValue(attrs...)
}

// oneLine makes text from elsewhere safe for a log: without line breaks and
// control characters, and short.
func oneLine(s string) string {
	const bound = 1000
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > bound {
		s = strings.ToValidUTF8(s[:bound], "") + "..."
	}
	return s
}

// statusSentinel returns the sentinel of a status, nil if it has none.
func statusSentinel(status int) error {
	switch status {
	case http.StatusAccepted:
		return ErrMergedBranch
	case http.StatusNotModified:
		return ErrMalformedResponse
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusForbidden:
		return ErrForbidden
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	case http.StatusUnprocessableEntity:
		return ErrValidation
	case http.StatusTooManyRequests:
		return ErrRateLimited
	}
	if status >= 300 && status < 400 {
		return ErrRedirect
	}
	return nil
}
