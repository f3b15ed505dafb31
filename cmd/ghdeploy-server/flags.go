package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// config holds the values of the flags.
type config struct {
	addr, control string
	public        bool
	keep          int
	tls           bool
	tlsCA         string
	seed          string
	logFormat     string
	hook          ghdeploytest.Webhook
	version       bool
}

const usage = `usage: ghdeploy-server [flags]

A GitHub Deployments server in memory. It prints its address, then a line for each request.

flags:
`

func parse(args []string, help io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("ghdeploy-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&cfg.addr, "addr", "127.0.0.1:0", "listen on this `HOST:PORT`; port 0 takes a free one")
	flags.StringVar(&cfg.control, "control", "", "serve the control API on this `HOST:PORT`, which is never that of -addr; without it there is no control API")
	flags.BoolVar(&cfg.public, "public", false, "accept an -addr or -control that other machines can reach; whoever reaches the server can change what it holds")
	flags.IntVar(&cfg.keep, "keep", defaultKeep, "keep the newest `N` requests and deliveries for the control API")
	flags.BoolVar(&cfg.tls, "tls", false, "serve HTTPS with a certificate that is made at the start")
	flags.StringVar(&cfg.tlsCA, "tls-ca", "", "write the certificate that clients have to trust under -tls to this `FILE`")
	flags.StringVar(&cfg.seed, "seed", "", "start with the repositories, branches, commit statuses and tokens of this JSON `FILE`")
	flags.StringVar(&cfg.hook.URL, "webhook", "", "send events to this `URL`")
	flags.StringVar(&cfg.hook.Secret, "secret", "", "sign the events with this `TEXT`")
	flags.StringVar(&cfg.hook.App, "app", "", "send the events as the webhook of the GitHub App of this `SLUG`, with those of reviews")
	flags.StringVar(&cfg.logFormat, "log-format", logText, "print requests and failed deliveries in this `FORMAT`: text or json")
	flags.BoolVar(&cfg.version, "version", false, "print the version and exit")
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
	}
	return cfg, cfg.check()
}

const (
	defaultKeep = 1000
	maxKeep     = 1_000_000
)

func (cfg config) check() error {
	switch {
	case cfg.hook.URL == "" && (cfg.hook.Secret != "" || cfg.hook.App != ""):
		return errors.New("-secret and -app need -webhook; add -webhook URL")
	case cfg.tlsCA != "" && !cfg.tls:
		return errors.New("-tls-ca needs -tls; add -tls")
	case cfg.logFormat != logText && cfg.logFormat != logJSON:
		return fmt.Errorf("-log-format %q: write text or json", cfg.logFormat)
	case cfg.keep < 0 || cfg.keep > maxKeep:
		return fmt.Errorf("-keep %d: write 0 to %d", cfg.keep, maxKeep)
	case cfg.keep != defaultKeep && cfg.control == "":
		return errors.New("-keep needs -control; add -control HOST:PORT")
	}
	if cfg.hook.URL != "" {
		trial := cfg.hook
		trial.Handler = http.NotFoundHandler() // nothing is sent yet
		if err := refused(func() { ghdeploytest.NewServer(ghdeploytest.WithWebhook(trial)).Close() }); err != nil {
			return fmt.Errorf("-webhook %q: write an absolute URL, like http://127.0.0.1:8080/hook", cfg.hook.URL)
		}
	}
	if err := checkAddr("-addr", cfg.addr, cfg.public); err != nil || cfg.control == "" {
		return err
	}
	if err := checkAddr("-control", cfg.control, cfg.public); err != nil {
		return err
	}
	_, api, _ := net.SplitHostPort(cfg.addr)
	if _, port, _ := net.SplitHostPort(cfg.control); port == api && port != "0" && port != "" {
		return fmt.Errorf("-control %q has the port of -addr; the control API needs a port of its own", cfg.control)
	}
	return nil
}

// checkAddr rejects an address that is not loopback, unless public is set. Of
// host names it accepts only localhost: another name can change its address.
func checkAddr(name, addr string, public bool) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s %q: write HOST:PORT, like 127.0.0.1:8080", name, addr)
	}
	if public || strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s %q is not a loopback address: other machines could change the server's data; add -public to allow this", name, addr)
}
