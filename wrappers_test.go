package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wrapped starts a server that counts the POSTs of deployments. It returns a
// client with a wrapped transport, after a GET that left an idle connection.
func wrapped(t *testing.T, http2 bool, status func(n int32) int, wrap func(next http.RoundTripper, url string) http.RoundTripper) (*Client, *atomic.Int32) {
	t.Helper()
	creates := new(atomic.Int32)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(r.Body)
		if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/api/v3/repos/") {
			io.WriteString(w, oneDeployment)
			return
		}
		w.WriteHeader(status(creates.Add(1)))
		io.WriteString(w, oneDeployment)
	}))
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	base := server.Client().Transport
	client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick),
		WithHTTPClient(&http.Client{Transport: wrap(base, server.URL)}))
	if err != nil {
		t.Fatal(err)
	}
	if err := getOne(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	return client, creates
}

// postBeside sends another request with the context of a request.
func postBeside(ctx context.Context, next http.RoundTripper, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"own":true}`))
	if err != nil {
		return err
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return err
	}
	discard(resp.Body)
	return resp.Body.Close()
}

// Other requests with the context of a POST are not counted as its writes.
func TestOtherRequestsAreNotCounted(t *testing.T) {
	tests := map[string]func(next http.RoundTripper, url string) http.RoundTripper{
		"a token is refreshed before": func(next http.RoundTripper, url string) http.RoundTripper {
			return RoundTripFunc(func(r *http.Request) (*http.Response, error) {
				if err := postBeside(r.Context(), next, url+"/app/installations/1/access_tokens"); err != nil {
					return nil, err
				}
				return next.RoundTrip(r)
			})
		},
		"metrics are posted after the response": func(next http.RoundTripper, url string) http.RoundTripper {
			return RoundTripFunc(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				if err := postBeside(r.Context(), next, url+"/metrics"); err != nil {
					return nil, err
				}
				return resp, nil
			})
		},
		"metrics are posted after the body": func(next http.RoundTripper, url string) http.RoundTripper {
			return RoundTripFunc(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					return nil, err
				}
				resp.Body = io.NopCloser(strings.NewReader(string(body)))
				return resp, postBeside(r.Context(), next, url+"/metrics")
			})
		},
	}
	for name, wrap := range tests {
		for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
			t.Run(name+", "+protocol, func(t *testing.T) {
				client, creates := wrapped(t, http2, func(int32) int { return http.StatusCreated }, wrap)
				for range 3 {
					if err := createOne(t.Context(), client); err != nil {
						t.Error(err)
					}
				}
				if n := creates.Load(); n != 3 {
					t.Errorf("%d POSTs were sent, want 3", n)
				}
			})
		}
	}
}

// retrying is a transport that retries after a 5xx or an error, as
// go-retryablehttp's StandardClient does.
func retrying(next http.RoundTripper) RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		body, err := requestBody(r)
		if err != nil {
			return nil, err
		}
		for attempt := 1; ; attempt++ {
			again := r.Clone(r.Context())
			again.Body = io.NopCloser(bytes.NewReader(body))
			resp, err := next.RoundTrip(again)
			if attempt == 4 || r.Context().Err() != nil || err == nil && resp.StatusCode < 500 {
				return resp, err
			}
			if err == nil {
				discard(resp.Body)
				resp.Body.Close()
			}
		}
	}
}

// A transport that retries a POST can create two deployments. The client
// cancels the second write and reports an unknown outcome.
func TestRetryByTheTransportIsReported(t *testing.T) {
	for protocol, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(protocol, func(t *testing.T) {
			client, creates := wrapped(t, http2, func(n int32) int {
				return map[bool]int{true: http.StatusBadGateway, false: http.StatusCreated}[n == 1]
			}, func(next http.RoundTripper, _ string) http.RoundTripper { return retrying(next) })
			err := createSmall(t.Context(), client)
			if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, errWrittenTwice) || e.Attempts != 1 || e.Retryable() {
				t.Errorf("error = %v, want ErrOutcomeUnknown after one attempt", err)
			}
			if n := creates.Load(); n > 2 {
				t.Errorf("%d POSTs were sent, want at most 2", n)
			}
		})
	}
}

// failingConn is a connection whose writes fail once broken is set.
type failingConn struct {
	net.Conn
	broken *atomic.Bool
}

func (c failingConn) Write(b []byte) (int, error) {
	if c.broken.Load() {
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

// net/http replays a POST if it wrote no byte of it on a reused HTTP/1.1
// connection. That is not counted as a second write.
func TestReplayOfAnUnwrittenPost(t *testing.T) {
	for name, wrap := range map[string]func(http.RoundTripper) http.RoundTripper{
		"plain":      func(next http.RoundTripper) http.RoundTripper { return next },
		"rebuilding": func(next http.RoundTripper) http.RoundTripper { return rebuild(next) },
	} {
		t.Run(name, func(t *testing.T) {
			var creates atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				discard(r.Body)
				if r.Method == http.MethodPost {
					creates.Add(1)
				}
				io.WriteString(w, oneDeployment)
			}))
			defer server.Close()
			var first atomic.Bool // the first connection breaks
			dials := 0
			base := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if dials++; dials > 1 {
					return conn, err
				}
				return failingConn{conn, &first}, err
			}}
			defer base.CloseIdleConnections()
			client, err := NewClient(WithBaseURL(server.URL+"/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{Transport: wrap(base)}))
			if err != nil {
				t.Fatal(err)
			}
			if err := getOne(t.Context(), client); err != nil {
				t.Fatal(err)
			}
			first.Store(true)
			if err := createSmall(t.Context(), client); err != nil || creates.Load() != 1 || dials != 2 {
				t.Errorf("error = %v after %d POSTs and %d dials, want one POST on a new connection", err, creates.Load(), dials)
			}
		})
	}
}

// If CheckRedirect replaces the context of a request, the client cannot observe
// that request: a POST that fails then is of unknown outcome.
func TestCheckRedirectThatReplacesTheContext(t *testing.T) {
	sent := 0
	client, err := NewClient(WithBaseURL("https://ghe.example.com/api/v3"), WithRetry(quick), WithHTTPClient(&http.Client{
		Transport: inProcess(func(*http.Request) (*canned, error) {
			if sent++; sent == 1 {
				return reply(http.StatusTemporaryRedirect, "", "Location: /api/v3/elsewhere"), nil
			}
			return nil, io.ErrUnexpectedEOF
		}),
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			*r = *r.WithContext(t.Context())
			return nil
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := createOne(t.Context(), client); !errors.Is(err, ErrOutcomeUnknown) || sent != 2 {
		t.Errorf("%v after %d requests, want ErrOutcomeUnknown after 2", err, sent)
	}
}

// If a transport writes a POST a second time while the call waits to retry, the
// client does not retry.
func TestLateWriteEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		client := inProcessClient(t, func(r *http.Request) (*canned, error) {
			if sent++; sent > 1 {
				return reply(http.StatusCreated, oneDeployment), nil
			}
			trace := httptrace.ContextClientTrace(r.Context())
			write := func() {
				trace.GetConn("")
				trace.GotConn(httptrace.GotConnInfo{})
				trace.WroteHeaderField("User-Agent", r.Header.Values("User-Agent"))
				trace.WroteHeaders()
			}
			write()
			trace.GotFirstResponseByte()
			time.AfterFunc(5*time.Millisecond, write)
			return reply(http.StatusTooManyRequests, "", "Retry-After: 1"), nil
		}, WithRetry(RetryPolicy{}))
		err := createOne(t.Context(), client)
		if !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, errWrittenTwice) || sent != 1 {
			t.Errorf("%v after %d requests, want ErrOutcomeUnknown after 1", err, sent)
		}
	})
}
