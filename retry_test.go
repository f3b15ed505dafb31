package ghdeploy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// TestMayRepeat checks each outcome with each method.
func TestMayRepeat(t *testing.T) {
	var (
		refused   = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		handshake = &net.OpError{Op: "remote error", Err: tls.AlertError(40)}
		lost      = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		untrusted = &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	)
	idempotent := []string{http.MethodGet, http.MethodPut, http.MethodDelete}
	all := append([]string{http.MethodPost}, idempotent...)
	tests := []struct {
		name      string
		outcome   outcome
		yes       []string // methods that may be retried; the others must not
		uncertain bool
	}{
		{"a success", outcome{status: 200}, nil, false},
		{"proof: the dial was refused", outcome{err: refused, notProcessed: true}, all, false},
		{"proof: the TLS handshake failed", outcome{err: handshake, notProcessed: true}, all, false},
		{"proof: the attempt timed out while dialing", outcome{err: context.DeadlineExceeded, notProcessed: true}, all, false},
		{"no proof: a transport without hooks refuses", outcome{err: refused}, idempotent, true},
		{"a 429", outcome{status: 429, limit: &RateLimitError{}}, all, false},
		{"a 403 that is a limit", outcome{status: 403, limit: &RateLimitError{Secondary: true}}, all, false},
		{"a 403 that is not a limit", outcome{status: 403}, nil, false},
		{"a 500", outcome{status: 500}, idempotent, true},
		{"a 501", outcome{status: 501}, nil, true},
		{"a 502", outcome{status: 502}, idempotent, true},
		{"a 503", outcome{status: 503}, idempotent, true},
		{"a 504", outcome{status: 504}, idempotent, true},
		{"a 520", outcome{status: 520}, idempotent, true},
		{"a 200 that was cut off", outcome{status: 200, err: io.ErrUnexpectedEOF}, idempotent, true},
		{"a POST that was written twice", outcome{rewritten: true, err: errWrittenTwice}, idempotent, true},
		{"a limit, written twice", outcome{status: 429, rewritten: true, limit: &RateLimitError{}}, idempotent, true},
		{"a 404, written twice", outcome{status: 404, rewritten: true}, nil, true},
		{"an invalid header", outcome{err: errInvalidHeader, notProcessed: true}, nil, false},
		{"not JSON", outcome{status: 101, err: ErrMalformedResponse}, nil, true},
		{"a connection lost", outcome{err: lost}, idempotent, true},
		{"the attempt timed out", outcome{err: context.DeadlineExceeded}, idempotent, true},
		{"an HTTP/2 connection gave up the request", outcome{err: errGivenUp}, idempotent, true},
		{"proof: an HTTP/2 connection did not process it", outcome{err: errNotProcessed, notProcessed: true}, all, false},
		{"400", outcome{status: 400}, nil, false},
		{"401", outcome{status: 401}, nil, false},
		{"404", outcome{status: 404}, nil, false},
		{"408", outcome{status: 408}, nil, false},
		{"409", outcome{status: 409}, nil, false},
		{"422", outcome{status: 422}, nil, false},
		{"a redirect that was refused", outcome{status: 302}, nil, false},
		{"a redirect that the caller refused", outcome{status: 307, err: fmt.Errorf("%w: no", ErrRedirect)}, nil, false},
		{"the context has ended", outcome{err: context.Canceled, ended: true}, nil, true},
		{"the context has ended before a connection", outcome{err: context.Canceled, ended: true, notProcessed: true}, nil, false},
		{"the context has ended after a limit", outcome{status: 429, limit: &RateLimitError{}, ended: true}, nil, false},
		{"too large", outcome{status: 200, err: ErrTooLarge}, nil, true},
		{"a certificate that is not trusted", outcome{err: untrusted, notProcessed: true}, nil, false},
		{"an unknown authority", outcome{err: x509.UnknownAuthorityError{}, notProcessed: true}, nil, false},
		{"a certificate for another host", outcome{err: x509.HostnameError{}, notProcessed: true}, nil, false},
		{"an expired certificate", outcome{err: x509.CertificateInvalidError{}, notProcessed: true}, nil, false},
		{"no roots", outcome{err: x509.SystemRootsError{}, notProcessed: true}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, method := range all {
				o := tt.outcome
				o.method, o.attempts = method, 1
				want := false
				for _, m := range tt.yes {
					want = want || m == method
				}
				if got := mayRepeat(o); got != want {
					t.Errorf("%s may be retried: %t, want %t", method, got, want)
				}
				if got := uncertain(o); got != tt.uncertain {
					t.Errorf("%s is uncertain: %t, want %t", method, got, tt.uncertain)
				}
			}
		})
	}
}

func TestRetryWait(t *testing.T) {
	policy := RetryPolicy{}.withDefaults()
	never := RetryPolicy{MaxWait: -1}.withDefaults()
	limit := func(d time.Duration) *RateLimitError { return &RateLimitError{RetryAfter: d} }
	tests := []struct {
		name    string
		policy  RetryPolicy
		outcome outcome
		want    time.Duration
		allowed bool
	}{
		{"the first failure", policy, outcome{attempts: 1, status: 502}, 500 * time.Millisecond, true},
		{"the second", policy, outcome{attempts: 2, status: 502}, time.Second, true},
		{"the third", policy, outcome{attempts: 3, status: 502}, 2 * time.Second, true},
		{"the last attempt", policy, outcome{attempts: 4, status: 502}, 0, false},
		{"past the last attempt", policy, outcome{attempts: 5, status: 502}, 0, false},
		{"one attempt only", RetryPolicy{MaxAttempts: 1}.withDefaults(), outcome{attempts: 1, status: 502}, 0, false},
		{"a limit", policy, outcome{attempts: 1, limited: 1, limit: limit(time.Minute)}, time.Minute, true},
		{"a limit without a wait", policy, outcome{attempts: 1, limited: 1, limit: limit(0)}, 500 * time.Millisecond, true},
		{"a limit just within MaxWait", policy, outcome{attempts: 1, limited: 1, limit: limit(2 * time.Minute)}, 2 * time.Minute, true},
		{"a limit beyond MaxWait", policy, outcome{attempts: 1, limited: 1, limit: limit(2*time.Minute + 1)}, 2*time.Minute + 1, false},
		{"never wait for a limit", never, outcome{attempts: 1, limited: 1, limit: limit(time.Second)}, time.Second, false},
		{"never, not even for a limit without a wait", never, outcome{attempts: 1, limited: 1, limit: limit(0)}, 500 * time.Millisecond, false},
		{"never does not apply to backoff", never, outcome{attempts: 1, status: 502}, 500 * time.Millisecond, true},
		{"a 503 with Retry-After", policy, outcome{attempts: 1, status: 503, retryAfter: 10 * time.Second}, 10 * time.Second, true},
		{"a 503 with a Retry-After below the backoff", policy, outcome{attempts: 3, status: 503, retryAfter: time.Second}, 2 * time.Second, true},
		{"a limit beyond the rest of MaxWait", policy, outcome{attempts: 3, limited: 3, limit: limit(time.Minute), waited: 61 * time.Second}, time.Minute, false},
		{"a limit within the rest of MaxWait", policy, outcome{attempts: 3, limited: 3, limit: limit(time.Minute), waited: time.Minute}, time.Minute, true},
		{"a limit without a wait, MaxWait used up", policy, outcome{attempts: 2, limited: 2, waited: 2 * time.Minute, limit: limit(0)}, 0, false},
		{"limits do not use up MaxAttempts", RetryPolicy{MaxAttempts: 1}.withDefaults(), outcome{attempts: 9, limited: 9, limit: limit(time.Second)}, 30 * time.Second, true},
		{"the wait for limits grows past MaxBackoff", RetryPolicy{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}.withDefaults(), outcome{attempts: 11, limited: 11, limit: limit(0)}, 1024 * time.Millisecond, true},
		{"a failure after limits is the first", policy, outcome{attempts: 6, limited: 5, status: 502}, 500 * time.Millisecond, true},
		{"the last failure after limits", policy, outcome{attempts: 9, limited: 5, status: 502}, 0, false},
		{"a backoff beyond MaxWait", policy, outcome{attempts: 1, status: 502, waited: 2 * time.Minute}, 500 * time.Millisecond, false},
		{"a Retry-After beyond the rest of MaxWait", policy, outcome{attempts: 2, status: 503, retryAfter: time.Minute, waited: 61 * time.Second}, time.Minute, false},
		{"never wait for a Retry-After", never, outcome{attempts: 1, status: 503, retryAfter: time.Second}, time.Second, false},
		{"a 503 with a Retry-After above MaxWait", policy, outcome{attempts: 1, status: 503, retryAfter: time.Hour}, time.Hour, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, allowed := tt.policy.wait(tt.outcome, 0)
			if got != tt.want || allowed != tt.allowed {
				t.Errorf("wait = %v, %t, want %v, %t", got, allowed, tt.want, tt.allowed)
			}
		})
	}
}

func TestBackoff(t *testing.T) {
	most := time.Duration(math.MaxInt64)
	tests := []struct {
		name    string
		policy  RetryPolicy
		attempt int
		want    time.Duration
	}{
		{"it starts at MinBackoff", RetryPolicy{MinBackoff: time.Second, MaxBackoff: time.Minute}, 1, time.Second},
		{"it doubles", RetryPolicy{MinBackoff: time.Second, MaxBackoff: time.Minute}, 6, 32 * time.Second},
		{"it stops at MaxBackoff", RetryPolicy{MinBackoff: time.Second, MaxBackoff: time.Minute}, 7, time.Minute},
		{"it stays at MaxBackoff", RetryPolicy{MinBackoff: time.Second, MaxBackoff: time.Minute}, 1_000_000, time.Minute},
		{"at the shift's end", RetryPolicy{MinBackoff: 1, MaxBackoff: most}, 62, 1 << 61},
		{"past the shift's end", RetryPolicy{MinBackoff: 1, MaxBackoff: most}, 63, most},
		{"past all bits", RetryPolicy{MinBackoff: 1, MaxBackoff: most}, 65, most},
		{"both the same", RetryPolicy{MinBackoff: time.Second, MaxBackoff: time.Second}, 3, time.Second},
		{"both the maximum", RetryPolicy{MinBackoff: most, MaxBackoff: most}, 2, most},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.policy.backoff(tt.attempt, 0); got != tt.want {
				t.Errorf("backoff without jitter = %v, want %v", got, tt.want)
			}
			least := tt.policy.backoff(tt.attempt, math.Nextafter(1, 0))
			if least < tt.want/2-1 || least > tt.want/2+tt.want/1e6+1 {
				t.Errorf("backoff with maximum jitter = %v, want half of %v", least, tt.want)
			}
			for range 100 {
				if got := tt.policy.backoff(tt.attempt, jitter()); got < least || got > tt.want {
					t.Fatalf("backoff = %v, want from %v to %v", got, least, tt.want)
				}
			}
		})
	}
}

func TestRetryPolicyDefaults(t *testing.T) {
	want := RetryPolicy{MaxAttempts: 4, MinBackoff: 500 * time.Millisecond, MaxBackoff: 30 * time.Second, MaxWait: 2 * time.Minute}
	if got := (RetryPolicy{}).withDefaults(); got != want {
		t.Errorf("defaults = %+v, want %+v", got, want)
	}
	set := RetryPolicy{MaxAttempts: 1, MinBackoff: 2, MaxBackoff: 3, MaxWait: -1}
	if got := set.withDefaults(); got != set {
		t.Errorf("defaults changed %+v into %+v", set, got)
	}
}

func TestRetryPolicyValidate(t *testing.T) {
	tests := map[string]struct {
		policy RetryPolicy
		ok     bool
	}{
		"zero":                      {RetryPolicy{}, true},
		"one attempt":               {RetryPolicy{MaxAttempts: 1}, true},
		"negative attempts":         {RetryPolicy{MaxAttempts: -1}, false},
		"negative MinBackoff":       {RetryPolicy{MinBackoff: -1}, false},
		"negative MaxBackoff":       {RetryPolicy{MaxBackoff: -1}, false},
		"min above max":             {RetryPolicy{MinBackoff: 2, MaxBackoff: 1}, false},
		"min above the default max": {RetryPolicy{MinBackoff: time.Minute}, false},
		"max below the default min": {RetryPolicy{MaxBackoff: time.Millisecond}, false},
		"never wait":                {RetryPolicy{MaxWait: -1}, true},
		"the maximum of the type":   {RetryPolicy{MaxBackoff: math.MaxInt64, MaxWait: math.MaxInt64}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := NewClient(WithRetry(tt.policy))
			if tt.ok != (err == nil) || !tt.ok && !errors.Is(err, ErrInvalidArgument) {
				t.Errorf("NewClient: %v, want success %t", err, tt.ok)
			}
		})
	}
}

func TestWithinDeadline(t *testing.T) {
	now := time.Now()
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(time.Minute))
	defer cancel()
	for wait, want := range map[time.Duration]bool{
		0: true, time.Minute - 1: true, time.Minute: false, time.Hour: false, math.MaxInt64: false,
	} {
		if got := withinDeadline(ctx, wait, now); got != want {
			t.Errorf("a wait of %v is within a minute: %t, want %t", wait, got, want)
		}
	}
	if !withinDeadline(t.Context(), math.MaxInt64, now) {
		t.Error("without a deadline a wait is beyond it")
	}
}
