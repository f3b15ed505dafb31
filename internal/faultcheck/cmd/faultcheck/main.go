// Command faultcheck makes calls of the SDK to a server that fails in every way
// a connection can fail. It checks that the SDK reports each outcome correctly
// and that no POST is executed twice:
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
	"github.com/ghdeploy/ghdeploy/internal/usage"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	program := usage.Program{
		Name:      "faultcheck",
		Does:      "makes calls to a failing server and checks their outcomes.",
		Synopsis:  []string{"[flags]"},
		ExitCodes: []usage.Entry{{Name: "0", Text: "all outcomes are correct"}, {Name: "1", Text: "an outcome is wrong"}},
	}
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	count := flags.Int("n", 10_000, "make `N` calls")
	seed := flags.Uint64("seed", 1, "make the random choices of the seed `N`")
	workers := flags.Int("workers", 8, "make `N` calls at the same time")
	if code, ok := program.Parse(flags, args, stdout, stderr); !ok {
		return code
	}
	if flags.NArg() > 0 {
		return program.Invalid(stderr, fmt.Errorf("unexpected argument %q", flags.Arg(0)))
	}
	report := faultcheck.Run(ctx, faultcheck.Config{Count: *count, Seed: *seed, Workers: *workers, New: newClient})
	if _, err := report.WriteTo(stdout); err != nil {
		fmt.Fprintln(stderr, err) //nolint:errcheck // the exit status is not 0
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

// newClient creates a client of the SDK.
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
	_, _ = c.Deployments.Get(ctx, "octocat", "example", 1) // fails, because the response is {}
}

func (c sdk) Create(ctx context.Context, nonce string) faultcheck.Result {
	d, err := c.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:     "main",
		Payload: map[string]string{"nonce": nonce},
	})
	if err != nil {
		return failure(err)
	}
	return faultcheck.Result{ID: d.ID}
}

func (c sdk) Update(ctx context.Context, nonce string) faultcheck.Result {
	_, err := c.BranchPolicies.Update(ctx, "octocat", "example", "production", 7, ghdeploy.UpdateBranchPolicyRequest{Name: nonce})
	return failure(err)
}

func (c sdk) Delete(ctx context.Context) faultcheck.Result {
	return failure(c.Deployments.Delete(ctx, "octocat", "example", 7))
}

// failure returns the result of a call that may have failed.
func failure(err error) faultcheck.Result {
	e, typed := errors.AsType[*ghdeploy.Error](err)
	result := faultcheck.Result{
		Err:     err,
		Typed:   typed,
		Unknown: errors.Is(err, ghdeploy.ErrOutcomeUnknown),
		Limited: errors.Is(err, ghdeploy.ErrRateLimited),
		Timeout: errors.Is(err, ghdeploy.ErrAttemptTimeout),
	}
	if typed {
		result.Status = e.StatusCode
	}
	return result
}
