// Fleet deploys on many machines. Any number of receivers verify GitHub's
// deliveries and publish them to NATS JetStream; any number of workers consume
// them and deploy. Replace the function deploy with your own deployment.
//
//	go run .                            # a demonstration, everything embedded
//	go run . receive work -addr :8080   # both roles, with an embedded nats-server
//	go run . receive -nats nats://nats.example.com -addr :8080
//	go run . work -nats nats://nats.example.com
//
// Receivers need WEBHOOK_SECRET, the secret of the webhook. Workers need
// GITHUB_TOKEN, a token that can report statuses. On SIGTERM or an interrupt
// the program accepts no more deliveries and messages, and finishes the running
// deployments. It exits with 0, or with 1 if an outcome could not be reported.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// config holds the roles and the values of the flags.
type config struct {
	receive, work bool
	broker        brokerConfig
	addr, name    string
	grace         time.Duration
	deploy        func(ctx context.Context, d *ghdeploy.Deployment) (url string, err error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err == nil && !c.receive && !c.work:
		err = demo(ctx, os.Stdout)
	case err == nil:
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
		err = run(ctx, c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1) //nolint:gocritic // the process ends, so stop is not needed
	}
}

// parse reads the roles and then the flags. Without a role, the program runs
// the demonstration.
func parse(args []string, usage io.Writer) (config, error) {
	var c config
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "receive":
			c.receive = true
		case "work":
			c.work = true
		case "demo":
			if len(args) > 1 || c.receive || c.work {
				return c, errors.New("demo takes no other role and no flags")
			}
		default:
			return c, fmt.Errorf("unknown role %q; use receive, work, both, or demo", args[0])
		}
		args = args[1:]
	}
	host, _ := os.Hostname()
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&c.broker.url, "nats", "", "the `URL` of NATS; several with commas. Without it, an embedded nats-server")
	flags.StringVar(&c.broker.creds, "creds", "", "the `file` with the NATS credentials")
	flags.StringVar(&c.broker.listen, "listen", "", "the `address` at which others connect to the embedded nats-server, without a password")
	flags.StringVar(&c.broker.store, "store", "fleet-data", "the `directory` of the embedded nats-server's data")
	flags.IntVar(&c.broker.partitions, "partitions", 16, "how many deployments can run at once on all machines; the same on each, and fixed once the stream exists")
	flags.IntVar(&c.broker.replicas, "replicas", 1, "copies of each message in a cluster, when the stream is created")
	flags.DurationVar(&c.broker.window, "window", 7*24*time.Hour, "how long messages and their ids are kept, when the stream is created")
	flags.DurationVar(&c.broker.ackWait, "ack-wait", 30*time.Second, "after which silence of a worker its message is given to another; the same on each")
	flags.StringVar(&c.addr, "addr", "localhost:8080", "receive on this `address`; GitHub has to reach it over https, through a proxy")
	flags.StringVar(&c.name, "name", fmt.Sprintf("%s-%d", host, os.Getpid()), "the worker's name in statuses")
	flags.DurationVar(&c.grace, "grace", 25*time.Second, "how long to finish work after a signal")
	takes := flags.Duration("takes", 2*time.Second, "how long the pretended deployment takes")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.deploy = deploy(*takes)
	switch {
	case flags.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q; roles come before flags", flags.Arg(0))
	case !c.receive && !c.work && flags.NFlag() > 0:
		return c, errors.New("name a role before the flags: receive, work, or both")
	case c.receive != c.work && c.broker.url == "" && c.broker.listen == "":
		return c, errors.New("a single role needs -nats, or -listen so that the other role can connect")
	}
	return c, nil
}

// run serves the roles until ctx ends, and then finishes the running
// deployments.
func run(ctx context.Context, c config, log *slog.Logger) error {
	var verifier *webhook.Verifier
	var client *ghdeploy.Client
	var err error
	if c.receive {
		secrets := []string{os.Getenv("WEBHOOK_SECRET")}
		if old := os.Getenv("WEBHOOK_SECRET_OLD"); old != "" {
			secrets = append(secrets, old)
		}
		if verifier, err = webhook.NewVerifier(secrets...); err != nil {
			return fmt.Errorf("WEBHOOK_SECRET: %w", err)
		}
	}
	if c.work {
		if client, err = ghdeploy.NewClient(ghdeploy.FromEnvironment()); err != nil {
			return err
		}
	}
	b, err := open(ctx, c.broker, "fleet "+c.name)
	if err != nil {
		return err
	}
	defer b.close()
	if b.embedded != nil && c.broker.listen != "" {
		log.Info("nats-server is listening", "url", b.embedded.ClientURL())
	}

	// A role that fails ends the other one.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 2)
	roles := 0
	start := func(role func(context.Context) error) {
		roles++
		go func() {
			err := role(ctx)
			cancel(err)
			ended <- err
		}()
	}
	if c.receive {
		start(func(ctx context.Context) error { return (&receiver{b, log}).serve(ctx, c.addr, verifier) })
	}
	if c.work {
		w := &worker{name: c.name, broker: b, client: client, deploy: c.deploy, grace: c.grace, log: log, backoff: minBackoff}
		start(w.run)
	}
	var failed []error
	for range roles {
		failed = append(failed, <-ended)
	}
	return errors.Join(failed...)
}

// serve receives until ctx ends, and then finishes the requests in flight.
func (r *receiver) serve(ctx context.Context, addr string, verifier *webhook.Verifier) error {
	server := &http.Server{
		Handler:           r.handler(verifier),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	r.log.Info("receiving", "url", "http://"+listener.Addr().String()+"/webhook")
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWait+time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
