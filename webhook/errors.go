package webhook

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// The errors of a refused delivery, for [errors.Is].
var (
	// ErrNoSignature: X-Hub-Signature-256 is missing. GitHub sends it if the
	// webhook has a secret. The older X-Hub-Signature (SHA-1) is not accepted.
	ErrNoSignature = errors.New("webhook: no signature")
	// ErrBadSignature: the signature is malformed, or it is not the signature
	// of this body with any of the secrets.
	ErrBadSignature = errors.New("webhook: the signature does not match")
	// ErrAmbiguousHeader: a header that this package reads has two different
	// values. Names that differ only in case are the same header.
	ErrAmbiguousHeader = errors.New("webhook: a header has two values")
	// ErrTooLarge: the body is larger than [MaxBody] or [Handler].MaxBody.
	ErrTooLarge = errors.New("webhook: the body is too large")
	// ErrContentType: the body is neither application/json nor
	// application/x-www-form-urlencoded.
	ErrContentType = errors.New("webhook: content type not supported")

	// ErrQueueFull: the [Queue] holds [QueueOptions].Capacity waiting
	// deliveries.
	ErrQueueFull = errors.New("webhook: the queue is full")
	// ErrQueueClosed: [Queue.Shutdown] was called before the delivery arrived.
	ErrQueueClosed = errors.New("webhook: the queue is shut down")
)

// DecodeError is the error of a payload that cannot be decoded. If it comes
// from a [Verifier] or a [Handler], the signature was valid.
type DecodeError struct {
	Event string // X-GitHub-Event
	GUID  string // X-GitHub-Delivery
	Err   error  // the reason
}

// Error returns the reason with the event and the GUID, at most 200 bytes of
// each.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("webhook: event %s, delivery %s: %v", quoted(e.Event), quoted(e.GUID), e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// PanicError is the error of a callback that panicked.
type PanicError struct {
	Value any    // the argument of panic
	Stack []byte // the stack of the panic, as [runtime/debug.Stack] formats it
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("webhook: the callback panicked: %v", e.Value)
}

// Unwrap returns the argument of panic if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errExited is the error of a callback that ended its goroutine, as
// runtime.Goexit does.
var errExited = errors.New("webhook: the callback ended its goroutine")

func invalidArgument(format string, args ...any) error {
	return fmt.Errorf("webhook: "+format+": %w", append(args, ghdeploy.ErrInvalidArgument)...)
}
