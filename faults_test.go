package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// clientUnder makes the clients of a fault check, with the given policy. wrap,
// unless nil, wraps their transport.
func clientUnder(policy func(outcome) bool, wrap func(http.RoundTripper) http.RoundTripper) faultcheck.New {
	return func(httpClient *http.Client, baseURL string) (faultcheck.Client, error) {
		if wrap != nil {
			httpClient = &http.Client{Transport: wrap(httpClient.Transport), Timeout: httpClient.Timeout}
		}
		client, err := NewClient(
			WithBaseURL(baseURL),
			WithHTTPClient(httpClient),
			WithRetry(RetryPolicy{MaxAttempts: faultcheck.Attempts, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond}),
		)
		if err != nil {
			return nil, err
		}
		client.core.mayRepeat = policy
		return underCheck{client}, nil
	}
}

type underCheck struct{ *Client }

func (c underCheck) Warm(ctx context.Context) {
	_, _ = c.Deployments.Get(ctx, "octocat", "example", 1) // the answer is {}, which is none
}

func (c underCheck) Create(ctx context.Context, nonce string) faultcheck.Result {
	d, err := c.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{
		Ref: "main", Payload: map[string]string{"nonce": nonce},
	})
	if err != nil {
		_, typed := errors.AsType[*Error](err)
		_, unknown := errors.AsType[*OutcomeUnknownError](err)
		return faultcheck.Result{Err: err, Typed: typed, Unknown: unknown}
	}
	return faultcheck.Result{ID: d.ID}
}

// twice rebuilds each request, as transports that log or sign do. Where the
// response came over HTTP/2, it sends the request again under the same context.
type twice struct{ next http.RoundTripper }

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
		again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		again.Header = r.Header.Clone()
		return t.next.RoundTrip(again)
	}
	resp, err := send()
	if err != nil || resp.ProtoMajor != 2 {
		return resp, err
	}
	resp.Body.Close()
	return send()
}

func TestNoDoubleWrite(t *testing.T) {
	t.Parallel()
	report := faultcheck.Run(t.Context(), faultcheck.Config{Count: 600, Seed: 2, New: clientUnder(mayRepeat, nil)})
	var matrix strings.Builder
	if _, err := report.WriteTo(&matrix); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &matrix)
	for _, v := range report.Violations {
		t.Error(v)
	}
}

// A check that cannot fail proves nothing: each of these policies is wrong in
// one respect, and is found out.
func TestDoubleWriteIsFound(t *testing.T) {
	tests := map[string]struct {
		policy func(outcome) bool
		wrap   func(http.RoundTripper) http.RoundTripper
		fault  string
	}{
		"a POST is sent again after a 502": {
			policy: func(o outcome) bool {
				return mayRepeat(o) || o.method == http.MethodPost && o.status == http.StatusBadGateway
			},
			fault: "502 after the work",
		},
		"any error of the transport is taken for proof": {
			policy: func(o outcome) bool {
				o.undone = o.undone || o.err != nil && o.status == 0
				return mayRepeat(o)
			},
			fault: "reset after the request was read",
		},
		"a POST is sent again after an answer that was cut off": {
			policy: func(o outcome) bool {
				return mayRepeat(o) || o.method == http.MethodPost && o.err != nil && o.status != 0
			},
			fault: "answer truncated",
		},
		"the transport writes each HTTP/2 request twice": {
			policy: mayRepeat,
			wrap:   func(next http.RoundTripper) http.RoundTripper { return twice{next} },
			fault:  "no fault",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 60, Seed: 3, New: clientUnder(tt.policy, tt.wrap), Only: tt.fault, Timeout: 300 * time.Millisecond,
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
