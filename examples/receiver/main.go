// The receiver acknowledges GitHub's deployment events, deploys, and reports
// the outcomes. README.md says how to run it. To use it, replace the function
// deploy.
//
//	WEBHOOK_SECRET=... GITHUB_TOKEN=... \
//	  go run ./examples/receiver -repo octocat/example
//
// During the rotation of the webhook's secret, WEBHOOK_SECRET_OLD holds the old
// one. On SIGTERM or an interrupt the receiver accepts no more deliveries and
// finishes the accepted ones. It exits with 0 if all of them are finished and
// reported, else with 1. A second signal ends it at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// config holds the values of the flags.
type config struct {
	addr         string
	repos        []string
	environments []string
	name         string
	workers      int
	capacity     int
	grace        time.Duration
	report       time.Duration
	takes        time.Duration
}

const help = `receiver deploys for GitHub's deployment events.

Usage:
  receiver -repo OWNER/NAME [flags]

Flags:
`

const environment = `
Environment:
  GH_TOKEN            the token
  GITHUB_TOKEN        the token, if GH_TOKEN is not set
  GITHUB_API_URL      the API root of a GitHub Enterprise Server
  WEBHOOK_SECRET      the secret of the webhook
  WEBHOOK_SECRET_OLD  the old secret, during its rotation

Exit codes:
  0  all accepted deliveries are finished and reported
  1  they are not, or the start failed
  2  the command line is invalid
`

func main() {
	c, err := parseFlags(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintf(os.Stderr, "receiver: %v\nrun receiver -h for the flags\n", err)
		os.Exit(2)
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	slog.SetDefault(log)
	if err := run(context.Background(), c, log); err != nil {
		log.Error("the receiver failed", "error", err)
		os.Exit(1)
	}
}

// parseFlags parses the command line. For -h it prints the help to out.
func parseFlags(args []string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("receiver", flag.ContinueOnError)
	flags.StringVar(&c.addr, "addr", "localhost:8080", "listen on `HOST:PORT`, behind an https proxy")
	flags.Func("repo", "deploy the repository `OWNER/NAME`; repeat for several (required)", appendTo(&c.repos))
	flags.Func("environment", "deploy only to `NAME`; repeat for several (default all)", appendTo(&c.environments))
	flags.StringVar(&c.name, "name", "receiver", "recognise own runs after a restart by `NAME`")
	flags.IntVar(&c.workers, "workers", 4, "run at most `N` deployments at the same time")
	flags.IntVar(&c.capacity, "capacity", 100, "let at most `N` deployments wait")
	flags.DurationVar(&c.grace, "grace", 25*time.Second, "finish deployments for `DURATION` after a signal")
	flags.DurationVar(&c.report, "report", 10*time.Second, "report outcomes for `DURATION` after the grace")
	flags.DurationVar(&c.takes, "takes", 2*time.Second, "let the simulated deployment take `DURATION`")
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprint(out, help)
		flags.SetOutput(out)
		flags.PrintDefaults()
		_, _ = fmt.Fprint(out, environment)
	}
	return c, err
}

func appendTo(list *[]string) func(string) error {
	return func(value string) error {
		if value == "" {
			return errors.New("the value is empty")
		}
		*list = append(*list, value)
		return nil
	}
}

// run reads the environment and serves until a signal arrives.
func run(ctx context.Context, c config, log *slog.Logger) error {
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
	r, err := newReceiver(c, client, verifier, log)
	if err != nil {
		return err
	}
	return r.serve(ctx)
}

// newReceiver returns a receiver for the configuration.
func newReceiver(c config, client *ghdeploy.Client, verifier *webhook.Verifier, log *slog.Logger) (*receiver, error) {
	d := &deployer{
		environments: c.environments,
		progress:     "Deploying by " + c.name,
		deploy: func(ctx context.Context, d ghdeploy.Deployment) (string, error) {
			return deploy(ctx, d, c.takes)
		},
		reportTime: c.report,
		log:        log,
	}
	if len(c.repos) == 0 {
		return nil, errors.New("no repository: set -repo OWNER/NAME")
	}
	for _, name := range c.repos {
		owner, name, err := ghdeploy.ParseRepository(name)
		if err != nil {
			return nil, fmt.Errorf("-repo: %w", err)
		}
		d.repos = append(d.repos, rollout.Repo{Client: client, Owner: owner, Name: name})
	}
	queue, err := webhook.NewQueue(webhook.Callbacks{OnDeployment: d.onDeployment}, webhook.QueueOptions{
		Workers: c.workers, Capacity: c.capacity, Key: lane,
		OnDuplicate: func(_ context.Context, delivery *webhook.Delivery) {
			log.Info("duplicate delivery dropped", "delivery", delivery.GUID)
		},
	})
	if err != nil {
		return nil, err
	}
	return &receiver{
		addr: c.addr, grace: c.grace, deployer: d, queue: queue,
		handler: webhook.NewHandler(verifier, queue.Callbacks()), log: log,
	}, nil
}
