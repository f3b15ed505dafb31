package webhook

import (
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// What is wrong with a delivery, for [errors.Is].
var (
	// ErrNoSignature is a delivery without X-Hub-Signature-256. GitHub signs
	// once the webhook has a secret. One that carries X-Hub-Signature alone,
	// the older SHA-1, is refused as well; the error's text says so.
	ErrNoSignature = errors.New("webhook: no signature")
	// ErrBadSignature is a signature that none of the secrets makes of this body.
	ErrBadSignature = errors.New("webhook: the signature does not match")
	// ErrTooLarge is a body above [MaxBody].
	ErrTooLarge = errors.New("webhook: the body is too large")
	// ErrContentType is a body that is neither application/json nor
	// application/x-www-form-urlencoded.
	ErrContentType = errors.New("webhook: content type not supported")

	// ErrQueueFull is a delivery for which a [Queue] has no room.
	ErrQueueFull = errors.New("webhook: the queue is full")
	// ErrQueueClosed is a delivery that came after [Queue.Shutdown].
	ErrQueueClosed = errors.New("webhook: the queue is shut down")
)

// DecodeError is a delivery with a valid signature whose payload cannot be
// read.
type DecodeError struct {
	Event string // X-GitHub-Event
	GUID  string // X-GitHub-Delivery
	Err   error  // what is wrong with it
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("webhook: event %q, delivery %q: %v", e.Event, e.GUID, e.Err)
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// PanicError is a callback that panicked: its delivery failed, the program
// goes on.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // where, as [runtime/debug.Stack] formats it
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("webhook: the callback panicked: %v", e.Value)
}

// Unwrap returns the value it panicked with, where that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// errExited is a callback that ended its goroutine instead of returning, as
// runtime.Goexit does.
var errExited = errors.New("webhook: the callback ended its goroutine")

func invalidArgument(format string, args ...any) error {
	return fmt.Errorf("webhook: "+format+": %w", append(args, ghdeploy.ErrInvalidArgument)...)
}
