package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const installed = "/usr/local/bin/ghdeploy-receiver"

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// printed runs the program and returns its standard output.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary(t), args...).Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return string(out)
}

// The unit is valid, and its command line starts the program.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := read(t, "receiver.service")
	line := regexp.MustCompile(`(?m)^ExecStart=` + installed + ` (.*)$`).FindStringSubmatch(unit)
	if line == nil {
		t.Fatalf("the unit does not start %s", installed)
	}
	if out := printed(t, append(strings.Fields(line[1]), "-h")...); !strings.Contains(out, "\nUsage:\n") {
		t.Errorf("%s -h printed:\n%s", line[0], out)
	}

	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: the unit is not verified")
	}
	path := filepath.Join(t.TempDir(), "ghdeploy-receiver.service")
	verify := func(unit string) (string, error) {
		if err := os.WriteFile(path, []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", path).CombinedOutput()
		return string(out), err
	}
	unit = strings.ReplaceAll(unit, installed, binary(t))
	// verify exits with 0 and prints a warning for an unknown key.
	if out, err := verify(unit); err != nil || strings.Contains(out, filepath.Base(path)) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for _, wrong := range [][2]string{{"TimeoutStopSec", "TimeoutStopSecs"}, {"=on-failure", "=on-fault"}, {binary(t), "/no/such/program"}} {
		if out, err := verify(strings.Replace(unit, wrong[0], wrong[1], 1)); err == nil && !strings.Contains(out, filepath.Base(path)) {
			t.Errorf("systemd-analyze verify accepts %s", wrong[1])
		}
	}
}

// The build command is valid, and builds the program where the image expects
// it.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	file := read(t, "Dockerfile")
	command := regexp.MustCompile(`(?m)^RUN (.* -o (/out/\S+) .*)$`).FindStringSubmatch(file)
	if len(command) != 3 {
		t.Fatal("the Dockerfile has no build command")
	}
	for _, line := range []string{"COPY --from=build " + command[2] + " " + installed, `ENTRYPOINT ["` + installed + `", "-addr", ":8080"]`} {
		if !strings.Contains(file, line) {
			t.Errorf("the Dockerfile lacks %s", line)
		}
	}
	// -n resolves the packages and the flags, and compiles nothing.
	args := strings.Fields(command[1])[2:] // without CGO_ENABLED=0 go
	build := exec.CommandContext(t.Context(), "go", append([]string{"build", "-n"}, args[1:]...)...)
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil || !strings.Contains(string(out), command[2]) {
		t.Fatalf("%s: %v\n%s", command[1], err, out)
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the image is not built in short mode")
	}
	if err := exec.CommandContext(t.Context(), "docker", "info").Run(); err != nil {
		t.Skip("no Docker engine runs here: the image is not built")
	}
	build := exec.CommandContext(t.Context(), "docker", "build", "-q", "-f", "examples/receiver/Dockerfile", ".")
	build.Dir = filepath.Join("..", "..")
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("docker build: %v\n%s", err, out)
	}
}

// README.md lists each flag with its default.
func TestReadmeListsTheFlags(t *testing.T) {
	t.Parallel()
	out := printed(t, "-h")
	flags := regexp.MustCompile(`(?m)^  (-\w+)`).FindAllStringSubmatch(out, -1)
	if len(flags) == 0 {
		t.Fatalf("-h lists no flag:\n%s", out)
	}
	readme := read(t, "README.md")
	for _, flag := range flags {
		row := regexp.MustCompile("(?m)^\\| `" + flag[1] + "[ `].*$").FindString(readme)
		_, usage, _ := strings.Cut(out, "  "+flag[1]+" ")
		value := regexp.MustCompile(`\(default "?([^")]*)"?\)|\((required)\)`).FindStringSubmatch(usage)
		if row == "" || value == nil || !strings.Contains(row, value[1]+value[2]) {
			t.Errorf("%s %q: the table has %q", flag[1], value, row)
		}
	}
}
