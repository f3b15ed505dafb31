//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// group is the process group of the command, so that a signal reaches its child
// processes too. On a terminal the command stays in this program's group: only
// that group may read from the terminal and gets Ctrl-C from it.
type group struct {
	cmd *exec.Cmd
	own bool
}

func newGroup(cmd *exec.Cmd) *group {
	g := &group{cmd: cmd, own: !isTerminal(os.Stdin)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: g.own}
	return g
}

// cancel sends the signal that this program received to the command.
func (g *group) cancel(cause error) error {
	received, ok := errors.AsType[*signalError](cause)
	switch {
	case !ok:
		return g.signal(syscall.SIGTERM)
	case !g.own && received.signal == os.Interrupt:
		return nil // the terminal has sent SIGINT to the command too
	}
	number, ok := received.signal.(syscall.Signal)
	if !ok {
		number = syscall.SIGTERM
	}
	return g.signal(number)
}

// kill kills the remaining processes of the command.
func (g *group) kill() {
	if g.own {
		_ = g.signal(syscall.SIGKILL) // usually no process remains
	}
}

func (g *group) signal(number syscall.Signal) error {
	pid := g.cmd.Process.Pid
	if g.own {
		pid = -pid
	}
	if err := syscall.Kill(pid, number); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return os.ErrProcessDone
}
