package ghdeploy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

const (
	maxKept    = 64 << 10 // what an Error keeps of a body
	maxProblem = 1 << 20  // past this a body is no message of GitHub's
)

// check is the only place where an answer becomes an error. A 2xx is success,
// whatever its number.
func check(op operation, a *answer) error {
	if a.err == nil && a.limit == nil && a.status >= 200 && a.status < 300 {
		return nil
	}
	p := parseProblem(a.body, a.redact)
	return envelope(op, a, p, reason(op, a, p))
}

// reason is why an answer that is no success is an error, nil where its
// status says all.
func reason(op operation, a *answer, p problem) error {
	switch {
	case a.uncertain && op.method == http.MethodPost:
		return &OutcomeUnknownError{Cause: a.err}
	case a.err != nil:
		return a.err
	case a.limit != nil:
		return a.limit
	case a.status == http.StatusConflict:
		return conflict(p)
	case a.status == http.StatusUnprocessableEntity:
		return validation(op, p)
	case op.means[a.status] != nil:
		return op.means[a.status]
	case a.status == http.StatusNotModified:
		return fmt.Errorf("%w: no condition was sent", ErrMalformedResponse)
	case a.status >= 300 && a.status < 400:
		return redirect(a)
	}
	return nil
}

// conflict tells the 409s of a new deployment apart, by recorded wording.
func conflict(p problem) error {
	e := &ConflictError{Reason: ConflictOther}
	for _, c := range p.errors {
		e.Contexts = append(e.Contexts, c.contexts...)
		if c.Field == "required_contexts" {
			e.Reason = ConflictChecks
		}
	}
	switch {
	case len(e.Contexts) > 0 || strings.Contains(p.message, "status checks failed"):
		e.Reason = ConflictChecks
	case strings.HasPrefix(p.message, "Conflict merging "):
		e.Reason = ConflictMerge
	}
	return e
}

func validation(op operation, p problem) error {
	e := &ValidationError{}
	words, named := p.message, false
	for _, c := range p.errors {
		e.Errors = append(e.Errors, c.FieldError)
		words += "\n" + c.Message
		named = named || c.Field != ""
	}
	if !named {
		for _, key := range refusedKeys(words) {
			e.Errors = append(e.Errors, FieldError{Field: key, Code: "unprocessable"})
		}
	}
	switch {
	case strings.Contains(words, "No ref found"):
		e.Err = ErrRefNotFound
	case strings.Contains(words, "maximum number of statuses"):
		e.Err = ErrTooManyStatuses
	case !strings.Contains(strings.ToLower(words), "spam"):
		// GitHub answers 422 to anything it takes for spam as well.
		e.Err = op.means[http.StatusUnprocessableEntity]
	}
	return e
}

// refusedKeys finds the keys of a request that a message alone names: as keys
// that an older server does not know, or by the rule of an environment that a
// plan does not include. The wordings are recorded ones.
func refusedKeys(words string) []string {
	var keys []string
	for _, sentence := range permitted.FindAllStringSubmatch(words, -1) {
		for _, key := range quoted.FindAllString(sentence[1], -1) {
			keys = append(keys, strings.Trim(key, `"`))
		}
	}
	words = strings.ToLower(words)
	if !strings.Contains(words, "billing plan") {
		return keys
	}
	for _, rule := range plannedRules {
		if strings.Contains(words, rule.words) {
			keys = append(keys, rule.key)
		}
	}
	return keys
}

var (
	quoted    = regexp.MustCompile(`"[^"]+"`)
	permitted = regexp.MustCompile(`("[^"]+"(?:(?:,| and|, and) "[^"]+")*) (?:is|are) not (?:a )?permitted key`)

	plannedRules = []struct{ words, key string }{
		{"reviewers", "reviewers"},
		{"wait timer", "wait_timer"},
		{"self review", "prevent_self_review"},
		{"self-review", "prevent_self_review"},
		{"branch", "deployment_branch_policy"}, // "protected branch gate", "branch policy"
	}
)

// redirect says where a refused redirect led, without the path: it may hold
// what opens the door there.
func redirect(a *answer) error {
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil || to.Host == "" {
		return ErrRedirect
	}
	return fmt.Errorf("%w to %s://%s", ErrRedirect, to.Scheme, to.Host)
}

// malformed is a 2xx that does not hold what the operation documents. cause is
// the decoder's; nil where the JSON is well and says nothing.
func malformed(op operation, a *answer, cause error) error {
	var err error
	switch {
	case errors.Is(cause, wire.ErrLimit):
		err = fmt.Errorf("%w: %w", ErrTooLarge, cause)
	case cause != nil && a.redact(cause.Error()) == cause.Error():
		err = fmt.Errorf("%w: %s (%w)", ErrMalformedResponse, describe(a.body), cause)
	default:
		err = fmt.Errorf("%w: %s", ErrMalformedResponse, describe(a.body))
	}
	if op.method == http.MethodPost {
		err = &OutcomeUnknownError{Cause: err}
	}
	return envelope(op, a, problem{}, err)
}

// envelope wraps a reason with all that is known of the call.
func envelope(op operation, a *answer, p problem, err error) *Error {
	e := &Error{
		Method:              op.method,
		Path:                op.path,
		StatusCode:          a.status,
		Message:             p.message,
		DocumentationURL:    p.documentationURL,
		RequestID:           a.header.Get("X-GitHub-Request-Id"),
		AcceptedPermissions: a.header.Get("X-Accepted-GitHub-Permissions"),
		SSOURL:              ssoURL(a.header.Get("X-GitHub-SSO")),
		Attempts:            a.attempts,
		Err:                 err,
	}
	if a.status != 0 {
		body := a.redact(string(a.body))
		e.Body = []byte(body[:min(len(body), maxKept)])
		if p.message == "" && a.status >= 300 {
			e.note = describe(a.body)
		}
	}
	return e
}

// unsent is the error of an operation that was not sent, for what an earlier
// answer to the same call said.
func unsent(op operation, err error) *Error {
	return &Error{Method: op.method, Path: op.path, Err: err}
}

// ssoURL reads "required; url=https://...".
func ssoURL(header string) string {
	_, after, _ := strings.Cut(header, "url=")
	return strings.TrimSpace(after)
}

// describe says what a body is that is not what it should be.
func describe(body []byte) string {
	body = bytes.TrimSpace(body)
	var value wire.Raw
	switch {
	case len(body) == 0:
		return "the body is empty"
	case body[0] == '<':
		return "the body is HTML"
	case wire.Decode(body, &value) != nil:
		return "the body is not JSON, or cut off"
	case string(body) == "null":
		return "the body is null"
	default:
		return "the body is not of the documented shape"
	}
}

// problem is what the body of a refusal says.
type problem struct {
	message          string
	documentationURL string
	errors           []complaint
}

type complaint struct {
	FieldError
	contexts []ContextState
}

// parseProblem reads what there is to read. GitHub's errors come as objects,
// as strings, or as one string, and what is of another shape must not cost
// the rest.
func parseProblem(body []byte, redact func(string) string) problem {
	var raw struct {
		Message          wire.Raw `json:"message"`
		DocumentationURL wire.Raw `json:"documentation_url"`
		Errors           wire.Raw `json:"errors"`
	}
	if len(body) > maxProblem || wire.Decode(body, &raw) != nil {
		return problem{}
	}
	text := func(v wire.Raw) string {
		var s string
		if wire.Decode(v, &s) != nil {
			s = string(v) // a number or an object is still worth reading
		}
		return redact(s)
	}
	p := problem{message: text(raw.Message), documentationURL: text(raw.DocumentationURL)}
	var list []wire.Raw
	if raw.Errors != nil && wire.Decode(raw.Errors, &list) != nil {
		list = []wire.Raw{raw.Errors}
	}
	for _, item := range list {
		p.errors = append(p.errors, parseComplaint(item, text))
	}
	return p
}

func parseComplaint(item wire.Raw, text func(wire.Raw) string) complaint {
	var raw struct {
		Resource wire.Raw `json:"resource"`
		Field    wire.Raw `json:"field"`
		Code     wire.Raw `json:"code"`
		Message  wire.Raw `json:"message"`
		Contexts wire.Raw `json:"contexts"`
	}
	if wire.Decode(item, &raw) != nil {
		return complaint{FieldError: FieldError{Message: text(item)}}
	}
	c := complaint{FieldError: FieldError{
		Resource: text(raw.Resource),
		Field:    text(raw.Field),
		Code:     text(raw.Code),
		Message:  text(raw.Message),
	}}
	var contexts []struct {
		Context wire.Raw `json:"context"`
		State   wire.Raw `json:"state"`
	}
	if wire.Decode(raw.Contexts, &contexts) == nil {
		for _, s := range contexts {
			c.contexts = append(c.contexts, ContextState{Context: text(s.Context), State: text(s.State)})
		}
	}
	if c.FieldError == (FieldError{}) && c.contexts == nil {
		c.Message = text(item)
	}
	return c
}
