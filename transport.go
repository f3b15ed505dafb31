package ghdeploy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
)

// httpClient is a copy of the client that keeps to the API's origin: net/http
// would follow a redirect to any host, and turn a redirected write into a GET.
// What is refused here is an error in check.
func httpClient(client *http.Client, home string) *http.Client {
	c := *client
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = transport{next: c.Transport, http2: new(atomic.Bool)}
	theirs := c.CheckRedirect
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		const most = 10 // as net/http has it
		switch {
		case origin(req.URL) != home, req.URL.User != nil, req.Method != via[0].Method, len(via) >= most:
			return http.ErrUseLastResponse
		}
		if token := via[0].Header.Get("Authorization"); token != "" {
			// net/http takes a host in other letters for another one, and
			// drops the token: it would be asked for what only the token sees.
			req.Header.Set("Authorization", token) //nolint:gosec // the origin is the same: see the first case
		}
		if theirs != nil {
			return theirs(req, via)
		}
		return nil
	}
	return &c
}

// transport stands between http.Client and the caller's transport. It keeps
// the idle connections open that other code uses too: go-retryablehttp asks to
// close them after each failure, and a type without the method refuses.
type transport struct {
	next  http.RoundTripper
	http2 *atomic.Bool // the latest answer came over HTTP/2
}

// RoundTrip gives back what the transport does, made legible: for http.Client,
// and for the policy.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(once(r, t.http2.Load()))
	switch {
	case err != nil:
		return resp, givenUp(err)
	case resp == nil:
		return nil, fmt.Errorf("the transport %T gave neither an answer nor an error", t.next)
	}
	t.http2.Store(resp.ProtoMajor == 2)
	return legible(resp), nil
}

// legible drops a Location that does not parse from a 3xx: http.Client would
// fail on it, and what the status says would be lost.
func legible(resp *http.Response) *http.Response {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return resp
	}
	if _, bad := url.Parse(resp.Header.Get("Location")); bad != nil {
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Location")
	}
	return resp
}

// once is the request, such that net/http does not send its body a second time
// over HTTP/2. It would after REFUSED_STREAM and GOAWAY, without a bound, and
// after a PROTOCOL_ERROR as well, which does not say that nothing was done. Over
// HTTP/1.1 it only does where not a byte was written. A redirect is followed
// above this.
//
// Where the server is known to speak HTTP/2, net/http gets no second body at
// all: then its error tells which of the three it was. Before the first answer
// the protocol shows only once the request is being written, in the
// pseudo-headers that HTTP/2 alone has, and the error tells nothing.
func once(r *http.Request, http2 bool) *http.Request {
	rewind := r.GetBody
	if r.Body == nil || rewind == nil {
		return r
	}
	if http2 {
		r = r.WithContext(r.Context()) // a copy
		r.GetBody = nil
		return r
	}
	var streamed atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { streamed.Store(false) },
		WroteHeaderField: func(name string, _ []string) {
			if strings.HasPrefix(name, ":") {
				streamed.Store(true)
			}
		},
	}))
	r.GetBody = func() (io.ReadCloser, error) {
		if streamed.Load() {
			return nil, errGivenUp
		}
		return rewind()
	}
	return r
}

var (
	// errGivenUp is an attempt that net/http would have replayed by itself.
	errGivenUp = errors.New("the HTTP/2 connection gave the request up after it was written")
	// errUndone is one of which HTTP/2 says that it was not carried out
	// (RFC 9113, sections 6.8 and 8.7).
	errUndone = errors.New("the HTTP/2 connection gave the request up undone")
)

// How net/http words that it may not replay a request, and why it would. In
// other words, or for another reason, nothing is known of what was done.
var (
	noReplay = regexp.MustCompile(`^http2: Transport: cannot retry err \[(.*)\] after Request\.Body was written`)
	undone   = regexp.MustCompile(`^(?:stream error: stream ID \d+; REFUSED_STREAM\b.*|http2: Transport received Server's graceful shutdown GOAWAY)$`)
)

// givenUp tells by the error of the transport whether HTTP/2 promises that
// nothing was done.
func givenUp(err error) error {
	why := noReplay.FindStringSubmatch(err.Error())
	switch {
	case why == nil:
		return err
	case undone.MatchString(why[1]):
		return fmt.Errorf("%w: %s", errUndone, why[1])
	default:
		return fmt.Errorf("%w: %s", errGivenUp, why[1])
	}
}

// connTrace watches whether an attempt reached a connection.
type connTrace struct{ asked, got atomic.Bool }

func (t *connTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true) },
	}
}

// unsent is proof that the attempt reached no connection: one was asked for
// and none was had. A transport that fires no hooks proves nothing, and the
// hook for a written request comes before its bytes leave.
func (t *connTrace) unsent() bool { return t.asked.Load() && !t.got.Load() }
