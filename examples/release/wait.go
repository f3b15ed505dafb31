package main

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// wait waits for a deployment and prints its statuses as they arrive.
func wait(ctx context.Context, args []string) error {
	flags, target := newFlags("release wait")
	timeout := flags.Duration("timeout", time.Hour, "wait at most `DURATION`")
	until := flags.String("until", string(ghdeploy.StateSuccess), "wait for one of `STATES`, separated by commas")
	rest, err := parse(flags, args, 1)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(rest[0], 10, 64)
	if err != nil || id <= 0 {
		return usagef("%q is not the ID of a deployment", rest[0])
	}
	var opts rollout.WaitOptions
	for state := range strings.SplitSeq(*until, ",") {
		opts.Until = append(opts.Until, ghdeploy.State(state))
	}
	repo, disconnect, err := target.connect()
	if err != nil {
		return err
	}
	defer disconnect()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	return printWait(ctx, repo, id, opts)
}

func printWait(ctx context.Context, repo rollout.Repo, id int64, opts rollout.WaitOptions) error {
	t := newTable(os.Stdout, "STATE", "SINCE", "DESCRIPTION")
	var printed error
	opts.OnStatus = func(s *ghdeploy.DeploymentStatus) {
		t.row(string(s.State), clock(s.CreatedAt), s.Description)
		printed = t.flush()
	}
	if _, err := repo.Wait(ctx, id, opts); err != nil {
		return err
	}
	return printed
}
