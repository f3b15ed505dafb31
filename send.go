package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// exchange is one operation on the network: all its attempts.
type exchange struct {
	core *core
	ctx  context.Context // the caller's
	path string
	req  http.Request // as newRequest made it; each attempt sends a copy
	to   url.URL      // of req
	loop retryablehttp.Client

	cache *conditionalCache // nil: the operation does not use it
	url   string            // of req; set only with a cache

	attempts   int           // requests sent
	limited    int           // of these, those with a rate limit response
	waited     time.Duration // by the call so far
	mayHaveRun bool          // an earlier attempt may have been executed
	redact     redactor

	// The attempt in progress.
	key       tokenKey
	ticket    *ticket // of the gate
	attempt   *attempt
	condition *cachedResponse // its ETag was sent; nil: none
	started   time.Time

	last    *response // of the latest attempt
	waiting bool      // for the next attempt
	wait    time.Duration
}

// send is the only place that reaches the network. go-retryablehttp runs the
// loop and rewinds the body. finish decides once after each attempt whether
// there is another one.
func (c *core) send(req *retryablehttp.Request, path string, op operation) *response {
	x := &exchange{core: c, ctx: req.Context(), path: path, req: *req.Request, to: *req.URL, waited: op.waited}
	if c.cache != nil && op.method == http.MethodGet && !op.laterPage {
		x.cache, x.url = c.cache, x.to.String()
	}
	defer func() { // a transport or a logger of the caller can panic
		x.ticket.release()
		x.release()
	}()
	if x.prepare(req.Request) == nil {
		x.loop = retryablehttp.Client{
			HTTPClient: c.http,
			RetryMax:   math.MaxInt32, // finish ends the loop
			CheckRetry: func(_ context.Context, resp *http.Response, err error) (bool, error) {
				retry := x.finish(resp, err)
				if retry {
					// The wait is under the caller's context: that of the
					// attempt may be canceled.
					req.Request = req.Request.WithContext(x.ctx) //nolint:contextcheck // the call's own
				}
				return retry, nil
			},
			Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return x.wait },
			PrepareRetry: x.prepare,
			ErrorHandler: retryablehttp.PassthroughErrorHandler,
		}
		// The result is in x.last; every body is read and closed.
		x.loop.Do(req) //nolint:errcheck,bodyclose // see above
		if x.waiting {
			ended := x.redact.error(contexts.Error(x.ctx))
			x.last.err = fmt.Errorf("%w while waiting to retry: %w", ended, x.last.failure())
		}
	}
	x.last.attempts = x.attempts
	x.last.waited = x.waited
	x.last.mayHaveRun = x.mayHaveRun
	return x.last
}

// prepare makes r the request of the next attempt, after any rate limit and
// with a new token. An error ends the call; x.last holds it.
func (x *exchange) prepare(r *http.Request) error {
	x.waiting = false
	x.release()
	if x.req.Method == http.MethodPost && x.attempt != nil && x.attempt.rewritten() {
		// A transport wrote it again after the response.
		x.last.err, x.last.uncertain = errWrittenTwice, true
		return errWrittenTwice
	}
	token, err := x.acquireToken()
	if err != nil {
		x.last = &response{method: x.req.Method, path: x.path, redact: x.redact, err: err}
		if limit, ok := err.(*RateLimitError); ok { //nolint:errorlint // the gate's own
			x.last.limit, x.last.err = limit, nil
		}
		return err
	}
	x.attempts++
	x.attempt = newAttempt(x.ctx, x.req.Method, x.core.userAgent)
	x.started = time.Now()
	x.build(r, token)
	return nil
}

// build makes r the request of the attempt. The transport of an earlier one may
// have changed it, or may still read it.
func (x *exchange) build(r *http.Request, token string) {
	*r = *x.req.WithContext(x.attempt.ctx)
	r.Header = x.req.Header.Clone()
	if x.attempts > 1 {
		to := x.to
		r.URL = &to
	}
	if token != "" {
		r.Header["Authorization"] = []string{x.core.authorization(token)}
	}
	x.addCondition(r)
}

// acquireToken returns the token of the next attempt, once no rate limit holds
// that token back.
func (x *exchange) acquireToken() (string, error) {
	for {
		token, err := x.core.askToken(x.ctx, &x.redact)
		if err != nil {
			return "", err
		}
		x.key = x.core.keyOf(token)
		if x.ticket.admits(x.key) {
			return token, nil
		}
		x.ticket.release()
		var waited time.Duration
		x.ticket, waited, err = x.core.gate.acquire(x.ctx, x.key, x.core.retry.MaxWait-x.waited, x.logLimit)
		x.waited += waited
		if err != nil {
			return "", x.redact.error(err)
		}
		if waited <= maxJitter && (x.ticket == nil || x.ticket.admits(x.key)) {
			return token, nil
		}
		// Meanwhile the token may have expired, and the gate may have closed.
	}
}

// finish reads the response of an attempt and decides whether there is another
// attempt.
func (x *exchange) finish(resp *http.Response, err error) bool {
	now := time.Now()
	x.last = x.read(resp, err, now)
	rewritten := x.attempt.rewritten()
	if rewritten && x.req.Method == http.MethodPost {
		x.last.err = errWrittenTwice // whatever the response says, there may be two
	}
	// Before any logger runs: it may call the client.
	switch {
	case x.last.limit != nil:
		x.limited++
		x.core.gate.close(x.key, x.ticket, x.last.limit, now)
	case x.last.status != 0 && x.last.status < 500:
		x.ticket.succeed()
	}
	x.ticket.release()
	x.logSunset(x.last.header)
	o := outcome{
		method:       x.req.Method,
		attempts:     x.attempts,
		limited:      x.limited,
		status:       x.last.status,
		err:          x.last.err,
		notProcessed: err != nil && x.attempt.notProcessed(),
		rewritten:    rewritten,
		ended:        x.ctx.Err() != nil,
		limit:        x.last.limit,
		retryAfter:   x.last.retryAfter,
		waited:       x.waited,
	}
	x.last.uncertain = uncertain(o)

	wait, allowed := x.core.retry.wait(o, jitter())
	retry := mayRepeat(o) && allowed && withinDeadline(x.ctx, wait, now)
	x.logAttempt(retry, wait)
	if retry {
		x.waiting, x.wait = true, wait
		x.waited += wait
	}
	x.mayHaveRun = x.mayHaveRun || retry && x.last.uncertain || rewritten
	return retry
}

// release ends the context of the latest attempt.
func (x *exchange) release() {
	if x.attempt != nil {
		x.attempt.cancel(nil)
	}
}

// transportError returns why an attempt brought no complete response, without
// the text that Error adds and without the token.
func (x *exchange) transportError(err error) error {
	if x.attempt.stopped() {
		return errWrittenTwice
	}
	if ended := contexts.Error(x.ctx); ended != nil {
		return x.redact.error(ended)
	}
	if e, ok := err.(*url.Error); ok { //nolint:errorlint // the wrapping of http.Client itself
		err = e.Err
	}
	if isTimeout(err) {
		// Only the text: each timeout of net/http is a
		// context.DeadlineExceeded.
		return fmt.Errorf("%w: %s", ErrAttemptTimeout, x.redact.text(err.Error()))
	}
	return x.redact.error(err)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

func (x *exchange) logLimit(limit *RateLimitError) {
	x.log(slog.LevelInfo, "waiting for a rate limit",
		slog.Duration("wait", limit.RetryAfter), slog.String("reason", limit.detail()))
}

func (x *exchange) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if !x.core.log.Enabled(x.ctx, level) {
		return
	}
	attrs = append([]slog.Attr{
		slog.String("operation", x.req.Method+" "+x.path),
		slog.Int("attempt", x.attempts),
	}, attrs...)
	x.core.log.LogAttrs(x.ctx, level, "ghdeploy: "+msg, attrs...)
}

// logAttempt logs how an attempt ended: at the info level if there is another.
func (x *exchange) logAttempt(retry bool, wait time.Duration) {
	level, msg := slog.LevelDebug, "attempt ended"
	if retry {
		level, msg = slog.LevelInfo, "retrying"
	}
	if !x.core.log.Enabled(x.ctx, level) {
		return
	}
	status := x.last.status
	if x.last.cached {
		status = http.StatusNotModified
	}
	attrs := []slog.Attr{
		slog.Int("status", status),
		slog.Duration("took", time.Since(x.started)),
	}
	if x.last.cached {
		attrs = append(attrs, slog.Bool("cached", true))
	}
	if x.last.status < 200 || x.last.status >= 300 || x.last.err != nil {
		attrs = append(attrs, slog.String("reason", oneLine(x.last.failure().Error())))
	}
	if id := x.last.header.Get("X-Github-Request-Id"); id != "" {
		attrs = append(attrs, slog.String("request_id", oneLine(id)))
	}
	if retry {
		attrs = append(attrs, slog.Duration("wait", wait))
	}
	x.log(level, msg, attrs...)
}

// logSunset logs once a client that GitHub will remove its API version.
//
// GitHub docs: https://docs.github.com/rest/about-the-rest-api/api-versions
func (x *exchange) logSunset(h http.Header) {
	deprecation, sunset := h.Get("Deprecation"), h.Get("Sunset")
	if deprecation == "" && sunset == "" || x.core.sunset.Swap(true) {
		return
	}
	x.log(slog.LevelWarn, "GitHub will remove the API version that this client requests",
		slog.String("api_version", string(x.core.version)),
		slog.String("deprecation", oneLine(deprecation)),
		slog.String("sunset", oneLine(sunset)))
}
