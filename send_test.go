package ghdeploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// quick is a policy that does not make a test wait.
var quick = RetryPolicy{MaxAttempts: 4, MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}

func createOne(ctx context.Context, client *Client) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{
		Ref: "main", Payload: map[string]string{"text": strings.Repeat("whole ", 20_000)},
	})
	return err
}

// The body arrives whole at each attempt, with the token of the hour, and
// nothing leads net/http to send it twice.
func TestEachAttemptIsWhole(t *testing.T) {
	want := `{"ref":"main","payload":{"text":"` + strings.Repeat("whole ", 20_000) + `"}}`
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			var tokens []string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 != http2 {
					t.Errorf("the request came over %s", r.Proto)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != want {
					t.Errorf("attempt %d brought %d bytes, %v", len(tokens)+1, len(body), err)
				}
				for name := range r.Header {
					if strings.Contains(strings.ToLower(name), "idempotency") {
						t.Errorf("the request has the header %s", name)
					}
				}
				if tokens = append(tokens, r.Header.Get("Authorization")); len(tokens) < 3 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(http.StatusTooManyRequests)
					return
				}
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, oneDeployment)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			asked := 0
			client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithHTTPClient(server.Client()), WithRetry(quick),
				WithTokenFunc(func(context.Context) (string, error) { asked++; return fmt.Sprintf("token-%d", asked), nil }))
			if err != nil {
				t.Fatal(err)
			}
			if err := createOne(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			if want := []string{"Bearer token-1", "Bearer token-2", "Bearer token-3"}; !slices.Equal(tokens, want) {
				t.Errorf("tokens = %q, want %q", tokens, want)
			}
		})
	}
}

// A transport may not change the request, and some do: go-github-mock puts its
// own address in. What one made of an attempt is not what the next begins with.
func TestEachAttemptBeginsAnew(t *testing.T) {
	type seen struct {
		URL   string
		Trace []string
	}
	var sent []seen
	client := inProcessClient(t, func(r *http.Request) (*canned, error) {
		r.URL.Path = "/mirror" + r.URL.Path
		r.Header.Add("X-Trace", fmt.Sprint(len(sent)))
		sent = append(sent, seen{r.URL.String(), r.Header.Values("X-Trace")})
		if len(sent) < 3 {
			return reply(http.StatusTooManyRequests, "", "Retry-After: 0"), nil
		}
		return reply(http.StatusOK, oneDeployment), nil
	}, WithRetry(quick))
	for what, call := range map[string]func(context.Context, *Client) error{"deployments/1": getOne, "deployments": createOne} {
		sent = nil
		if err := call(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		url := "https://ghe.example.com/mirror/api/v3/repos/octocat/example/" + what
		if diff := cmp.Diff([]seen{{url, []string{"0"}}, {url, []string{"1"}}, {url, []string{"2"}}}, sent); diff != "" {
			t.Errorf("sent (-want +got)\n%s", diff)
		}
	}
}

// A repository that was renamed answers a write with a 307: it is followed,
// with the body and the token.
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

// A redirect that is refused, by this package or by the caller, is final.
func TestRefusedRedirectIsFinal(t *testing.T) {
	refuse := errors.New("not there")
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

// http.Client makes an error of an answer whose Location is no URL. It is an
// answer all the same, and says that nothing was done.
func TestRedirectToNoURL(t *testing.T) {
	for what, call := range map[string]func(context.Context, *Client) error{"GET": getOne, "POST": createOne} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			header := http.Header{"Location": {"https://[elsewhere"}, "X-Github-Request-Id": {"A1"}}
			sent := 0
			client, err := NewClient(WithRetry(quick), WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
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

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A transport that is broken is called by its own name, not by this package's.
func TestTransportThatGivesNothing(t *testing.T) {
	client, err := NewClient(WithRetry(quick), WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, nil })}))
	if err != nil {
		t.Fatal(err)
	}
	const want = "the transport ghdeploy.roundTripper returned neither a response nor an error"
	if err := getOne(t.Context(), client); err == nil || !strings.Contains(err.Error(), ": "+want+" (4 attempts)") {
		t.Errorf("GET: %v, want %q", err, want)
	}
	if err := createOne(t.Context(), client); !errors.Is(err, ErrOutcomeUnknown) || !strings.Contains(err.Error(), want) {
		t.Errorf("POST: %v, want ErrOutcomeUnknown and %q", err, want)
	}
}

func TestAttemptTimeout(t *testing.T) {
	endless := func(r *http.Request) (*canned, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	// The default client's attempts end after 30 s; the caller's own bound rules.
	client, err := NewClient()
	if err != nil {
		t.Fatal(err)
	}
	if client.core.http.Timeout != 30*time.Second {
		t.Errorf("the default timeout is %v, want 30s", client.core.http.Timeout)
	}
	tests := map[string]struct {
		timeout  time.Duration
		deadline time.Duration
		took     time.Duration
		attempts int
		want     error
	}{
		"each of two attempts": {30 * time.Second, 0, 61 * time.Second, 2, ErrAttemptTimeout},
		"the caller's own":     {time.Second, 0, 3 * time.Second, 2, ErrAttemptTimeout},
		"none":                 {0, time.Hour, time.Hour, 1, context.DeadlineExceeded},
		"the context's first":  {30 * time.Second, 10 * time.Second, 10 * time.Second, 1, context.DeadlineExceeded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, err := NewClient(WithRetry(RetryPolicy{MaxAttempts: 2, MinBackoff: time.Second, MaxBackoff: time.Second}),
					WithHTTPClient(&http.Client{Timeout: tt.timeout, Transport: inProcess(endless)}))
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if tt.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				began := time.Now()
				err = getOne(ctx, client)
				took := time.Since(began)
				// The backoff is a second, less up to a half.
				if took > tt.took || took < tt.took-500*time.Millisecond {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				e, ok := errors.AsType[*Error](err)
				if !ok || e.Attempts != tt.attempts || errors.Is(err, ErrAttemptTimeout) != errors.Is(tt.want, ErrAttemptTimeout) ||
					errors.Is(err, context.DeadlineExceeded) == errors.Is(tt.want, ErrAttemptTimeout) {
					t.Errorf("error = %v, want %v and nothing else after %d attempts", err, tt.want, tt.attempts)
				} else if e.Retryable() != errors.Is(tt.want, ErrAttemptTimeout) {
					t.Errorf("Retryable = %t for %v", e.Retryable(), err)
				}
				if ctx.Err() != nil {
					return
				}
				err = createOne(ctx, client)
				if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrAttemptTimeout) || e.Retryable() {
					t.Errorf("a POST whose time ran out: %v, want ErrOutcomeUnknown and ErrAttemptTimeout", err)
				}
			})
		})
	}
}

// A body that comes too slowly ends with the attempt as well.
func TestAttemptTimeoutCoversTheBody(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(r.Body)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{Timeout: 50 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	err = createOne(t.Context(), client)
	if !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrAttemptTimeout) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("POST: %v, want ErrOutcomeUnknown and ErrAttemptTimeout", err)
	}
	err = getOne(t.Context(), client)
	if e, ok := errors.AsType[*Error](err); !ok || e.Attempts != 4 || !errors.Is(err, ErrAttemptTimeout) {
		t.Errorf("GET: %v, want a timeout after 4 attempts", err)
	}
}

// countingListener counts the connections that are open.
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

// The pool is the caller's: a call that fails leaves its idle connections open.
func TestFailureLeavesThePoolAlone(t *testing.T) {
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
		"a 502":                     createOne(t.Context(), client),
		"a context that has ended":  createOne(ended, client),
		"four attempts in vain":     client.Deployments.Delete(t.Context(), "octocat", "example", 1),
		"an answer that is no JSON": getOne(t.Context(), client),
	} {
		if err == nil && what != "four attempts in vain" {
			t.Errorf("%s is no error", what)
		}
	}
	if !get() {
		t.Error("the other client had to dial again")
	}
	if open, all := listener.open.Load(), listener.all.Load(); open != 1 || all != 1 {
		t.Errorf("%d connections are open and %d were made, want 1 and 1", open, all)
	}
}

func TestDeleteNotFound(t *testing.T) {
	type step struct {
		method string
		resp   *canned // nil: the connection is lost
	}
	const gone = `{"message":"Not Found"}`
	del, get := http.MethodDelete, http.MethodGet
	tests := map[string]struct {
		steps []func() step
		want  error // nil: success
	}{
		"404":                               {[]func() step{func() step { return step{del, reply(404, gone)} }}, ErrNotFound},
		"429, then 404":                     {[]func() step{func() step { return step{del, reply(429, "", "Retry-After: 0")} }, func() step { return step{del, reply(404, gone)} }}, ErrNotFound},
		"502, then 404; GET 200":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(200, oneDeployment)} }}, ErrNotFound},
		"502, then 404; GET 404":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"502, then 404; GET 403":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(403, gone)} }}, ErrNotFound},
		"lost, then 404; GET 404":           {[]func() step{func() step { return step{del, nil} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"lost, then 404; GET 200":           {[]func() step{func() step { return step{del, nil} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(200, oneDeployment)} }}, ErrNotFound},
		"502, then 429, then 404; GET 404":  {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(429, "", "Retry-After: 0")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"502, then 204":                     {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(204, "")} }}, nil},
		"502, then 422: it is still active": {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(422, `{"message":"no"}`)} }}, ErrActiveDeployment},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			client := inProcessClient(t, func(r *http.Request) (*canned, error) {
				if n == len(tt.steps) {
					t.Fatalf("an unexpected %s", r.Method)
				}
				s := tt.steps[n]()
				n++
				if r.Method != s.method || r.URL.Path != "/api/v3/repos/octocat/example/deployments/7" {
					t.Errorf("request %d is %s %s, want %s", n, r.Method, r.URL.Path, s.method)
				}
				if s.resp == nil {
					return nil, io.ErrUnexpectedEOF
				}
				return s.resp, nil
			}, WithRetry(quick))
			err := client.Deployments.Delete(t.Context(), "octocat", "example", 7)
			if !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if n != len(tt.steps) {
				t.Errorf("%d requests, want %d", n, len(tt.steps))
			}
		})
	}
}

// The end of the context is found whatever the token function makes of it: many
// give an error of their own.
func TestContextEndsWhileATokenIsFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := NewClient(WithTokenFunc(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", errors.New("could not refresh")
		}))
		if err != nil {
			t.Fatal(err)
		}
		shift := errors.New("the shift is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, shift)
		defer cancel()
		err = getOne(ctx, client)
		want := "ghdeploy: GET /repos/octocat/example/deployments/1: no token: " + context.DeadlineExceeded.Error() + ": the shift is over"
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, shift) || err.Error() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	})
}

// Only GitHub's own 404 says that nothing is left: one of whoever hands out
// tokens does not.
func TestDeleteIsNotDoneForLackOfAToken(t *testing.T) {
	steps := []int{502, 404}
	client := inProcessClient(t, func(*http.Request) (*canned, error) {
		status := steps[0]
		steps = steps[1:]
		return reply(status, ""), nil
	}, WithRetry(quick), WithTokenFunc(func(context.Context) (string, error) {
		if len(steps) == 0 {
			return "", &Error{StatusCode: http.StatusNotFound, Message: "no such installation"}
		}
		return "token", nil
	}))
	if err := client.Deployments.Delete(t.Context(), "octocat", "example", 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound", err)
	}
}

// An attempt that reached no connection cannot have deleted anything.
func TestDeleteNotFoundAfterARefusal(t *testing.T) {
	var dials, deletes int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete {
			t.Errorf("an unexpected %s", r.Method)
		}
		deletes++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	client, err := NewClient(WithBaseURL(server.URL), WithRetry(quick), WithHTTPClient(&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials == 1 {
				return nil, errors.New("refused")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Deployments.Delete(t.Context(), "octocat", "example", 7); !errors.Is(err, ErrNotFound) || deletes != 1 || dials != 2 {
		t.Errorf("error = %v after %d dials and %d requests, want ErrNotFound", err, dials, deletes)
	}
}

// Only what net/http's hooks say is proof. A transport that fires none, or
// that had a connection, may have carried the request out.
func TestProofIsPositive(t *testing.T) {
	refused := errors.New("refused")
	hooks := func(asked, got bool) inProcess {
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
		"no hooks":             {false, false, 1, true},
		"asked, and never got": {true, false, 4, false},
		"asked and got":        {true, true, 1, true},
		"got, unasked":         {false, true, 1, true},
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

// A proxy that refuses is a connection that was not reached.
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
		t.Errorf("error = %v, want 4 attempts, and nothing done", err)
	}
}

// A certificate that is not trusted today is not trusted in a second either.
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

// An answer that was cut off is seen inside the attempt.
func TestCutAnswer(t *testing.T) {
	cut := func(n *int) inProcess {
		return func(*http.Request) (*canned, error) {
			if *n++; *n < 3 {
				return &canned{status: 200, body: io.MultiReader(strings.NewReader(`{"id":1,"re`), errorReader{io.ErrUnexpectedEOF})}, nil
			}
			return reply(200, oneDeployment), nil
		}
	}
	var gets, posts int
	if err := getOne(t.Context(), inProcessClient(t, cut(&gets), WithRetry(quick))); err != nil || gets != 3 {
		t.Errorf("GET: %v after %d attempts, want success after 3", err, gets)
	}
	err := createOne(t.Context(), inProcessClient(t, cut(&posts), WithRetry(quick)))
	if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != http.StatusOK || posts != 1 || !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("POST: %v after %d attempts, want ErrOutcomeUnknown after 1", err, posts)
	}
	if !errors.Is(err, ErrMalformedResponse) {
		t.Errorf("POST: %v, want ErrMalformedResponse too", err)
	}

	refusal := func(*http.Request) (*canned, error) {
		return &canned{status: 404, body: io.MultiReader(strings.NewReader(`{"message":"Not`), errorReader{io.ErrUnexpectedEOF})}, nil
	}
	err = getOne(t.Context(), inProcessClient(t, refusal, WithRetry(quick)))
	want := "ghdeploy: GET /repos/octocat/example/deployments/1: 404 Not Found (the body was cut off)"
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrMalformedResponse) || err.Error() != want {
		t.Errorf("a 404 that was cut off: %v, want %s", err, want)
	}
}

// Where a body is too large its first 64 KiB are kept. A token that lies across
// their end is no less a secret.
func TestTooLargeKeepsNoPartOfTheToken(t *testing.T) {
	const token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
	echo := strings.Repeat("x", maxErrorBody-10) + token
	reply := func(*http.Request) (*canned, error) {
		return &canned{status: 200, body: io.MultiReader(strings.NewReader(echo), io.LimitReader(zeros{}, maxBody))}, nil
	}
	err := getOne(t.Context(), inProcessClient(t, reply, WithToken(token)))
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, ErrTooLarge) || len(e.Body) != maxErrorBody {
		t.Fatalf("err = %v, want ErrTooLarge and %d bytes", err, maxErrorBody)
	}
	if bytes.Contains(e.Body, []byte("ghp_0")) {
		t.Error("the body keeps the beginning of the token")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// A 1xx is no answer. What follows a 101 belongs to no HTTP.
func TestSwitchingProtocolsIsNoAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // it only stops listening
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // nothing is left to lose
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"); err != nil {
					return
				}
				discard(conn) // and holds the connection
			}()
		}
	}()
	client, err := NewClient(WithBaseURL("http://"+listener.Addr().String()), WithRetry(quick))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- createOne(ctx, client) }()
	select {
	case err := <-ended:
		if !errors.Is(err, ErrOutcomeUnknown) || ctx.Err() != nil {
			t.Errorf("POST: %v, want ErrOutcomeUnknown", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the call outlives its context")
	}
	if err := getOne(ctx, client); !errors.Is(err, ErrMalformedResponse) {
		t.Errorf("GET: %v, want ErrMalformedResponse", err)
	}
}

var volatile = regexp.MustCompile(`"took":\d+|"time":"[^"]*",`)

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
		answers := []*canned{
			reply(502, "<html>", "X-GitHub-Request-Id: AAAA:1"),
			reply(429, `{"message":"Slow down, `+token+`"}`, "Retry-After: 60", "X-GitHub-Request-Id: AAAA:2 "+token),
			nil,
			reply(200, oneDeployment, "X-GitHub-Request-Id: AAAA:4", "Deprecation: Tue, 10 Mar 2026 00:00:00 GMT", "Sunset: Fri, 10 Mar 2028 00:00:00 GMT "+token),
			reply(200, oneDeployment, "Deprecation: Tue, 10 Mar 2026 00:00:00 GMT"),
		}
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		client := inProcessClient(t, func(r *http.Request) (*canned, error) {
			time.Sleep(time.Second)
			resp := answers[0]
			answers = answers[1:]
			if resp == nil {
				return nil, fmt.Errorf("lost, with %s", r.Header.Get("Authorization"))
			}
			return resp, nil
		}, WithToken(token), WithLogger(logger), WithRetry(RetryPolicy{MinBackoff: 2, MaxBackoff: 2}))
		for range 2 {
			if err := getOne(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		client.core.gate.close(keyOf(token), nil, &RateLimitError{RetryAt: time.Now().Add(time.Minute)}, time.Now())
		answers = append(answers, reply(404, `{"message":"Not Found"}`))
		if err := getOne(t.Context(), client); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), token) {
			t.Error("the log holds the token")
		}
		const get = `"operation":"GET /repos/octocat/example/deployments/1"`
		want := strings.Join([]string{
			`{"level":"INFO","msg":"ghdeploy: retrying",` + get + `,"attempt":1,"status":502,"took":T,"reason":"502 Bad Gateway","request_id":"AAAA:1","wait":W}`,
			`{"level":"INFO","msg":"ghdeploy: retrying",` + get + `,"attempt":2,"status":429,"took":T,"reason":"ghdeploy: secondary rate limit, retry at 2000-01-01T00:01:02Z","request_id":"AAAA:2 [REDACTED]","wait":60000000000}`,
			`{"level":"INFO","msg":"ghdeploy: retrying",` + get + `,"attempt":3,"status":0,"took":T,"reason":"lost, with Bearer [REDACTED]","wait":W}`,
			`{"level":"WARN","msg":"ghdeploy: GitHub will remove the API version that this client requests",` + get + `,"attempt":4,"api_version":"2022-11-28","deprecation":"Tue, 10 Mar 2026 00:00:00 GMT","sunset":"Fri, 10 Mar 2028 00:00:00 GMT [REDACTED]"}`,
			`{"level":"DEBUG","msg":"ghdeploy: attempt ended",` + get + `,"attempt":4,"status":200,"took":T,"request_id":"AAAA:4"}`,
			`{"level":"DEBUG","msg":"ghdeploy: attempt ended",` + get + `,"attempt":1,"status":200,"took":T}`,
			`{"level":"INFO","msg":"ghdeploy: waiting for a rate limit",` + get + `,"attempt":0,"wait":60000000000,"reason":"primary rate limit, retry at 2000-01-01T00:02:05Z"}`,
			`{"level":"DEBUG","msg":"ghdeploy: attempt ended",` + get + `,"attempt":1,"status":404,"took":T,"reason":"404 Not Found"}`,
		}, "\n")
		got := volatile.ReplaceAllStringFunc(strings.TrimSpace(log.String()), func(s string) string {
			if strings.HasPrefix(s, `"took"`) {
				return `"took":T`
			}
			return ""
		})
		got = regexp.MustCompile(`"wait":[12]\b`).ReplaceAllString(got, `"wait":W`)
		got = regexp.MustCompile(`retry at [^"]*"`).ReplaceAllStringFunc(got, func(s string) string {
			at, err := time.Parse(time.RFC3339, strings.TrimSuffix(strings.TrimPrefix(s, "retry at "), `"`))
			if err != nil {
				t.Error(err)
			}
			return "retry at " + at.UTC().Format(time.RFC3339) + `"`
		})
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("log (-want +got)\n%s", diff)
		}
	})
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// discard reads to the end; what is wrong with it shows elsewhere.
func discard(r io.Reader) {
	io.Copy(io.Discard, r) //nolint:errcheck // see above
}
