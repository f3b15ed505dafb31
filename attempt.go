package ghdeploy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
)

// attempt observes one attempt on the wire: whether it reached a connection,
// and how often the request was written. It sees what reports to the trace of
// its context; a transport that drops the context is not seen.
type attempt struct {
	ctx       context.Context
	cancel    context.CancelCauseFunc
	method    string
	userAgent string

	mu   sync.Mutex
	hop  hop
	hops int  // requests: the first one and the redirects that were followed
	more bool // the request was written more than once
}

// hop is one request of an attempt. A redirect that is followed starts another.
type hop struct {
	uri        string
	handedOver bool // to the caller's transport
	asked      bool // for a connection
	connected  bool
	proven     bool // not sent, or not processed
	badTarget  bool // the response has a Location that is not a URL

	// The write in progress, or the latest one.
	ours   bool // it is this request, not another one of the transport
	http2  bool
	reused bool // an idle connection was used

	writes    int   // of the request
	wroteOn   write // the latest of them
	responded bool  // a response to it has begun to arrive
}

type write struct{ http2, reused bool }

type attemptKey struct{}

func newAttempt(ctx context.Context, method, userAgent string) *attempt {
	a := &attempt{method: method, userAgent: userAgent}
	a.ctx, a.cancel = context.WithCancelCause(context.WithValue(ctx, attemptKey{}, a))
	if method != http.MethodGet { // a GET may be sent any number of times
		a.ctx = httptrace.WithClientTrace(a.ctx, a.hooks())
	}
	return a
}

// attemptOf returns the attempt of a request. A caller's CheckRedirect can have
// replaced the context; then nothing is observed, and nothing is proven.
func attemptOf(ctx context.Context) *attempt {
	if a, ok := ctx.Value(attemptKey{}).(*attempt); ok {
		return a
	}
	return new(attempt)
}

// hooks returns the trace of a write.
func (a *attempt) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:              func(string) { a.connecting(nil) },
		GotConn:              func(info httptrace.GotConnInfo) { a.connecting(&info) },
		WroteHeaderField:     a.wroteHeaderField,
		WroteHeaders:         a.wroteHeaders,
		GotFirstResponseByte: a.gotResponse,
	}
}

// errWrittenTwice cancels an attempt whose request the transport below is about
// to write a second time, or of a PUT or DELETE a third time.
var errWrittenTwice = errors.New("the transport wrote the request a second time")

// connecting notes that a connection is requested, or with info that there is
// one. After an unanswered write of the request, that is the beginning of a
// second write. A canceled context prevents it over HTTP/2.
func (a *attempt) connecting(info *httptrace.GotConnInfo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hop.asked = true
	if a.hop.writes > 0 && !a.hop.responded {
		a.repeat()
	}
	if info != nil {
		a.hop.connected = true
		a.hop.ours, a.hop.http2, a.hop.reused = false, false, info.Reused
	}
}

// wroteHeaderField recognizes HTTP/2 by its pseudo-headers, and the request by
// its URI or its User-Agent: a transport may send others, for a token.
func (a *attempt) wroteHeaderField(key string, values []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case strings.HasPrefix(key, ":"):
		a.hop.http2 = true
		if key == ":path" && len(values) > 0 && values[0] == a.hop.uri {
			a.hop.ours = true
		}
	case strings.EqualFold(key, "User-Agent") && len(values) > 0 && strings.Contains(values[0], a.userAgent):
		a.hop.ours = true
	}
}

func (a *attempt) wroteHeaders() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.hop.ours {
		return
	}
	if a.hop.writes > 0 && !a.repeat() {
		a.hop.writes = 0
	}
	a.hop.writes++
	a.hop.responded = false
	a.hop.wroteOn = write{http2: a.hop.http2, reused: a.hop.reused}
}

func (a *attempt) gotResponse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hop.responded = a.hop.writes > 0
}

// repeat counts a second write and reports whether it is one. On a reused
// HTTP/1.1 connection the first one may not have left: net/http then replays
// it, with the same hooks. A PUT or DELETE may be replayed once, because
// net/http sets no bound after a GOAWAY.
func (a *attempt) repeat() bool {
	if a.hop.wroteOn.reused && !a.hop.wroteOn.http2 && !a.hop.responded {
		return false
	}
	a.more = true
	if a.method == http.MethodPost || a.hop.writes > 1 && !a.hop.responded {
		a.cancel(errWrittenTwice)
	}
	return true
}

// startHop begins the observation of a request: the first one, or one that
// follows a redirect.
func (a *attempt) startHop(r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hop = hop{uri: r.URL.RequestURI()}
	a.hops++
}

func (a *attempt) handOver()          { a.set(func(h *hop) { h.handedOver = true }) }
func (a *attempt) proveNotProcessed() { a.set(func(h *hop) { h.proven = true }) }
func (a *attempt) setBadLocation()    { a.set(func(h *hop) { h.badTarget = true }) }

func (a *attempt) set(change func(*hop)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.hop)
}

func (a *attempt) get() (hop, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hop, a.more
}

func (a *attempt) asked() bool        { h, _ := a.get(); return h.asked }
func (a *attempt) writingHTTP2() bool { h, _ := a.get(); return h.http2 }
func (a *attempt) badLocation() bool  { h, _ := a.get(); return h.badTarget }

// rewritten reports whether the request was written more than once.
func (a *attempt) rewritten() bool { _, more := a.get(); return more }

// redirected reports whether a redirect was followed.
func (a *attempt) redirected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hops > 1
}

// stopped reports whether the attempt was canceled because of its writes.
func (a *attempt) stopped() bool { return errors.Is(context.Cause(a.ctx), errWrittenTwice) }

// notProcessed reports whether there is proof that a failed attempt was not
// executed: it was never given to the caller's transport, it reached no
// connection, or the error says so. A transport that fires no hooks proves
// nothing.
func (a *attempt) notProcessed() bool {
	h, more := a.get()
	return !more && (!h.handedOver || h.asked && !h.connected || h.proven)
}
