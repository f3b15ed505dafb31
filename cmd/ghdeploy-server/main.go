// Ghdeploy-server serves GitHub's Deployments API from memory and follows
// GitHub's rules. It is package ghdeploytest as a program, for clients in any
// language and for experiments by hand.
//
//	go run github.com/ghdeploy/ghdeploy/cmd/ghdeploy-server
//
// It prints its address, then a line for each request: method, path, status,
// operation, duration. The address is the API root. As on GitHub Enterprise
// Server, the address with /api/v3 is an API root too. The program ends on an
// interrupt or SIGTERM and saves no data.
//
// Without -seed it holds the public repository octocat/example with the branch
// main, and accepts any token:
//
//	curl -H "Authorization: Bearer any" -d '{"ref":"main"}' \
//	  http://127.0.0.1:PORT/repos/octocat/example/deployments
//
// # Seed
//
// -seed reads the initial state from a JSON file. The keys are those of
// ghdeploytest.Seed:
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
//	    {"value": "reader", "login": "hubot",
//	      "permissions": {"deployments": "read"}, "repositories": ["octocat/example"]},
//	    {"value": "app", "app": "rollout-bot", "permissions": {"deployments": "write"}}
//	  ]
//	}
//
// If the seed lists tokens, every other token is rejected with 401.
//
// # Webhooks
//
// -webhook sends the deployment and deployment_status events of every
// repository to a URL. -secret signs them. With -app they are the events of a
// GitHub App: they name the installation, and they include the review events.
// The program writes a line to standard error for each failed delivery. As on
// GitHub, a failed delivery is not retried.
//
// # Control
//
// -control serves the control API on a second address, which the program prints
// after the first. The control API injects faults, sets quotas, advances the
// clock, runs workflows and resets the server. It shows requests, deployments
// and deliveries as JSON. docs/server-program.md describes it with curl
// commands.
//
//	go run github.com/ghdeploy/ghdeploy/cmd/ghdeploy-server -control 127.0.0.1:0
//
// # HTTPS
//
// -tls serves HTTPS with a certificate that the program creates at the start.
// -tls-ca writes the CA certificate to a file; clients must trust it. The gh
// command needs HTTPS:
//
//	ghdeploy-server -addr 127.0.0.1:8443 -tls -tls-ca ca.pem
//	SSL_CERT_FILE=ca.pem GH_HOST=127.0.0.1:8443 GH_ENTERPRISE_TOKEN=any \
//	  gh api repos/octocat/example/deployments
//
// # Network access
//
// Every client that can connect can change the server's data. With -webhook it
// can also make the server send requests. The server therefore listens only on
// loopback addresses unless -public is set.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, code, ok := parse(os.Args[1:], os.Stdout, os.Stderr)
	if !ok {
		os.Exit(code) //nolint:gocritic // the process ends, so stop is not needed
	}
	if cfg.version {
		fmt.Println(version())
		return
	}
	err := serve(ctx, cfg, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ghdeploy-server:", err)
		os.Exit(2)
	}
}

// version returns the program's version and the Go release that built it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "ghdeploy-server (unknown version)"
	}
	return fmt.Sprintf("ghdeploy-server %s %s", info.Main.Version, info.GoVersion)
}
