package doccheck

import (
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
	for _, test := range []struct{ name, comment, want string }{
		{"a type", "Use [Client].", ""},
		{"a pointer", "Use [*Client].", ""},
		{"a method", "Use [Client.Get].", ""},
		{"a field", "Use [Client.HTTP].", ""},
		{"a method of an interface", "Use [Service.List].", ""},
		{"a generic type", "Use [Page] and [Page.Last].", ""},
		{"a constant", "[Limit]: the limit.", ""},
		{"its own package", "Use [example.Client].", ""},
		{"an imported package", "Use [http.Client.Do] and [http.Client.Transport].", ""},
		{"a package by its path", "Use [net/http/httptest.Server.Close].", ""},
		{"a package alone", "Use [net/http] or [errors].", ""},
		{"another package of the module", "Use [example.org/m/sub.Here].", ""},
		{"a link with a definition", "See [RFC 9110].\n\n[RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110", ""},
		{"an index", "The element x[0] of [0] and m[Key] or m[a.B].", ""},
		{"words in brackets", "It is [optional], [in short], [docs] or [Not This].", ""},
		{"a type with brackets", "It is a []Client, a [2]Client or a map[string]Client.", ""},
		{"type parameters", "It is a Page[Client].", ""},
		{"a code block", "Write:\n\n\tx := [Missing]", ""},
		{"a template", "The path is /repos/{owner}/[a.b]c.", ""},

		{"a missing name", "Use [Missing].", "no link: [Missing]"},
		{"a missing name at the start", "[Missing] is gone.", "no link: [Missing]"},
		{"a missing name across lines", "Use\n[Missing]\nnow.", "no link: [Missing]"},
		{"a missing pointer", "Use [*Missing].", "no link: [*Missing]"},
		{"a missing method", "Use [Client.Missing].", "no link: [Client.Missing]"},
		{"a promoted method", "Use [Client.Close].", "no link: [Client.Close]"},
		{"a missing name in its own package", "Use [example.Missing].", "[example.Missing] links to a name that package example does not have"},
		{"a missing name in an imported package", "Use [http.Missing].", "[http.Missing] links to a name that package http does not have"},
		{"a missing method in an imported package", "Use [http.Client.Missing].", "[http.Client.Missing] links to a name that package http does not have"},
		{"a package that is not imported", "Use [httptest.Server].", "no link: [httptest.Server]"},
		{"a package that does not exist", "Use [net/missing.Server].", "[net/missing.Server] links to package net/missing: "},
		{"a missing package of the module", "Use [example.org/m/missing.Here].", "links to package example.org/m/missing: no such package"},
		{"a path in brackets", "Write [owner/name].", "[owner/name] links to package owner/name: "},
		{"a plural", "All [Client]s.", "no link: [Client]"},
		{"in a list", "These:\n  - [Client]\n  - [Missing]", "no link: [Missing]"},
		{"in a heading", "Text.\n\n# About [Missing]\n\nText.", "no link: [Missing]"},
		{"an unused definition", "See it.\n\n[RFC 9110]: https://www.rfc-editor.org/rfc/rfc9110", "nothing uses the definition of the link [RFC 9110]"},
		{"a definition without a scheme", "See [RFC 9110].\n\n[RFC 9110]: www.rfc-editor.org/rfc/rfc9110", "malformed definition of a link"},
		{"a definition within a paragraph", "See [RFC 9110].\n[RFC 9110]: https://www.rfc-editor.org\nand more.", "malformed definition of a link"},
		{"a definition without a host", "See [RFC 9110].\n\n[RFC 9110]: https:///rfc9110", "the link [RFC 9110] has an invalid address"},
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
			case test.want != "" && (len(faults) != 1 || !strings.HasPrefix(faults[0], "a.go:24: ") || !strings.Contains(faults[0], test.want)):
				t.Errorf("got %q, want one fault with %q", faults, "a.go:24: "+test.want)
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
