package ghdeploy

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// clientUnder makes the clients of a fault check, with the given policy.
func clientUnder(policy func(outcome) bool, bare bool) faultcheck.New {
	return func(httpClient *http.Client, baseURL string) (faultcheck.Client, error) {
		client, err := NewClient(
			WithBaseURL(baseURL),
			WithHTTPClient(httpClient),
			WithRetry(RetryPolicy{MaxAttempts: faultcheck.Attempts, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, MaxWait: 250 * time.Millisecond}),
		)
		if err != nil {
			return nil, err
		}
		client.core.mayRepeat = policy
		if bare {
			client.core.http.Transport = httpClient.Transport
		}
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

func TestNoDoubleWrite(t *testing.T) {
	t.Parallel()
	report := faultcheck.Run(t.Context(), faultcheck.Config{Count: 600, Seed: 2, New: clientUnder(mayRepeat, false)})
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
		bare   bool // without the guard around the transport
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
		"net/http replays what HTTP/2 gives up": {
			policy: mayRepeat,
			bare:   true,
			fault:  "RST_STREAM with PROTOCOL_ERROR",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 60, Seed: 3, New: clientUnder(tt.policy, tt.bare), Only: tt.fault, Timeout: 300 * time.Millisecond,
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
