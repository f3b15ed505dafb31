// Package contexts waits for contexts, and describes how they ended.
package contexts

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Error returns why the context ended, with its cause; nil if it has not ended.
func Error(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// Sleep waits for d, or until the context ends. A wait of no length takes no
// timer: timers of no length that fire in several goroutines of one synctest
// bubble crash the race detector of Go 1.26.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return Error(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Error(ctx)
	case <-timer.C:
		return nil
	}
}
