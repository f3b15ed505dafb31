package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// All requests are literal. The signatures were made with
// openssl dgst -sha256 -hmac "It's a Secret to Everybody".
func TestHandlerResponses(t *testing.T) {
	const (
		good     = `{"action":"created","deployment":{"id":42}}`
		goodSign = "sha256=338de25247b7c8f7f4bfa25e64e74050e2f721275a0aae677d35c4abfa381c89"
	)
	tests := []struct {
		name    string
		method  string
		headers map[string]string
		body    string

		status   int
		response string
		err      error // passed to OnError
		decode   bool  // OnError gets a DecodeError
		called   bool
	}{
		{
			name: "a deployment",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": goodSign,
			},
			body: good, status: 204, called: true,
		},
		{
			name: "an event without a callback",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment_status", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": goodSign,
			},
			body: good, status: 204,
		},
		{
			name: "an unknown event",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "solar_eclipse", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": goodSign,
			},
			body: good, status: 204,
		},
		{
			name: "not JSON",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": vectorSignature,
			},
			body: vectorBody, status: 400, response: "Bad Request\n", decode: true,
		},
		{
			name: "no signature",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
			},
			body: good, status: 401, response: "Unauthorized\n", err: webhook.ErrNoSignature,
		},
		{
			name: "SHA-1 only",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature": "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59",
			},
			body: vectorBody, status: 401, response: "Unauthorized\n", err: webhook.ErrNoSignature,
		},
		{
			name: "the signature of another body",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": vectorSignature,
			},
			body: good, status: 401, response: "Unauthorized\n", err: webhook.ErrBadSignature,
		},
		{
			name: "an empty signature",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": "sha256=",
			},
			body: good, status: 401, response: "Unauthorized\n", err: webhook.ErrBadSignature,
		},
		{
			name:   "a GET",
			method: http.MethodGet, status: 405, response: "Method Not Allowed\n",
		},
		{
			name: "too large",
			headers: map[string]string{
				"Content-Type": "application/json", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": vectorSignature,
			},
			body: strings.Repeat(" ", webhook.MaxBody+1), status: 413, response: "Request Entity Too Large\n", err: webhook.ErrTooLarge,
		},
		{
			name: "plain text",
			headers: map[string]string{
				"Content-Type": "text/plain", "X-GitHub-Event": "deployment", "X-GitHub-Delivery": "72d3162e",
				"X-Hub-Signature-256": goodSign,
			},
			body: good, status: 415, response: "Unsupported Media Type\n", err: webhook.ErrContentType,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called := false
			var reported error
			h := webhook.NewHandler(newVerifier(t, vectorSecret), webhook.Callbacks{
				OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
					called = e.Deployment.ID == 42 && e.Delivery.GUID == "72d3162e"
					return nil
				},
				OnError: func(_ context.Context, d *webhook.Delivery, err error) {
					reported = err
					if d.Event != "deployment" || d.GUID != "72d3162e" || d.Raw != nil {
						t.Errorf("OnError got %+v", d)
					}
				},
			})
			method := tt.method
			if method == "" {
				method = http.MethodPost
			}
			for _, length := range []int64{int64(len(tt.body)), -1} { // -1: chunked
				r := httptest.NewRequestWithContext(t.Context(), method, "/webhook", strings.NewReader(tt.body))
				r.ContentLength = length
				for name, value := range tt.headers {
					r.Header.Set(name, value)
				}
				called, reported = false, nil
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code != tt.status || w.Body.String() != tt.response {
					t.Errorf("got %d %q", w.Code, w.Body)
				}
				if method == http.MethodGet && w.Header().Get("Allow") != "POST" {
					t.Errorf("Allow is %q", w.Header().Get("Allow"))
				}
				if called != tt.called {
					t.Errorf("called: %v", called)
				}
				var decodeError *webhook.DecodeError
				if errors.As(reported, &decodeError) != tt.decode || !tt.decode && !errors.Is(reported, tt.err) {
					t.Errorf("OnError got %v", reported)
				}
			}
		})
	}
}

// deliver hands a signed delivery to a handler and returns the status.
func deliver(t testing.TB, h http.Handler, event, guid, body string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header = headers(event, guid, []byte(body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestHandlerCallsTheRightCallback(t *testing.T) {
	var called []string
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
			called = append(called, "OnDeployment "+e.Delivery.Event)
			return nil
		},
		OnDeploymentStatus: func(_ context.Context, e *webhook.DeploymentStatusEvent) error {
			called = append(called, "OnDeploymentStatus "+e.Delivery.Event)
			return nil
		},
		OnDeploymentReview: func(_ context.Context, e *webhook.DeploymentReviewEvent) error {
			called = append(called, "OnDeploymentReview "+e.Delivery.Event)
			return nil
		},
		OnDeploymentProtectionRule: func(_ context.Context, e *webhook.DeploymentProtectionRuleEvent) error {
			called = append(called, "OnDeploymentProtectionRule "+e.Delivery.Event)
			return nil
		},
		OnPing: func(_ context.Context, e *webhook.PingEvent) error {
			called = append(called, "OnPing "+e.Delivery.Event)
			return nil
		},
		OnOther: func(_ context.Context, d *webhook.Delivery) error {
			called = append(called, "OnOther "+d.Event)
			return nil
		},
	})
	for _, event := range []string{"deployment", "deployment_status", "deployment_review", "deployment_protection_rule", "ping", "star"} {
		if status := deliver(t, h, event, "1", "{}"); status != http.StatusNoContent {
			t.Errorf("%s: %d", event, status)
		}
	}
	want := "OnDeployment deployment,OnDeploymentStatus deployment_status,OnDeploymentReview deployment_review," +
		"OnDeploymentProtectionRule deployment_protection_rule,OnPing ping,OnOther star"
	if got := strings.Join(called, ","); got != want {
		t.Errorf("got %s", got)
	}
}

func TestHandlerReportsFailures(t *testing.T) {
	errDisk := errors.New("the disk is full")
	tests := []struct {
		name   string
		call   func() error
		status int
		is     error
		stack  bool
	}{
		{"an error", func() error { return errDisk }, 500, errDisk, false},
		{"a panic", func() error { panic("out of cheese") }, 500, nil, true},
		{"a panic with an error", func() error { panic(errDisk) }, 500, errDisk, true},
		{"net/http's own panic", func() error { panic(http.ErrAbortHandler) }, 500, http.ErrAbortHandler, true},
		{"a full queue", func() error { return fmt.Errorf("mine: %w", webhook.ErrQueueFull) }, 503, webhook.ErrQueueFull, false},
		{"a closed queue", func() error { return webhook.ErrQueueClosed }, 503, webhook.ErrQueueClosed, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var reported error
			h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
				OnPing: func(context.Context, *webhook.PingEvent) error { return tt.call() },
				OnError: func(_ context.Context, d *webhook.Delivery, err error) {
					reported = err
					if d.GUID != "72d3162e" || string(d.Raw) != `{"zen":"Half measures are as bad as nothing at all."}` {
						t.Errorf("OnError got %+v", d)
					}
					panic("and OnError panics as well")
				},
			})
			silence(t)
			if status := deliver(t, h, "ping", "72d3162e", `{"zen":"Half measures are as bad as nothing at all."}`); status != tt.status {
				t.Errorf("got %d", status)
			}
			var panicked *webhook.PanicError
			if errors.As(reported, &panicked) != tt.stack || tt.stack && !strings.Contains(string(panicked.Stack), "handler_test.go") {
				t.Errorf("got %v", reported)
			}
			if tt.is != nil && !errors.Is(reported, tt.is) {
				t.Errorf("got %v", reported)
			}
		})
	}
}

// If the callback exits its goroutine, net/http closes the connection and
// GitHub counts the delivery as failed. OnError must report it too.
func TestHandlerReportsACallbackThatExits(t *testing.T) {
	reported := make(chan error, 1)
	server := httptest.NewServer(webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnPing:  func(context.Context, *webhook.PingEvent) error { runtime.Goexit(); return nil },
		OnError: func(_ context.Context, _ *webhook.Delivery, err error) { reported <- err },
	}))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = headers("ping", "1", []byte(`{}`))
	if resp, err := server.Client().Do(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode/100 == 2 {
			t.Errorf("got %d", resp.StatusCode)
		}
	}
	server.Close()
	select {
	case err := <-reported:
		if err.Error() != "webhook: the callback ended its goroutine" {
			t.Errorf("OnError got %v", err)
		}
	default:
		t.Error("OnError was not called")
	}
}

// silence redirects slog's output to the returned builder during the test.
func silence(t *testing.T) *strings.Builder {
	t.Helper()
	old, out := slog.Default(), new(strings.Builder)
	slog.SetDefault(slog.New(slog.NewTextHandler(out, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	return out
}

func TestFailuresAreLoggedByDefault(t *testing.T) {
	out := silence(t)
	h := webhook.NewHandler(newVerifier(t, secret), webhook.Callbacks{
		OnPing: func(context.Context, *webhook.PingEvent) error { panic("out of cheese") },
	})
	deliver(t, h, "ping", "72d3162e", `{}`)
	for _, want := range []string{"event=ping", "delivery=72d3162e", "out of cheese", "handler_test.go"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %q: %s", want, out)
		}
	}
}

func TestHandlerWithoutAVerifierRefusesDeliveries(t *testing.T) {
	silence(t)
	for name, h := range map[string]*webhook.Handler{
		"nil verifier":  webhook.NewHandler(nil, webhook.Callbacks{}),
		"zero verifier": webhook.NewHandler(new(webhook.Verifier), webhook.Callbacks{}),
		"zero handler":  new(webhook.Handler),
	} {
		if status := deliver(t, h, "ping", "1", "{}"); status != http.StatusUnauthorized {
			t.Errorf("%s: got %d", name, status)
		}
	}
}
