package ghdeploy

import (
	"errors"
	"net/http"
	"strings"
)

// redacted stands where a token stood.
const redacted = "[REDACTED]"

// redaction returns what takes a token out of a text that came from elsewhere:
// an answer, or an error of the transport, may echo the request.
func redaction(token string) func(string) string {
	// A token of a few bytes (a test's) would take words apart, and is no secret.
	if len(token) < 4 {
		return func(s string) string { return s }
	}
	return func(s string) string { return strings.ReplaceAll(s, token, redacted) }
}

// redactHeader returns the headers with each value redacted. The map is the
// transport's, so it is copied if it has to change.
func redactHeader(h http.Header, redact func(string) string) http.Header {
	clean, copied := h, false
	for name, values := range h {
		for i, value := range values {
			text := redact(value)
			if text == value {
				continue
			}
			if !copied {
				clean, copied = h.Clone(), true
			}
			clean[name][i] = text
		}
	}
	return clean
}

// redactError returns err, or where its text holds the token an error with
// the text redacted, which [errors.Is] takes for err all the same.
func redactError(err error, redact func(string) string) error {
	text := redact(err.Error())
	if text == err.Error() {
		return err
	}
	return &redactedError{text: text, is: func(target error) bool { return errors.Is(err, target) }}
}

// redactedError hides the error behind a function: a field would be printed
// by %+v.
type redactedError struct {
	text string
	is   func(error) bool
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return e.is(target) }
