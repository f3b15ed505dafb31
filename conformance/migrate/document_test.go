package migrate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

const document = "../../docs/migrate.md"

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type row struct{ before, after, difference string }

// rows returns the rows of the document's only table.
func rows(t *testing.T) []row {
	t.Helper()
	var table []row
	for line := range strings.Lines(read(t, document)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		table = append(table, row{strings.ReplaceAll(cells[0], "`", ""), strings.ReplaceAll(cells[1], "`", ""), cells[2]})
	}
	if len(table) < 3 {
		t.Fatal("the document has no table")
	}
	return table[2:] // without the head
}

// TestTable compares the table with the pairs: each row has a pair and each
// pair a row, in the same order, and a row states a difference exactly if its
// pair checks one.
func TestTable(t *testing.T) {
	var shown, proven []string
	differences := make(map[string]string)
	for _, r := range rows(t) {
		name := r.before + " -> " + r.after
		shown = append(shown, name)
		differences[name] = r.difference
	}
	for i := range pairs {
		p := &pairs[i]
		proven = append(proven, p.String())
		if text, ok := differences[p.String()]; ok && (text == "") != (p.differs == nil) {
			t.Errorf("%s: the row states %q; the pair checks a difference: %t", p, text, p.differs != nil)
		}
	}
	for _, name := range shown {
		if !slices.Contains(proven, name) {
			t.Errorf("the row %q has no pair", name)
		}
	}
	for _, name := range proven {
		if !slices.Contains(shown, name) {
			t.Errorf("the pair %q has no row", name)
		}
	}
	if !t.Failed() && !slices.Equal(shown, proven) {
		t.Error("rows and pairs are in different orders, or one is there twice")
	}
}

// TestCells checks that the code of the first two cells is the code that runs.
func TestCells(t *testing.T) {
	checked := 0
	for _, file := range []string{
		"pairs_clients_test.go", "pairs_deployments_test.go", "pairs_environments_test.go",
		"pairs_rules_test.go", "pairs_errors_test.go", "pairs_webhooks_test.go",
	} {
		source := read(t, file)
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			fields := make(map[string]string)
			for _, element := range literal.Elts {
				if field, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := field.Key.(*ast.Ident); ok {
						fields[key.Name] = source[set.Position(field.Value.Pos()).Offset:set.Position(field.Value.End()).Offset]
					}
				}
			}
			if fields["before"] == "" || fields["ours"] == "" {
				return true
			}
			checked++
			for cell, code := range map[string]string{"before": fields["theirs"], "after": fields["ours"]} {
				for span := range strings.SplitSeq(strings.Trim(fields[cell], `"`), ", ") {
					if span != "none" && !strings.Contains(code, span) {
						t.Errorf("%s: the pair never uses %s", file, span)
					}
				}
			}
			return false
		})
	}
	if checked != len(pairs) {
		t.Errorf("checked %d of %d pairs", checked, len(pairs))
	}
}

// TestComplete checks that no call of either client is missing in the table.
func TestComplete(t *testing.T) {
	var before, after []string
	for _, r := range rows(t) {
		before = append(before, r.before)
		after = append(after, r.after)
	}
	area := regexp.MustCompile(`Deployment|Environment`)
	for service, of := range map[string]reflect.Type{
		"Repositories": reflect.TypeFor[*github.RepositoriesService](),
		"Actions":      reflect.TypeFor[*github.ActionsService](),
	} {
		found := 0
		for method := range of.Methods() {
			if name := service + "." + method.Name; area.MatchString(method.Name) {
				found++
				if !slices.Contains(before, name) {
					t.Errorf("go-github's %s has no row", name)
				}
			}
		}
		if found < 3 {
			t.Errorf("found %d methods of %s", found, service)
		}
	}
	services := 0
	for field := range reflect.TypeFor[ghdeploy.Client]().Fields() {
		if !field.IsExported() {
			continue
		}
		services++
		for method := range field.Type.Methods() {
			if name := field.Name + "." + method.Name; !slices.Contains(after, name) {
				t.Errorf("ghdeploy's %s has no row", name)
			}
		}
	}
	if services != 6 {
		t.Errorf("found %d services", services)
	}
}

// TestGuide compares the Go in the document with guide_test.go.
func TestGuide(t *testing.T) {
	compiled := read(t, "guide_test.go")
	text := read(t, document)
	blocks := strings.Split(text, "```go\n")[1:]
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if !strings.Contains(compiled, "\n"+code) {
			t.Errorf("this piece of the document is not in guide_test.go as it stands:\n%s", code)
		}
	}
	functions := regexp.MustCompile(`(?m)^func \w+\(`).FindAllString(compiled, -1)
	for _, function := range functions {
		if !strings.Contains(text, "\n"+function) {
			t.Errorf("the document does not show %s", function)
		}
	}
	if len(functions) < 20 {
		t.Errorf("found %d functions", len(functions))
	}
}

// TestTraps compares the sections on traps with the tests that show them.
func TestTraps(t *testing.T) {
	proofs := map[string]string{
		"`RequiredContexts: []string{}` is `SkipContexts`": "TestSkipContexts",
		"An `AcceptedError` is not \"scheduled\"":          "TestAccepted",
		"`errors.As` with go-github's types":               "TestErrorTypes",
		"Your own retry loop":                              "TestRetryLoop",
		"`url.PathEscape` in names of environments":        "TestPathEscape",
		"Getters become fields":                            "TestNilCreator",
		"Addresses of GitHub Enterprise Server":            "TestEnterpriseAddresses",
		"Payloads that go-github stored as base64":         "TestBase64Payload",
		"`CreateUpdateEnvironment` is two calls":           "TestEnvironmentPatch",
		"Webhooks":                                         "TestWebhooks",
	}
	_, text, _ := strings.Cut(read(t, document), "## The traps\n")
	text, _, _ = strings.Cut(text, "\n## ")
	tests := read(t, "traps_test.go") + read(t, "traps_payloads_test.go")
	sections := strings.Split(text, "\n### ")[1:]
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		if proof := proofs[title]; proof == "" || !strings.Contains(tests, "\nfunc "+proof+"(") {
			t.Errorf("the section %q has no test", title)
		}
	}
	if len(sections) != len(proofs) || len(sections) != 10 {
		t.Errorf("%d sections, %d tests; the document says ten", len(sections), len(proofs))
	}
}

// TestLinks checks that each link has a target in this repository.
func TestLinks(t *testing.T) {
	text := read(t, document)
	anchors := make(map[string]bool)
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors["#"+strings.ReplaceAll(anchor, " ", "-")] = true
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	for _, link := range links {
		if strings.HasPrefix(link[1], "#") {
			if !anchors[link[1]] {
				t.Errorf("no heading for %s", link[1])
			}
		} else if _, err := os.Stat(filepath.Join(filepath.Dir(document), link[1])); err != nil {
			t.Error(err)
		}
	}
	if len(links) < 5 {
		t.Errorf("found %d links", len(links))
	}
}
