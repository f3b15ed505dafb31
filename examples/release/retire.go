package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ghdeploy/ghdeploy/rollout"
)

// retire makes deployments inactive, or deletes them.
func retire(ctx context.Context, args []string) error {
	flags, target := newFlags("release retire", "[flags]")
	var opts rollout.RetireOptions
	flags.StringVar(&opts.Environment, "environment", "", "the `name` of an environment, or a pattern such as pr-*")
	flags.StringVar(&opts.Ref, "ref", "", "only deployments of this ref")
	flags.StringVar(&opts.Task, "task", "", "only deployments of this task")
	flags.DurationVar(&opts.OlderThan, "older-than", 0, "only deployments that are older, such as 720h")
	flags.IntVar(&opts.Keep, "keep", 0, "the `number` of newest deployments to keep in each environment")
	flags.BoolVar(&opts.Delete, "delete", false, "delete them; otherwise they become inactive")
	flags.BoolVar(&opts.Running, "running", false, "running deployments too")
	flags.BoolVar(&opts.Live, "live", false, "the live deployment of a production environment too")
	flags.BoolVar(&opts.RemoveEnvironment, "remove-environment", false, "remove the environment too, once nothing is left in it")
	flags.BoolVar(&opts.DryRun, "dry-run", false, "print what would be done, and change nothing")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	repo, disconnect, err := target.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	return printRetire(ctx, newDisplay(false), repo, opts)
}

func printRetire(ctx context.Context, show *display, repo rollout.Repo, opts rollout.RetireOptions) error {
	t := newTable(os.Stdout, "ACTION", "ENVIRONMENT", "DEPLOYMENT", "REF", "RESULT")
	stop := show.follow()
	defer stop()
	show.set("listing deployments")
	opts.OnItem = func(item rollout.Item) {
		if item.Action == rollout.ActionPause {
			show.log("rate limit: waiting until %s", clock(item.PausedUntil))
			return
		}
		id, ref, result := "-", "-", "ok"
		if d := item.Deployment; d != nil {
			id, ref = fmt.Sprint(d.ID), d.Ref
			show.set("%s: %d of %d", item.Action, item.N, item.Of)
		}
		switch {
		case item.Err != nil:
			result = "failed"
		case opts.DryRun:
			result = "dry run"
		}
		t.row(string(item.Action), item.Environment, id, ref, result)
	}
	_, err := repo.Retire(ctx, opts)
	stop()
	return errors.Join(t.flush(), err)
}
