// The quickstart takes a deployment from its creation to its deletion, with
// GitHub's less obvious responses: 202, 409 and 422. It uses a server embedded
// in this program. With -repo and a token, it reads a repository on GitHub
// instead.
//
//	go run ./examples/quickstart
//	GITHUB_TOKEN=... go run ./examples/quickstart -repo octocat/example
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/ghdeploy/ghdeploy"
)

func main() { os.Exit(run()) }

const help = `quickstart shows a deployment on an embedded server from start to end.

Usage:
  quickstart [-repo OWNER/NAME]

Flags:
`

const environment = `
Environment:
  GH_TOKEN        the token, for -repo
  GITHUB_TOKEN    the token, if GH_TOKEN is not set
  GITHUB_API_URL  the API root of a GitHub Enterprise Server
  NO_COLOR        no colours are shown if it is set
  TERM            no colours are shown if it is dumb
`

func run() int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	repo := flags.String("repo", "", "read the deployments of `OWNER/NAME` on GitHub instead")
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		fmt.Print(help)
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		fmt.Print(environment)
		return 0
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; write -repo OWNER/NAME for a repository", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "quickstart: %v\nrun quickstart -h for the flags\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	out := newStory(os.Stdout, onTerminal(os.Stdout))
	if *repo != "" {
		err = read(ctx, out, *repo)
	} else {
		err = walk(ctx, out)
	}
	if err != nil {
		out.end(err)
		return 1
	}
	return 0
}

// read shows the newest deployments of a real repository. It only reads.
func read(ctx context.Context, out *story, name string) error {
	owner, repo, err := ghdeploy.ParseRepository(name)
	if err != nil {
		return err
	}
	client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment())
	if err != nil {
		return err
	}
	out.title("the newest deployments of " + name + ", read only")
	shown := 0
	for d, err := range client.Deployments.All(ctx, owner, repo, ghdeploy.DeploymentListOptions{PerPage: 10}) {
		if errors.Is(err, ghdeploy.ErrNotFound) {
			return fmt.Errorf("%w\n  the token may lack access to %s: GitHub returns 404 for that too", err, name)
		}
		if err != nil {
			return err
		}
		// The state of a deployment is the state of its newest status.
		page, err := client.Statuses.List(ctx, owner, repo, d.ID, ghdeploy.DeploymentStatusListOptions{PerPage: 100})
		if err != nil {
			return err
		}
		state := ghdeploy.State("no status yet")
		if newest := newest(page.Items); newest != nil {
			state = newest.State
		}
		out.step(fmt.Sprintf("%s to %s", d.Ref, d.Environment), "%s, deployment %d of %s", state, d.ID, d.CreatedAt.Local().Format("2006-01-02 15:04"))
		if shown++; shown == 10 {
			break
		}
	}
	if shown == 0 {
		out.step("nothing", "%s has no deployments", name)
	}
	if rate := client.Rate(); rate.Limit > 0 {
		out.step("quota", "%d of %d requests remaining until %s", rate.Remaining, rate.Limit, rate.Reset.Local().Format("15:04"))
	}
	return nil
}

// newest returns the newest status. GitHub documents no order of its lists.
func newest(statuses []*ghdeploy.DeploymentStatus) *ghdeploy.DeploymentStatus {
	var latest *ghdeploy.DeploymentStatus
	for _, s := range statuses {
		if latest == nil || s.CreatedAt.After(latest.CreatedAt) || s.CreatedAt.Equal(latest.CreatedAt) && s.ID > latest.ID {
			latest = s
		}
	}
	return latest
}
