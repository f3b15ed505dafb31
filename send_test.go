package ghdeploy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each attempt sends the complete body with a new token. No header allows
// net/http to replay a POST.
func TestEachAttemptSendsTheBody(t *testing.T) {
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
					t.Errorf("attempt %d has a body of %d bytes, %v", len(tokens)+1, len(body), err)
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

// A transport that changes the request, as that of go-github-mock does, does
// not change the next attempt.
func TestEachAttemptStartsFromTheOriginalRequest(t *testing.T) {
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

func TestAttemptTimeout(t *testing.T) {
	endless := func(r *http.Request) (*canned, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	// The default is 30 s. A caller's http.Client has its own timeout.
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
				// The backoff is between half a second and a second.
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
					t.Errorf("a POST that timed out: %v, want ErrOutcomeUnknown and ErrAttemptTimeout", err)
				}
			})
		})
	}
}

// The timeout covers the body too. It runs on the real clock, because
// net/http's own body must report it.
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

// If the context ends in the token function, its error matches, also if the
// function returns another error.
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

// A GET whose response was cut off is retried, a POST is not.
func TestCutResponse(t *testing.T) {
	cut := func(n *int) handler {
		return func(*http.Request) (*canned, error) {
			if *n++; *n < 3 {
				return &canned{Status: 200, Body: `{"id":1,"re`, Rest: errorReader{io.ErrUnexpectedEOF}}, nil
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
		return &canned{Status: 404, Body: `{"message":"Not`, Rest: errorReader{io.ErrUnexpectedEOF}}, nil
	}
	err = getOne(t.Context(), inProcessClient(t, refusal, WithRetry(quick)))
	want := "ghdeploy: GET /repos/octocat/example/deployments/1: 404 Not Found (the body was cut off)"
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrMalformedResponse) || err.Error() != want {
		t.Errorf("a 404 that was cut off: %v, want %s", err, want)
	}
}

// The first 64 KiB of a body that is too large are kept, without the part of a
// token at their end.
func TestTooLargeKeepsNoPartOfTheToken(t *testing.T) {
	const token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
	echo := strings.Repeat("x", maxErrorBody-10) + token
	reply := func(*http.Request) (*canned, error) {
		return &canned{Status: 200, Body: echo, Rest: io.LimitReader(zeros{}, maxBody)}, nil
	}
	err := getOne(t.Context(), inProcessClient(t, reply, WithToken(token)))
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, ErrTooLarge) || len(e.Body) != maxErrorBody {
		t.Fatalf("err = %v, want ErrTooLarge and %d bytes", err, maxErrorBody)
	}
	if bytes.Contains(e.Body, []byte("ghp_0")) {
		t.Error("the body contains the beginning of the token")
	}
}

// A 101 is malformed. The timeouts are on the real clock: synctest does not
// cover sockets.
func TestSwitchingProtocols(t *testing.T) {
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
				defer conn.Close() //nolint:errcheck // an error has no effect here
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"); err != nil {
					return
				}
				discard(conn) // keeps the connection open
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
		responses := []*canned{
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
			resp := responses[0]
			responses = responses[1:]
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
		responses = append(responses, reply(404, `{"message":"Not Found"}`))
		if err := getOne(t.Context(), client); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if strings.Contains(log.String(), token) {
			t.Error("the log contains the token")
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
