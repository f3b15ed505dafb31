// Ghdeploy-server is a GitHub Deployments server in memory that obeys GitHub's rules: package ghdeploytest as a program,
// for clients in any language and for trying things by hand.
//
//	go run github.com/ghdeploy/ghdeploy/cmd/ghdeploy-server
//
// It prints its address, and then a line for each request: method, path, status, operation, duration. The API answers
// under the address and, as on GitHub Enterprise Server, under /api/v3. It ends on an interrupt or SIGTERM, and forgets
// everything.
//
// Without a seed it holds the public repository octocat/example with the branch main, and takes any token:
//
//	curl -H "Authorization: Bearer any" -d '{"ref":"main"}' http://127.0.0.1:PORT/repos/octocat/example/deployments
//
// # Seed
//
// -seed reads what the server starts with from a JSON file. All keys are those of ghdeploytest.Seed:
//
//	{
//	  "repositories": [
//	    {
//	      "full_name": "octocat/example",
//	      "default_branch": "main",
//	      "branches": [
//	        {"name": "topic", "behind": true},
//	        {"name": "clash", "conflict": true},
//	        {"name": "red", "statuses": [
//	          {"context": "build", "state": "failure"},
//	          {"context": "lint", "state": "success"}
//	        ]}
//	      ],
//	      "tags": [{"name": "v1.0.0"}]
//	    },
//	    {"full_name": "octocat/secret", "private": true}
//	  ],
//	  "tokens": [
//	    {"value": "all", "login": "octocat"},
//	    {"value": "reader", "login": "hubot", "permissions": {"deployments": "read"}, "repositories": ["octocat/example"]},
//	    {"value": "app", "app": "rollout-bot", "permissions": {"deployments": "write"}}
//	  ]
//	}
//
// Once a seed names tokens, any other is refused.
//
// # Webhooks
//
// -webhook sends deployment and deployment_status events of every repository to an address, signed with -secret. With
// -app they are those of a GitHub App: they name the installation, and those of reviews come too. A delivery that fails
// gets a line on standard error; as on GitHub, it is not sent again.
//
// # Who can reach it
//
// Whoever reaches the server can change what it holds, and with -webhook make it send requests. So it listens on a
// loopback address only, unless -public says that another one is meant.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = serve(ctx, cfg, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ghdeploy-server:", err)
		os.Exit(2) //nolint:gocritic // stop only gives the signals back
	}
}

type config struct {
	addr   string
	public bool
	seed   string
	hook   ghdeploytest.Webhook
}

const usage = `usage: ghdeploy-server [-addr HOST:PORT] [-seed FILE] [-webhook URL [-secret TEXT] [-app SLUG]]

A GitHub Deployments server in memory. It prints its address, then a line for each request.

`

func parse(args []string, help io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("ghdeploy-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&cfg.addr, "addr", "127.0.0.1:0", "listen on this `HOST:PORT`; port 0 takes a free one")
	flags.BoolVar(&cfg.public, "public", false, "accept an -addr that other machines can reach; whoever reaches the server can change what it holds")
	flags.StringVar(&cfg.seed, "seed", "", "start with the repositories, branches, commit statuses and tokens of this JSON `FILE`")
	flags.StringVar(&cfg.hook.URL, "webhook", "", "send events to this `URL`")
	flags.StringVar(&cfg.hook.Secret, "secret", "", "sign the events with this `TEXT`")
	flags.StringVar(&cfg.hook.App, "app", "", "send the events as the webhook of the GitHub App of this `SLUG`; those of reviews too")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(help, usage)
		flags.SetOutput(help)
		flags.PrintDefaults()
		return cfg, err
	case err != nil:
		return cfg, fmt.Errorf("%w (-help lists the flags)", err)
	case flags.NArg() > 0:
		return cfg, fmt.Errorf("unexpected argument %q; a seed goes behind -seed", flags.Arg(0))
	case cfg.hook.URL == "" && (cfg.hook.Secret != "" || cfg.hook.App != ""):
		return cfg, errors.New("-secret and -app are for -webhook, which is missing")
	}
	if cfg.hook.URL != "" {
		trial := cfg.hook
		trial.Handler = http.NotFoundHandler() // nothing is sent yet
		if err := refused(func() { ghdeploytest.NewServer(ghdeploytest.WithWebhook(trial)).Close() }); err != nil {
			return cfg, fmt.Errorf("-webhook %q: write a whole address, like http://127.0.0.1:8080/hook", cfg.hook.URL)
		}
	}
	return cfg, checkAddr(cfg.addr, cfg.public)
}

// checkAddr refuses an address that other machines may reach, unless that is meant. No name but localhost is looked up:
// what it stands for may change.
func checkAddr(addr string, public bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("-addr %q: write HOST:PORT, like 127.0.0.1:8080", addr)
	}
	if public || strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback() {
		return nil
	}
	return fmt.Errorf("-addr %q is not a loopback address: others could change what the server holds; add -public if you mean it", addr)
}

// serve runs the server until ctx ends.
func serve(ctx context.Context, cfg config, out, errs io.Writer) error {
	opts := []ghdeploytest.Option{
		ghdeploytest.WithRequestLog(requestLog(out)),
		ghdeploytest.WithDeliveryLog(failures(errs)),
		ghdeploytest.WithLogSize(0), // they are printed, and nobody asks for them again
	}
	if cfg.seed != "" {
		seed, err := readSeed(cfg.seed)
		if err != nil {
			return err
		}
		opts = append(opts, ghdeploytest.WithSeed(seed))
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	opts = append(opts, ghdeploytest.WithListener(ln))
	if cfg.hook.URL != "" {
		opts = append(opts, ghdeploytest.WithWebhook(cfg.hook))
	}
	srv := ghdeploytest.NewServer(opts...)
	defer srv.Close()
	_, _ = fmt.Fprintln(out, srv.URL()) //nolint:contextcheck // the listener is there already
	<-ctx.Done()
	return nil
}

// refused runs a setup and returns what it panics with: package ghdeploytest refuses so what cannot be meant.
func refused(setup func()) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case string:
			text, ok := strings.CutPrefix(p, "ghdeploytest: ")
			if !ok {
				panic(p)
			}
			err = errors.New(text)
		default:
			panic(p)
		}
	}()
	setup()
	return nil
}
