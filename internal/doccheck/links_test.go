package doccheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/ghdeploy/ghdeploy"

func TestLinksOfThisRepository(t *testing.T) {
	faults, err := Links(filepath.Join("..", ".."), module)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// code is a package that the comments below can link to.
const code = `package example

import (
	"encoding/json"
	"io"
	"net/http"
)

type Client struct {
	HTTP *http.Client
	io.Closer
}

func (c *Client) Get() error { return nil }

type Service interface{ List() }

type Page[T any] struct{ Items []T }

func (p *Page[T]) Last() json.Number { return "" }

const Limit = 1

`

func TestLinks(t *testing.T) {
	for _, test := range []struct {
		name, comment, want string
		line                int // of the fault in the comment, from 0
	}{
		{"a type", "Use [Client].", "", 0},
		{"a pointer", "Use [*Client].", "", 0},
		{"a method", "Use [Client.Get].", "", 0},
		{"a field", "Use [Client.HTTP].", "", 0},
		{"a method of an interface", "Use [Service.List].", "", 0},
		{"a generic type", "Use [Page] and [Page.Last].", "", 0},
		{"a constant", "[Limit]: the limit.", "", 0},
		{"its own package", "Use [example.Client].", "", 0},
		{"an imported package", "Use [http.Client.Do] and [http.Client.Transport].", "", 0},
		{"a package by its path", "Use [net/http/httptest.Server.Close].", "", 0},
		{"a package alone", "Use [net/http] or [errors].", "", 0},
		{"another package of the module", "Use [example.org/m/sub.Here].", "", 0},
		{"a link with a definition", "See [RFC 9110].\n\n[RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110", "", 0},
		{"an index", "The element x[0] of [0] and m[Key] or m[a.B].", "", 0},
		{"words in brackets", "It is [optional], [in short], [docs] or [Not This].", "", 0},
		{"a type with brackets", "It is a []Client, a [2]Client or a map[string]Client.", "", 0},
		{"type parameters", "It is a Page[Client].", "", 0},
		{"a code block", "Write:\n\n\tx := [Missing]", "", 0},
		{"a template", "The path is /repos/{owner}/[a.b]c.", "", 0},

		{"a missing name", "Use [Missing].", "no link: [Missing]", 0},
		{"a missing name at the start", "[Missing] is gone.", "no link: [Missing]", 0},
		{"a missing name across lines", "Use\n[Missing]\nnow.", "no link: [Missing]", 1},
		{"a missing pointer", "Use [*Missing].", "no link: [*Missing]", 0},
		{"a missing method", "Use [Client.Missing].", "no link: [Client.Missing]", 0},
		{"a promoted method", "Use [Client.Close].", "no link: [Client.Close]", 0},
		{"a missing name in its own package", "Use [example.Missing].", "[example.Missing] links to a name that package example does not have", 0},
		{"a missing name in an imported package", "Use [http.Missing].", "[http.Missing] links to a name that package http does not have", 0},
		{"a missing method in an imported package", "Use [http.Client.Missing].", "[http.Client.Missing] links to a name that package http does not have", 0},
		{"a package that is not imported", "Use [httptest.Server].", "no link: [httptest.Server]", 0},
		{"a package that does not exist", "Use [net/missing.Server].", "[net/missing.Server] links to package net/missing: ", 0},
		{"a missing package of the module", "Use [example.org/m/missing.Here].", "links to package example.org/m/missing: no such package", 0},
		{"a path in brackets", "Write [owner/name].", "[owner/name] links to package owner/name: ", 0},
		{"a plural", "All [Client]s.", "no link: [Client]", 0},
		{"in a list", "These:\n  - [Client]\n  - [Missing]", "no link: [Missing]", 2},
		{"in a heading", "Text.\n\n# About [Missing]\n\nText.", "no link: [Missing]", 2},
		{"an unused definition", "See it.\n\n[RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110", "nothing uses the definition of the link [RFC 9110]", 2},
		{"a definition without a scheme", "See [RFC 9110].\n\n[RFC 9110]: www.rfc-editor.org/rfc/rfc9110", "malformed definition of a link", 0},
		{"a definition within a paragraph", "See [RFC 9110].\n[RFC 9110]: https://www.rfc-editor.org\nand more.", "malformed definition of a link", 0},
		{"a definition without a host", "See [RFC 9110].\n\n[RFC 9110]: https:///rfc9110", "the link [RFC 9110] has an invalid address", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			comment := "// " + strings.ReplaceAll(test.comment, "\n", "\n// ")
			comment = strings.ReplaceAll(comment, "// \t", "//\t")
			faults := check(t, map[string]string{
				"a.go":     code + comment + "\nfunc F() {}\n",
				"sub/b.go": "package sub\n\nfunc Here() {}\n",
			})
			switch {
			case test.want == "" && len(faults) > 0:
				t.Errorf("got %q", faults)
			case test.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0], fmt.Sprintf("a.go:%d: ", 24+test.line)) || !strings.Contains(faults[0], test.want)):
				t.Errorf("got %q, want one fault in line %d with %q", faults, 24+test.line, test.want)
			}
		})
	}
}

// Each place of a doc comment is read.
func TestLinksPlaces(t *testing.T) {
	for name, text := range map[string]string{
		"package":          "// Package p uses [Missing].\npackage p\n",
		"type":             "package p\n\n// T uses [Missing].\ntype T int\n",
		"type in a group":  "package p\n\ntype (\n\t// T uses [Missing].\n\tT int\n)\n",
		"field":            "package p\n\ntype T struct {\n\t// F uses [Missing].\n\tF int\n}\n",
		"end of a line":    "package p\n\ntype T struct {\n\tF int // uses [Missing]\n}\n",
		"interface method": "package p\n\ntype T interface {\n\t// F uses [Missing].\n\tF()\n}\n",
		"method":           "package p\n\ntype T int\n\n// F uses [Missing].\nfunc (T) F() {}\n",
		"const":            "package p\n\nconst (\n\t// C uses [Missing].\n\tC = 1\n)\n",
		"var":              "package p\n\n// V uses [Missing].\nvar V int\n",
		"unexported":       "package p\n\n// f uses [Missing].\nfunc f() {}\n",
		"another platform": "//go:build plan9\n\npackage p\n\n// F uses [Missing].\nfunc F() {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			if faults := check(t, map[string]string{"p.go": text}); len(faults) != 1 {
				t.Errorf("got %q, want one fault", faults)
			}
		})
	}
	t.Run("test file", func(t *testing.T) {
		faults := check(t, map[string]string{
			"p.go":      "package p\n",
			"p_test.go": "package p_test\n\n// Example uses [Missing].\nfunc Example() {}\n",
		})
		if len(faults) != 1 || !strings.HasPrefix(faults[0], "p_test.go:3: ") {
			t.Errorf("got %q, want one fault", faults)
		}
	})
}

// check runs Links on a module of the given files.
func check(t *testing.T, files map[string]string) []string {
	t.Helper()
	root := t.TempDir()
	writeFiles(t, root, files)
	writeFiles(t, root, map[string]string{"go.mod": "module example.org/m\n\ngo 1.26\n"})
	faults, err := Links(root, "example.org/m")
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

func writeFiles(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
