package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// The sides of the comparison.
const (
	ours  = "ghdeploy"
	peer  = "go-github"
	floor = "floor"
)

// benchmark is one case under one Go release.
type benchmark struct {
	release string
	name    string // without the side
	sides   map[string]measures
}

// measures holds the values of one side, one for each run, by unit.
type measures map[string][]float64

// median returns the median of a unit's values, and false without values.
func (m measures) median(unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(m[unit]))
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// parse reads the output of go test -bench. Lines that are not results of a
// side are skipped, except those of a failure.
func parse(in io.Reader) ([]*benchmark, error) {
	var (
		all     []*benchmark
		release = "unknown"
	)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if after, ok := strings.CutPrefix(line, "go: "); ok {
			release = after
		}
		if strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "panic:") {
			return nil, fmt.Errorf("the benchmarks failed: %s", line)
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name, side, ok := splitName(fields[0])
		if !ok {
			continue
		}
		if strings.Contains(line, peakUnit) {
			name += " pages=" + fields[1] // b.N is the length of the walk
		}
		i := slices.IndexFunc(all, func(b *benchmark) bool { return b.release == release && b.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &benchmark{release, name, map[string]measures{}})
		}
		if all[i].sides[side] == nil {
			all[i].sides[side] = measures{}
		}
		for f := 2; f+1 < len(fields); f += 2 {
			value, err := strconv.ParseFloat(fields[f], 64)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", line, err)
			}
			unit := fields[f+1]
			all[i].sides[side][unit] = append(all[i].sides[side][unit], value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the input has no results; pipe the output of go test -bench into it")
	}
	return all, nil
}

// splitName splits "BenchmarkPage/rows=plain/client=ghdeploy-2" into "Page
// rows=plain" and "ghdeploy".
func splitName(full string) (name, side string, ok bool) {
	if i := strings.LastIndexByte(full, '-'); i > 0 {
		if _, err := strconv.Atoi(full[i+1:]); err == nil {
			full = full[:i] // GOMAXPROCS
		}
	}
	head, side, ok := strings.Cut(strings.TrimPrefix(full, "Benchmark"), "/client=")
	return strings.ReplaceAll(head, "/", " "), side, ok
}
