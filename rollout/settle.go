package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// lookAfter are the times of the looks for what a POST of unknown outcome may
// have created, counted from the return of the call: the call itself may have
// waited for a rate limit.
var lookAfter = [...]time.Duration{1 * time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}

// settled is when GitHub has executed a POST or never will.
const settled = 15 * time.Second

// maxSends bounds how often a POST of unknown outcome is sent.
const maxSends = 3

// post is one POST together with the means to settle its outcome.
type post[R any] struct {
	// send sends the POST once.
	send func(context.Context) (*R, error)
	// look returns the row that a send created, nil if there is none. It must
	// not return a row that was there before the first send.
	look func(context.Context) (*R, error)

	sends  int  // maximum
	blind  bool // whether it is sent again although the last look failed
	hasten bool // whether a send gets half of the time left, so that looks have the rest
}

// unsettledError is a POST whose outcome is still unknown, because the looks
// for it were cut short or failed.
type unsettledError struct {
	err      error // of the POST
	look     error
	returned time.Time // of the POST
}

func (e *unsettledError) Error() string {
	return fmt.Sprintf("%v; looking for it failed: %v", e.err, e.look)
}
func (e *unsettledError) Unwrap() []error { return []error{e.err, e.look} }

// do sends the POST and settles its outcome. The sends end with ctx, the looks
// with lookCtx. An outcome that stays unknown is ErrOutcomeUnknown.
func (p post[R]) do(ctx, lookCtx context.Context) (*R, error) {
	var unknown error // of an earlier send
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

// find looks at each of the times. Its error is that of the last look.
func (p post[R]) find(ctx context.Context, returned time.Time) (*R, error) {
	var lookErr error
	for i, after := range lookAfter {
		if err := pause(ctx, time.Until(returned.Add(after))); err != nil {
			return nil, err
		}
		var row *R
		if row, lookErr = p.lookOnce(ctx, i, returned); row != nil {
			return row, nil
		}
	}
	return nil, lookErr
}

// lookOnce ends a look when the next one is due. The last one may take its
// time, unless nothing depends on its success.
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
