package rollout

import (
	"context"
	"errors"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// retryable reports whether the same call can succeed later, and how long the
// server asked to wait before.
func retryable(err error) (time.Duration, bool) {
	failed, ok := errors.AsType[*ghdeploy.Error](err)
	if !ok || !failed.Retryable() {
		return 0, false
	}
	return failed.RetryAfter, true
}

// persist calls f until it succeeds, its error is not retryable, or the next
// call would start after the end of ctx. A context error while ctx is alive is
// that of a shorter context of f, and is retryable.
func persist[T any](ctx context.Context, f func() (T, error)) (T, error) {
	for backoff := time.Second; ; backoff = min(2*backoff, 30*time.Second) {
		value, err := f()
		wait, again := retryable(err)
		again = again || isContextError(err) && ctx.Err() == nil && !errors.Is(err, ghdeploy.ErrOutcomeUnknown)
		wait = max(wait, backoff)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			again = false
		}
		if err == nil || !again || pause(ctx, wait) != nil {
			return value, err
		}
	}
}
