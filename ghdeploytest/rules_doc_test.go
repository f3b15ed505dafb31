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

// exported returns the exported names of the package: functions, methods and
// types as Name, fields as Type.Name.
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

// Each row of docs/test-server.md names a source of the legend, and only
// existing names in its last column. The page lists each option that changes a
// rule.
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
			t.Errorf("the row has no source: %s", line)
		}
		for _, name := range switches.FindAllStringSubmatch(cells[2], -1) {
			if !names[name[1]] {
				t.Errorf("the package has no %s: %s", name[1], line)
			}
		}
	}
	if rows < 90 {
		t.Errorf("docs/test-server.md has %d rows, want at least 90", rows)
	}
	// Options that configure the test, not a rule.
	about := map[string]bool{"WithRepository": true, "WithToken": true, "WithSeed": true, "WithListener": true, "WithAddress": true, "WithRequestLog": true, "WithDeliveryLog": true, "WithLogSize": true}
	for name := range names {
		if strings.HasPrefix(name, "With") && name != "WithHeader" && !about[name] && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/test-server.md has no %s", name)
		}
	}
}
