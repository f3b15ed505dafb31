package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEmbedded(t *testing.T) {
	var out bytes.Buffer
	if err := run(nil, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	want := `^staging is in_progress
staging is success
deployment \d+: main to staging by shipper\[bot\] through the app shipper
quota: \d+ of 5000 requests remaining
4 requests below /api/v3, 1 token issued
$`
	if !regexp.MustCompile(want).MatchString(out.String()) {
		t.Errorf("printed:\n%s\nwant:\n%s", &out, want)
	}
}

func TestFlags(t *testing.T) {
	key := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(key, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	app := []string{"-host", "ghe.example.com", "-app", "Iv1.x", "-installation", "42"}
	for want, args := range map[string][]string{
		`unexpected argument "ghe.example.com"`:   {"ghe.example.com"},
		"-host also requires -app":                {"-host", "ghe.example.com"},
		`"octocat" is not a repository`:           append([]string{"-key", key, "-repo", "octocat"}, app...),
		"app.pemx":                                append([]string{"-key", key + "x", "-repo", "octocat/example"}, app...),
		"the app's key: ":                         append([]string{"-key", key, "-repo", "octocat/example"}, app...),
		"flag provided but not defined: -tenants": {"-tenants", "5"},
	} {
		err := run(args, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}
