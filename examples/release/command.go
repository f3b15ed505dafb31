package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/ghdeploy/ghdeploy/rollout"
)

// command is the command that deploys.
type command struct {
	path     string
	args     []string      // the name and the arguments
	grace    time.Duration // time to end after a signal
	progress bool          // report its output as the progress
	show     *display
}

// startError is the error of a command that could not be started.
type startError struct{ err error }

func (e *startError) Error() string { return "the command cannot be started: " + e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// findCommand looks for the command before the deployment is created.
func findCommand(args []string) (path string, err error) {
	path, err = exec.LookPath(args[0])
	if err != nil {
		return "", &startError{err}
	}
	return path, nil
}

// deploy runs the command. It returns nil if the command exits with 0, even
// after a signal.
func (c *command) deploy(ctx context.Context, running *rollout.Running) error {
	cmd := exec.CommandContext(ctx, c.path) //nolint:gosec // running the caller's command is the purpose
	cmd.Args = c.args
	d := running.Deployment()
	cmd.Env = append(os.Environ(),
		fmt.Sprintf("DEPLOYMENT_ID=%d", d.ID),
		"DEPLOYMENT_SHA="+d.SHA,
		"DEPLOYMENT_ENVIRONMENT="+d.Environment,
		"DEPLOYMENT_TASK="+d.Task,
	)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.show.beside(os.Stdout), c.show.beside(os.Stderr)
	if c.progress {
		cmd.Stdout = &lines{to: cmd.Stdout, line: running.Progress}
	}
	own := newGroup(cmd)
	cmd.WaitDelay = c.grace
	cmd.Cancel = func() error {
		cause := context.Cause(ctx)
		running.Progress("Cancelled: " + cause.Error())
		c.show.log("%v; the command has %v to end", cause, c.grace)
		return own.cancel(cause)
	}

	if err := cmd.Start(); err != nil {
		running.Progress("The command could not be started")
		return &startError{err}
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		own.kill()
	}
	switch {
	case cmd.ProcessState.Success():
		return nil // err says that ctx ended, or that the output is still in use
	case ctx.Err() == nil:
		running.Progress(cmd.ProcessState.String())
	}
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		err = errors.Join(err, &exec.ExitError{ProcessState: cmd.ProcessState})
	}
	return err
}
