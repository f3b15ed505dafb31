package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that was cancelled by a signal.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "received the signal " + e.signal.String() }

func (e *signalError) exitCode() int {
	if number, ok := e.signal.(syscall.Signal); ok {
		return exitSignalled + int(number)
	}
	return exitFailed
}

// untilSignal returns a context that the first signal cancels. Later signals
// are ignored: to cancel a job, GitHub Actions sends SIGINT, 7.5 s later
// SIGTERM, and kills 2.5 s after that. The final status needs that time.
//
// GitHub docs: https://docs.github.com/actions/reference/workflows-and-actions/workflow-cancellation
func untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	// Without this, a closed standard output or error ends the program before
	// the final status.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		select {
		case s := <-signals:
			cancel(&signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
