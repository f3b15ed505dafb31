package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-n", "300", "-seed", "7"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit status %d\n%s\n%s", code, &stdout, &stderr)
	}
	if !strings.Contains(stdout.String(), "300 creates: ") || !strings.Contains(stdout.String(), " 0 violations") {
		t.Errorf("unexpected summary:\n%s", &stdout)
	}
}

func TestRunFails(t *testing.T) {
	for name, args := range map[string][]string{
		"too few creates leave cells empty": {"-n", "10"},
		"an unknown flag":                   {"-m"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, &stdout, &stderr); code == 0 {
				t.Errorf("exit status 0\n%s\n%s", &stdout, &stderr)
			}
		})
	}
}
