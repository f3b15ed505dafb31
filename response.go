package ghdeploy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

const (
	// maxBody bounds what is read of a 2xx, after decompression. A page of 100
	// deployments is about 300 KiB.
	maxBody = 32 << 20
	// maxErrorBody bounds what is read and kept of any other response.
	maxErrorBody = 64 << 10
	// initialBuffer bounds what is allocated before any byte has arrived.
	initialBuffer = 64 << 10
)

// response is the result of a call's last attempt.
type response struct {
	method, path string

	status    int         // 0: no status line arrived
	header    http.Header // redacted
	body      []byte
	buffer    *bytes.Buffer // that holds the body; nil: the body was not read into one
	errorBody errorBody     // parsed from the body of anything but a 2xx
	rate      Rate
	note      string // what is wrong with a body that has no message

	err        error           // why there is no response, or no complete 2xx
	limit      *RateLimitError // the response is a rate limit, or one held the request back
	retryAfter time.Duration   // requested by the server
	location   location        // of a 3xx

	attempts   int
	waited     time.Duration // by the call so far
	uncertain  bool          // the last attempt may have been executed
	mayHaveRun bool          // an earlier attempt may have been executed, or the last wrote twice
	redact     redactor

	cached   bool              // the body is from the cache, confirmed by a 304
	cache    *conditionalCache // where keep stores the body; nil: nowhere
	cacheKey cacheKey
}

// location is the target of a redirect.
type location struct {
	url     *url.URL // nil: none
	invalid bool     // there is one that is not a URL
	foreign bool     // not on the API's origin
}

// read reads the response of an attempt. The status line decides: a 3xx, 4xx or
// 5xx whose body is cut off or too large keeps its meaning.
func (x *exchange) read(resp *http.Response, err error, now time.Time) *response {
	r := &response{method: x.req.Method, path: x.path, redact: x.redact}
	if resp == nil {
		r.err = x.transportError(err)
		return r
	}
	r.status, r.header = resp.StatusCode, x.redact.header(resp.Header)
	if err != nil { // the caller's CheckRedirect refused; the body is closed
		r.err = fmt.Errorf("%w: %w", ErrRedirect, x.transportError(err))
		return r
	}
	r.buffer = newBuffer()
	body, err := readBody(resp, r.buffer)
	r.body = body
	direct := x.cache != nil && !x.attempt.redirected()
	if direct {
		r.cache, r.cacheKey = x.cache, cacheKey{x.url, x.key}
	}
	switch {
	case direct && r.status == http.StatusNotModified && x.condition != nil:
		x.useCache(r)
	case r.status < 300:
		if err != nil {
			r.err = x.bodyError(err)
		}
	case err != nil:
		r.errorBody, r.note = parseErrorBody(body, x.redact), bodyNote(err)
	default:
		r.errorBody = parseErrorBody(body, x.redact)
	}
	if rate, ok := parseRate(r.header); ok {
		r.rate = rate
		x.core.rate.observe(rate, x.key, func() time.Time { return serverTime(r.header, now) })
	}
	if r.status == http.StatusNotFound && r.errorBody.message == "" && r.note == "" {
		r.note = wrongBase(x.core.base)
	}
	r.location = x.location(resp)
	r.limit = parseLimit(r.status, r.header, r.errorBody, now)
	switch {
	case r.limit != nil:
		r.retryAfter = r.limit.RetryAfter
	case r.status >= 300:
		r.retryAfter, _ = retryAfter(r.header, now)
	}
	return r
}

// errCutOff is a body that ended too early, or that could not be decompressed.
var errCutOff = fmt.Errorf("%w: the body was cut off", ErrMalformedResponse)

// readBody reads a body into an empty buffer and closes it: at most maxBody
// bytes of a 2xx, and at most maxErrorBody of anything else. It returns what it
// read beside an error.
func readBody(resp *http.Response, b *bytes.Buffer) ([]byte, error) {
	body := resp.Body
	defer body.Close()
	resp.Body = http.NoBody // go-retryablehttp would drain it
	limit := int64(maxBody)
	switch {
	case resp.StatusCode < 200:
		// The body of a 101 is the connection, which nothing bounds.
		return nil, fmt.Errorf("%w: status %d is not a response", ErrMalformedResponse, resp.StatusCode)
	case resp.StatusCode >= 300:
		limit = maxErrorBody
	case resp.ContentLength > limit:
		return nil, ErrTooLarge
	}
	if resp.ContentLength > 0 {
		b.Grow(int(min(resp.ContentLength, limit, initialBuffer)) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(body, limit+1))
	switch {
	case int64(b.Len()) > limit && limit == maxBody:
		return bytes.Clone(b.Bytes()[:maxErrorBody]), ErrTooLarge
	case int64(b.Len()) > limit:
		return b.Bytes()[:limit], ErrTooLarge
	case err != nil:
		err = &cutOffError{err}
	}
	return b.Bytes(), err
}

// cutOffError is the reason why a body was cut off.
type cutOffError struct{ error }

// bodyError returns why the body of a 2xx is not complete.
func (x *exchange) bodyError(err error) error {
	cut, ok := err.(*cutOffError) //nolint:errorlint // readBody's own
	if !ok {
		return err
	}
	err = x.transportError(cut.error)
	if errors.Is(err, ErrAttemptTimeout) || contexts.Error(x.ctx) != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errCutOff, err)
}

// bodyNote describes a body that readBody could not read completely.
func bodyNote(err error) string {
	if errors.Is(err, ErrTooLarge) {
		return "the body is larger than 64 KiB"
	}
	return "the body was cut off"
}

// location returns the target of a redirect.
func (x *exchange) location(resp *http.Response) location {
	if resp.StatusCode >= 400 || resp.StatusCode < 300 {
		return location{}
	}
	if x.attempt.badLocation() {
		return location{invalid: true}
	}
	header := resp.Header.Get("Location")
	if header == "" {
		return location{}
	}
	base := &x.to
	if resp.Request != nil && resp.Request.URL != nil {
		base = resp.Request.URL
	}
	to, err := base.Parse(header)
	if err != nil {
		return location{invalid: true}
	}
	return location{url: to, foreign: origin(to) != x.core.origin}
}

// failure returns what went wrong, as an error.
func (r *response) failure() error {
	switch {
	case r.limit != nil:
		return r.limit
	case r.err != nil:
		return r.err
	default:
		return fmt.Errorf("%d %s", r.status, http.StatusText(r.status))
	}
}
