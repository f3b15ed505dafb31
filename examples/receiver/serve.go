package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// receiver receives deliveries over HTTP and passes them to the deployer.
type receiver struct {
	addr     string
	grace    time.Duration
	deployer *deployer
	queue    *webhook.Queue
	handler  *webhook.Handler
	log      *slog.Logger

	reconciled atomic.Bool
}

// serve serves until a signal arrives, and then finishes the accepted
// deliveries.
func (r *receiver) serve(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	mux.Handle("/webhook", r.handler)
	mux.HandleFunc("GET /healthz", r.health)
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", r.addr)
	if err != nil {
		return err
	}
	r.log.Info("listening", "url", "http://"+listener.Addr().String()+"/webhook")

	// Listen before reconciling, because GitHub does not repeat a failed
	// delivery.
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(listener) }()
	go func() {
		if err := r.reconcile(ctx); err != nil && ctx.Err() == nil {
			ended <- err // such as a token that GitHub refuses
		}
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	stop() // a second signal ends the program at once
	r.log.Info("shutting down", "grace", r.grace)
	return errors.Join(err, r.shutdown(context.WithoutCancel(ctx), server))
}

// shutdown stops the server first, then the work behind it.
func (r *receiver) shutdown(ctx context.Context, server *http.Server) error {
	inTime, cancel := context.WithTimeout(ctx, r.grace)
	defer cancel()
	if err := server.Shutdown(inTime); err != nil {
		// An incomplete delivery was not acknowledged, so it is not lost.
		r.log.Warn("connections are still open", "error", err)
	}
	unfinished, err := r.queue.Shutdown(inTime)
	for _, d := range unfinished {
		r.log.Warn("not finished: the next start reconciles it", "delivery", d.GUID)
	}
	if err != nil {
		// The contexts of the running deployments have ended; wait for their
		// reports.
		last, cancel := context.WithTimeout(ctx, r.deployer.reportTime+time.Second)
		defer cancel()
		_, again := r.queue.Shutdown(last)
		err = errors.Join(err, again)
	}
	if ids := r.deployer.unreported.ids(); len(ids) > 0 {
		err = errors.Join(err, fmt.Errorf("the outcome of these deployments was not reported: %d", ids))
	}
	return err
}
