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
	patience   = 5                // attempts at a message that GitHub refuses
	reportWait = 10 * time.Second // for an outcome, once the worker was stopped
)

// worker takes messages, one of each partition at a time, and deploys.
type worker struct {
	name   string
	broker *broker
	client *ghdeploy.Client
	deploy func(ctx context.Context, d *ghdeploy.Deployment) (url string, err error)
	grace  time.Duration // for running deployments, once the context has ended
	log    *slog.Logger

	backoff    time.Duration // after the first failure; doubled after each
	unreported atomic.Int64  // outcomes that could not be reported
}

// run works until ctx ends, and then finishes the deployments that run.
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

// next waits for a message of a partition and handles it. It returns after half
// of the ack wait without one, so that the lease of a message is never used up
// when it arrives.
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
		w.log.Warn("cannot take messages", "error", err)
		pause(ctx, time.Second)
	}
}

// handle works on one message and tells JetStream how that ended. A message
// whose lease is lost is not acknowledged: another worker has it.
func (w *worker) handle(stopped context.Context, msg jetstream.Msg, requested time.Time) {
	log := w.log.With("delivery", msg.Headers().Get(guidHeader))
	ctx, l, release := hold(context.WithoutCancel(stopped), w.broker.conn, msg, requested, w.broker.ackWait)
	defer release()
	event, err := webhook.Parse(msg.Headers().Get(eventHeader), msg.Data())
	e, ok := event.(*webhook.DeploymentEvent)
	if !ok {
		log.Error("dropped a message that is no deployment", "subject", msg.Subject(), "error", err)
		w.tell(log, msg.TermWithReason("not a deployment"))
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
		log.Error("lost the message: another worker decides", "error", err)
	case err == nil:
		w.tell(log, msg.DoubleAck(ctx))
	case refused(err) && attempts >= patience:
		log.Error("gave up: GitHub refuses", "attempts", attempts, "error", err)
		w.tell(log, msg.TermWithReason("GitHub refuses"))
	default:
		wait := min(w.backoff<<min(attempts-1, 10), maxBackoff)
		log.Warn("not settled", "retry_after", wait, "error", err)
		w.tell(log, msg.NakWithDelay(wait))
	}
}

// tell logs that JetStream could not be told. It redelivers the message then,
// and the API says that its deployment is final.
func (w *worker) tell(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("the message will be redelivered", "error", err)
	}
}

// refused reports whether GitHub refuses the same request next time too.
func refused(err error) bool {
	return errors.Is(err, ghdeploy.ErrNotFound) || errors.Is(err, ghdeploy.ErrValidation) || errors.Is(err, ghdeploy.ErrInvalidArgument)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
