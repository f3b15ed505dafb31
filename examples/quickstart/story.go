package main

import (
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"
)

// story prints one line for each step: the duration, the action and the result.
type story struct {
	w     io.Writer
	color bool
	last  time.Time
}

func newStory(w io.Writer, color bool) *story {
	return &story{w: w, color: color, last: time.Now()}
}

// onTerminal reports whether to print colours (see no-color.org).
func onTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func (s *story) title(text string) {
	s.printf("%s\n\n", s.paint("1", text))
	s.last = time.Now()
}

// step prints an action and its result, with the time since the previous step.
func (s *story) step(did, format string, args ...any) {
	took := time.Since(s.last)
	s.printf("  %s  %s  %s\n", s.paint("2", right(duration(took), 7)), s.paint("36", left(did, 30)), fmt.Sprintf(format, args...))
	s.last = time.Now()
}

func (s *story) end(err error) {
	s.printf("\n%s %v\n", s.paint("31", "failed:"), err)
}

func (s *story) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s.w, format, args...) // a failed write must not stop the program
}

func (s *story) paint(code, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func left(s string, width int) string  { return s + pad(s, width) }
func right(s string, width int) string { return pad(s, width) + s }

func pad(s string, width int) string {
	return fmt.Sprintf("%*s", max(width-utf8.RuneCountInString(s), 0), "")
}
