package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// receiver is the webhook receiver under load.
type receiver struct {
	server *http.Server
	queue  *webhook.Queue
	url    string
	served chan error
	load   load
	seen   *figures
}

// faults break the receiver on purpose, for the tests of the checks. A nil
// function changes nothing.
type faults struct {
	handler    func(http.Handler) http.Handler
	callback   func(*webhook.DeploymentEvent) *webhook.DeploymentEvent
	options    func(*webhook.QueueOptions)
	unfinished func([]*webhook.Delivery) []*webhook.Delivery
	hold       func(ctx context.Context, id int64) // makes a run longer
}

func startReceiver(ctx context.Context, l load, f *figures) (*receiver, error) {
	verifier, err := webhook.NewVerifier("an older secret", secret)
	if err != nil {
		return nil, err
	}
	opts := webhook.QueueOptions{
		Workers: l.workers, Capacity: l.capacity, Remember: 1_000_000,
		OnDuplicate: func(context.Context, *webhook.Delivery) { f.dropped() },
	}
	if l.faults.options != nil {
		l.faults.options(&opts)
	}
	queue, err := webhook.NewQueue(webhook.Callbacks{
		OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
			if l.faults.callback != nil {
				e = l.faults.callback(e)
			}
			return f.work(ctx, e.Delivery.GUID, e.Deployment.ID)
		},
		OnError: func(_ context.Context, _ *webhook.Delivery, err error) { f.failed(err) },
	}, opts)
	if err != nil {
		return nil, err
	}
	var handler http.Handler = webhook.NewHandler(verifier, queue.Callbacks())
	if l.faults.handler != nil {
		handler = l.faults.handler(handler)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{
		server: &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute},
		queue:  queue,
		url:    "http://" + listener.Addr().String() + "/webhook",
		served: make(chan error, 1),
		load:   l,
		seen:   f,
	}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// shutdownQueue shuts the queue down and records the deliveries that Shutdown
// lists. It waits for the running callbacks.
func (r *receiver) shutdownQueue(ctx context.Context, grace time.Duration) error {
	minute, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r.seen.stopping()
	if grace > 0 {
		short, cancel := context.WithTimeout(minute, grace)
		defer cancel()
		unfinished, err := r.queue.Shutdown(short)
		if r.load.faults.unfinished != nil {
			unfinished = r.load.faults.unfinished(unfinished)
		}
		r.seen.listed(unfinished)
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	_, err := r.queue.Shutdown(minute)
	return err
}

func (r *receiver) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
