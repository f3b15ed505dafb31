package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// display prints lines to standard error. On a terminal it also shows a live
// line below them, which it updates.
type display struct {
	out  io.Writer
	live bool

	mu    sync.Mutex
	text  string // text of the live line; "" to hide it
	since time.Time
	drawn bool // the live line is on the screen
	open  bool // the output above it does not end with a newline
}

// columns is the maximum length of the live line. A longer line would wrap on a
// terminal of 80 columns and could not be erased.
const columns = 79

func newDisplay(plain bool) *display {
	return &display{
		out:  os.Stderr,
		live: !plain && isTerminal(os.Stderr) && os.Getenv("TERM") != "dumb",
	}
}

// isTerminal reports whether f is a terminal. The null device is a character
// device too.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// log prints a line.
func (d *display) log(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	if d.open {
		d.print("\n")
		d.open = false
	}
	d.print("release: " + fmt.Sprintf(format, args...) + "\n")
	d.draw()
}

// set changes the live line.
func (d *display) set(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.text = fmt.Sprintf(format, args...)
	d.erase()
	d.draw()
}

// follow shows the live line, with the time since now, until stop is called.
func (d *display) follow() (stop func()) {
	if !d.live {
		return func() {}
	}
	d.mu.Lock()
	d.since = time.Now()
	d.mu.Unlock()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				d.mu.Lock()
				d.erase()
				d.draw()
				d.mu.Unlock()
			case <-done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
		d.set("")
	})
}

// beside returns a writer for the command's output to f. If f is a terminal, it
// prints the output above the live line; otherwise it is f itself.
func (d *display) beside(f *os.File) io.Writer {
	if !d.live || !isTerminal(f) {
		return f
	}
	return &above{d, f}
}

// above writes above the live line.
type above struct {
	display *display
	to      io.Writer
}

func (a *above) Write(p []byte) (int, error) {
	d := a.display
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	d.erase()
	n, err := a.to.Write(p)
	d.open = p[len(p)-1] != '\n'
	d.draw()
	return n, err
}

func (d *display) erase() {
	if d.drawn {
		d.print("\r\x1b[K")
		d.drawn = false
	}
}

func (d *display) draw() {
	if !d.live || d.open || d.text == "" {
		return
	}
	line := []rune(fmt.Sprintf("%s %v", d.text, time.Since(d.since).Truncate(time.Second)))
	d.print(string(line[:min(len(line), columns)]))
	d.drawn = true
}

func (d *display) print(text string) {
	_, _ = io.WriteString(d.out, text) // a failed write must not stop the deployment
}
