package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// maxBody bounds what is read of one answer, after decompression. A page of
// 100 deployments is about 300 KiB.
const maxBody = 32 << 20

// answer is what a call ended with.
type answer struct {
	status int         // 0: no answer
	header http.Header // redacted
	body   []byte
	err    error           // why there is no answer, or not a whole one
	limit  *RateLimitError // it is a limit, or one that held the request back

	attempts   int
	uncertain  bool // the last attempt may have been carried out all the same
	mayHaveRun bool // an earlier attempt may have been
	rate       Rate
	redact     func(string) string
}

// exchange is one call's passage through the network: all its attempts.
type exchange struct {
	core *core
	ctx  context.Context
	op   operation
	req  *http.Request // as newRequest made it: each attempt begins with a copy

	attempts   int
	limited    int           // rate limit responses among them
	waited     time.Duration // all waits together; MaxWait bounds them
	mayHaveRun bool

	// Of the attempt under way.
	key     tokenKey
	ticket  *ticket // the gate's
	redact  func(string) string
	trace   *connTrace
	started time.Time

	last    *answer       // what the latest attempt brought
	waiting bool          // for the next attempt
	wait    time.Duration // this long
}

// send is the only place that reaches the network. The retry loop and the
// rewinding of the body are go-retryablehttp's; whether and when there is
// another attempt is the policy's, asked once after each in end.
func (c *core) send(req *retryablehttp.Request, op operation) *answer {
	x := &exchange{core: c, ctx: req.Context(), op: op, req: req.Clone(req.Context()), redact: redaction("")}
	defer func() { x.ticket.release() }() // a transport or a logger may panic
	if x.begin(req.Request) == nil {
		loop := &retryablehttp.Client{
			HTTPClient:   c.http,
			RetryMax:     math.MaxInt, // the policy decides
			CheckRetry:   x.end,
			Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return x.wait },
			PrepareRetry: x.begin,
			ErrorHandler: retryablehttp.PassthroughErrorHandler,
		}
		// What came of it is in x.last, every body read and closed.
		loop.Do(req) //nolint:errcheck,bodyclose // see above
		if x.waiting {
			x.last.err = fmt.Errorf("%w while waiting to send it again: %w", contextError(x.ctx), x.last.failure())
		}
	}
	x.last.attempts = x.attempts
	x.last.mayHaveRun = x.mayHaveRun
	x.last.redact = x.redact
	return x.last
}

// begin readies the request for its next attempt: past the gate, with the
// token of the hour. An error ends the call; what it was is in x.last.
func (x *exchange) begin(r *http.Request) error {
	x.waiting = false
	token, err := x.pass()
	if err != nil {
		x.last = &answer{err: err}
		if limit, ok := err.(*RateLimitError); ok { //nolint:errorlint // pass returns the gate's own
			x.last = &answer{limit: limit}
		}
		return err
	}
	x.attempts++
	x.key = keyOf(token)
	x.redact = redaction(token)
	x.trace = new(connTrace)
	x.started = time.Now()
	// What r is by now, the transport of an earlier attempt may have changed, or
	// may still read.
	*r = *x.req.Clone(httptrace.WithClientTrace(x.ctx, x.trace.hooks()))
	authorize(r, token)
	return nil
}

// pass returns the token for the next attempt once no limit holds it back.
func (x *exchange) pass() (string, error) {
	for {
		if err := contextError(x.ctx); err != nil {
			return "", err
		}
		token, err := x.core.askToken(x.ctx)
		if err != nil {
			return "", err
		}
		key := keyOf(token)
		if x.ticket.admits(key) {
			return token, nil
		}
		x.ticket.release()
		var waited time.Duration
		x.ticket, waited, err = x.core.gate.acquire(x.ctx, key, x.core.retry.MaxWait-x.waited, x.logLimit)
		x.waited += waited
		if err != nil {
			return "", err
		}
		if waited <= maxJitter && (x.ticket == nil || x.ticket.admits(key)) {
			return token, nil
		}
		// The token function may return another token by now, and the gate may
		// have closed again.
	}
}

// end takes in what an attempt brought and decides whether there is another.
func (x *exchange) end(ctx context.Context, resp *http.Response, err error) (bool, error) {
	now := time.Now()
	x.last = x.read(resp, err, now)
	o := outcome{
		method:  x.op.method,
		attempt: x.attempts,
		limited: x.limited,
		waited:  x.waited,
		status:  x.last.status,
		err:     x.last.err,
		undone:  err != nil && (x.trace.unsent() || errors.Is(err, errUndone)),
		ended:   ctx.Err() != nil,
		limit:   x.last.limit,
	}
	if o.status >= 500 {
		o.retryAfter, _ = retryAfter(x.last.header, now)
	}
	// Before any logger runs: it may call the client back.
	switch {
	case o.limit != nil:
		x.limited++
		x.core.gate.close(x.key, x.ticket, o.limit, now)
	case o.status != 0 && o.status < 500:
		x.ticket.succeed()
	}
	x.ticket.release()
	x.logSunset(x.last.header)
	x.last.uncertain = uncertain(o)

	wait, allowed := x.core.retry.wait(o, jitter())
	again := x.core.mayRepeat(o) && allowed && withinDeadline(ctx, wait, now)
	x.logAttempt(again, wait)
	if again {
		x.waiting, x.wait = true, wait
		x.waited += wait
		x.mayHaveRun = x.mayHaveRun || x.last.uncertain
	}
	return again, nil
}

// read takes the whole body in, so that the policy sees an answer that was
// cut off and a limit is known by its words.
func (x *exchange) read(resp *http.Response, err error, now time.Time) *answer {
	if resp == nil {
		return &answer{err: x.transportError(err)}
	}
	a := &answer{status: resp.StatusCode, header: redactHeader(resp.Header, x.redact)}
	if err != nil { // the caller's CheckRedirect refused, and the body is closed
		a.err = fmt.Errorf("%w: %w", ErrRedirect, x.transportError(err))
		return a
	}
	if a.body, err = readBody(resp); err != nil {
		a.err = x.transportError(err)
	}
	if rate, ok := parseRate(a.header); ok {
		a.rate = rate
		x.core.rate.observe(rate, x.key, serverTime(a.header, now))
	}
	if a.status == http.StatusForbidden || a.status == http.StatusTooManyRequests {
		p := parseProblem(a.body, x.redact)
		if a.limit = parseLimit(a.status, a.header, p, now); a.limit != nil {
			a.err = nil // cut off or not, it says: not done
		}
	}
	return a
}

// readBody reads and closes a body of at most maxBody bytes.
func readBody(resp *http.Response) ([]byte, error) {
	body := resp.Body
	defer body.Close()
	resp.Body = http.NoBody // go-retryablehttp drains it once more
	switch {
	case resp.StatusCode < 200:
		// The body of a 101 is the connection itself, and reading that is
		// bounded by nothing.
		return nil, fmt.Errorf("%w: a %d is no answer", ErrMalformedResponse, resp.StatusCode)
	case resp.ContentLength > maxBody:
		return nil, ErrTooLarge
	}
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(body, maxBody+1))
	switch {
	case b.Len() > maxBody:
		// Twice what an Error keeps, so that a token at its end is seen whole.
		return bytes.Clone(b.Bytes()[:2*maxKept]), ErrTooLarge
	case err != nil:
		err = fmt.Errorf("%w: the body was cut off: %w", ErrMalformedResponse, err)
	}
	return b.Bytes(), err
}

// transportError is why an attempt brought no whole answer, without what the
// envelope says already, and without the token.
func (x *exchange) transportError(err error) error {
	if ended := contextError(x.ctx); ended != nil {
		return ended
	}
	if e, ok := err.(*url.Error); ok { //nolint:errorlint // the wrapping of http.Client itself
		err = e.Err
	}
	return redactError(err, x.redact)
}

// failure is what the answer says went wrong, as an error.
func (a *answer) failure() error {
	switch {
	case a.limit != nil:
		return a.limit
	case a.err != nil:
		return a.err
	default:
		return fmt.Errorf("%d %s", a.status, http.StatusText(a.status))
	}
}

// contextError is why the context ended, nil if it has not.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// sleep waits for d, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return contextError(ctx)
	case <-timer.C:
		return nil
	}
}

func (x *exchange) log(level slog.Level, msg string, attrs ...slog.Attr) {
	if !x.core.log.Enabled(x.ctx, level) {
		return
	}
	attrs = append([]slog.Attr{
		slog.String("operation", x.op.method+" "+x.op.path),
		slog.Int("attempt", x.attempts),
	}, attrs...)
	x.core.log.LogAttrs(x.ctx, level, "ghdeploy: "+msg, attrs...)
}

func (x *exchange) logLimit(limit *RateLimitError) {
	x.log(slog.LevelInfo, "held back by a rate limit",
		slog.Duration("wait", limit.RetryAfter), slog.String("reason", limit.detail()))
}

// logAttempt logs how an attempt ended: one that is followed by another is
// worth a line that people see.
func (x *exchange) logAttempt(again bool, wait time.Duration) {
	attrs := []slog.Attr{
		slog.Int("status", x.last.status),
		slog.Duration("took", time.Since(x.started)),
	}
	if x.last.status < 200 || x.last.status >= 300 || x.last.err != nil {
		attrs = append(attrs, slog.String("reason", oneLine(x.last.failure().Error())))
	}
	if id := x.last.header.Get("X-GitHub-Request-Id"); id != "" {
		attrs = append(attrs, slog.String("request_id", oneLine(id)))
	}
	if again {
		x.log(slog.LevelInfo, "sending again", append(attrs, slog.Duration("wait", wait))...)
	} else {
		x.log(slog.LevelDebug, "attempt ended", attrs...)
	}
}

// logSunset says once a client that the API version it asks for is ending.
//
// GitHub docs: https://docs.github.com/rest/about-the-rest-api/api-versions
func (x *exchange) logSunset(h http.Header) {
	deprecation, sunset := h.Get("Deprecation"), h.Get("Sunset")
	if deprecation == "" && sunset == "" {
		return
	}
	x.core.sunsets.Do(func() {
		x.log(slog.LevelWarn, "GitHub is ending what this client uses",
			slog.String("api_version", string(x.core.version)),
			slog.String("deprecation", oneLine(deprecation)),
			slog.String("sunset", oneLine(sunset)))
	})
}
