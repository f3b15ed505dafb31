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
	"cmp"
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

const help = `fleet deploys for GitHub's deployment events on many machines.

Usage:
  fleet [demo]
  fleet receive [work] [flags]
  fleet work [flags]

Flags:
`

const environment = `
Environment:
  GH_TOKEN            the token, for work
  GITHUB_TOKEN        the token, if GH_TOKEN is not set
  GITHUB_API_URL      the API root of a GitHub Enterprise Server
  WEBHOOK_SECRET      the secret of the webhook, for receive
  WEBHOOK_SECRET_OLD  the old secret, during its rotation

Exit codes:
  0  all outcomes are reported
  1  they are not, or the start failed
  2  the command line is invalid
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "fleet: %v\nrun fleet -h for the flags\n", err)
		os.Exit(2) //nolint:gocritic // the process ends, so stop is not needed
	case !c.receive && !c.work:
		err = demo(ctx, os.Stdout)
	default:
		context.AfterFunc(ctx, stop) // a second signal ends the program at once
		err = run(ctx, c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

// parse reads the roles and then the flags. Without a role, the program runs
// the demonstration. For -h it prints the help to out.
func parse(args []string, out io.Writer) (config, error) {
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
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	flags.StringVar(&c.broker.url, "nats", "", "connect to NATS at `URL`, several separated by commas\n(default an embedded nats-server)")
	flags.StringVar(&c.broker.creds, "creds", "", "read the NATS credentials from `FILE`")
	flags.StringVar(&c.broker.listen, "listen", "", "let others connect to the embedded nats-server at `HOST:PORT`,\nwithout a password")
	flags.StringVar(&c.broker.store, "store", "fleet-data", "store the data of the embedded nats-server in `DIR`")
	flags.IntVar(&c.broker.partitions, "partitions", 16, "run at most `N` deployments at the same time on all machines;\nthe same on each, and fixed once the stream exists")
	flags.IntVar(&c.broker.replicas, "replicas", 1, "keep `N` copies of each message in a cluster,\nwhen the stream is created")
	flags.DurationVar(&c.broker.window, "window", 7*24*time.Hour, "keep messages and their IDs for `DURATION`,\nwhen the stream is created")
	flags.DurationVar(&c.broker.ackWait, "ack-wait", 30*time.Second, "give the message of a worker to another one after `DURATION`\nwithout a sign of life; the same on each machine")
	flags.StringVar(&c.addr, "addr", "localhost:8080", "receive on `HOST:PORT`, behind an https proxy")
	flags.StringVar(&c.name, "name", "", "name the worker `NAME` in statuses (default HOST-PID)")
	flags.DurationVar(&c.grace, "grace", 25*time.Second, "finish deployments for `DURATION` after a signal")
	takes := flags.Duration("takes", 2*time.Second, "let the simulated deployment take `DURATION`")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprint(out, help)
		flags.SetOutput(out)
		flags.PrintDefaults()
		_, _ = fmt.Fprint(out, environment)
		return c, err
	} else if err != nil {
		return c, err
	}
	c.name = cmp.Or(c.name, fmt.Sprintf("%s-%d", host, os.Getpid()))
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
