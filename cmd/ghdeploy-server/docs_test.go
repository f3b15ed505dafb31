package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocumentedCurl runs the commands of docs/server-program.md in order and
// compares their output with the page.
func TestDocumentedCurl(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: cannot run the commands of docs/server-program.md", program)
		}
	}
	page, err := os.ReadFile("../../docs/server-program.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)<!-- test -->\n```sh\n(.*?)```\n(?:\n```(?:json|text)\n(.*?)```\n)?").FindAllStringSubmatch(string(page), -1)
	if marks := strings.Count(string(page), "<!-- test -->"); marks < 6 || marks != len(blocks) {
		t.Fatalf("%d marks, %d blocks", marks, len(blocks))
	}
	p := launch(t, "-control", "127.0.0.1:0")
	for _, block := range blocks {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block[1])
		cmd.Env = append(os.Environ(), "API="+p.url, "CONTROL="+p.control, "no_proxy=*", "NO_PROXY=*")
		got, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s\n%v: %s", block[1], err, got)
		}
		if diff := cmp.Diff(block[2], string(got)); diff != "" {
			t.Errorf("%s\n%s", block[1], diff)
		}
	}
}

// TestGH uses the server through GitHub's command-line program gh, which needs
// HTTPS.
func TestGH(t *testing.T) {
	gh, err := exec.LookPath("gh")
	if err != nil {
		t.Skip("gh is not installed")
	}
	if runtime.GOOS != "linux" {
		t.Skip("gh reads SSL_CERT_FILE only on Linux, so it cannot trust the certificate here")
	}
	ca := t.TempDir() + "/ca.pem"
	p := launch(t, "-tls", "-tls-ca", ca, "-control", "127.0.0.1:0")
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), gh, args...)
		cmd.Env = append(os.Environ(), "GH_HOST="+strings.TrimPrefix(p.url, "https://"), "GH_ENTERPRISE_TOKEN=any",
			"SSL_CERT_FILE="+ca, "GH_CONFIG_DIR="+t.TempDir(), "GH_NO_UPDATE_NOTIFIER=1", "NO_COLOR=1", "no_proxy=*", "NO_PROXY=*")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	const deployments = "repos/octocat/example/deployments"
	for _, step := range []struct {
		args []string
		want string
		fail bool
	}{
		{[]string{deployments, "-f", "ref=main", "-f", "environment=qa", "--jq", `"\(.id) \(.environment)"`}, "6000000001 qa", false},
		{[]string{deployments, "-f", "ref=main", "--jq", ".environment"}, "production", false},
		{[]string{deployments + "/6000000001/statuses", "-f", "state=success", "--jq", ".state"}, "success", false},
		{[]string{"--paginate", deployments + "?per_page=1", "--jq", ".[].id"}, "6000000002\n6000000001", false},
		{[]string{"-X", "DELETE", deployments + "/6000000001"}, "HTTP 422", true},
		{[]string{deployments, "-f", "ref=none"}, "No ref found for: none", true},
		{[]string{"-X", "PUT", "repos/octocat/example/environments/staging", "-F", "wait_timer=5", "--jq", ".name"}, "staging", false},
	} {
		got, err := run(append([]string{"api"}, step.args...)...)
		if step.fail != (err != nil) || !step.fail && got != step.want || !strings.Contains(got, step.want) {
			t.Errorf("gh api %q: %v, %s\nwant %s", step.args, err, got, step.want)
		}
	}
	// Without the CA certificate gh does not send its token.
	cmd := exec.CommandContext(t.Context(), gh, "api", deployments)
	cmd.Env = append(os.Environ(), "GH_HOST="+strings.TrimPrefix(p.url, "https://"), "GH_ENTERPRISE_TOKEN=any", "GH_CONFIG_DIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "certificate") {
		t.Errorf("without the certificate: %v, %s", err, out)
	}
}
