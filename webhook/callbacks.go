package webhook

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
)

// Callbacks is what is done with each event. A nil callback ignores its event:
// the delivery is acknowledged. An error fails the delivery, and so does a
// panic, as a [*PanicError]; neither stops the program.
//
// The context is that of the request, or that of the [Queue].
type Callbacks struct {
	OnDeployment               func(ctx context.Context, e *DeploymentEvent) error
	OnDeploymentStatus         func(ctx context.Context, e *DeploymentStatusEvent) error
	OnDeploymentReview         func(ctx context.Context, e *DeploymentReviewEvent) error
	OnDeploymentProtectionRule func(ctx context.Context, e *DeploymentProtectionRuleEvent) error
	OnPing                     func(ctx context.Context, e *PingEvent) error
	OnOther                    func(ctx context.Context, d *Delivery) error // an event of any other name

	// OnError is told of each delivery that was refused or that failed, and
	// why. A refused one ([ErrNoSignature], [ErrBadSignature], [ErrTooLarge],
	// [ErrContentType], [*DecodeError], an error of reading) has no Raw, and but
	// for the DecodeError anybody may have sent it; a failed one has. nil: they
	// are logged through [slog.Default], with the event's name and GUID.
	OnError func(ctx context.Context, d *Delivery, err error)
}

// handles tells whether there is a callback for the event.
func (c Callbacks) handles(event Event) bool {
	switch event.(type) {
	case *DeploymentEvent:
		return c.OnDeployment != nil
	case *DeploymentStatusEvent:
		return c.OnDeploymentStatus != nil
	case *DeploymentReviewEvent:
		return c.OnDeploymentReview != nil
	case *DeploymentProtectionRuleEvent:
		return c.OnDeploymentProtectionRule != nil
	case *PingEvent:
		return c.OnPing != nil
	default:
		return c.OnOther != nil
	}
}

// call hands the event to its callback.
func (c Callbacks) call(ctx context.Context, event Event) (err error) {
	if !c.handles(event) {
		return nil
	}
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	switch e := event.(type) {
	case *DeploymentEvent:
		return c.OnDeployment(ctx, e)
	case *DeploymentStatusEvent:
		return c.OnDeploymentStatus(ctx, e)
	case *DeploymentReviewEvent:
		return c.OnDeploymentReview(ctx, e)
	case *DeploymentProtectionRuleEvent:
		return c.OnDeploymentProtectionRule(ctx, e)
	case *PingEvent:
		return c.OnPing(ctx, e)
	default:
		return c.OnOther(ctx, e.Info())
	}
}

// report hands a failure to whoever listens.
func (c Callbacks) report(ctx context.Context, d *Delivery, err error) {
	if c.OnError == nil {
		logFailure(ctx, d, err)
		return
	}
	defer func() {
		if value := recover(); value != nil {
			logFailure(ctx, d, errors.Join(err, &PanicError{Value: value, Stack: debug.Stack()}))
		}
	}()
	c.OnError(ctx, d, err)
}

func logFailure(ctx context.Context, d *Delivery, err error) {
	attrs := []any{slog.String("event", d.Event), slog.String("delivery", d.GUID), slog.Any("error", err)}
	if panicked := (*PanicError)(nil); errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	slog.ErrorContext(ctx, "webhook delivery failed", attrs...)
}
