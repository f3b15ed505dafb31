package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// demoRepo returns a repository with deployments on a server in this process.
func demoRepo() (repo rollout.Repo, stop func()) {
	start := time.Now().Add(-24 * time.Hour)
	made := func(id int64, ref, environment string, states ...string) ghdeploytest.SeedDeployment {
		d := ghdeploytest.SeedDeployment{
			ID: id, Ref: ref, SHA: strings.Repeat(fmt.Sprint(id), 40), Environment: environment,
			CreatedAt: start.Add(time.Duration(id) * time.Hour),
		}
		for _, state := range states {
			d.Statuses = append(d.Statuses, ghdeploytest.SeedStatus{State: state})
		}
		return d
	}
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Deployments: []ghdeploytest.SeedDeployment{
			made(1, "v1", "staging", "success", "inactive"),
			made(2, "v1", "production", "success"),
			made(3, "v2", "staging", "success"),
			made(4, "topic", "pr-7", "success"),
			made(5, "v2", "production", "in_progress", "failure"),
		},
	}))
	return rollout.Repo{Client: server.Client(), Owner: "octocat", Name: "example"}, server.Close
}

// tour shows each subcommand on the embedded server.
func tour(ctx context.Context, show *display) error {
	repo, stop := demoRepo()
	defer stop()
	title := func(command string) { fmt.Printf("\n$ release %s\n", command) }

	title("live")
	if err := printLive(ctx, repo, "", rollout.LookOptions{}); err != nil {
		return err
	}
	title("-ref main -environment staging -- make deploy")
	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
	if err := rollOut(ctx, show, repo, req, func(ctx context.Context, running *rollout.Running) error {
		return pretend(ctx, running, show.beside(os.Stdout))
	}); err != nil {
		return err
	}
	title("history -environment staging")
	if err := printHistory(ctx, repo, ghdeploy.DeploymentListOptions{Environment: "staging"}); err != nil {
		return err
	}
	title("wait 3")
	if err := printWait(ctx, repo, 3, rollout.WaitOptions{}); err != nil {
		return err
	}
	title("retire -environment 'pr-*' -delete -remove-environment")
	return printRetire(ctx, show, repo, rollout.RetireOptions{Environment: "pr-*", Delete: true, RemoveEnvironment: true})
}

// pretend simulates a command that deploys.
func pretend(ctx context.Context, running *rollout.Running, out io.Writer) error {
	for _, text := range []string{"building", "copying 14 files", "restarting"} {
		running.Progress(text)
		if _, err := fmt.Fprintln(out, text); err != nil {
			return err
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
