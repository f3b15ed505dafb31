// Release runs your command to deploy and reports the deployment to GitHub:
// in_progress, then success or failure, even if the command is interrupted.
//
//	release -repo octocat/example -ref main -environment staging -- make deploy
//
// It exits with the exit code of the command. The other subcommands print
// tables:
//
//	release live                        the live deployment of each environment
//	release history -n 10               the newest deployments
//	release wait 6000000001             wait for a deployment
//	release retire -environment 'pr-*'  make deployments inactive, or delete them
//
// Try it without GitHub:
//
//	go run ./examples/release -demo
//
// Set the token in GH_TOKEN or GITHUB_TOKEN, and the API root of a GitHub
// Enterprise Server in GITHUB_API_URL. In a workflow of GitHub Actions, start
// the program with exec, so that it receives the signal of a cancelled job:
//
//	run: exec release -environment staging -skip-checks -- make deploy
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	ctx, stop := untilSignal(context.Background())
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "release:", err)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		_, _ = fmt.Fprintf(os.Stderr, "run %s -h for the flags\n", commandName(os.Args[1:]))
	}
	os.Exit(exitCode(err))
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		args = []string{"-h"}
	}
	switch args[0] {
	case "live":
		return live(ctx, args[1:])
	case "history":
		return history(ctx, args[1:])
	case "retire":
		return retire(ctx, args[1:])
	case "wait":
		return wait(ctx, args[1:])
	}
	return release(ctx, args)
}

// Exit codes of the program itself, as in env and timeout.
const (
	exitUsage     = 2
	exitFailed    = 125 // GitHub refused the call or could not be reached
	exitNoStart   = 126 // the command could not be started
	exitNotFound  = 127 // the command does not exist
	exitSignalled = 128 // plus the number of the signal
)

// exitCode returns the exit code for err: that of the command if it failed,
// else one of the program itself.
func exitCode(err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return exitSignalled + int(status.Signal())
		}
		return exit.ExitCode()
	}
	if start, ok := errors.AsType[*startError](err); ok {
		if errors.Is(start, exec.ErrNotFound) || errors.Is(start, fs.ErrNotExist) {
			return exitNotFound
		}
		return exitNoStart
	}
	if interrupted, ok := errors.AsType[*signalError](err); ok {
		return interrupted.exitCode()
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
