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
var errLeaseLost = errors.New("JetStream did not confirm in time that the message is still ours")

var inProgress = []byte("+WPI") // JetStream starts the ack wait anew

// lease is the time in which a message belongs to this worker. It is extended
// by acks in progress that JetStream confirmed, counted from when each was sent.
type lease struct {
	conn  *nats.Conn
	reply string
	wait  time.Duration

	mu    sync.Mutex
	until time.Time
}

// hold extends the lease until stop is called. The context ends with
// errLeaseLost when the lease does. requested is when the message was asked for:
// JetStream cannot have sent it earlier.
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

// extend sends one ack in progress, and reports whether the lease still lasts.
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

// left is how long JetStream cannot give the message to another worker.
func (l *lease) left() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until)
}
