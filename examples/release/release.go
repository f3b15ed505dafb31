package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// release creates a deployment and runs the command of the command line for it.
func release(ctx context.Context, args []string) error {
	var req ghdeploy.DeploymentRequest
	cmd := command{}
	flags, target := newFlags("release")
	flags.StringVar(&req.Ref, "ref", "", "deploy `REF`, a branch, tag or SHA (default $GITHUB_SHA)")
	flags.StringVar(&req.Environment, "environment", "", "deploy to the environment `NAME` (required)")
	flags.StringVar(&req.Task, "task", "", "create a deployment of `TASK` (default deploy)")
	flags.StringVar(&req.Description, "description", "", "describe the deployment with `TEXT`")
	flags.BoolVar(&req.TransientEnvironment, "transient", false, "mark an environment that will be removed, as of a pull request")
	flags.BoolVar(&req.SkipContexts, "skip-checks", false, "deploy without regard to status checks")
	flags.Func("check", "require only the status check `NAME`; repeat the flag for several", func(name string) error {
		req.RequiredContexts = append(req.RequiredContexts, name)
		return nil
	})
	url := flags.String("url", "", "report `URL` as the address of the environment")
	flags.BoolVar(&cmd.progress, "progress", false, "show the command's output on GitHub; it must not contain secrets")
	flags.DurationVar(&cmd.grace, "grace", 5*time.Second, "wait `DURATION` for the end of the command after a signal")
	plain := flags.Bool("plain", false, "print no progress to the terminal")
	var err error
	if cmd.args, err = parse(flags, args, -1); err != nil {
		return err
	}

	req.Ref = cmp.Or(req.Ref, os.Getenv("GITHUB_SHA"))
	show := newDisplay(*plain)
	switch {
	case len(cmd.args) == 0 && target.demo:
		return tour(ctx, show)
	case len(cmd.args) == 0:
		return usagef("the command is missing; pass it last, after --")
	case req.Environment == "":
		return usagef("-environment is missing")
	case req.Ref == "" && target.demo:
		req.Ref = "main"
	case req.Ref == "":
		return usagef("-ref is missing; pass -ref main, or set GITHUB_SHA")
	case cmd.grace <= 0:
		return usagef("-grace is %v; use a positive duration", cmd.grace)
	}
	cmd.show = show
	if cmd.path, err = findCommand(cmd.args); err != nil {
		return err
	}
	repo, disconnect, err := target.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	return rollOut(ctx, show, repo, req, func(ctx context.Context, running *rollout.Running) error {
		running.SetEnvironmentURL(*url)
		return cmd.deploy(ctx, running)
	})
}

// rollOut deploys, and shows the progress and the result.
func rollOut(ctx context.Context, show *display, repo rollout.Repo, req ghdeploy.DeploymentRequest, deploy func(context.Context, *rollout.Running) error) error {
	start := time.Now()
	stop := show.follow()
	defer stop()
	show.set("creating a deployment of %s to %s", req.Ref, req.Environment)
	d, err := repo.Run(ctx, req, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
		d := running.Deployment()
		show.log("deployment %d: %s (%.7s) to %s", d.ID, d.Ref, d.SHA, d.Environment)
		show.set("deployment %d: in progress", d.ID)
		defer show.set("deployment %d: reporting the result", d.ID)
		return deploy(ctx, running)
	})
	stop()
	took := time.Since(start).Truncate(time.Second)
	switch {
	case d == nil:
		return err
	case err != nil:
		return fmt.Errorf("deployment %d failed after %v: %w", d.ID, took, err)
	}
	show.log("deployment %d: success after %v", d.ID, took)
	return nil
}
