package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-n", "800", "-seed", "7"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d\n%s\n%s", code, &stdout, &stderr)
	}
	if !strings.Contains(stdout.String(), "800 calls: ") || !strings.Contains(stdout.String(), " 0 violations") {
		t.Errorf("unexpected summary:\n%s", &stdout)
	}
}

func TestRunFails(t *testing.T) {
	for name, args := range map[string][]string{
		"too few calls leave cells empty": {"-n", "10"},
		"an unknown flag":                 {"-m"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, &stdout, &stderr); code == 0 {
				t.Errorf("exit status 0\n%s\n%s", &stdout, &stderr)
			}
		})
	}
}
