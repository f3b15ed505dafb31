package doccheck

import (
	"slices"
	"strings"
	"testing"
)

func TestColumnsOfThisRepository(t *testing.T) {
	for _, fault := range Columns(filesOfThisRepository(t)) {
		t.Error(fault)
	}
}

func TestColumns(t *testing.T) {
	x := strings.Repeat("x", 70)
	long := x + " " + x
	for _, test := range []struct {
		name, file, text string
		lines            []string
	}{
		{"prose of 80 columns", "a.md", strings.Repeat("ü", 80), nil},
		{"prose of 81 columns", "a.md", "\n" + strings.Repeat("ü", 81), []string{"a.md:2: 81 columns, at most 80"}},
		{"a code block", "a.md", "```go\n" + long + "\n```\n" + long, []string{"a.md:4: 141 columns, at most 80"}},
		{"a code block in a list", "a.md", "- a\n\n  ~~~\n  " + long + "\n  ~~~\n", nil},
		{"a table", "a.md", "| " + long + " |", nil},
		{"an address", "a.md", x + " https://example.com/" + x, nil},
		{"a link", "a.md", x + " [x](" + x + ")", nil},
		{"a long text before a link", "a.md", long + " [x](y)", []string{"a.md:1: 148 columns, at most 80"}},
		{"a comment of 80 columns", "a.go", "package a\n\n\t// " + strings.Repeat("x", 73) + "\n", nil},
		{"a comment of 81 columns", "a.go", "package a\n\n\t// " + strings.Repeat("x", 74) + "\n", []string{"a.go:3: 81 columns, at most 80"}},
		{"code", "a.go", "package a\n\nvar x = `" + long + "`\n", nil},
		{"a comment after code", "a.go", "package a\n\nvar x int // " + long + "\n", nil},
		{"a comment in a string", "a.go", "package a\n\nvar x = `\n// " + long + "`\n", nil},
		{"a directive", "a.go", "package a\n\n//nolint:x // " + long + "\nvar x int\n", nil},
		{"code in a comment", "a.go", "// A is a.\n//\n//\t" + long + "\npackage a\n", nil},
		{"output", "a.go", "package a\n\nfunc f() {\n\t// Output:\n\t// " + long + "\n\t// " + long + "\n}\n\n// " + long + "\n", []string{"a.go:9: 144 columns, at most 80"}},
		{"another file", "a.json", long, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Columns([]File{{test.file, test.text}}); !slices.Equal(got, test.lines) {
				t.Errorf("got %q, want %q", got, test.lines)
			}
		})
	}
}
