package rollout

import (
	"context"
	"errors"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// linger returns a context with the values of ctx that ends d after ctx does.
// The caller must call the cancel function, which stops the timer.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-late.Done():
		case <-timer.C:
			cancel(contexts.Error(ctx))
		}
	})
	return late, func() {
		stop()
		cancel(context.Canceled)
	}
}

// timeLeft returns the time until the deadline of a context that has one.
func timeLeft(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
