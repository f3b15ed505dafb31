package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestOctokit runs octokit.js against the built program cmd/ghdeploy-server.
// Every operation must succeed at least once.
func TestOctokit(t *testing.T) {
	node := nodeModules(t)
	api, control := serverProgram(t, "-seed", filepath.Join("clients", "seed.json"))
	script := exec.CommandContext(t.Context(), node, filepath.Join("clients", "octokit.mjs"))
	script.Env = append(os.Environ(), "API="+api, "CONTROL="+control, "no_proxy=*", "NO_PROXY=*")
	out, err := script.CombinedOutput()
	t.Logf("octokit.mjs:\n%s", out)
	if err != nil {
		t.Errorf("octokit.mjs: %v", err)
	}

	resp, err := http.Get(control + "/requests")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var log struct {
		Requests []struct {
			Operation string
			Status    int
			Headers   http.Header
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&log); err != nil {
		t.Fatal(err)
	}
	succeeded := map[string]int{}
	for _, r := range log.Requests {
		if r.Status >= 200 && r.Status < 300 {
			succeeded[r.Operation]++
		}
		if agent := r.Headers.Get("User-Agent"); !strings.HasPrefix(agent, "octokit.js/") {
			t.Errorf("%s: the User-Agent is %q, want octokit.js", r.Operation, agent)
		}
	}
	for operation := range calls {
		if succeeded[operation] == 0 {
			t.Errorf("octokit.js did not succeed with %s", operation)
		}
	}
	for operation := range notOurs {
		if succeeded[operation] == 0 {
			t.Errorf("octokit.js did not succeed with %s", operation)
		}
	}
	t.Logf("%d requests, %d operations", len(log.Requests), len(succeeded))
}

// nodeModules installs the packages that the lock file of clients/ pins, and
// returns the path of node.
func nodeModules(t *testing.T) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is missing: octokit.js was not run against the server")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is missing: octokit.js was not run against the server")
	}
	version, err := exec.CommandContext(t.Context(), node, "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, _ := strconv.Atoi(major); err != nil || n < 20 {
		t.Skipf("node %s: octokit.js 5 needs node 20; it was not run against the server", bytes.TrimSpace(version))
	}
	lock, err := os.ReadFile(filepath.Join("clients", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	// installed is a copy of the lock file of the last npm ci.
	installed := filepath.Join("clients", "node_modules", ".installed-package-lock.json")
	if old, err := os.ReadFile(installed); err == nil && bytes.Equal(old, lock) {
		return node
	}
	install := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = "clients"
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in conformance/clients: %v; it needs access to the npm registry\n%s", err, out)
	}
	if err := os.WriteFile(installed, lock, 0o600); err != nil {
		t.Fatal(err)
	}
	return node
}

// serverProgram builds and starts cmd/ghdeploy-server. It returns the URLs of
// its API and of its control API.
func serverProgram(t *testing.T, args ...string) (api, control string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ghdeploy-server")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/ghdeploy-server")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.CommandContext(t.Context(), program, append([]string{"-control", "127.0.0.1:0", "-log-format", "json"}, args...)...)
	var errs bytes.Buffer
	server.Stderr = &errs
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-drained
		_ = server.Wait() // fails, because the program was killed
		if errs.Len() > 0 {
			t.Errorf("the server printed: %s", &errs)
		}
	})
	lines := bufio.NewScanner(out)
	var first struct{ URL, Control string }
	if !lines.Scan() {
		close(drained)
		t.Fatal("the server printed no address")
	}
	err = json.Unmarshal(lines.Bytes(), &first)
	line := lines.Text()
	go func() { // drain the output, so that the server never blocks on it
		defer close(drained)
		for lines.Scan() {
			continue
		}
	}()
	if err != nil || first.URL == "" || first.Control == "" {
		t.Fatalf("the server's first line is %q: %v", line, err)
	}
	return first.URL, first.Control
}
