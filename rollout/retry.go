package rollout

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// retryable reports whether sending the same call again later can succeed
// without executing it twice, and how long the server asked to wait before.
// The outcome of a POST that may have been executed is settled elsewhere.
func retryable(err error) (time.Duration, bool) {
	if limit, ok := errors.AsType[*ghdeploy.RateLimitError](err); ok {
		return max(time.Until(limit.RetryAt), 0), true
	}
	if errors.Is(err, ghdeploy.ErrRateLimited) {
		return time.Minute, true // GitHub's documented wait where the response names none
	}
	failed, ok := errors.AsType[*ghdeploy.Error](err)
	if !ok {
		return 0, false
	}
	_, certificate := errors.AsType[*tls.CertificateVerificationError](failed)
	switch {
	case certificate,
		errors.Is(failed, ghdeploy.ErrOutcomeUnknown),
		errors.Is(failed, ghdeploy.ErrRedirect),
		errors.Is(failed, ghdeploy.ErrPagination):
		return 0, false
	case failed.StatusCode == 0:
		return 0, failed.Attempts > 0 // 0: the token function failed, or the context had ended
	}
	return 0, failed.StatusCode >= http.StatusInternalServerError && failed.StatusCode != http.StatusNotImplemented
}

// persist calls f until it succeeds, its error is not retryable, or the next
// call would start after the end of ctx.
func persist[T any](ctx context.Context, f func() (T, error)) (T, error) {
	for backoff := time.Second; ; backoff = min(2*backoff, 30*time.Second) {
		value, err := f()
		wait, again := retryable(err)
		wait = max(wait, backoff)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			again = false
		}
		if err == nil || !again || pause(ctx, wait) != nil {
			return value, err
		}
	}
}
