package ghdeploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The page on errors names every sentinel and every type of error that this
// package has, and no other.
func TestErrorsPageNamesEveryError(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	exported := exportedErrors(t)
	if len(exported) < 20 {
		t.Fatalf("only %d errors were found: %v", len(exported), exported)
	}
	for name := range exported {
		if !regexp.MustCompile("`[*]?" + name + "`").Match(page) {
			t.Errorf("docs/errors.md does not name %s", name)
		}
	}
	for _, match := range regexp.MustCompile("`[*]?(Err[A-Z]\\w+|\\w*Error)`").FindAllSubmatch(page, -1) {
		if name := string(match[1]); !exported[name] && !strings.HasPrefix(name, "Example") {
			t.Errorf("docs/errors.md names %s, which is not there", name)
		}
	}
}

// exportedErrors are the names of the package's Err... and ...Error, as its
// source declares them.
func exportedErrors(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range source.Decls {
			declaration, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range declaration.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						if declaration.Tok == token.VAR && strings.HasPrefix(name.Name, "Err") {
							names[name.Name] = true
						}
					}
				case *ast.TypeSpec:
					if spec.Name.IsExported() && strings.HasSuffix(spec.Name.Name, "Error") {
						names[spec.Name.Name] = true
					}
				}
			}
		}
	}
	return names
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

// The table of what is retried stands in docs/errors.md and in the package's
// documentation.
func TestRetryTableIsOne(t *testing.T) {
	page, source := read(t, "docs/errors.md"), read(t, "doc.go")
	_, page, _ = strings.Cut(page, "## What is retried")
	page, _, _ = strings.Cut(page, "\n## ")
	_, source, _ = strings.Cut(source, "// # Retries")
	strip := strings.NewReplacer("`", "", "*", "").Replace
	rows := 0
	for line := range strings.SplitSeq(page, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 || cells[0] == "request" {
			continue
		}
		rows++
		var row []string
		for _, cell := range cells {
			row = append(row, regexp.QuoteMeta(strip(cell)))
		}
		if !regexp.MustCompile(`(?m)^//\t` + strings.Join(row, " {2,}") + `$`).MatchString(source) {
			t.Errorf("doc.go lacks the row %q of docs/errors.md", line)
		}
	}
	if rows != 3 {
		t.Errorf("docs/errors.md has %d rows, want 3", rows)
	}
}
