package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// retryable reports whether the same call can succeed later without executing
// it twice, and the wait that the server requires. A context error is retryable
// while ctx is alive, because it comes from a shorter context.
func retryable(ctx context.Context, err error) (after time.Duration, ok bool) {
	if err == nil || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		return 0, false
	}
	if _, slow := errors.AsType[*slowError](err); slow || isContextError(err) {
		return 0, ctx.Err() == nil
	}
	failed, ok := errors.AsType[*ghdeploy.Error](err)
	if !ok || !failed.Retryable() {
		return 0, false
	}
	after = failed.RetryAfter
	if limit, ok := errors.AsType[*ghdeploy.RateLimitError](err); ok {
		after = max(after, time.Until(limit.RetryAt))
	}
	return after, true
}

// persist calls f until it succeeds, its error is not retryable, or the next
// call would start after the end of ctx.
func persist[T any](ctx context.Context, f func() (T, error)) (T, error) {
	for backoff := time.Second; ; backoff = min(2*backoff, 30*time.Second) {
		value, err := f()
		wait, again := retryable(ctx, err)
		wait = max(wait, backoff)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			again = false
		}
		if !again || contexts.Sleep(ctx, wait) != nil {
			return value, err
		}
	}
}

// bounded makes a call that may take at most limit.
func bounded(ctx context.Context, limit time.Duration, call func(context.Context) error) error {
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := call(attempt)
	if attempt.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return &slowError{limit, err}
	}
	return err
}

// slowError is the error of a call that took longer than its limit. It does not
// match context.DeadlineExceeded, which is for the caller's context.
type slowError struct {
	limit time.Duration
	err   error
}

func (e *slowError) Error() string {
	return fmt.Sprintf("rollout: the call took longer than %v: %v", e.limit, e.err)
}
func (e *slowError) Is(target error) bool {
	return target != context.DeadlineExceeded && errors.Is(e.err, target)
}
func (e *slowError) As(target any) bool { return errors.As(e.err, target) }
