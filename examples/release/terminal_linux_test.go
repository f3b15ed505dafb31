package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pseudoTerminal returns both ends of a new terminal.
func pseudoTerminal(t *testing.T) (controller, terminal *os.File) {
	t.Helper()
	controller, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = controller.Close() })
	if err := controller.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var number, unlock uint32
	conn, err := controller.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Control(func(fd uintptr) {
		for request, arg := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
			if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(arg))); errno != 0 {
				t.Fatal(errno)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this machine has no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return controller, terminal
}

// On a terminal the live line is below the output, and the command gets Ctrl-C
// once.
func TestTerminal(t *testing.T) {
	srv := newServer(t)
	controller, terminal := pseudoTerminal(t)
	p := prepare(t, srv, binary, releaseArgs(
		`printf 'rea\nrea'; exec env COUNT=yes "$WAIT"`,
		"-grace", "700ms")...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = terminal, terminal, terminal
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()

	var screen strings.Builder
	interrupted, buf := false, make([]byte, 4096)
	for {
		n, err := controller.Read(buf)
		screen.Write(buf[:n])
		if err != nil {
			break // EIO: no process has the terminal open
		}
		if !interrupted && strings.Contains(screen.String(), "ready\r\ndeployment 6000000001: in progress 0s") {
			interrupted = true
			if _, err := controller.WriteString("\x03"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := p.wait(); code != 137 {
		t.Errorf("exit code %d, want 137: killed after its grace\n%q", code, &screen)
	}
	if got := states(t, srv); got != "in_progress error" {
		t.Errorf("got %s", got)
	}
	for _, want := range []string{
		"creating a deployment of main to staging 0s\r\x1b[Krelease: deployment 6000000001: main (67980b5) to staging\r\n",
		"deployment 6000000001: in progress 0s\r\x1b[Krea", // no live line within a line of output
		"^C",
		"caught 1\r\n",
		"release: received the signal interrupt; the command has 700ms to end\r\n",
	} {
		if !strings.Contains(screen.String(), want) {
			t.Errorf("the screen lacks %q:\n%q", want, &screen)
		}
	}
	if strings.Contains(screen.String(), "caught 2") {
		t.Errorf("the command got SIGINT twice:\n%q", &screen)
	}
}

// Without a live line the command has the terminal to itself and can prompt.
func TestTerminalPlain(t *testing.T) {
	for _, flags := range [][]string{nil, {"-plain"}} {
		srv := newServer(t)
		controller, terminal := pseudoTerminal(t)
		p := prepare(t, srv, binary, releaseArgs(`test -t 0 && test -t 1 && echo terminal; printf 'sure? '; read -r reply; echo "you said $reply"`, flags...)...)
		p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = terminal, terminal, terminal
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := p.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = terminal.Close()
		var screen strings.Builder
		replied, buf := false, make([]byte, 4096)
		for {
			n, err := controller.Read(buf)
			screen.Write(buf[:n])
			if err != nil {
				break
			}
			if !replied && strings.HasSuffix(screen.String(), "sure? ") {
				replied = true
				if _, err := controller.WriteString("yes\n"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if code := p.wait(); code != 0 || !strings.Contains(screen.String(), "you said yes\r\n") {
			t.Errorf("%q: exit code %d\n%q", flags, code, &screen)
		}
		if plain := len(flags) > 0; strings.Contains(screen.String(), "terminal\r\n") != plain || strings.Contains(screen.String(), "\x1b") == plain {
			t.Errorf("%q: %q", flags, &screen)
		}
	}
}
