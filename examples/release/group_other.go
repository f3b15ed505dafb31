//go:build !unix

package main

import "os/exec"

// group is the command only: this system has no process groups to signal.
type group struct{ cmd *exec.Cmd }

func newGroup(cmd *exec.Cmd) *group { return &group{cmd} }

// cancel does nothing, because the console sends Ctrl-C to the command too. The
// command is killed after the grace.
func (g *group) cancel(error) error { return nil }

func (g *group) kill() {}
