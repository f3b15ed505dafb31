package ghdeploytest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// harmless is an effect that changes nothing: every response is shorter.
var harmless = ghdeploytest.TruncateBody(1 << 20)

// traced sends a POST and returns the trace hooks that were called.
func traced(t *testing.T, rt http.RoundTripper, url string) ([]string, error) {
	t.Helper()
	var hooks []string
	r := newRequest(t, "POST", url, `{"ref":"main"}`)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GetConn: func(hostPort string) { hooks = append(hooks, "GetConn") },
		GotConn: func(info httptrace.GotConnInfo) {
			hooks = append(hooks, "GotConn")
			if info.Conn == nil || info.Conn.RemoteAddr() == nil {
				t.Error("GotConnInfo without a connection")
			}
		},
		WroteHeaderField: func(key string, values []string) {
			switch key {
			case "Host":
				hooks = append(hooks, key)
			case "User-Agent":
				hooks = append(hooks, "User-Agent: "+values[0])
			}
		},
		WroteHeaders: func() { hooks = append(hooks, "WroteHeaders") },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			hooks = append(hooks, "WroteRequest")
			if info.Err != nil {
				t.Error(info.Err)
			}
		},
		GotFirstResponseByte: func() { hooks = append(hooks, "GotFirstResponseByte") },
	}))
	_, err := receive(rt.RoundTrip(r))
	return hooks, err
}

// The in-process transport calls the same hooks as net/http over a socket.
func TestTraceHooks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		effect ghdeploytest.Effect
	}{
		{"response", harmless},
		{"dropped before", ghdeploytest.DropBefore()},
		{"dropped after", ghdeploytest.DropAfter()},
		{"dropped in the middle", ghdeploytest.DropMidResponse()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var hooks [2][]string
			for i, way := range ways {
				srv := newServer(t)
				rt, base := way.dial(t, srv)
				srv.Inject(ghdeploytest.Fault{Operation: create, Effect: tt.effect})
				hooks[i], _ = traced(t, rt, base+deployments)
			}
			if !slices.Equal(hooks[0], hooks[1]) || len(hooks[0]) < 4 {
				t.Errorf("in process %q, over a socket %q", hooks[0], hooks[1])
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.RefuseConnection()})
		hooks, err := traced(t, srv.Transport(), ghdeploytest.BaseURL+deployments[1:])
		if !slices.Equal(hooks, []string{"GetConn"}) || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("hooks %q, error %v", hooks, err)
		}
	})
}

// body counts the calls of Close.
type body struct {
	io.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

func TestRequestBodyIsClosed(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		url    string
		effect ghdeploytest.Effect
	}{
		{"response", t.Context(), ghdeploytest.BaseURL + deployments[1:], harmless},
		{"refused", t.Context(), ghdeploytest.BaseURL + deployments[1:], ghdeploytest.RefuseConnection()},
		{"dropped", t.Context(), ghdeploytest.BaseURL + deployments[1:], ghdeploytest.DropBefore()},
		{"cancelled before", ended, ghdeploytest.BaseURL + deployments[1:], harmless},
		{"no host", t.Context(), "/nowhere", harmless},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(t)
			srv.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Effect: tt.effect})
			b := &body{Reader: strings.NewReader(`{"ref":"main"}`)}
			r, err := http.NewRequestWithContext(tt.ctx, http.MethodPost, tt.url, b)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = receive(srv.Transport().RoundTrip(r)) // the result does not matter here
			if b.closed != 1 {
				t.Errorf("the body was closed %d times, want once", b.closed)
			}
		})
	}
}

func TestContextEndsTheWait(t *testing.T) {
	cause := errors.New("the test is over")
	t.Run("while the server waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := ghdeploytest.NewServer()
			defer srv.Close()
			srv.Inject(ghdeploytest.Fault{Operation: create, Latency: time.Hour})
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(cause) })
			r := newRequest(t, "POST", ghdeploytest.BaseURL+deployments[1:], `{"ref":"main"}`).WithContext(ctx)
			begin := time.Now()
			_, err := receive(srv.Transport().RoundTrip(r))
			if !errors.Is(err, cause) || time.Since(begin) != time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("while the body is read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := ghdeploytest.NewServer()
			defer srv.Close()
			reader, writer := io.Pipe()
			defer func() { _ = writer.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, ghdeploytest.BaseURL+deployments[1:], reader)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := receive(srv.Transport().RoundTrip(r)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if len(srv.Requests()) != 0 {
				t.Error("an incomplete request was served")
			}
		})
	})
	t.Run("while the response is read", func(t *testing.T) {
		srv := newServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := srv.Transport().RoundTrip(newRequest(t, "GET", ghdeploytest.BaseURL+deployments[1:], "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		cancel()
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestReadAfterClose(t *testing.T) {
	srv := newServer(t)
	resp, err := srv.Transport().RoundTrip(newRequest(t, "GET", ghdeploytest.BaseURL+deployments[1:], ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("error %v", err)
	}
}

// A transport of the caller that retries writes a POST twice. The client
// notices that in process too.
func TestRetryByTheTransportIsNoticed(t *testing.T) {
	srv := newServer(t)
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.DropAfter(), Times: 1})
	next := srv.Transport()
	retrying := roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err != nil {
			again := r.Clone(r.Context())
			again.Body, _ = r.GetBody()
			return next.RoundTrip(again)
		}
		return resp, nil
	})
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(ghdeploytest.BaseURL), ghdeploy.WithToken("ghp_example"),
		ghdeploy.WithHTTPClient(&http.Client{Transport: retrying}))
	if err != nil {
		t.Fatal(err)
	}
	d, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	if d != nil || !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		t.Errorf("got %v and %v, want ErrOutcomeUnknown", d, err)
	}
}
