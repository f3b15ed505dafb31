package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const output = `go: go1.26.8
goos: linux
BenchmarkPage/rows=plain/client=ghdeploy-2   10  1000000 ns/op  100000 B/op  500 allocs/op
BenchmarkPage/rows=plain/client=ghdeploy-2   10  9000000 ns/op  100000 B/op  500 allocs/op
BenchmarkPage/rows=plain/client=ghdeploy-2   10  1200000 ns/op  100000 B/op  500 allocs/op
BenchmarkPage/rows=plain/client=go-github-2  10  4800000 ns/op  240000 B/op  6000 allocs/op
BenchmarkPage/rows=plain/client=floor-2      10  300000 ns/op  3000 B/op  38 allocs/op
BenchmarkMemory/client=ghdeploy-2            100  20.6 MiB-peak
BenchmarkMemory/client=ghdeploy-2            10000  21.6 MiB-peak
PASS
go: go1.27.4
BenchmarkPage/rows=plain/client=ghdeploy-2   10  1000000 ns/op  100000 B/op  500 allocs/op
BenchmarkPage/rows=plain/client=go-github-2  10  2500000 ns/op  240000 B/op  6000 allocs/op
`

func TestReport(t *testing.T) {
	chart := filepath.Join(t.TempDir(), "chart.svg")
	var out strings.Builder
	if err := run(strings.NewReader(output), &out, chart); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(out.String()) {
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "|\n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	want := []string{
		"Page rows=plain,1.26.8,4.00,4.00,1.20 ms,4.80 ms,300 us,500,6000,100.0,240.0,,,", // the median, not the mean
		"Memory pages=100,1.26.8,,,,,,,,,,21,,",
		"Memory pages=10000,1.26.8,,,,,,,,,,22,,",
		"Page rows=plain,1.27.4,2.50,,1.00 ms,2.50 ms,,500,6000,100.0,240.0,,,",
	}
	if len(rows) != len(want)+2 {
		t.Fatalf("%d lines, want %d:\n%s", len(rows), len(want)+2, out.String())
	}
	for i, w := range want {
		if have := strings.Join(rows[i+2], ","); have != w {
			t.Errorf("row %d: %s\nwant   %s", i, have, w)
		}
	}
	svg, err := os.ReadFile(chart)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{">4.0x<", ">2.5x<", "Go 1.26.8", "Go 1.27.4", "prefers-color-scheme: dark"} {
		if !strings.Contains(string(svg), part) {
			t.Errorf("the chart does not contain %q", part)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the chart is not XML: %v", err)
		}
	}
}

func TestReportRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"no results":    "PASS\n",
		"a failure":     output + "--- FAIL: BenchmarkGet\n",
		"a failed run":  output + "FAIL\tgithub.com/ghdeploy/ghdeploy/benchmarks\t0.5s\n",
		"a broken line": "BenchmarkGet/client=floor-2 1 x ns/op\n",
	} {
		if err := run(strings.NewReader(in), io.Discard, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	memory := "BenchmarkMemory/client=floor-2 1 5 MiB-peak\n"
	if err := run(strings.NewReader(memory), io.Discard, filepath.Join(t.TempDir(), "chart.svg")); err == nil {
		t.Error("a chart without a case: no error")
	}
}

// A title ends at barLeft-10; one that is too long loses its beginning. The
// widest of the usual fonts takes 7.2 pixels for a character on average.
func TestTitlesFit(t *testing.T) {
	for _, c := range titles {
		if width := 7.2 * float64(len(c.title)); width > barLeft-10 {
			t.Errorf("%q takes %.0f pixels, more than %d", c.title, width, barLeft-10)
		}
	}
}
