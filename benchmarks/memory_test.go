package benchmarks

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// walkEnv makes the test program walk one list instead of running tests: the
// side and the number of pages.
const walkEnv = "GHDEPLOY_BENCHMARK_WALK"

// BenchmarkMemory starts a program that ranges over b.N pages of 100
// deployments in process, and reports the program's peak of resident memory.
// With -benchtime 10000x the list has 1,000,000 deployments.
func BenchmarkMemory(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads the peak from Linux's /proc/self/status")
	}
	for _, side := range sides {
		b.Run("client="+side.name, func(b *testing.B) {
			program := exec.CommandContext(b.Context(), os.Args[0])
			program.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", walkEnv, side.name, b.N))
			program.Stderr = os.Stderr
			out, err := program.Output()
			if err != nil {
				b.Fatal(err)
			}
			peak, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
			if err != nil {
				b.Fatalf("the program printed %q, want its peak in KiB", out)
			}
			b.ReportMetric(0, "ns/op") // omit it: it includes the start of the program
			b.ReportMetric(peak/1024, "MiB-peak")
		})
	}
}

// walkAlone is the main function of BenchmarkMemory's program.
func walkAlone(arguments string) {
	name, number, _ := strings.Cut(arguments, " ")
	pages, err := strconv.Atoi(number)
	for _, side := range sides {
		if err != nil || side.name != name {
			continue
		}
		a := newAPI(variants[0], pages)
		var rows int
		rows, err = side.make(&testing.B{}, a.root, a).all(context.Background())
		if err == nil && rows != pages*rowsPerPage {
			err = fmt.Errorf("%d rows, want %d", rows, pages*rowsPerPage)
		}
	}
	peak := ""
	if err == nil {
		peak, err = peakKiB()
	}
	if err == nil {
		_, err = os.Stdout.WriteString(peak)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// peakKiB reads the peak of this program's resident memory. The peak that
// getrusage reports can be that of the parent.
func peakKiB() (string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			return strings.TrimSuffix(strings.TrimSpace(value), " kB"), nil
		}
	}
	return "", fmt.Errorf("/proc/self/status has no VmHWM")
}
