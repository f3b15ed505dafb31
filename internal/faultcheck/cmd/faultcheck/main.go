// Command cmd makes creates through the SDK against a server that fails in
// every way a network can, and checks that none is carried out twice:
//
//	go run ./internal/faultcheck/cmd/faultcheck -n 10000 -seed 1
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("faultcheck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	count := flags.Int("n", 10_000, "how many creates")
	seed := flags.Uint64("seed", 1, "what the faults are drawn from")
	workers := flags.Int("workers", 8, "creates at the same time")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	report := faultcheck.Run(ctx, faultcheck.Config{Count: *count, Seed: *seed, Workers: *workers, New: newClient})
	if _, err := report.WriteTo(stdout); err != nil {
		fmt.Fprintln(stderr, err) //nolint:errcheck // the exit status says it too
		return 1
	}
	for _, v := range report.Violations {
		fmt.Fprintln(stderr, "VIOLATION:", v) //nolint:errcheck // see above
	}
	if len(report.Violations) > 0 {
		return 1
	}
	return 0
}

// newClient is the SDK.
func newClient(client *http.Client, baseURL string) (faultcheck.Client, error) {
	c, err := ghdeploy.NewClient(
		ghdeploy.WithBaseURL(baseURL),
		ghdeploy.WithHTTPClient(client),
		ghdeploy.WithRetry(ghdeploy.RetryPolicy{
			MaxAttempts: faultcheck.Attempts,
			MinBackoff:  time.Millisecond,
			MaxBackoff:  2 * time.Millisecond,
			MaxWait:     250 * time.Millisecond,
		}),
	)
	return sdk{c}, err
}

type sdk struct{ *ghdeploy.Client }

func (c sdk) Warm(ctx context.Context) {
	_, _ = c.Deployments.Get(ctx, "octocat", "example", 1) // the answer is {}, which is none
}

func (c sdk) Create(ctx context.Context, nonce string) faultcheck.Result {
	d, err := c.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:     "main",
		Payload: map[string]string{"nonce": nonce},
	})
	if err != nil {
		_, typed := errors.AsType[*ghdeploy.Error](err)
		_, unknown := errors.AsType[*ghdeploy.OutcomeUnknownError](err)
		return faultcheck.Result{Err: err, Typed: typed, Unknown: unknown}
	}
	return faultcheck.Result{ID: d.ID}
}
