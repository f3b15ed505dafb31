package main

import (
	"context"
	"errors"
	"os"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// live prints the live deployments.
func live(ctx context.Context, args []string) error {
	flags, target := newFlags("release live")
	environment := flags.String("environment", "", "print only the environment `NAME`")
	var opts rollout.LookOptions
	flags.StringVar(&opts.Task, "task", "", "print only deployments of `TASK`")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	repo, disconnect, err := target.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	return printLive(ctx, repo, *environment, opts)
}

func printLive(ctx context.Context, repo rollout.Repo, environment string, opts rollout.LookOptions) error {
	t := newTable(os.Stdout, "ENVIRONMENT", "REF", "COMMIT", "DEPLOYMENT", "STATE", "SINCE", "BY")
	add := func(e rollout.Entry) { t.row(append([]string{e.Environment}, cells(e)...)...) }
	if environment != "" {
		entry, err := repo.Current(ctx, environment, opts)
		if errors.Is(err, rollout.ErrNoneLive) {
			entry = &rollout.Entry{Environment: environment}
		} else if err != nil {
			return err
		}
		add(*entry)
		return t.flush()
	}
	for entry, err := range repo.Overview(ctx, opts) {
		if err != nil {
			return errors.Join(t.flush(), err)
		}
		add(entry)
	}
	return t.flush()
}

// history prints the newest deployments.
func history(ctx context.Context, args []string) error {
	flags, target := newFlags("release history")
	var opts ghdeploy.DeploymentListOptions
	flags.StringVar(&opts.Environment, "environment", "", "print only the environment `NAME`")
	flags.StringVar(&opts.Task, "task", "", "print only deployments of `TASK`")
	flags.StringVar(&opts.Ref, "ref", "", "print only deployments of `REF`")
	flags.IntVar(&opts.PerPage, "n", 20, "print `N` deployments, at most 100")
	if _, err := parse(flags, args, 0); err != nil {
		return err
	}
	if opts.PerPage < 1 || opts.PerPage > 100 {
		return usagef("-n is %d; use 1 to 100", opts.PerPage)
	}
	repo, disconnect, err := target.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	return printHistory(ctx, repo, opts)
}

func printHistory(ctx context.Context, repo rollout.Repo, opts ghdeploy.DeploymentListOptions) error {
	page, err := repo.History(ctx, opts)
	if err != nil {
		return err
	}
	t := newTable(os.Stdout, "ENVIRONMENT", "REF", "COMMIT", "DEPLOYMENT", "STATE", "SINCE", "BY")
	for _, entry := range page.Items {
		t.row(append([]string{entry.Environment}, cells(entry)...)...)
	}
	return t.flush()
}
