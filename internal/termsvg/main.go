// Command termsvg runs a command and draws its output as a terminal, in SVG. It
// draws docs/release.svg:
//
//	go run ./internal/termsvg -o docs/release.svg go run ./examples/release -demo
//
// Times and durations are replaced, so that the picture changes only if the
// output does.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/usage"
)

var program = usage.Program{
	Name:     "termsvg",
	Does:     "draws the output of a command as a terminal, in SVG.",
	Synopsis: []string{"[flags] COMMAND [ARG...]"},
}

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run draws the command in args, to stdout or to the file of the flag -o, and
// returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	file := flags.String("o", "", "write the picture to `FILE`, not to standard output")
	if code, ok := program.Parse(flags, args, stdout, stderr); !ok {
		return code
	}
	if flags.NArg() == 0 {
		return program.Invalid(stderr, errors.New("no command; write it after the flags"))
	}
	if err := drawTo(ctx, *file, flags.Args(), stdout); err != nil {
		_, _ = fmt.Fprintln(stderr, "termsvg:", err)
		return 1
	}
	return 0
}

// drawTo draws the command to file, or to stdout if file is empty.
func drawTo(ctx context.Context, file string, command []string, stdout io.Writer) error {
	output, err := record(ctx, "", command)
	if err != nil {
		return err
	}
	svg, err := picture(strings.Join(command, " "), output)
	if err != nil {
		return err
	}
	if file == "" {
		_, err = stdout.Write(svg)
		return err
	}
	return os.WriteFile(file, svg, 0o600)
}

// record runs a command in dir and returns its output and its errors, in order.
func record(ctx context.Context, dir string, command []string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // running the caller's command is the purpose
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output // one writer: exec keeps the order
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%q: %w\n%s", command, err, &output)
	}
	return output.Bytes(), nil
}

// picture draws the output of a command under a title.
func picture(title string, output []byte) ([]byte, error) {
	lines, err := show(steady(output))
	if err != nil {
		return nil, err
	}
	return draw(title, lines), nil
}

const layout = "2006-01-02 15:04"

var (
	moment = regexp.MustCompile(`\b\d{4}-\d\d-\d\d \d\d:\d\d\b`)
	lapse  = regexp.MustCompile(`\bafter \d[0-9hms.]*`)

	// newest is the time that the newest one in the output becomes.
	newest = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)
)

// steady replaces times and durations, which differ between two runs. The
// newest time becomes a fixed one, and the others keep their distance to it in
// hours.
func steady(output []byte) []byte {
	var last time.Time
	for _, text := range moment.FindAll(output, -1) {
		if t, err := time.Parse(layout, string(text)); err == nil && t.After(last) {
			last = t
		}
	}
	output = moment.ReplaceAllFunc(output, func(text []byte) []byte {
		t, err := time.Parse(layout, string(text))
		if err != nil {
			return text
		}
		return []byte(newest.Add(-last.Sub(t).Round(time.Hour)).Format(layout))
	})
	return lapse.ReplaceAll(output, []byte("after 0s"))
}
