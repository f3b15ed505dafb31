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
	flags, target := newFlags("release retire")
	var opts rollout.RetireOptions
	flags.StringVar(&opts.Environment, "environment", "", "retire deployments of `NAME|PATTERN`, such as pr-*")
	flags.StringVar(&opts.Ref, "ref", "", "retire only deployments of `REF`")
	flags.StringVar(&opts.Task, "task", "", "retire only deployments of `TASK`")
	flags.DurationVar(&opts.OlderThan, "older-than", 0, "retire only deployments older than `DURATION`, such as 720h")
	flags.IntVar(&opts.Keep, "keep", 0, "keep the newest `N` deployments of each environment")
	flags.BoolVar(&opts.Delete, "delete", false, "delete deployments; otherwise they become inactive")
	flags.BoolVar(&opts.Running, "running", false, "retire running deployments too")
	flags.BoolVar(&opts.Live, "live", false, "retire the live deployment of a production environment too")
	flags.BoolVar(&opts.RemoveEnvironment, "remove-environment", false, "remove an environment that has no deployments then")
	flags.BoolVar(&opts.DryRun, "dry-run", false, "print the deployments, and change nothing")
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
