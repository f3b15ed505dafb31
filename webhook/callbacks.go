package webhook

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
)

// Callbacks are the functions that handle the events, one for each type. An
// event without a callback is acknowledged and ignored. If a callback returns
// an error, the delivery fails. If it panics, the delivery fails with a
// [*PanicError], and the program continues.
//
// ctx is the context of the request. Behind a [Queue], it outlives the request:
// see [Queue.Callbacks].
type Callbacks struct {
	OnDeployment               func(ctx context.Context, e *DeploymentEvent) error
	OnDeploymentStatus         func(ctx context.Context, e *DeploymentStatusEvent) error
	OnDeploymentReview         func(ctx context.Context, e *DeploymentReviewEvent) error
	OnDeploymentProtectionRule func(ctx context.Context, e *DeploymentProtectionRuleEvent) error
	OnPing                     func(ctx context.Context, e *PingEvent) error
	OnOther                    func(ctx context.Context, d *Delivery) error // an event of any other name

	// OnError is called for each delivery that was refused or that failed.
	//
	// Anyone on the network can cause the errors of a delivery without a valid
	// signature: [ErrNoSignature], [ErrBadSignature], [ErrAmbiguousHeader],
	// [ErrTooLarge], [ErrContentType], and an error of reading the body. Do not
	// let them fill a log or trigger an alert. The other errors are a
	// [*DecodeError] and the errors of a callback or a [Queue]. The Delivery of
	// a refused request has no Raw. Its headers can be long and hold any
	// character.
	//
	// The default logs through [slog.Default]: at [slog.LevelDebug] without a
	// valid signature, else at [slog.LevelError]. It logs at most 200 bytes of
	// a header, with control and bidirectional characters escaped. The default
	// is also used if OnError panics.
	OnError func(ctx context.Context, d *Delivery, err error)
}

// handles reports whether there is a callback for the event.
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

// call calls the callback of the event.
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

// report calls OnError. It logs at the level if OnError is nil or panics.
func (c Callbacks) report(ctx context.Context, d *Delivery, err error, level slog.Level) {
	if c.OnError == nil {
		logFailure(ctx, d, err, level)
		return
	}
	defer func() {
		if value := recover(); value != nil {
			logFailure(ctx, d, errors.Join(err, &PanicError{Value: value, Stack: debug.Stack()}), level)
		}
	}()
	c.OnError(ctx, d, err)
}
