package ghdeploy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// check is the only place where a response becomes an error. Every complete 2xx
// is a success.
func check(op operation, resp *response) error {
	if resp.err == nil && resp.limit == nil && resp.status >= 200 && resp.status < 300 {
		return nil
	}
	return newError(resp, reason(op, resp))
}

// reason returns why a response is an error, nil if its status says it all.
func reason(op operation, resp *response) error {
	switch {
	case resp.uncertain && op.method == http.MethodPost:
		return &OutcomeUnknownError{Cause: resp.err}
	case resp.err != nil:
		return resp.err
	case resp.limit != nil:
		return resp.limit
	case resp.status == http.StatusConflict:
		return conflict(resp.errorBody)
	case resp.status == http.StatusUnprocessableEntity:
		return validation(op, resp.errorBody)
	case resp.status == http.StatusNotModified:
		return fmt.Errorf("%w: no condition was sent", ErrMalformedResponse)
	case resp.status >= 300 && resp.status < 400:
		if err := op.statusErrors[resp.status]; err != nil && !resp.location.foreign && !resp.location.invalid {
			return err
		}
		return redirect(resp)
	}
	return op.statusErrors[resp.status]
}

// conflict distinguishes the 409s of a new deployment by their recorded texts.
func conflict(body errorBody) error {
	e := &ConflictError{Reason: ConflictOther}
	for _, item := range body.items {
		e.Contexts = append(e.Contexts, item.contexts...)
		if item.Field == "required_contexts" {
			e.Reason = ConflictChecks
		}
	}
	switch {
	case len(e.Contexts) > 0 || strings.Contains(body.message, "status checks failed"):
		e.Reason = ConflictChecks
	case strings.HasPrefix(body.message, "Conflict merging "):
		e.Reason = ConflictMerge
	}
	return e
}

func validation(op operation, body errorBody) error {
	e := &ValidationError{}
	named := false
	var b strings.Builder
	b.WriteString(body.message)
	for _, item := range body.items {
		e.Errors = append(e.Errors, item.FieldError)
		b.WriteByte('\n')
		b.WriteString(item.Message)
		named = named || item.Field != ""
	}
	text := b.String()
	if !named {
		for _, key := range refusedKeys(text) {
			e.Errors = append(e.Errors, FieldError{Field: key, Code: "unprocessable"})
		}
	}
	switch {
	case strings.Contains(text, "No ref found"):
		e.Err = ErrRefNotFound
	case strings.Contains(text, "maximum number of statuses"):
		e.Err = ErrTooManyStatuses
	case !strings.Contains(strings.ToLower(text), "spam"):
		// GitHub also returns 422 for what it treats as spam.
		e.Err = op.statusErrors[http.StatusUnprocessableEntity]
	}
	return e
}

// refusedKeys returns the keys of a request that only the text of a 422 names:
// keys that an older server does not know, and settings that a plan does not
// include. The texts are recorded ones.
func refusedKeys(text string) []string {
	var keys []string
	for _, sentence := range permitted.FindAllStringSubmatch(text, -1) {
		for _, key := range quoted.FindAllString(sentence[1], -1) {
			keys = append(keys, strings.Trim(key, `"`))
		}
	}
	text = strings.ToLower(text)
	if !strings.Contains(text, "billing plan") {
		return keys
	}
	for _, rule := range plannedRules {
		if strings.Contains(text, rule.text) {
			keys = append(keys, rule.key)
		}
	}
	return keys
}

var (
	quoted    = regexp.MustCompile(`"[^"]+"`)
	permitted = regexp.MustCompile(`("[^"]+"(?:(?:,| and|, and) "[^"]+")*) (?:is|are) not (?:a )?permitted key`)

	plannedRules = []struct{ text, key string }{
		{"reviewers", "reviewers"},
		{"wait timer", "wait_timer"},
		{"self review", "prevent_self_review"},
		{"self-review", "prevent_self_review"},
		{"branch", "deployment_branch_policy"}, // "protected branch gate", "branch policy"
	}
)

// redirect names the target's origin, without the path, which may contain
// credentials.
func redirect(resp *response) error {
	to := resp.location.url
	if to == nil || to.Host == "" {
		return ErrRedirect
	}
	return fmt.Errorf("%w to %s", ErrRedirect, resp.redact.text(to.Scheme+"://"+to.Host))
}

// malformed is the error of a 2xx that is not what the operation documents.
// cause is the decoder's error; nil for valid JSON of another shape.
func malformed(resp *response, cause error) error {
	var err error
	switch {
	case errors.Is(cause, wire.ErrLimit):
		err = fmt.Errorf("%w: %w", ErrTooLarge, cause)
	case cause != nil && resp.redact.text(cause.Error()) == cause.Error():
		err = fmt.Errorf("%w: %s (%w)", ErrMalformedResponse, describe(resp.body), cause)
	default:
		err = fmt.Errorf("%w: %s", ErrMalformedResponse, describe(resp.body))
	}
	if resp.method == http.MethodPost {
		err = &OutcomeUnknownError{Cause: err}
	}
	return newError(resp, err)
}

// newError returns an Error with everything that is known about the call.
func newError(resp *response, reason error) *Error {
	e := &Error{
		Method:              resp.method,
		Path:                resp.path,
		StatusCode:          resp.status,
		Message:             resp.errorBody.message,
		DocumentationURL:    resp.errorBody.documentationURL,
		RequestID:           resp.header.Get("X-Github-Request-Id"),
		AcceptedPermissions: resp.header.Get("X-Accepted-GitHub-Permissions"),
		SSOURL:              ssoURL(resp.header.Get("X-GitHub-SSO")),
		RetryAfter:          resp.retryAfter,
		Attempts:            resp.attempts,
		Err:                 reason,
		note:                resp.note,
	}
	if resp.limit != nil {
		e.RetryAfter = resp.limit.RetryAfter
	}
	if resp.status != 0 {
		e.Body = keptBody(resp)
		if e.note == "" && e.Message == "" && resp.status >= 300 {
			e.note = describe(resp.body)
		}
	}
	return e
}

// keptBody returns the beginning of the body without the token, and without a
// part of it where the body was cut.
func keptBody(resp *response) []byte {
	body, cut := resp.body, resp.note != "" || resp.err != nil
	if len(body) > maxErrorBody {
		body, cut = body[:maxErrorBody], true
	}
	text := resp.redact.text(string(body))
	if cut {
		text = resp.redact.cutText(string(body))
	}
	return []byte(text[:min(len(text), maxErrorBody)])
}

// ssoURL reads "required; url=https://...".
func ssoURL(header string) string {
	_, after, _ := strings.Cut(header, "url=")
	return strings.TrimSpace(after)
}

// describe says what is wrong with a body.
func describe(body []byte) string {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return "the body is empty"
	case body[0] == '<':
		return "the body is HTML"
	case !wire.Valid(body):
		return "the body is not JSON, or cut off"
	case string(body) == "null":
		return "the body is null"
	default:
		return "the body does not have the documented form"
	}
}
