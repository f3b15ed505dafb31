package ghdeploy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// RetryPolicy says how often and after how long a request is sent again. What
// may be sent again at all is not a setting:
//
//   - a request that provably reached no connection, one that HTTP/2 gave up
//     undone, and one that a rate limit refused, may, whatever its method;
//   - a GET, PUT or DELETE may after a 5xx (not 501), a lost connection or an
//     answer that was cut off;
//   - a POST never is after any of these: it may have been carried out, and
//     comes back as [OutcomeUnknownError];
//   - nothing is after a certificate error, a refused redirect, or the end of
//     its context.
//
// A zero field takes its default.
type RetryPolicy struct {
	// MaxAttempts counts the first attempt too: 1 is never again. Default 4.
	MaxAttempts int
	// MinBackoff is the wait after the first failure where the answer names
	// none; each further one doubles it. A random part of up to a half is taken
	// off. Default 500 ms.
	MinBackoff time.Duration
	// MaxBackoff bounds that doubling. Default 30 s.
	MaxBackoff time.Duration
	// MaxWait bounds all waits of one call together: for a rate limit, for
	// Retry-After, and between attempts. If the next wait would exceed it, or
	// the context's deadline, the call returns at once. Rate limit responses do
	// not count as attempts. Negative: the call never waits for a rate limit
	// or Retry-After, only between attempts. Default 2 min.
	MaxWait time.Duration
}

func (p RetryPolicy) validate() error {
	switch {
	case p.MaxAttempts < 0:
		return invalidArgument("WithRetry: MaxAttempts is %d; it counts the first attempt, so 1 means never again", p.MaxAttempts)
	case p.MinBackoff < 0 || p.MaxBackoff < 0:
		return invalidArgument("WithRetry: a backoff is negative; leave it 0 for the default")
	}
	if p = p.withDefaults(); p.MinBackoff > p.MaxBackoff {
		return invalidArgument("WithRetry: MinBackoff %v is above MaxBackoff %v", p.MinBackoff, p.MaxBackoff)
	}
	return nil
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts == 0 {
		p.MaxAttempts = 4
	}
	if p.MinBackoff == 0 {
		p.MinBackoff = 500 * time.Millisecond
	}
	if p.MaxBackoff == 0 {
		p.MaxBackoff = 30 * time.Second
	}
	if p.MaxWait == 0 {
		p.MaxWait = 2 * time.Minute
	}
	return p
}

// outcome is what the client can see of one attempt.
type outcome struct {
	method  string
	attempt int           // which one this was, from 1
	limited int           // rate limit responses before it
	waited  time.Duration // all waits before it
	status  int           // 0: no answer
	err     error         // the answer did not come, or not whole
	undone  bool          // proof that it was not carried out: no connection was reached, or HTTP/2 says so
	ended   bool          // the caller's context has ended

	limit      *RateLimitError // the answer is a limit
	retryAfter time.Duration   // what a 5xx asked for; 0: nothing
}

// mayRepeat tells whether sending the same request again can do no harm.
func mayRepeat(o outcome) bool {
	switch {
	case o.ended:
		return false
	case o.limit != nil:
		return true // a limit means: not done
	case o.err != nil && !passing(o.err):
		return false
	case o.undone:
		return true
	case o.method == http.MethodPost:
		return false
	default:
		return o.err != nil || retryableStatus(o.status)
	}
}

// uncertain tells whether the attempt may have been carried out without an
// answer that says so.
func uncertain(o outcome) bool {
	return !o.undone && (o.err != nil && !errors.Is(o.err, ErrRedirect) || o.status >= 500)
}

func retryableStatus(status int) bool {
	return status >= 500 && status != http.StatusNotImplemented
}

// passing tells an error that may be gone at the next attempt from one that
// will not be.
func passing(err error) bool {
	var (
		unknownAuthority x509.UnknownAuthorityError
		hostname         x509.HostnameError
		invalid          x509.CertificateInvalidError
		roots            x509.SystemRootsError
		verification     *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &unknownAuthority), errors.As(err, &hostname),
		errors.As(err, &invalid), errors.As(err, &roots):
		return false
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrRedirect):
		return false
	}
	return true
}

// wait is how long to hold before the next attempt, and whether that is
// within what the policy allows. random is in [0, 1).
func (p RetryPolicy) wait(o outcome, random float64) (time.Duration, bool) {
	if o.limit == nil && o.attempt-o.limited >= p.MaxAttempts {
		return 0, false
	}
	backoff := p.backoff(o.attempt, random)
	left := p.MaxWait - o.waited
	switch {
	case o.limit != nil:
		wait := max(o.limit.RetryAfter, backoff)
		if o.limit.RetryAfter <= left {
			wait = min(wait, left)
		}
		return wait, left > 0 && o.limit.RetryAfter <= left
	case o.retryAfter > 0:
		return max(o.retryAfter, backoff), max(o.retryAfter, backoff) <= left
	default:
		return backoff, p.MaxWait < 0 || backoff <= left
	}
}

// backoff doubles from MinBackoff to MaxBackoff, less a random part of up to a half.
func (p RetryPolicy) backoff(attempt int, random float64) time.Duration {
	d := p.MaxBackoff
	if shift := attempt - 1; shift < 62 && p.MinBackoff <= p.MaxBackoff>>shift {
		d = p.MinBackoff << shift
	}
	return d - time.Duration(random*float64(d)/2)
}

// withinDeadline tells whether the context is still alive after d.
func withinDeadline(ctx context.Context, d time.Duration, now time.Time) bool {
	deadline, ok := ctx.Deadline()
	return !ok || now.Add(d).Before(deadline)
}

func jitter() float64 { return rand.Float64() } //nolint:gosec // spreads retries out; nothing secret depends on it
