package ghdeploy

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"unicode"
)

// The sentinels that [errors.Is] finds in an error of this package. Some wrap
// a broader one: ErrMergeConflict is an ErrConflict too.
var (
	// ErrInvalidArgument is a call that could not be meant: an empty owner, an
	// environment named "..", an option that is wrong. Nothing was sent.
	ErrInvalidArgument error = &sentinel{text: "invalid argument"}

	// ErrUnauthorized is a 401: no token, or one that is wrong, expired or revoked.
	ErrUnauthorized error = &sentinel{text: "unauthorized"}
	// ErrForbidden is a 403 that is no limit: the token may not do this. See
	// AcceptedPermissions and SSOURL of [Error].
	ErrForbidden error = &sentinel{text: "forbidden"}
	// ErrNotFound is a 404. GitHub says so too where the token may not see.
	ErrNotFound error = &sentinel{text: "not found"}
	// ErrRateLimited is a primary or secondary limit: see [RateLimitError].
	ErrRateLimited error = &sentinel{text: "rate limited"}

	// ErrMergedBranch is a 202 of [DeploymentsService].Create: see [MergedBranchError].
	ErrMergedBranch error = &sentinel{text: "the default branch was merged into the ref instead of deploying"}
	// ErrConflict is a 409: see [ConflictError].
	ErrConflict error = &sentinel{text: "conflict"}
	// ErrMergeConflict is a 409: the default branch cannot be merged into the ref.
	ErrMergeConflict error = &sentinel{text: "merge conflict", broader: ErrConflict}
	// ErrChecksFailed is a 409: a required status check has not succeeded.
	ErrChecksFailed error = &sentinel{text: "status checks failed", broader: ErrConflict}

	// ErrValidation is a 422: see [ValidationError].
	ErrValidation error = &sentinel{text: "validation failed"}
	// ErrRefNotFound is a 422: no such branch, tag or commit.
	ErrRefNotFound error = &sentinel{text: "ref not found", broader: ErrValidation}
	// ErrActiveDeployment is a 422: only an inactive deployment can be
	// deleted, unless it is the repository's only one.
	ErrActiveDeployment error = &sentinel{text: "the deployment is active", broader: ErrValidation}
	// ErrTooManyStatuses is a 422: the deployment holds as many statuses as
	// GitHub allows (the number is documented nowhere).
	ErrTooManyStatuses error = &sentinel{text: "too many statuses", broader: ErrValidation}
	// ErrAlreadyExists is something that exists and was to be created: a
	// branch policy, which GitHub answers with a 303.
	ErrAlreadyExists error = &sentinel{text: "already exists"}
	// ErrUnknownProtection is a protection of an environment that GitHub shows
	// and this package cannot send back. A partial update might remove it, so
	// none was sent.
	ErrUnknownProtection error = &sentinel{text: "a protection would be lost"}
	// ErrNotPending is an environment that the workflow run does not wait for:
	// see [NotPendingError].
	ErrNotPending error = &sentinel{text: "not pending"}

	// ErrOutcomeUnknown is a POST that may or may not have been carried out:
	// see [OutcomeUnknownError].
	ErrOutcomeUnknown error = &sentinel{text: "outcome unknown"}
	// ErrRedirect is a redirect that was not followed: it leaves the API's
	// origin, would turn a write into a GET, is the tenth in a row, leads
	// nowhere, or is one that the caller's CheckRedirect refuses.
	ErrRedirect error = &sentinel{text: "redirect refused"}
	// ErrMalformedResponse is an answer that is not what the operation
	// documents: not JSON, a null, an object without its id, a 304 that no
	// condition asked for.
	ErrMalformedResponse error = &sentinel{text: "malformed response"}
	// ErrTooLarge is a response of more than 32 MiB, or one that would take
	// more than 96 MiB to decode.
	ErrTooLarge error = &sentinel{text: "response too large"}
	// ErrPagination is a list whose next page cannot be asked for: its number
	// is missing or does not grow, or pages go on without a new row.
	ErrPagination error = &sentinel{text: "pagination is broken"}
)

type sentinel struct {
	text    string
	broader error
}

func (s *sentinel) Error() string { return "ghdeploy: " + s.text }
func (s *sentinel) Unwrap() error { return s.broader }

// invalidArgument is what a refused argument or option returns.
func invalidArgument(format string, args ...any) error {
	return &argumentError{text: fmt.Sprintf(format, args...)}
}

type argumentError struct{ text string }

func (e *argumentError) Error() string { return "ghdeploy: " + e.text }
func (e *argumentError) Unwrap() error { return ErrInvalidArgument }

// Error is a call that failed: what was asked, what came back, and why. Every
// error of a service method is one, but for those about its arguments
// ([ErrInvalidArgument]).
//
// The reason is in Err; [errors.As] finds [*MergedBranchError],
// [*ConflictError], [*ValidationError], [*RateLimitError], [*NotPendingError]
// and [*OutcomeUnknownError] there, and [errors.Is] the sentinels. Where Err is
// nil the status decides, so that &Error{StatusCode: 404} in a stub is
// ErrNotFound.
//
// No field holds the token: where an answer echoes it, its bytes are replaced.
type Error struct {
	Method     string // of the request
	Path       string // of the request, below the base URL, escaped
	StatusCode int    // 0: no answer

	Message          string // GitHub's
	DocumentationURL string // GitHub's
	RequestID        string // X-GitHub-Request-Id; quote it to GitHub's support

	// AcceptedPermissions is X-Accepted-GitHub-Permissions: what a
	// fine-grained token or app needs here. A comma is "and", a semicolon "or".
	AcceptedPermissions string
	// SSOURL is where a token is authorized for the organization's single
	// sign-on, from X-GitHub-SSO. It is good for an hour.
	SSOURL string

	Attempts int    // how often the request was sent; 0: never
	Body     []byte // of the answer, its first 64 KiB
	Err      error  // the reason; nil: the status says all

	note string // what is wrong with a body that holds no message
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

// text is what the answer says of itself.
func (e *Error) text() string {
	if e.Message != "" {
		return oneLine(e.Message)
	}
	text := http.StatusText(e.StatusCode) // "" for one that has no name
	if e.note != "" {
		text += " (" + e.note + ")"
	}
	return strings.TrimSpace(text)
}

// why is what the reason, or a header, adds to the answer's own text.
func (e *Error) why() string {
	if d, ok := e.Err.(interface{ detail() string }); ok {
		return oneLine(d.detail())
	}
	switch {
	case e.Err != nil:
		return oneLine(strings.TrimPrefix(e.Err.Error(), "ghdeploy: "))
	case e.SSOURL != "":
		return "authorize the token for single sign-on at " + oneLine(e.SSOURL)
	case e.AcceptedPermissions != "" && (e.StatusCode == http.StatusForbidden || e.StatusCode == http.StatusNotFound):
		return "needs " + oneLine(e.AcceptedPermissions)
	}
	return ""
}

// Unwrap returns Err, or where that is nil the sentinel of the status.
func (e *Error) Unwrap() error {
	if e.Err != nil {
		return e.Err
	}
	return statusSentinel(e.StatusCode)
}

// LogValue is what [log/slog] logs: a group of what is said in one line, part
// by part. The body and the address of the documentation are left out.
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

// oneLine makes text from elsewhere safe for a log: no line breaks or control
// characters, and no more than anybody reads.
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

// statusSentinel is what a status means where nothing more is known.
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
