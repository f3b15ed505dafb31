package contexts_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

func TestError(t *testing.T) {
	if err := contexts.Error(t.Context()); err != nil {
		t.Errorf("before the end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := contexts.Error(ctx); err != context.Canceled { //nolint:errorlint // without a cause it is that error
		t.Errorf("without a cause: %v", err)
	}
	why := errors.New("the job was stopped")
	caused, end := context.WithCancelCause(t.Context())
	end(why)
	if err := contexts.Error(caused); !errors.Is(err, context.Canceled) || !errors.Is(err, why) || err.Error() != "context canceled: the job was stopped" {
		t.Errorf("with a cause: %v", err)
	}
}

func TestSleep(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start := time.Now()
			if err := contexts.Sleep(ctx, d); err != nil || time.Since(start) != max(d, 0) {
				t.Errorf("%v: %v after %v", d, err, time.Since(start))
			}
			if err := contexts.Sleep(ctx, 2*time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
				t.Errorf("2h: %v after %v", err, time.Since(start))
			}
			if err := contexts.Sleep(ctx, d); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Hour {
				t.Errorf("%v after the end: %v", d, err)
			}
		})
	}
}
