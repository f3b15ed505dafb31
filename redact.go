package ghdeploy

import (
	"cmp"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// redacted replaces a token.
const redacted = "[REDACTED]"

// redactor removes tokens from texts that come from elsewhere: a response, or
// an error of the transport, can contain what was sent.
type redactor struct{ tokens []string } // the longest first

// add makes the redactor remove a token too. A token of fewer than four bytes
// would change ordinary words, and is no secret.
func (r *redactor) add(token string) {
	if len(token) < 4 || slices.Contains(r.tokens, token) {
		return
	}
	r.tokens = append(slices.Clip(r.tokens), token)
	slices.SortFunc(r.tokens, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

// merge makes the redactor remove the tokens of another one too.
func (r *redactor) merge(other redactor) {
	if r.tokens == nil {
		r.tokens = other.tokens // add copies them
		return
	}
	for _, token := range other.tokens {
		r.add(token)
	}
}

// text returns s without the tokens.
func (r redactor) text(s string) string {
	for _, token := range r.tokens {
		s = strings.ReplaceAll(s, token, redacted)
	}
	return s
}

// cutText is text for an s that may end in the middle of a token.
func (r redactor) cutText(s string) string {
	s = r.text(s)
	for _, token := range r.tokens {
		for n := min(len(token)-1, len(s)); n > 0; n-- {
			if strings.HasSuffix(s, token[:n]) {
				s = s[:len(s)-n] + redacted
				break
			}
		}
	}
	return s
}

// header returns the header without the tokens. It copies the transport's map
// before it changes it.
func (r redactor) header(h http.Header) http.Header {
	clean, copied := h, false
	for key, values := range h {
		for i, value := range values {
			text := r.text(value)
			if text == value {
				continue
			}
			if !copied {
				clean, copied = h.Clone(), true
			}
			clean[key][i] = text
		}
	}
	return clean
}

// error returns err without the tokens. Of its chain it hides only the links
// whose own text contains a token: [errors.As] finds the others.
func (r redactor) error(err error) error {
	if err == nil {
		return nil
	}
	text := r.text(err.Error())
	if text == err.Error() {
		return err
	}
	hidden := &redactedError{text: text, is: func(target error) bool { return isLink(err, target) }}
	switch e := err.(type) { //nolint:errorlint // this link only
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			hidden.inner = []error{r.error(inner)}
		}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			hidden.inner = append(hidden.inner, r.error(inner))
		}
	}
	return hidden
}

// isLink reports whether one link of a chain is the target of [errors.Is].
func isLink(link, target error) bool {
	if matcher, ok := link.(interface{ Is(error) bool }); ok && matcher.Is(target) {
		return true
	}
	return reflect.ValueOf(link).Comparable() && reflect.ValueOf(target).Comparable() && link == target //nolint:errorlint // this link only
}

// redactedError stands for a link whose text contained a token. It holds the
// link in a function: %+v would print a field.
type redactedError struct {
	text  string
	is    func(error) bool
	inner []error
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return e.is(target) }
func (e *redactedError) Unwrap() []error      { return e.inner }
