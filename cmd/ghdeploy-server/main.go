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
// # Control
//
// -control serves the control API on an address of its own: it injects faults, spends quota, moves the clock, runs
// workflows, resets the server, and shows requests, deployments and deliveries as JSON. Its address is the second line
// that the program prints. docs/server-program.md describes it with curl.
//
//	go run github.com/ghdeploy/ghdeploy/cmd/ghdeploy-server -control 127.0.0.1:0
//
// # HTTPS
//
// -tls serves HTTPS with a certificate that the program makes at the start; -tls-ca writes the certificate that clients
// have to trust to a file. The gh command needs HTTPS:
//
//	ghdeploy-server -addr 127.0.0.1:8443 -tls -tls-ca ca.pem
//	SSL_CERT_FILE=ca.pem GH_HOST=127.0.0.1:8443 GH_ENTERPRISE_TOKEN=any gh api repos/octocat/example/deployments
//
// # Who can reach it
//
// Whoever reaches the server can change what it holds, and with -webhook make it send requests. So it listens on
// loopback addresses only, unless -public says that another one is meant.
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

// version names the program's version and the Go release that built it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "ghdeploy-server (unknown version)"
	}
	return fmt.Sprintf("ghdeploy-server %s %s", info.Main.Version, info.GoVersion)
}
