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

// RetryPolicy sets the number of attempts and the waits between them. It does
// not change which requests are retried:
//
//   - a request that provably was not sent, that HTTP/2 reports as not
//     processed, or that got a rate limit response is retried, whatever its
//     method;
//   - a GET, PUT or DELETE is also retried after a 5xx (not 501), a lost
//     connection, and a 2xx whose body was cut off;
//   - a POST is never retried after any of these: it may have been executed,
//     and the call returns an [OutcomeUnknownError];
//   - nothing is retried after a certificate error, a refused redirect, any
//     other 3xx or 4xx, or the end of its context.
//
// A zero field takes its default. docs/errors.md has the whole table.
type RetryPolicy struct {
	// MaxAttempts is the maximum number of attempts, the first one included. 1
	// disables retries. Rate limit responses do not count: MaxWait bounds
	// them. Default 4.
	MaxAttempts int
	// MinBackoff is the wait before the first retry. Each further wait is
	// twice as long. A random part of up to a half is subtracted. If the
	// server requests a longer wait, that applies. Default 500 ms.
	MinBackoff time.Duration
	// MaxBackoff is the maximum of that doubling. Default 30 s.
	MaxBackoff time.Duration
	// MaxWait bounds all waits of one call together: backoffs, Retry-After,
	// and rate limits. If the next wait would exceed it, or would outlast the
	// context, the call returns at once. With a negative MaxWait a call never
	// waits for a rate limit or a Retry-After; backoffs are then bounded by
	// MaxAttempts only. Default 2 min.
	MaxWait time.Duration
}

func (p RetryPolicy) validate() error {
	switch {
	case p.MaxAttempts < 0:
		return invalidArgument("WithRetry: MaxAttempts is %d; it counts the first attempt, so use 1 to disable retries", p.MaxAttempts)
	case p.MinBackoff < 0 || p.MaxBackoff < 0:
		return invalidArgument("WithRetry: a backoff is negative; use 0 for the default")
	}
	if p = p.withDefaults(); p.MinBackoff > p.MaxBackoff {
		return invalidArgument("WithRetry: MinBackoff %v is greater than MaxBackoff %v", p.MinBackoff, p.MaxBackoff)
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

// outcome is what the client knows after an attempt.
type outcome struct {
	method       string
	attempts     int   // so far, this one included
	limited      int   // of these, those with a rate limit response
	status       int   // 0: no status line
	err          error // no response, or no complete 2xx
	notProcessed bool  // proof: not sent, or not processed
	rewritten    bool  // the transport wrote the request more than once
	ended        bool  // the caller's context has ended

	limit      *RateLimitError
	retryAfter time.Duration // requested by the server; 0: none
	waited     time.Duration // by the call so far
}

// mayRepeat reports whether a retry cannot execute the request twice and can
// succeed.
func mayRepeat(o outcome) bool {
	switch {
	case o.ended, o.rewritten && o.method == http.MethodPost:
		return false
	case o.limit != nil:
		return true // not executed
	case o.err != nil && !transient(o.err):
		return false
	case o.notProcessed:
		return true
	}
	return repeatable(o.method) && (o.err != nil || transientStatus(o.status))
}

// repeatable reports whether executing a request twice does the same as
// executing it once.
func repeatable(method string) bool {
	return method == http.MethodGet || method == http.MethodPut || method == http.MethodDelete
}

// uncertain reports whether the attempt may have been executed without a
// response that says so. A 3xx or 4xx says that it was not.
func uncertain(o outcome) bool {
	if o.rewritten {
		return true
	}
	return !o.notProcessed && (o.err != nil && !errors.Is(o.err, ErrRedirect) || o.status >= 500)
}

// transientStatus reports whether the next attempt can have another status.
func transientStatus(status int) bool {
	return status >= 500 && status != http.StatusNotImplemented
}

// transient reports whether the next attempt can succeed after this error.
func transient(err error) bool {
	var (
		unknownAuthority x509.UnknownAuthorityError
		hostname         x509.HostnameError
		invalid          x509.CertificateInvalidError
		roots            x509.SystemRootsError
		verification     *tls.CertificateVerificationError
		token            tokenError
	)
	switch {
	case errors.As(err, &verification), errors.As(err, &unknownAuthority), errors.As(err, &hostname),
		errors.As(err, &invalid), errors.As(err, &roots), errors.As(err, &token):
		return false
	case errors.Is(err, ErrMalformedResponse):
		return errors.Is(err, errCutOff) || errors.Is(err, errOtherETag)
	}
	return !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrRedirect) && !errors.Is(err, errInvalidHeader)
}

// wait returns the wait before the next attempt, and whether the policy allows
// it. random is in [0, 1).
func (p RetryPolicy) wait(o outcome, random float64) (time.Duration, bool) {
	left := p.MaxWait - o.waited
	if o.limit != nil {
		// The backoff grows past MaxBackoff: nothing else bounds the attempts.
		wait := max(o.limit.RetryAfter, p.limitBackoff(o.limited, random))
		if o.limit.RetryAfter <= left {
			wait = min(wait, left)
		}
		return wait, left > 0 && o.limit.RetryAfter <= left
	}
	failures := o.attempts - o.limited
	if failures >= p.MaxAttempts {
		return 0, false
	}
	wait := p.backoff(failures, random)
	if o.retryAfter > 0 {
		wait = max(wait, o.retryAfter)
		return wait, wait <= left
	}
	return wait, p.MaxWait < 0 || wait <= left
}

// limitBackoff is backoff for rate limit responses. Its maximum is 30 s at
// least: MaxAttempts does not bound the attempts, so the waits have to grow.
func (p RetryPolicy) limitBackoff(attempt int, random float64) time.Duration {
	p.MaxBackoff = max(p.MaxBackoff, 30*time.Second)
	return p.backoff(attempt, random)
}

// backoff doubles from MinBackoff to MaxBackoff and subtracts a random part of
// up to a half.
func (p RetryPolicy) backoff(attempt int, random float64) time.Duration {
	d := p.MaxBackoff
	if shift := attempt - 1; shift < 62 && p.MinBackoff <= p.MaxBackoff>>shift {
		d = p.MinBackoff << shift
	}
	return d - time.Duration(random*float64(d)/2)
}

// withinDeadline reports whether the context still lasts after d.
func withinDeadline(ctx context.Context, d time.Duration, now time.Time) bool {
	deadline, ok := ctx.Deadline()
	return !ok || now.Add(d).Before(deadline)
}

func jitter() float64 { return rand.Float64() } //nolint:gosec // spreads retries out; nothing secret depends on it
