package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

const (
	minBackoff = time.Second
	maxBackoff = time.Minute
	patience   = 5                // attempts of a message that GitHub refuses
	reportWait = 10 * time.Second // time to report an outcome once the worker is stopped
)

// worker takes messages, one of each partition at a time, and deploys.
type worker struct {
	name   string
	broker *broker
	client *ghdeploy.Client
	deploy func(ctx context.Context, d *ghdeploy.Deployment) (url string, err error)
	grace  time.Duration // time to finish running deployments once the context has ended
	log    *slog.Logger

	backoff    time.Duration // wait after the first failure; doubles after each
	unreported atomic.Int64  // outcomes that could not be reported
}

// run works until ctx ends, and then finishes the running deployments.
func (w *worker) run(ctx context.Context) error {
	stopped, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var partitions sync.WaitGroup
	for _, consumer := range w.broker.partitions {
		partitions.Go(func() {
			for ctx.Err() == nil {
				w.next(ctx, stopped, consumer)
			}
		})
	}
	<-ctx.Done()
	timer := time.AfterFunc(w.grace, func() { stop(errStopped) })
	partitions.Wait()
	timer.Stop()
	if n := w.unreported.Load(); n > 0 {
		return fmt.Errorf("outcomes that could not be reported: %d; the log has each", n)
	}
	return nil
}

// next waits for a message of a partition and handles it. It waits at most half
// of the ack wait, so that an arriving message still has half of its lease.
func (w *worker) next(ctx, stopped context.Context, consumer jetstream.Consumer) {
	requested := time.Now()
	waiting, cancel := context.WithTimeout(ctx, w.broker.ackWait/2)
	defer cancel()
	batch, err := consumer.Fetch(1, jetstream.FetchContext(waiting))
	if err == nil {
		for msg := range batch.Messages() {
			w.handle(stopped, msg, requested)
			return
		}
		err = batch.Error()
	}
	if err != nil && waiting.Err() == nil {
		w.log.Warn("cannot fetch messages", "error", err)
		pause(ctx, time.Second)
	}
}

// handle processes one message and acknowledges it. It does not acknowledge a
// message whose lease is lost, because another worker has it.
func (w *worker) handle(stopped context.Context, msg jetstream.Msg, requested time.Time) {
	log := w.log.With("delivery", msg.Headers().Get(guidHeader))
	ctx, l, release := hold(context.WithoutCancel(stopped), w.broker.conn, msg, requested, w.broker.ackWait)
	defer release()
	event, err := webhook.Parse(msg.Headers().Get(eventHeader), msg.Data())
	e, ok := event.(*webhook.DeploymentEvent)
	if !ok {
		log.Error("dropped a message that is not a deployment", "subject", msg.Subject(), "error", err)
		w.logAck(log, msg.TermWithReason("not a deployment"))
		return
	}
	log = log.With("deployment", e.Deployment.ID)
	err = w.settle(ctx, stopped, log, e)
	attempts := uint64(1)
	if meta, err := msg.Metadata(); err == nil {
		attempts = meta.NumDelivered
	}
	switch {
	case l.left() <= 0:
		log.Error("lost the message to another worker", "error", err)
	case err == nil:
		w.logAck(log, msg.DoubleAck(ctx))
	case refused(err) && attempts >= patience:
		log.Error("dropped a message that GitHub refuses", "attempts", attempts, "error", err)
		w.logAck(log, msg.TermWithReason("GitHub refuses"))
	default:
		wait := min(w.backoff<<min(attempts-1, 10), maxBackoff)
		log.Warn("not settled", "retry_after", wait, "error", err)
		w.logAck(log, msg.NakWithDelay(wait))
	}
}

// logAck logs a failed acknowledgement. JetStream then redelivers the message,
// and the next worker finds the deployment's final status.
func (w *worker) logAck(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("the message will be redelivered", "error", err)
	}
}

// refused reports whether GitHub will refuse the same request every time.
func refused(err error) bool {
	return errors.Is(err, ghdeploy.ErrNotFound) || errors.Is(err, ghdeploy.ErrValidation) || errors.Is(err, ghdeploy.ErrInvalidArgument)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
