package rollout

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

const (
	// callTimeout is the maximum time of one call, so that a rate limit becomes
	// an error instead of a wait inside the client.
	callTimeout = 20 * time.Second
	// readsPerWrite limits reads to 600 a minute with the default pace of
	// writes. GitHub allows 900 points, and counts 1 for a read and 5 for a
	// write.
	readsPerWrite = 10
	// firstPause is the pause after a rate limit response without a time; it
	// doubles while the limit lasts.
	firstPause = time.Minute
	// longestPause is the maximum of that doubling, because the longest limit
	// that GitHub documents is an hour.
	longestPause = time.Hour
)

// calls makes the requests of a long job one after another, at a pace. It
// pauses while a rate limit lasts, until the context ends.
type calls struct {
	pace   time.Duration                      // minimum time between two writes
	paused func(until time.Time, limit error) // called before each pause

	next  time.Time     // no request starts earlier
	pause time.Duration // the next pause, while a secondary limit lasts
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
		if err := contexts.Sleep(ctx, time.Until(c.next)); err != nil {
			return err
		}
		c.next = time.Now().Add(pace)
		err := bounded(ctx, callTimeout, call)
		wait, limited := c.limit(ctx, err)
		if !limited || ctx.Err() != nil {
			return err
		}
		c.next = time.Now().Add(wait)
		c.paused(c.next, err)
	}
}

// limit reports whether an error is a rate limit, and the time to pause. While
// a secondary limit lasts, the pause doubles, as GitHub recommends.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
func (c *calls) limit(ctx context.Context, err error) (wait time.Duration, limited bool) {
	if !errors.Is(err, ghdeploy.ErrRateLimited) {
		c.pause = 0
		return 0, false
	}
	wait, _ = retryable(ctx, err)
	if limit, ok := errors.AsType[*ghdeploy.RateLimitError](err); ok && !limit.Secondary && wait > 0 {
		return wait, true
	}
	wait = max(cmp.Or(wait, firstPause), c.pause)
	c.pause = min(2*wait, longestPause)
	return wait, true
}

// paced returns a list whose pages are read at the pace of the calls.
func paced[R any](ctx context.Context, c *calls, list func(context.Context) listing[R]) listing[R] {
	return func(number int) (page *ghdeploy.Page[*R], err error) {
		err = c.read(ctx, func(ctx context.Context) (err error) {
			page, err = list(ctx)(number)
			return err
		})
		return page, err
	}
}
