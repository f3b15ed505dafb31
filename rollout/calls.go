package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

const (
	// callTimeout bounds one call of a long job, so that a rate limit comes
	// back as an error instead of a wait inside the client.
	callTimeout = 20 * time.Second
	// readsPerWrite keeps reads at 600 a minute with the default pace of writes:
	// GitHub allows 900 points, and counts 1 for a read and 5 for a write.
	readsPerWrite = 10
	// firstPause is the pause after a limit that names no time; it doubles
	// while the limit lasts.
	firstPause = time.Minute
	// longestPause bounds that doubling: the longest limit that GitHub
	// documents is an hour.
	longestPause = time.Hour
)

// calls makes the requests of a long job one after another: at a pace, and
// waiting out rate limits for as long as the context allows.
type calls struct {
	pace   time.Duration                      // of writes
	paused func(until time.Time, limit error) // called before each pause

	next  time.Time     // no request starts earlier
	pause time.Duration // the next one for a limit without a time
}

// read makes a call that changes nothing.
func (c *calls) read(ctx context.Context, call func(context.Context) error) error {
	return c.do(ctx, c.pace/readsPerWrite, call)
}

// write makes a call that changes something.
func (c *calls) write(ctx context.Context, call func(context.Context) error) error {
	return c.do(ctx, c.pace, call)
}

func (c *calls) do(ctx context.Context, pace time.Duration, call func(context.Context) error) error {
	for {
		if err := sleep(ctx, time.Until(c.next)); err != nil {
			return err
		}
		c.next = time.Now().Add(pace)
		err := once(ctx, call)
		until, limited := c.limit(err)
		switch {
		case !limited:
			return err
		case ctx.Err() != nil:
			return err
		}
		c.paused(until, err)
		if err := sleep(ctx, time.Until(until)); err != nil {
			return err
		}
	}
}

// once makes a call that ends after callTimeout.
func once(ctx context.Context, call func(context.Context) error) error {
	attempt, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := call(attempt)
	if attempt.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return &slowError{err}
	}
	return err
}

// slowError is a call that took longer than callTimeout. It is not
// context.DeadlineExceeded, which means that the caller's context has ended.
type slowError struct{ err error }

func (e *slowError) Error() string {
	return fmt.Sprintf("rollout: the call took longer than %v: %v", callTimeout, e.err)
}
func (e *slowError) Is(target error) bool {
	return target != context.DeadlineExceeded && errors.Is(e.err, target)
}
func (e *slowError) As(target any) bool { return errors.As(e.err, target) }

// limit reports whether an error is a rate limit, and until when to pause.
func (c *calls) limit(err error) (until time.Time, limited bool) {
	if !errors.Is(err, ghdeploy.ErrRateLimited) {
		c.pause = firstPause
		return time.Time{}, false
	}
	now := time.Now()
	if limit, ok := errors.AsType[*ghdeploy.RateLimitError](err); ok && limit.RetryAt.After(now) {
		return limit.RetryAt, true
	}
	until = now.Add(c.pause)
	c.pause = min(2*c.pause, longestPause)
	return until, true
}

// transient reports whether an error may be gone when the same call is made
// later, and that making it twice does no harm.
func transient(err error) bool {
	if errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		return false
	}
	if _, slow := errors.AsType[*slowError](err); slow {
		return true
	}
	e, ok := errors.AsType[*ghdeploy.Error](err)
	return ok && e.Retryable()
}

// sleep waits for d, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
