// This program deploys as a GitHub App on a GitHub Enterprise Server. It signs
// a request with the app's key, GitHub issues a token for an hour, and the
// client gets the current token for each attempt.
//
// Without arguments it runs on a server embedded in this program. With a host
// it only reads the newest deployments of a repository:
//
//	go run .
//	go run . -host ghe.example.com -app Iv1.0123456789abcdef \
//	  -installation 42 -key app.pem -repo octocat/example
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/jferrl/go-githubauth"
	"golang.org/x/oauth2"

	"github.com/ghdeploy/ghdeploy"
)

// install identifies an installation of a GitHub App, with the app's key.
type install struct {
	host         string // host of the GitHub Enterprise Server
	app          string // the app's client ID
	installation int64
	key          []byte // the app's private key, PEM
	http         *http.Client
}

const help = `enterprise deploys as a GitHub App on a GitHub Enterprise Server.

Usage:
  enterprise
  enterprise -host HOST -app ID -installation ID -key FILE -repo OWNER/NAME

Flags:
`

// usageError is the error of an invalid command line.
type usageError struct{ error }

func main() {
	err := run(os.Args[1:], os.Stdout)
	if usage, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(os.Stderr, "enterprise: %v\nrun enterprise -h for the flags\n", usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "failed:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	flags := flag.NewFlagSet("enterprise", flag.ContinueOnError)
	in := install{http: &http.Client{Timeout: 30 * time.Second}}
	flags.StringVar(&in.host, "host", "", "use the GitHub Enterprise Server `HOST` (default an embedded server)")
	flags.StringVar(&in.app, "app", "", "use the GitHub App with the client ID `ID`")
	flags.Int64Var(&in.installation, "installation", 0, "use the app's installation `ID`")
	key := flags.String("key", "", "read the app's private key from `FILE`")
	repository := flags.String("repo", "", "read the deployments of `OWNER/NAME`")
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(out, help)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return nil
	case err != nil:
		return usageError{err}
	case flags.NArg() > 0:
		return usageError{fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	case in.host == "":
		return embedded(ctx, out)
	case in.app == "" || in.installation == 0 || *key == "" || *repository == "":
		return usageError{errors.New("-host also requires -app, -installation, -key and -repo")}
	}
	owner, repo, err := ghdeploy.ParseRepository(*repository)
	if err != nil {
		return err
	}
	if in.key, err = os.ReadFile(*key); err != nil {
		return err
	}
	client, err := in.client()
	if err != nil {
		return err
	}
	return read(ctx, out, client, owner, repo)
}

// client returns a client with the installation's token source and the host.
func (in install) client() (*ghdeploy.Client, error) {
	app, err := githubauth.NewApplicationTokenSource(in.app, in.key)
	if err != nil {
		return nil, fmt.Errorf("the app's key: %w", err)
	}
	forTokens := *in.http // githubauth modifies the client
	tokens := githubauth.NewInstallationTokenSource(in.installation, app,
		githubauth.WithHTTPClient(&forTokens),
		githubauth.WithEnterpriseURL("https://"+in.host))

	return ghdeploy.NewClient(
		ghdeploy.WithHost(in.host), // https://HOST/api/v3/
		ghdeploy.WithTokenFunc(tokenFunc(tokens)),
		ghdeploy.WithHTTPClient(in.http),
		ghdeploy.WithUserAgent("enterprise-example/1"),
	)
}

// tokenFunc adapts any oauth2.TokenSource. The source caches a token until
// shortly before it expires, so a call for each attempt is cheap.
func tokenFunc(source oauth2.TokenSource) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		token, err := source.Token()
		if err != nil {
			return "", err
		}
		return token.AccessToken, nil
	}
}

// read prints the newest deployments of a repository.
func read(ctx context.Context, out io.Writer, client *ghdeploy.Client, owner, repo string) error {
	page, err := client.Deployments.List(ctx, owner, repo, ghdeploy.DeploymentListOptions{PerPage: 10})
	if err != nil {
		return err
	}
	for _, d := range page.Items {
		by := "a deleted account"
		if d.Creator != nil {
			by = d.Creator.Login
		}
		if app := d.PerformedViaGitHubApp; app != nil {
			by += " through the app " + app.Slug
		}
		line(out, "deployment %d: %s to %s by %s", d.ID, d.Ref, d.Environment, by)
	}
	if rate := client.Rate(); rate.Limit > 0 {
		line(out, "quota: %d of %d requests remaining", rate.Remaining, rate.Limit)
	}
	return nil
}

func line(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format+"\n", args...)
}
