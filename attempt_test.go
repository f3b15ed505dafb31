package ghdeploy

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
)

// Each case is the sequence of net/http's hooks for an attempt.
func TestAttemptCountsWrites(t *testing.T) {
	const dial, idle, ask = "GotConn new", "GotConn reused", "GetConn"
	const write, write2, other, response = "write", "write HTTP/2", "write another request", "response"
	tests := map[string]struct {
		events    []string
		rewritten bool
		notSent   bool // the hooks prove it
		stopped   bool // a PUT or DELETE is canceled; a POST is if rewritten
	}{
		"no hook":                               {nil, false, false, false},
		"no connection":                         {[]string{ask}, false, true, false},
		"one write":                             {[]string{ask, dial, write, response}, false, false, false},
		"a write without a response":            {[]string{ask, dial, write}, false, false, false},
		"two connections before a write":        {[]string{ask, dial, ask, dial, write, response}, false, false, false},
		"a second write":                        {[]string{ask, dial, write, ask, dial, write}, true, false, false},
		"a second connection":                   {[]string{ask, dial, write, ask}, true, false, false},
		"a second write on the same connection": {[]string{ask, dial, write, write}, true, false, false},
		"a second write after a response":       {[]string{ask, dial, write, response, ask, idle, write}, true, false, false},
		"a second write over HTTP/2":            {[]string{ask, idle, write2, idle, write2}, true, false, false},
		"a second HTTP/2 connection":            {[]string{ask, idle, write2, ask}, true, false, false},
		"a retry after HTTP/2, over HTTP/1.1":   {[]string{ask, idle, write2, ask, dial, write}, true, false, false},
		"net/http's replay":                     {[]string{ask, idle, write, ask, dial, write, response}, false, false, false},
		"net/http's replay, twice":              {[]string{ask, idle, write, ask, idle, write, ask, dial, write}, false, false, false},
		"a replay, and a second write":          {[]string{ask, idle, write, ask, dial, write, ask}, true, false, false},
		"a retry on an idle connection":         {[]string{ask, idle, write, response, ask, idle, write}, true, false, false},
		"another request before":                {[]string{ask, dial, other, response, ask, idle, write, response}, false, false, false},
		"another request without a response":    {[]string{ask, dial, other, ask, dial, write, response}, false, false, false},
		"another request after the response":    {[]string{ask, dial, write, response, ask, idle, other, response}, false, false, false},
		"another request, then a second write":  {[]string{ask, dial, write, response, ask, idle, other, response, ask, idle, write}, true, false, false},
		"a second replay over HTTP/2":           {[]string{ask, idle, write2, idle, write2, idle}, true, false, true},
		"a second replay after a GOAWAY":        {[]string{ask, dial, write2, ask, dial, write2, ask}, true, false, true},
		"a third write":                         {[]string{ask, dial, write, ask, dial, write, ask}, true, false, true},
		"a third write after responses":         {[]string{ask, dial, write, response, ask, idle, write, response, ask, idle, write}, true, false, false},
		"others beside a write":                 {[]string{ask, dial, write, ask, dial, other, ask, dial, other, response}, true, false, false},
		"a refresh between two writes":          {[]string{ask, idle, write, ask, dial, other, response, ask, idle, write}, true, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
				a := newAttempt(t.Context(), method, "ghdeploy/1")
				r := httptest.NewRequestWithContext(a.ctx, method, "/api/v3/repos/o/r/deployments", nil)
				a.startHop(r)
				a.handOver()
				trace := httptrace.ContextClientTrace(a.ctx)
				for _, event := range tt.events {
					switch event {
					case ask:
						trace.GetConn("ghe.example.com:443")
					case dial, idle:
						trace.GotConn(httptrace.GotConnInfo{Reused: event == idle})
					case write, other:
						agent := map[string]string{write: "shipit ghdeploy/1", other: "Go-http-client/1.1"}[event]
						trace.WroteHeaderField("User-Agent", []string{agent})
						trace.WroteHeaders()
					case write2:
						trace.WroteHeaderField(":path", []string{"/api/v3/repos/o/r/deployments"})
						trace.WroteHeaders()
					case response:
						trace.GotFirstResponseByte()
					}
				}
				if a.rewritten() != tt.rewritten || a.notProcessed() != tt.notSent {
					t.Errorf("%s: rewritten = %t, not processed = %t", method, a.rewritten(), a.notProcessed())
				}
				if want := tt.stopped || tt.rewritten && method == http.MethodPost; a.stopped() != want {
					t.Errorf("%s: stopped = %t", method, a.stopped())
				}
			}
		})
	}
}

// scriptedHTTP2 starts an HTTP/2 server that returns the responses of a script:
// "404", "404 cut" (in its body), "PROTOCOL_ERROR". The last one repeats.
func scriptedHTTP2(t *testing.T, script ...string) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	const data, headers, reset, settings = 0, 1, 3, 4
	frame := func(kind, flags byte, stream uint32, payload []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
		return append(binary.BigEndian.AppendUint32(append(b, flags), stream), payload...)
	}
	requests := new(atomic.Int32)
	respond := func(stream uint32) []byte {
		line := script[min(int(requests.Add(1)), len(script))-1]
		if code, ok := map[string]uint32{"PROTOCOL_ERROR": 1, "REFUSED_STREAM": 7}[line]; ok {
			return frame(reset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
		}
		status, cut := strings.CutSuffix(line, " cut")
		if cut { // HEADERS, part of a body, RST_STREAM with PROTOCOL_ERROR
			b := frame(headers, 4, stream, append([]byte{8, 3}, status...))
			b = append(b, frame(data, 0, stream, []byte(`{"message":"Not`))...)
			return append(b, frame(reset, 0, stream, []byte{0, 0, 0, 1})...)
		}
		return frame(headers, 5, stream, append([]byte{8, 3}, status...))
	}
	serve := func(conn net.Conn) {
		conn.Write(frame(settings, 0, 0, nil)) //nolint:errcheck // the next read fails
		if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		for {
			var head [9]byte
			if _, err := io.ReadFull(conn, head[:]); err != nil {
				return
			}
			if _, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(head[:4])>>8)); err != nil {
				return
			}
			switch kind, flags := head[3], head[4]; {
			case kind == settings && flags == 0:
				conn.Write(frame(settings, 1, 0, nil)) //nolint:errcheck // the next read fails
			case (kind == headers || kind == data) && flags&1 != 0:
				conn.Write(respond(binary.BigEndian.Uint32(head[5:]))) //nolint:errcheck // the next read fails
			}
		}
	}
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, conn *tls.Conn, _ http.Handler) { serve(conn) },
	}
	server.StartTLS()
	t.Cleanup(server.CloseClientConnections)
	return server, requests
}

func TestHTTP2ResetsAndCutBodies(t *testing.T) {
	post := createSmall
	put := func(ctx context.Context, c *Client) error { return c.Put(ctx, "things/1", struct{}{}) }
	remove := func(ctx context.Context, c *Client) error {
		return c.Deployments.Delete(ctx, "octocat", "example", 7)
	}
	tests := map[string]struct {
		call     func(context.Context, *Client) error
		script   []string
		want     error // nil: success
		requests int32 // at the server
	}{
		"POST, PROTOCOL_ERROR after execution":          {post, []string{"PROTOCOL_ERROR"}, ErrOutcomeUnknown, 1},
		"POST, PROTOCOL_ERROR, then 204":                {post, []string{"PROTOCOL_ERROR", "204"}, ErrOutcomeUnknown, 1},
		"PUT, PROTOCOL_ERROR, then 204":                 {put, []string{"PROTOCOL_ERROR", "204"}, nil, 2},
		"DELETE, executed, PROTOCOL_ERROR; 404 and 404": {remove, []string{"PROTOCOL_ERROR", "404", "404"}, nil, 3},
		"DELETE, PROTOCOL_ERROR; 404, but GET 200":      {remove, []string{"PROTOCOL_ERROR", "404", "200"}, ErrNotFound, 3},
		"DELETE, REFUSED_STREAM, then 204":              {remove, []string{"REFUSED_STREAM", "204"}, nil, 2},
		"POST, 404 cut":                                 {post, []string{"404 cut"}, ErrNotFound, 1},
		"PUT, 404 cut":                                  {put, []string{"404 cut"}, ErrNotFound, 1},
		"DELETE, 404 cut":                               {remove, []string{"404 cut", "404"}, ErrNotFound, 1},
		"DELETE, 403 cut":                               {remove, []string{"403 cut", "404"}, ErrForbidden, 1},
		"DELETE, 401 cut":                               {remove, []string{"401 cut", "404"}, ErrUnauthorized, 1},
		"DELETE, 422 cut":                               {remove, []string{"422 cut", "404"}, ErrActiveDeployment, 1},
		"GET, 404 cut":                                  {getOne, []string{"404 cut", "404"}, ErrNotFound, 1},
	}
	for name, tt := range tests {
		for _, rebuilt := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				server, requests := scriptedHTTP2(t, tt.script...)
				httpClient := server.Client()
				if rebuilt {
					httpClient.Transport = rebuild(httpClient.Transport)
				}
				client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick), WithHTTPClient(httpClient))
				if err != nil {
					t.Fatal(err)
				}
				err = tt.call(t.Context(), client)
				if !errors.Is(err, tt.want) || errors.Is(err, ErrOutcomeUnknown) != errors.Is(tt.want, ErrOutcomeUnknown) {
					t.Errorf("rebuilt %t: error = %v, want %v", rebuilt, err, tt.want)
				}
				if n := requests.Load(); n != tt.requests {
					t.Errorf("rebuilt %t: the server got %d requests, want %d", rebuilt, n, tt.requests)
				}
			})
		}
	}
}

// Below a transport that rebuilds requests the client does not see a
// REFUSED_STREAM. It cancels net/http's replay.
func TestRefusedStreamBelowARebuildingTransport(t *testing.T) {
	server, requests := scriptedHTTP2(t, "REFUSED_STREAM", "204")
	httpClient := server.Client()
	httpClient.Transport = rebuild(httpClient.Transport)
	client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick), WithHTTPClient(httpClient))
	if err != nil {
		t.Fatal(err)
	}
	err = createSmall(t.Context(), client)
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, errWrittenTwice) || !errors.Is(err, ErrOutcomeUnknown) || e.Attempts != 1 {
		t.Errorf("error = %v, want ErrOutcomeUnknown after one attempt", err)
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("the server got %d requests, want 1", n)
	}
}

// Only net/http's hooks prove that a request was not sent. A transport that
// fires none, or that had a connection, may have sent it.
func TestProofIsPositive(t *testing.T) {
	refused := errors.New("refused")
	hooks := func(asked, got bool) handler {
		return func(r *http.Request) (*canned, error) {
			trace := httptrace.ContextClientTrace(r.Context())
			if asked {
				trace.GetConn("ghe.example.com:443")
			}
			if got {
				trace.GotConn(httptrace.GotConnInfo{})
			}
			return nil, refused
		}
	}
	for name, tt := range map[string]struct {
		asked, got bool
		attempts   int
		unknown    bool
	}{
		"no hooks":            {false, false, 1, true},
		"GetConn alone":       {true, false, 4, false},
		"GetConn and GotConn": {true, true, 1, true},
		"GotConn alone":       {false, true, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := createOne(t.Context(), inProcessClient(t, hooks(tt.asked, tt.got), WithRetry(quick)))
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Attempts != tt.attempts || errors.Is(err, ErrOutcomeUnknown) != tt.unknown || !errors.Is(err, refused) {
				t.Errorf("error = %v, want %d attempts, unknown: %t", err, tt.attempts, tt.unknown)
			}
		})
	}
}

// A refusal of the proxy proves that the request was not sent.
func TestProxyRefusalIsProof(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer proxy.Close()
	transport := &http.Transport{Proxy: http.ProxyURL(mustParse(t, proxy.URL))}
	defer transport.CloseIdleConnections()
	client, err := NewClient(WithBaseURL("https://ghe.example.com/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	err = createOne(t.Context(), client)
	if e, ok := errors.AsType[*Error](err); !ok || e.Attempts != 4 || errors.Is(err, ErrOutcomeUnknown) {
		t.Errorf("error = %v, want 4 attempts and no ErrOutcomeUnknown", err)
	}
}

// A certificate error is not retried.
func TestCertificateErrorIsFinal(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: &tls.Config{}} // not the server's authority
	client, err := NewClient(WithBaseURL(server.URL), WithRetry(quick), WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"GET": getOne(t.Context(), client), "POST": createOne(t.Context(), client)} {
		_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
		if e, ok := errors.AsType[*Error](err); !ok || e.Attempts != 1 || !certificate || errors.Is(err, ErrOutcomeUnknown) {
			t.Errorf("%s: %v, want a certificate error after one attempt", what, err)
		}
	}
}
