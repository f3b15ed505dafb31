package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

const (
	timeUnit   = "ns/op"
	bytesUnit  = "B/op"
	allocsUnit = "allocs/op"
	peakUnit   = "MiB-peak"
)

// writeTable writes an aligned Markdown table. The ratios are go-github's time
// to ghdeploy's, and ghdeploy's time to the floor's.
func writeTable(out io.Writer, cases []*benchmark) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row := func(cells ...string) {
		// tabwriter keeps the text until Flush, which returns any error.
		_, _ = io.WriteString(w, "| "+strings.Join(cells, "\t| ")+"\t|\n")
	}
	row("case", "Go", "times as fast as go-github", "times the floor", "time", "go-github", "floor", "allocs", "go-github", "KB", "go-github", "peak MiB", "go-github", "floor")
	row(strings.Split(strings.Repeat("---,", 13)+"---", ",")...)
	for _, c := range cases {
		cell := func(side, unit string, format func(float64) string) string {
			if v, ok := c.sides[side].median(unit); ok {
				return format(v)
			}
			return ""
		}
		row(c.name, strings.TrimPrefix(c.release, "go"),
			c.ratio(peer, ours), c.ratio(ours, floor),
			cell(ours, timeUnit, duration), cell(peer, timeUnit, duration), cell(floor, timeUnit, duration),
			cell(ours, allocsUnit, number), cell(peer, allocsUnit, number),
			cell(ours, bytesUnit, kilobytes), cell(peer, bytesUnit, kilobytes),
			cell(ours, peakUnit, number), cell(peer, peakUnit, number), cell(floor, peakUnit, number))
	}
	return w.Flush()
}

// ratio returns how many times the first side's time is the second's.
func (c *benchmark) ratio(first, second string) string {
	if v, ok := c.quotient(first, second); ok {
		return fmt.Sprintf("%.2f", v)
	}
	return ""
}

func (c *benchmark) quotient(first, second string) (float64, bool) {
	a, okA := c.sides[first].median(timeUnit)
	b, okB := c.sides[second].median(timeUnit)
	return a / b, okA && okB && b > 0
}

func duration(ns float64) string {
	switch {
	case ns < 1e4:
		return fmt.Sprintf("%.2f us", ns/1e3)
	case ns < 1e6:
		return fmt.Sprintf("%.0f us", ns/1e3)
	default:
		return fmt.Sprintf("%.2f ms", ns/1e6)
	}
}

func number(v float64) string    { return fmt.Sprintf("%.0f", v) }
func kilobytes(v float64) string { return fmt.Sprintf("%.1f", v/1e3) }
