package ghdeploy_test

import (
	"os"
	"strings"
	"testing"
)

// The page on errors shows the code that the example runs.
func TestErrorsPageShowsTheExample(t *testing.T) {
	source, err := os.ReadFile("unknown_example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(source), "// release is ")
	if ok {
		code, _, ok = strings.Cut(code, "\nfunc Example")
	}
	if !ok {
		t.Fatal("the example is not where it was")
	}
	if want := "```go\n// release is " + code + "```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/errors.md does not hold\n%s", want)
	}
}
