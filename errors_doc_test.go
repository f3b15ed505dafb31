package ghdeploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page on errors says of each what to do.
func TestErrorsPageNamesEachError(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(page), "## Each error, and what to do\n")
	table, _, end := strings.Cut(table, "\n## ")
	if !ok || !end {
		t.Fatal("the table is not where it was")
	}
	found := 0
	for file, form := range map[string]string{
		"errors.go":  `(?m)^\t(Err[A-Za-z]+) error = `,
		"reasons.go": `(?m)^func \(e \*([A-Z][A-Za-z]+)\) Error\(\) `,
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(form).FindAllStringSubmatch(string(source), -1) {
			if found++; !regexp.MustCompile("`[*]?" + name[1] + "`").MatchString(table) {
				t.Errorf("docs/errors.md does not say what to do with %s", name[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("%d errors were found in the source", found)
	}
}

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
