package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// lookAfter are the times of the reads after a POST of unknown outcome, counted
// from its return, because the call may have waited for a rate limit.
var lookAfter = [...]time.Duration{1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}

// settled is the time after which GitHub has executed a POST or never will.
const settled = 15 * time.Second

// maxSends is the maximum number of attempts of a POST of unknown outcome.
const maxSends = 3

// post is one POST and the read that settles its outcome.
type post[R any] struct {
	// send sends the POST once.
	send func(context.Context) (*R, error)
	// look returns the row that a send created, or nil. It must not return a
	// row that existed before the first send.
	look func(context.Context) (*R, error)

	sends  int  // maximum number of sends
	blind  bool // whether a send follows even if the last look failed
	hasten bool // whether a send gets only half of the remaining time, so that the looks get the rest
}

// unsettledError is the error of a POST whose outcome is still unknown, because
// its looks failed or were cancelled.
type unsettledError struct {
	err      error     // error of the POST
	look     error     // error of the last look
	returned time.Time // time at which the POST returned
}

func (e *unsettledError) Error() string {
	return fmt.Sprintf("%v; looking for the result failed: %v", e.err, e.look)
}
func (e *unsettledError) Unwrap() []error { return []error{e.err, e.look} }

// do sends the POST and settles its outcome. ctx ends the sends, lookCtx the
// looks. If the outcome stays unknown, the error is ErrOutcomeUnknown.
func (p post[R]) do(ctx, lookCtx context.Context) (*R, error) {
	var unknown error // error of an earlier send
	for sent := 1; ; sent++ {
		row, err := p.sendOnce(ctx)
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			if err != nil && unknown != nil {
				err = fmt.Errorf("%w; an earlier send of it: %w", err, unknown)
			}
			return row, err
		}
		unknown = err
		returned := time.Now()
		row, lookErr := p.find(lookCtx, returned)
		switch {
		case row != nil:
			return row, nil
		case lookErr == nil && ctx.Err() != nil:
			return nil, err
		case lookErr != nil && (!p.blind || lookCtx.Err() != nil || ctx.Err() != nil || sent == p.sends):
			return nil, &unsettledError{err: err, look: lookErr, returned: returned}
		case sent == p.sends:
			return nil, err
		}
	}
}

func (p post[R]) sendOnce(ctx context.Context) (*R, error) {
	var row *R
	send := func(ctx context.Context) (err error) {
		row, err = p.send(ctx)
		return err
	}
	var err error
	if deadline, ok := ctx.Deadline(); ok && p.hasten {
		err = bounded(ctx, min(time.Until(deadline)/2, 30*time.Second), send)
	} else {
		err = send(ctx)
	}
	if row == nil && err == nil {
		return nil, errors.New("rollout: Create returned neither a value nor an error")
	}
	return row, err
}

// find looks at each time of lookAfter. It returns the error of the last look.
func (p post[R]) find(ctx context.Context, returned time.Time) (*R, error) {
	var lookErr error
	for i, after := range lookAfter {
		if err := contexts.Sleep(ctx, time.Until(returned.Add(after))); err != nil {
			return nil, err
		}
		var row *R
		if row, lookErr = p.lookOnce(ctx, i, returned); row != nil {
			return row, nil
		}
	}
	return nil, lookErr
}

// lookOnce makes a look, which ends when the next one is due. The last look has
// no limit unless the post is blind.
func (p post[R]) lookOnce(ctx context.Context, i int, returned time.Time) (*R, error) {
	end := returned.Add(lookAfter[len(lookAfter)-1] + 5*time.Second)
	if i+1 < len(lookAfter) {
		end = returned.Add(lookAfter[i+1])
	} else if !p.blind {
		return p.look(ctx)
	}
	var row *R
	err := bounded(ctx, time.Until(end), func(ctx context.Context) (err error) {
		row, err = p.look(ctx)
		return err
	})
	return row, err
}
