package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The texts are those of net/http in Go 1.26. Any other text proves nothing.
func TestGivenUp(t *testing.T) {
	const rest = " after Request.Body was written; define Request.GetBody to avoid this error"
	for _, tt := range []struct {
		text string
		want error // nil: the error is unchanged
	}{
		{"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; received from peer]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; REFUSED_STREAM]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err [something new]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err []" + rest, errGivenUp},
		{"stream error: stream ID 3; REFUSED_STREAM; received from peer", nil},
		{"proxy: http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM]" + rest, nil},
		{`http2: server sent GOAWAY and closed the connection; LastStreamID=3, ErrCode=NO_ERROR, debug="REFUSED_STREAM"`, nil},
		{"unexpected EOF", nil},
	} {
		err := errors.New(tt.text)
		want := tt.want
		if want == nil {
			want = err
		}
		if got := givenUp(err); !errors.Is(got, want) || tt.want == nil && got.Error() != tt.text {
			t.Errorf("%s\nbecomes %v, want %v", tt.text, got, want)
		}
	}
	text := fmt.Sprint(givenUp(errors.New("http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer]" + rest)))
	if want := "the HTTP/2 connection did not process the request: stream error: stream ID 3; REFUSED_STREAM; received from peer"; text != want {
		t.Errorf("the error reads %q, want %q", text, want)
	}
}

// The 307 of a renamed repository is followed with the body and the token.
func TestRedirectKeepsTheBody(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("POST /api/v3/repos/octocat/example/deployments", func(w http.ResponseWriter, r *http.Request) {
				discard(r.Body)
				w.Header().Set("Location", "/api/v3/repositories/1/deployments")
				w.WriteHeader(http.StatusTemporaryRedirect)
			})
			mux.HandleFunc("POST /api/v3/repositories/1/deployments", func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if len(body) < 100_000 || r.Header.Get("Authorization") != "Bearer token-a" {
					t.Errorf("%d bytes came with %q", len(body), r.Header.Get("Authorization"))
				}
				io.WriteString(w, oneDeployment)
			})
			server := httptest.NewUnstartedServer(mux)
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithHTTPClient(server.Client()), WithToken("token-a"))
			if err != nil {
				t.Fatal(err)
			}
			if err := createOne(t.Context(), client); err != nil {
				t.Error(err)
			}
		})
	}
}

// A redirect that the client or the caller refuses is not retried.
func TestRefusedRedirectIsFinal(t *testing.T) {
	refuse := errors.New("refused")
	tests := map[string]struct {
		status   int
		location string
		check    func(*http.Request, []*http.Request) error
		cause    error
	}{
		"to another origin":    {307, "https://evil.example.com/", nil, nil},
		"a write would change": {302, "/api/v3/elsewhere", nil, nil},
		"the caller refuses":   {307, "/api/v3/elsewhere", func(*http.Request, []*http.Request) error { return refuse }, refuse},
		"the caller stops":     {307, "/api/v3/elsewhere", func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				if method == http.MethodGet && tt.status == 302 {
					continue // followed
				}
				sent := 0
				client, err := NewClient(WithBaseURL("https://ghe.example.com/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{
					Transport: inProcess(func(*http.Request) (*canned, error) {
						sent++
						return reply(tt.status, "", "Location: "+tt.location), nil
					}),
					CheckRedirect: tt.check,
				}))
				if err != nil {
					t.Fatal(err)
				}
				call := map[string]func(context.Context, *Client) error{http.MethodGet: getOne, http.MethodPost: createOne}[method]
				err = call(t.Context(), client)
				e, ok := errors.AsType[*Error](err)
				if !ok || !errors.Is(err, ErrRedirect) || errors.Is(err, ErrOutcomeUnknown) || e.StatusCode != tt.status || tt.cause != nil && !errors.Is(err, tt.cause) {
					t.Errorf("%s: %v, want ErrRedirect and %v", method, err, tt.cause)
				}
				if sent != 1 {
					t.Errorf("%s was sent %d times", method, sent)
				}
			}
		})
	}
}

// A redirect whose Location is not a URL is ErrRedirect. http.Client would
// return an error without the status.
func TestRedirectToNoURL(t *testing.T) {
	for what, call := range map[string]func(context.Context, *Client) error{"GET": getOne, "POST": createOne} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			header := http.Header{"Location": {"https://[elsewhere"}, "X-Github-Request-Id": {"A1"}}
			sent := 0
			client, err := NewClient(WithRetry(quick), WithHTTPClient(&http.Client{Transport: RoundTripFunc(func(*http.Request) (*http.Response, error) {
				sent++
				return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
			})}))
			if err != nil {
				t.Fatal(err)
			}
			err = call(t.Context(), client)
			e, ok := errors.AsType[*Error](err)
			if !ok || !errors.Is(err, ErrRedirect) || errors.Is(err, ErrOutcomeUnknown) || e.StatusCode != status || e.RequestID != "A1" || sent != 1 {
				t.Errorf("%s %d, sent %d times: %v, want ErrRedirect", what, status, sent, err)
			}
			if len(header) != 2 {
				t.Errorf("the transport's own header is now %v", header)
			}
		}
	}
}

// The error of a broken transport names the type of the transport.
func TestTransportReturnsNothing(t *testing.T) {
	client, err := NewClient(WithRetry(quick), WithHTTPClient(&http.Client{Transport: RoundTripFunc(func(*http.Request) (*http.Response, error) { return nil, nil })}))
	if err != nil {
		t.Fatal(err)
	}
	const want = "the transport ghdeploy.RoundTripFunc returned neither a response nor an error"
	if err := getOne(t.Context(), client); err == nil || !strings.Contains(err.Error(), ": "+want+" (4 attempts)") {
		t.Errorf("GET: %v, want %q", err, want)
	}
	if err := createOne(t.Context(), client); !errors.Is(err, ErrOutcomeUnknown) || !strings.Contains(err.Error(), want) {
		t.Errorf("POST: %v, want ErrOutcomeUnknown and %q", err, want)
	}
}

// countingListener counts all connections and the open ones.
type countingListener struct {
	net.Listener
	open, all atomic.Int32
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.open.Add(1)
	l.all.Add(1)
	return &countedConn{Conn: conn, listener: l}, nil
}

type countedConn struct {
	net.Conn
	listener *countingListener
	once     sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}

// A call that fails keeps the idle connections of the caller's transport open.
func TestFailureKeepsIdleConnections(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(r.Body)
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	server := httptest.NewUnstartedServer(handler)
	listener := &countingListener{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	defer server.Close()

	shared := &http.Transport{}
	defer shared.CloseIdleConnections()
	other := &http.Client{Transport: shared}
	get := func() bool {
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused },
		})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := other.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		discard(resp.Body)
		resp.Body.Close()
		return reused
	}
	get()
	client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{Transport: shared}))
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"a 502":                       createOne(t.Context(), client),
		"a context that has ended":    createOne(ended, client),
		"four failed attempts":        client.Deployments.Delete(t.Context(), "octocat", "example", 1),
		"a response that is not JSON": getOne(t.Context(), client),
	} {
		if err == nil && what != "four failed attempts" {
			t.Errorf("%s: no error", what)
		}
	}
	if !get() {
		t.Error("the other client got a new connection")
	}
	if open, all := listener.open.Load(), listener.all.Load(); open != 1 || all != 1 {
		t.Errorf("%d connections are open and %d were made, want 1 and 1", open, all)
	}
}
