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
)

func main() {
	log.SetFlags(0)
	chart := flag.String("chart", "", "write the chart to this SVG file")
	flag.Parse()
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
