package ghdeploytest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Transport returns an [http.RoundTripper] that reaches the server without a
// socket or a goroutine. It accepts [BaseURL] and any other address. The server
// takes the host of the request as its own, and a path with /api/v3 as that of
// a GitHub Enterprise Server. A request to another host, for example after a
// redirect, arrives here too, so [Server.Requests] shows its headers.
//
// The transport behaves like that of net/http. It calls the hooks of
// [net/http/httptrace], sends the default User-Agent, closes the request's
// body, and stops when the request's context ends. A body that is cut off ends
// with [io.ErrUnexpectedEOF].
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	s, ctx := t.server, r.Context()
	body := &requestBody{rc: r.Body}
	defer body.close()
	if r.URL == nil || r.URL.Host == "" {
		return nil, errors.New("ghdeploytest: no Host in request URL")
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		trace = &httptrace.ClientTrace{}
	}
	address := hostPort(r)
	if trace.GetConn != nil {
		trace.GetConn(address)
	}

	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: fakeAddr(address), Err: syscall.ECONNREFUSED}
	if !s.begin() {
		return nil, refused
	}
	defer s.end()
	sent := outgoing(r)
	c := s.newCall(sent)
	early := !c.drawn // a Match function needs the body
	if early {
		if err := body.take(ctx, s, c, r.ContentLength); err != nil {
			return nil, err
		}
		c.plan, _ = s.draw(c, true)
	}
	if c.plan.is(refuseConnection) {
		return nil, refused
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: fakeConn{address}})
	}
	if trace.WroteHeaderField != nil {
		trace.WroteHeaderField("Host", []string{sent.Host})
		for _, key := range slices.Sorted(maps.Keys(sent.Header)) {
			trace.WroteHeaderField(key, sent.Header[key])
		}
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	var err error
	if !early {
		err = body.take(ctx, s, c, r.ContentLength)
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
	if err != nil {
		return nil, err
	}

	resp := s.exchange(ctx, c)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if resp.ending == noResponse {
		return nil, io.EOF // as net/http does on a new connection that ends without a response
	}
	if trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	return resp.toHTTP(r), nil
}

// outgoing returns a copy of the request as it would be on the wire.
func outgoing(r *http.Request) *http.Request {
	sent := r.WithContext(r.Context())
	sent.Header = r.Header.Clone()
	if sent.Header == nil {
		sent.Header = http.Header{}
	}
	if _, set := sent.Header["User-Agent"]; !set {
		sent.Header.Set("User-Agent", "Go-http-client/1.1")
	}
	if sent.Method == "" {
		sent.Method = http.MethodGet
	}
	return sent
}

// toHTTP returns the response as net/http would.
func (resp *response) toHTTP(r *http.Request) *http.Response {
	out := &http.Response{
		Status:     fmt.Sprintf("%d %s", resp.status, http.StatusText(resp.status)),
		StatusCode: resp.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: resp.header.Clone(), Request: r, ContentLength: int64(len(resp.body)),
	}
	reader := &responseBody{ctx: r.Context(), rest: resp.body, end: io.EOF}
	if resp.ending == cutResponse {
		reader.rest, reader.end = resp.body[:resp.cutAt], io.ErrUnexpectedEOF
	}
	if r.Method == http.MethodHead || resp.status == http.StatusNoContent || resp.status == http.StatusNotModified {
		reader.rest, reader.end = nil, io.EOF
		if r.Method == http.MethodHead {
			if n, err := strconv.ParseInt(resp.header.Get("Content-Length"), 10, 64); err == nil {
				out.ContentLength = n
			}
		} else {
			out.ContentLength = 0
		}
	}
	out.Body = reader
	return out
}

// requestBody closes a body exactly once, as a RoundTripper must.
type requestBody struct {
	rc   io.ReadCloser
	once sync.Once
}

func (b *requestBody) close() {
	b.once.Do(func() {
		if b.rc != nil {
			b.rc.Close()
		}
	})
}

// take reads the body as net/http would. The end of ctx closes the body, which
// unblocks a pending Read.
func (b *requestBody) take(ctx context.Context, s *Server, c *call, length int64) error {
	if b.rc == nil || b.rc == http.NoBody {
		c.parse()
		return nil
	}
	stop := context.AfterFunc(ctx, b.close)
	defer stop()
	counted := &countingReader{Reader: b.rc}
	err := s.takeBody(c, counted)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err == nil && length > 0 && length != counted.n && !c.tooLarge {
		return fmt.Errorf("ghdeploytest: ContentLength=%d with Body length %d", length, counted.n)
	}
	return err
}

type countingReader struct {
	io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}

// responseBody is a response body that ends early when its context ends or it
// is closed.
type responseBody struct {
	ctx context.Context
	end error

	mu     sync.Mutex
	rest   []byte
	closed bool
}

func (b *responseBody) Read(p []byte) (int, error) {
	if err := context.Cause(b.ctx); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(b.rest) == 0 {
		return 0, b.end
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *responseBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

func hostPort(r *http.Request) string {
	if r.URL.Port() != "" {
		return r.URL.Host
	}
	port := "80"
	if r.URL.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(r.URL.Hostname(), port)
}

// fakeAddr and fakeConn fill GotConnInfo.Conn, which net/http never leaves nil.
type fakeAddr string

func (fakeAddr) Network() string  { return "tcp" }
func (a fakeAddr) String() string { return string(a) }

type fakeConn struct{ address string }

var errNoConn = errors.New("ghdeploytest: an in-process request has no connection to read or write")

func (fakeConn) Read([]byte) (int, error)         { return 0, errNoConn }
func (fakeConn) Write([]byte) (int, error)        { return 0, errNoConn }
func (fakeConn) Close() error                     { return nil }
func (fakeConn) LocalAddr() net.Addr              { return fakeAddr("in-process:0") }
func (c fakeConn) RemoteAddr() net.Addr           { return fakeAddr(c.address) }
func (fakeConn) SetDeadline(time.Time) error      { return nil }
func (fakeConn) SetReadDeadline(time.Time) error  { return nil }
func (fakeConn) SetWriteDeadline(time.Time) error { return nil }
