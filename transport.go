package ghdeploy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
)

// httpClient returns a copy of the client that stays on the API's origin.
// net/http would follow a redirect to any host, and turn a redirected write
// into a GET. check turns a redirect that is refused here into an error.
func httpClient(client *http.Client, home string) *http.Client {
	c := *client
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = transport{next: c.Transport, http2: new(atomic.Bool)}
	callers := c.CheckRedirect
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if token := via[0].Header.Get("Authorization"); token != "" && origin(req.URL) == home {
			// net/http treats a host that differs only in case as another
			// host and drops the token.
			req.Header.Set("Authorization", token) //nolint:gosec // the origin is the same
		}
		// The condition belongs to the URL of the call.
		req.Header.Del("If-None-Match")
		if callers != nil {
			if err := callers(req, via); err != nil {
				return err
			}
		}
		// The caller's function may have changed the request.
		const maxRedirects = 10 // as in net/http
		if origin(req.URL) != home || req.URL.User != nil || req.Method != via[0].Method || len(via) >= maxRedirects {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &c
}

// transport stands between http.Client and the caller's transport. It has no
// CloseIdleConnections method: go-retryablehttp calls that after each failure,
// and the connections may be shared with other code.
type transport struct {
	next  http.RoundTripper
	http2 *atomic.Bool // the latest response came over HTTP/2
}

// RoundTrip sends a request and adds to the attempt what it learns about it.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	a := attemptOf(r.Context())
	a.startHop(r)
	if err := sendable(r, a.redirected()); err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	a.handOver()
	resp, err := t.next.RoundTrip(withoutReplay(r, a, t.http2.Load()))
	switch {
	case err != nil:
		return resp, t.explain(r, a, err)
	case resp == nil:
		return nil, fmt.Errorf("the transport %T returned neither a response nor an error", t.next)
	}
	t.http2.Store(resp.ProtoMajor == 2)
	return withoutBadLocation(resp, a), nil
}

// errInvalidHeader is a request that no transport can send.
var errInvalidHeader = errors.New("invalid header")

// sendable reports why a request cannot be sent: its context has ended, or a
// header is invalid. A caller's CheckRedirect can set headers; those of the
// client are valid.
func sendable(r *http.Request, redirected bool) error {
	if err := r.Context().Err(); err != nil || !redirected {
		return err
	}
	for key, values := range r.Header {
		for _, value := range values {
			if !validHeader(value) {
				return fmt.Errorf("%w: the value of %q contains a control character", errInvalidHeader, key)
			}
		}
	}
	return nil
}

// validHeader reports whether net/http accepts the value of a header.
func validHeader(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// withoutBadLocation removes a Location that is not a URL from a 3xx. With it
// http.Client would return an error instead of the response.
func withoutBadLocation(resp *http.Response, a *attempt) *http.Response {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return resp
	}
	if _, err := url.Parse(resp.Header.Get("Location")); err != nil {
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Location")
		a.setBadLocation()
	}
	return resp
}

// withoutReplay returns a request whose body net/http cannot send a second time
// over HTTP/2. net/http would replay it after REFUSED_STREAM and GOAWAY, and
// under Go 1.26 after PROTOCOL_ERROR, which does not exclude that the request
// was executed. Over HTTP/1.1 net/http replays only what was not written.
//
// If the server is known to use HTTP/2, net/http gets no way to rewind the
// body, and its error says which of the three happened. Before the first
// response the protocol is known only while the request is written, and the
// error says nothing.
func withoutReplay(r *http.Request, a *attempt, http2 bool) *http.Request {
	rewind := r.GetBody
	if r.Body == nil || rewind == nil {
		return r
	}
	r = r.WithContext(r.Context()) // a copy
	if http2 {
		r.GetBody = nil
		return r
	}
	r.GetBody = func() (io.ReadCloser, error) {
		if a.writingHTTP2() {
			return nil, errGivenUp
		}
		return rewind()
	}
	return r
}

var (
	// errGivenUp is an attempt that net/http would have replayed.
	errGivenUp = errors.New("the HTTP/2 connection gave up the request after it was written")
	// errNotProcessed is an attempt that HTTP/2 reports as not processed
	// (RFC 9113, sections 6.8 and 8.7).
	errNotProcessed = errors.New("the HTTP/2 connection did not process the request")
)

// Texts of net/http's errors. With any other text nothing is known about the
// request.
var (
	noReplay      = regexp.MustCompile(`^http2: Transport: cannot retry err \[(.*)\] after Request\.Body was written`)
	notProcessed  = regexp.MustCompile(`^(?:stream error: stream ID \d+; REFUSED_STREAM\b.*|http2: Transport received Server's graceful shutdown GOAWAY)$`)
	headerRefused = regexp.MustCompile(`^net/http: invalid (?:header|trailer) field `)
)

// givenUp recognizes the errors of a request that an HTTP/2 connection gave up.
func givenUp(err error) error {
	why := noReplay.FindStringSubmatch(err.Error())
	switch {
	case why == nil:
		return err
	case notProcessed.MatchString(why[1]):
		return fmt.Errorf("%w: %s", errNotProcessed, why[1])
	default:
		return fmt.Errorf("%w: %s", errGivenUp, why[1])
	}
}

// explain returns the error of the caller's transport, and tells the attempt if
// the error proves that the request was not sent or not processed.
func (t transport) explain(r *http.Request, a *attempt, err error) error {
	err = givenUp(err)
	text := err.Error()
	switch {
	case errors.Is(err, errNotProcessed):
		a.proveNotProcessed()
	case a.asked(): // for a connection
	case headerRefused.MatchString(text):
		a.proveNotProcessed()
		return fmt.Errorf("%w: %s", errInvalidHeader, text)
	case r.Method != http.MethodGet && t.proxyRefused(r, text):
		a.proveNotProcessed()
	}
	return err
}

// proxyRefused reports whether the error of an *http.Transport is that of its
// Proxy function, which it calls before it requests a connection. Behind a
// wrapper, the request may have been sent before that.
func (t transport) proxyRefused(r *http.Request, text string) bool {
	direct, ok := t.next.(*http.Transport)
	if !ok || direct.Proxy == nil {
		return false
	}
	_, err := direct.Proxy(r)
	return err != nil && err.Error() == text
}
