// Command report reads the output of go test -bench from standard input, prints
// one table that compares the sides of each benchmark, and writes a chart.
//
//	go test -bench . -count 10 | go run ./internal/report -chart chart.svg
//
// It prints the median of several runs. A line "go: RELEASE" names the Go
// release of the lines that follow.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/ghdeploy/ghdeploy/internal/usage"
)

var program = usage.Program{
	Name:     "report",
	Does:     "prints a table of the output of go test -bench.",
	Synopsis: []string{"[flags] <OUTPUT"},
}

func main() {
	log.SetFlags(0)
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	chart := flags.String("chart", "", "write a chart to the SVG file `FILE`")
	if code, ok := program.Parse(flags, os.Args[1:], os.Stdout, os.Stderr); !ok {
		os.Exit(code)
	}
	if flags.NArg() > 0 {
		os.Exit(program.Invalid(os.Stderr, fmt.Errorf("unexpected argument %q", flags.Arg(0))))
	}
	if err := run(os.Stdin, os.Stdout, *chart); err != nil {
		log.Fatal("report: ", err)
	}
}

func run(in io.Reader, out io.Writer, chart string) error {
	cases, err := parse(in)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if err := writeTable(w, cases); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if chart == "" {
		return nil
	}
	svg := drawChart(cases)
	if svg == "" {
		return fmt.Errorf("no case has times of both %s and %s, so there is no chart", ours, peer)
	}
	return os.WriteFile(chart, []byte(svg), 0o644) //nolint:gosec // a file of the repository
}
