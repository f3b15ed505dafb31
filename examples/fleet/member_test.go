//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// TestMain runs a role of the fleet instead of the tests in the processes that
// TestFleet starts.
func TestMain(m *testing.M) {
	if os.Getenv("FLEET_TEST_LEDGER") != "" {
		if err := member(); err != nil {
			fmt.Fprintln(os.Stderr, "failed:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// member runs the roles of its arguments. Its deployments write to the ledger.
func member() error {
	c, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	path := os.Getenv("FLEET_TEST_LEDGER")
	ledger, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	c.deploy = func(ctx context.Context, d *ghdeploy.Deployment) (string, error) {
		write := func(what string) error { // one write, so that lines never mix
			_, err := fmt.Fprintf(ledger, "%s %s %d\n", what, c.name, d.ID)
			return err
		}
		if err := write("begin"); err != nil {
			return "", err
		}
		if _, err := os.Stat(path + ".hang-" + c.name); err == nil {
			if err := write("hang"); err != nil {
				return "", err
			}
			for { // ignores ctx, as a deployment can
				if _, err := os.Stat(path + ".wake-" + c.name); err == nil {
					return "", write("end")
				}
				time.Sleep(10 * time.Millisecond) // real clock: this runs in a process of its own
			}
		}
		// Real clock: this runs in a process of its own.
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		return "", write("end")
	}
	return run(context.Background(), c, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// process is a member of the fleet in a process of its own.
type process struct {
	*exec.Cmd
	log      bytes.Buffer
	reading  sync.WaitGroup
	url      chan string // the address of a receiver
	finished atomic.Bool
}

func startMember(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), program, args...), url: make(chan string, 1)}
	p.Env = append(os.Environ(), env...)
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.reading.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), "msg=receiving url="); ok {
				p.url <- url
			}
			p.log.WriteString(lines.Text() + "\n")
		}
	})
	t.Cleanup(func() { p.kill() })
	return p
}

// kill ends the process with SIGKILL, and returns its log.
func (p *process) kill() string {
	if p.finished.CompareAndSwap(false, true) {
		_ = p.Process.Kill()
		p.reading.Wait()
		_ = p.Wait()
	}
	return p.log.String()
}
