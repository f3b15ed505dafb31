package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errLeaseLost ends the work on a message that JetStream may have given to
// another worker.
var errLeaseLost = errors.New("JetStream did not confirm in time that this worker still has the message")

var inProgress = []byte("+WPI") // restarts the ack wait

// lease is the time for which this worker has a message. Each in-progress ack
// that JetStream confirms extends it, counted from the time it was sent.
type lease struct {
	conn  *nats.Conn
	reply string
	wait  time.Duration

	mu    sync.Mutex
	until time.Time
}

// hold extends the lease until stop is called. When the lease ends, it cancels
// the context with errLeaseLost. The lease starts at requested, because
// JetStream cannot have sent the message earlier.
func hold(ctx context.Context, conn *nats.Conn, msg jetstream.Msg, requested time.Time, wait time.Duration) (leased context.Context, l *lease, stop func()) {
	l = &lease{conn: conn, reply: msg.Reply(), wait: wait, until: requested.Add(wait)}
	leased, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause := time.Duration(0); ; pause = min(wait/4, l.left()) {
			select {
			case <-leased.Done():
				return
			case <-time.After(pause):
			}
			if !l.extend(leased) {
				cancel(errLeaseLost)
				return
			}
		}
	}()
	return leased, l, func() {
		cancel(context.Canceled)
		<-done
	}
}

// extend sends one in-progress ack, and reports whether the lease still lasts.
func (l *lease) extend(ctx context.Context) bool {
	left := l.left()
	if left <= 0 {
		return false
	}
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, min(l.wait/4, left))
	defer cancel()
	if _, err := l.conn.RequestWithContext(ctx, l.reply, inProgress); err == nil {
		l.mu.Lock()
		l.until = sent.Add(l.wait)
		l.mu.Unlock()
	}
	return l.left() > 0
}

// left returns the time until JetStream can give the message to another worker.
func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until)
}
