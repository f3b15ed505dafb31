package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// serve runs the server until ctx ends.
func serve(ctx context.Context, cfg config, out, errs io.Writer) error {
	l := &log{format: cfg.logFormat, out: out, errs: errs}
	var seed ghdeploytest.Seed
	if cfg.seed != "" {
		var err error
		if seed, err = readSeed(cfg.seed); err != nil {
			return err
		}
	}
	api, err := listen(ctx, "-addr", cfg.addr)
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	var control net.Listener
	controlAddress := ""
	if cfg.control != "" {
		if control, err = listen(ctx, "-control", cfg.control); err != nil {
			return err
		}
		defer func() { _ = control.Close() }()
		if port(control) == port(api) {
			return fmt.Errorf("-control %q has the port of -addr; the control API needs a port of its own", cfg.control)
		}
		controlAddress = "http://" + control.Addr().String()
	}
	address := "http://" + api.Addr().String()
	if cfg.tls {
		cert, ca, err := certificate(cfg.addr)
		if err != nil {
			return err
		}
		if cfg.tlsCA != "" {
			if err := os.WriteFile(cfg.tlsCA, ca, 0o644); err != nil { //nolint:gosec // a certificate is public
				return fmt.Errorf("-tls-ca: %w", err)
			}
		}
		// HTTP/1.1 only: under HTTP/2, a fault that ends the connection would
		// end just a stream.
		api = tls.NewListener(api, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
		address = "https://" + strings.TrimPrefix(address, "http://")
	}

	i := newInstance(func(i *instance) *ghdeploytest.Server {
		opts := []ghdeploytest.Option{
			ghdeploytest.WithSeed(seed),
			ghdeploytest.WithAddress(address),
			ghdeploytest.WithClock(i.now),
			ghdeploytest.WithRequestLog(l.request),
			ghdeploytest.WithDeliveryLog(l.delivery),
		}
		if cfg.control == "" {
			opts = append(opts, ghdeploytest.WithLogSize(0)) // without the control API nothing reads the logs
		} else {
			opts = append(opts, ghdeploytest.WithLogSize(cfg.keep))
		}
		if cfg.hook.URL != "" {
			opts = append(opts, ghdeploytest.WithWebhook(cfg.hook))
		}
		return ghdeploytest.NewServer(opts...)
	})
	defer i.close()
	failed := make(chan error, 2)
	defer serveOn(api, i, errs, failed)()

	if control != nil {
		defer serveOn(control, newControl(i, cfg.public), errs, failed)()
	}
	l.started(address, controlAddress)
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return ln, nil
}

func port(ln net.Listener) int {
	if addr, ok := ln.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// serveOn serves a handler in the background. The returned function closes the
// listener and all connections.
func serveOn(ln net.Listener, h http.Handler, errs io.Writer, failed chan<- error) (stop func()) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: stdlog.New(errs, "ghdeploy-server: ", 0)}
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return func() { _ = server.Close() }
}

// refused calls setup. It returns a panic of package ghdeploytest, which
// reports an invalid setup, as an error.
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
