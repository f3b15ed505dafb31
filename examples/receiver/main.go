// The receiver is a third party that deploys. GitHub sends it the event of a
// new deployment; it acknowledges, deploys, and reports how that goes. Put your
// own deployment in place of the function deploy.
//
//	WEBHOOK_SECRET=... GITHUB_TOKEN=... go run ./examples/receiver -addr :8080
//
// WEBHOOK_SECRET is the secret of the webhook; while it is being changed,
// WEBHOOK_SECRET_OLD holds the one before. On SIGTERM or an interrupt it takes
// no more deliveries, finishes what it has accepted, and exits with 0; what it
// could not finish in time it lists, and exits with 1. A second signal ends it at
// once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// config is what the flags say.
type config struct {
	addr    string
	grace   time.Duration
	takes   time.Duration
	workers int
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "localhost:8080", "listen on this `address`; GitHub has to reach it over https, through a proxy")
	flag.DurationVar(&c.grace, "grace", 25*time.Second, "how long to finish work after a signal")
	flag.DurationVar(&c.takes, "takes", 2*time.Second, "how long the pretended deployment takes")
	flag.IntVar(&c.workers, "workers", 4, "how many deployments run at once")
	flag.Parse()

	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	if err := run(context.Background(), c, log); err != nil {
		log.Error("the receiver failed", "error", err)
		os.Exit(1)
	}
}

// run serves until a signal comes, and then finishes what it has begun.
func run(ctx context.Context, c config, log *slog.Logger) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
	if err != nil {
		return err
	}
	secrets := []string{os.Getenv("WEBHOOK_SECRET")}
	if old := os.Getenv("WEBHOOK_SECRET_OLD"); old != "" {
		secrets = append(secrets, old)
	}
	verifier, err := webhook.NewVerifier(secrets...)
	if err != nil {
		return fmt.Errorf("WEBHOOK_SECRET: %w", err)
	}
	d := &deployer{
		statuses: client.Statuses,
		log:      log,
		deploy:   func(ctx context.Context, d ghdeploy.Deployment) (string, error) { return deploy(ctx, d, c.takes) },
	}
	queue, err := webhook.NewQueue(webhook.Callbacks{OnDeployment: d.onDeployment}, webhook.QueueOptions{Workers: c.workers})
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("/webhook", webhook.NewHandler(verifier, queue.Callbacks()))
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.addr)
	if err != nil {
		return err
	}
	log.Info("listening", "url", "http://"+listener.Addr().String()+"/webhook")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		stop() // a second signal ends the program at once
		log.Info("shutting down", "grace", c.grace)
	}
	return shutdown(context.WithoutCancel(ctx), server, queue, c.grace, log)
}

// shutdown stops in the order in which deliveries come: first the door, then
// the work behind it.
func shutdown(ctx context.Context, server *http.Server, queue *webhook.Queue, grace time.Duration, log *slog.Logger) error {
	inTime, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	var served error
	if err := server.Shutdown(inTime); err != nil {
		// Nothing is lost: what has not come whole was not acknowledged.
		log.Warn("cutting connections that are still open", "error", err)
		served = server.Close()
	}
	unfinished, worked := queue.Shutdown(inTime)
	for _, d := range unfinished {
		// GitHub redelivers when it is asked to:
		// https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks
		log.Error("not finished: redeliver it", "event", d.Event, "delivery", d.GUID)
	}
	if worked != nil {
		// The contexts of the running ones have ended: a moment to report that.
		last, cancel := context.WithTimeout(ctx, reportTimeout+time.Second)
		defer cancel()
		_, err := queue.Shutdown(last)
		worked = errors.Join(worked, err)
	}
	return errors.Join(served, worked)
}
