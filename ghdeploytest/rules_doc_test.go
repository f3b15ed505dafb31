package ghdeploytest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// exported are the exported names of the package, methods and fields as
// Type.Name and as Name.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				names[n.Name.Name] = true
			case *ast.TypeSpec:
				names[n.Name.Name] = true
				if s, ok := n.Type.(*ast.StructType); ok {
					for _, field := range s.Fields.List {
						for _, name := range field.Names {
							names[n.Name.Name+"."+name.Name] = true
						}
					}
				}
			}
			return true
		})
	}
	return names
}

// Each row of docs/test-server.md names a source that the legend has, and what
// its last column names exists; each option that is about a rule is there.
func TestRulesPage(t *testing.T) {
	page, err := os.ReadFile("../docs/test-server.md")
	if err != nil {
		t.Fatal(err)
	}
	names := exported(t)
	switches := regexp.MustCompile("`([^`]*)`")
	source := regexp.MustCompile(`^[DPRQA]\b`)
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) == 2 || strings.Contains(line, "|---|") || strings.Contains(line, "| source |") {
			continue
		}
		if len(cells) != 3 {
			t.Errorf("%d columns: %s", len(cells), line)
			continue
		}
		rows++
		if !source.MatchString(strings.TrimSpace(cells[1])) {
			t.Errorf("no source: %s", line)
		}
		for _, name := range switches.FindAllStringSubmatch(cells[2], -1) {
			if !names[name[1]] {
				t.Errorf("there is no %s: %s", name[1], line)
			}
		}
	}
	if rows < 90 {
		t.Errorf("%d rows", rows)
	}
	// Options that are about the test and not about a rule.
	about := map[string]bool{"WithRepository": true, "WithToken": true, "WithSeed": true, "WithListener": true, "WithAddress": true, "WithRequestLog": true, "WithDeliveryLog": true, "WithLogSize": true}
	for name := range names {
		if strings.HasPrefix(name, "With") && name != "WithHeader" && !about[name] && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/test-server.md has no %s", name)
		}
	}
}
