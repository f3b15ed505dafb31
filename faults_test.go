package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// mutation is a change that makes a client wrong.
type mutation struct {
	// again decides from the error of a create whether to send it again.
	again func(*Error) bool
	// wrap wraps the transport.
	wrap func(http.RoundTripper) http.RoundTripper
}

// clientUnder makes the clients of a fault check.
func clientUnder(m mutation) faultcheck.New {
	return func(httpClient *http.Client, baseURL string) (faultcheck.Client, error) {
		if m.wrap != nil {
			httpClient = &http.Client{Transport: m.wrap(httpClient.Transport), Timeout: httpClient.Timeout}
		}
		client, err := NewClient(
			WithBaseURL(baseURL),
			WithHTTPClient(httpClient),
			WithRetry(RetryPolicy{MaxAttempts: faultcheck.Attempts, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, MaxWait: 250 * time.Millisecond}),
		)
		if err != nil {
			return nil, err
		}
		return underCheck{client, m.again}, nil
	}
}

type underCheck struct {
	*Client
	again func(*Error) bool
}

func (c underCheck) Warm(ctx context.Context) {
	_, _ = c.Deployments.Get(ctx, "octocat", "example", 1) // the answer is {}, which is none
}

func (c underCheck) Create(ctx context.Context, nonce string) faultcheck.Result {
	req := DeploymentRequest{Ref: "main", Payload: map[string]string{"nonce": nonce}}
	d, err := c.Deployments.Create(ctx, "octocat", "example", req)
	for range faultcheck.Attempts - 1 {
		if e, ok := errors.AsType[*Error](err); ok && c.again != nil && c.again(e) {
			d, err = c.Deployments.Create(ctx, "octocat", "example", req)
		}
	}
	if err != nil {
		_, typed := errors.AsType[*Error](err)
		_, unknown := errors.AsType[*OutcomeUnknownError](err)
		return faultcheck.Result{Err: err, Typed: typed, Unknown: unknown}
	}
	return faultcheck.Result{ID: d.ID}
}

// twice rebuilds each request, as transports that log or sign do. If the
// response came over HTTP/2, it sends the request again under the same context,
// unless once is set. If it hides the trace, the client cannot count the writes.
type twice struct {
	next      http.RoundTripper
	hideTrace bool
	once      bool
}

// untraced hides the trace of a context, and nothing else of it.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	if _, ok := c.Context.Value(key).(*httptrace.ClientTrace); ok {
		return nil
	}
	return c.Context.Value(key)
}

func (t twice) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	send := func() (*http.Response, error) {
		ctx := r.Context()
		if t.hideTrace {
			ctx = untraced{ctx}
		}
		again, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		again.Header = r.Header.Clone()
		return t.next.RoundTrip(again)
	}
	resp, err := send()
	if err != nil || t.once || resp.ProtoMajor != 2 {
		return resp, err
	}
	resp.Body.Close()
	return send()
}

func TestNoDoubleWrite(t *testing.T) {
	t.Parallel()
	report := faultcheck.Run(t.Context(), faultcheck.Config{Count: 600, Seed: 2, New: clientUnder(mutation{})})
	var matrix strings.Builder
	if _, err := report.WriteTo(&matrix); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &matrix)
	for _, v := range report.Violations {
		t.Error(v)
	}
}

// The same transport as in TestDoubleWriteIsFound, with its trace: the client
// cancels the second write and says that the outcome is unknown.
func TestSecondWriteIsCounted(t *testing.T) {
	t.Parallel()
	creates := new(recorder)
	report := faultcheck.Run(t.Context(), faultcheck.Config{
		Count: 40, Seed: 6, Only: "no fault",
		New: creates.clients(func(next http.RoundTripper) http.RoundTripper { return twice{next: next} }),
	})
	for _, v := range report.Violations {
		if strings.Contains(v, "carried out ") && strings.Contains(v, " times;") {
			t.Error(v)
		}
	}
	unknown := 0
	for _, err := range creates.errs {
		if errors.Is(err, errWrittenTwice) && errors.Is(err, ErrOutcomeUnknown) {
			unknown++
		}
	}
	if unknown == 0 {
		t.Error("no second write was counted")
	}
}

// A check that cannot fail proves nothing: each of these policies is wrong in
// one respect, and is found out.
func TestDoubleWriteIsFound(t *testing.T) {
	unknown := func(e *Error) bool { return errors.Is(e, ErrOutcomeUnknown) }
	tests := map[string]struct {
		mutation
		fault string
	}{
		"a POST is sent again after a 502": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == http.StatusBadGateway }},
			fault:    "502 after the work",
		},
		"any error of the transport is taken for proof": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == 0 }},
			fault:    "reset after the request was read",
		},
		"a POST is sent again after a response that was cut off": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == http.StatusCreated }},
			fault:    "answer truncated",
		},
		"the writes are not counted": {
			mutation: mutation{wrap: func(next http.RoundTripper) http.RoundTripper { return twice{next: next, hideTrace: true} }},
			fault:    "no fault",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 60, Seed: 3, New: clientUnder(tt.mutation), Only: tt.fault, Timeout: 300 * time.Millisecond,
			})
			for _, v := range report.Violations {
				if strings.Contains(v, tt.fault) && strings.Contains(v, "carried out ") && strings.Contains(v, " times;") {
					return
				}
			}
			t.Errorf("no second write was found; the violations are %q", report.Violations)
		})
	}
}
