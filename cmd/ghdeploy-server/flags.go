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
	"github.com/ghdeploy/ghdeploy/internal/usage"
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

var command = usage.Program{
	Name:     "ghdeploy-server",
	Does:     "runs a GitHub Deployments server in memory.",
	Synopsis: []string{"[flags]"},
}

// parse parses the command line. If ok is false, the program must exit with
// code.
func parse(args []string, stdout, stderr io.Writer) (cfg config, code int, ok bool) {
	flags := flag.NewFlagSet(command.Name, flag.ContinueOnError)
	flags.StringVar(&cfg.addr, "addr", "127.0.0.1:0", "listen on `HOST:PORT`; port 0 takes a free one")
	flags.StringVar(&cfg.control, "control", "", "serve the control API on `HOST:PORT`, with another port than -addr")
	flags.BoolVar(&cfg.public, "public", false, "accept a public -addr or -control; every client can change the data")
	flags.IntVar(&cfg.keep, "keep", defaultKeep, "keep the newest `N` requests and deliveries for -control")
	flags.BoolVar(&cfg.tls, "tls", false, "serve HTTPS with a certificate that is created at the start")
	flags.StringVar(&cfg.tlsCA, "tls-ca", "", "write the CA certificate of -tls to `FILE`")
	flags.StringVar(&cfg.seed, "seed", "", "start with the repositories and tokens of the JSON file `FILE`")
	flags.StringVar(&cfg.hook.URL, "webhook", "", "send events to `URL`")
	flags.StringVar(&cfg.hook.Secret, "secret", "", "sign the events with `TEXT`")
	flags.StringVar(&cfg.hook.App, "app", "", "send the events of the GitHub App `SLUG`, those of reviews included")
	flags.StringVar(&cfg.logFormat, "log-format", logText, "print the log in `FORMAT`, text or json")
	flags.BoolVar(&cfg.version, "version", false, "print the version and exit")
	if code, ok := command.Parse(flags, args, stdout, stderr); !ok {
		return cfg, code, false
	}
	err := cfg.check()
	if flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; write -seed FILE for a seed", flags.Arg(0))
	}
	if err != nil {
		return cfg, command.Invalid(stderr, err), false
	}
	return cfg, 0, true
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
