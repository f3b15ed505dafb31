package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// description has one of each special case of the real ones: an operation to
// remove, a cycle of references, a referenced example, both forms of marks.
const description = `{
	"openapi": "3.0.3",
	"info": {"title": "T", "version": "1"},
	"tags": [{"name": "repos"}, {"name": "gists"}],
	"paths": {
		"/gists": {"get": {"tags": ["gists"], "responses": {"200": {"$ref": "#/components/responses/gist"}}}},
		"/things": {
			"get": {
				"tags": ["repos"],
				"parameters": [{"$ref": "#/components/parameters/page"}],
				"responses": {"200": {"content": {"application/json": {
					"schema": {"$ref": "#/components/schemas/thing", "example": {"$ref": "#/components/examples/thing"}},
					"examples": {"default": {"$ref": "#/components/examples/thing"}}
				}}}}
			},
			"delete": {"responses": {"204": {"description": "d"}}}
		}
	},
	"components": {
		"parameters": {"page": {"name": "page", "in": "query"}},
		"responses": {"gist": {"description": "g"}},
		"examples": {"thing": {
			"value": {"id": 12345678901234567890, "old": true},
			"x-github-breaking-changes": [{"changeset": "no_old", "version": "2026-03-10", "patch": [{"op": "remove", "path": "/value/old"}]}]
		}},
		"schemas": {
			"thing": {
				"properties": {"id": {"type": "integer"}, "old": {"type": "boolean"}, "part": {"$ref": "#/components/schemas/part"}},
				"required": ["id", "old"],
				"x-github-breaking-changes": [{"changeset": "no_old", "version": "2026-03-10", "patch": {"properties": {"old": null}, "required": ["id"]}}]
			},
			"part": {"properties": {"whole": {"$ref": "#/components/schemas/thing"}}},
			"gist": {"type": "object"}
		}
	}
}`

const thing = `{"properties": {"id": {"type": "integer"}, "part": {"$ref": "#/components/schemas/part"}}, "required": ["id"]}`

func TestCut(t *testing.T) {
	part, err := cut(parse(t, description), []string{"GET /things"})
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]string{
		{"paths", "/things", "get"},
		{"components", "schemas", "thing", marks},
		{"components", "schemas", "part"},
		{"components", "parameters", "page"},
		{"components", "examples", "thing"},
		{"paths", "/things", "get", "responses", "200", "content", "application/json", "schema", "example", "id"},
	} {
		if at(part, keys...) == nil {
			t.Errorf("%s was removed", strings.Join(keys, "/"))
		}
	}
	for _, keys := range [][]string{
		{"paths", "/gists"},
		{"paths", "/things", "delete"},
		{"components", "schemas", "gist"},
		{"components", "responses"},
	} {
		if v := at(part, keys...); v != nil {
			t.Errorf("%s is still there: %v", strings.Join(keys, "/"), v)
		}
	}
	if got := len(list(part["tags"])); got != 1 {
		t.Errorf("%d tags, want 1", got)
	}
	edits := stringsOf(list(at(part, "x-subset", "edits")))
	if len(edits) != 1 || !strings.HasSuffix(edits[0], "#/components/examples/thing inlined") {
		t.Errorf("the edits are %q", edits)
	}

	if got := versions(part); !reflect.DeepEqual(got, []string{"2026-03-10"}) {
		t.Fatalf("versions: %q", got)
	}
	later, err := upgrade(part, "2026-03-10")
	if err != nil {
		t.Fatal(err)
	}
	if got := at(later, "components", "schemas", "thing"); !reflect.DeepEqual(got, any(parse(t, thing))) {
		t.Errorf("the schema became %v", got)
	}
	if got := at(later, "components", "examples", "thing", "value"); !reflect.DeepEqual(got, any(parse(t, `{"id": 12345678901234567890}`))) {
		t.Errorf("the example became %v", got)
	}
	if at(part, "components", "schemas", "thing", "properties", "old") == nil {
		t.Error("the description of the older version was changed as well")
	}
	if got := versions(later); len(got) != 0 {
		t.Errorf("marks of %q remain", got)
	}
}

func TestCutRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ operation, from, to string }{
		"a missing path":              {operation: "GET /nothing"},
		"a missing method":            {operation: "PUT /things"},
		"a missing component":         {operation: "GET /things", from: `"part": {"prop`, to: `"other": {"prop`},
		"a missing example":           {operation: "GET /things", from: `"example": {"$ref": "#/components/examples/thing"}`, to: `"example": {"$ref": "#/components/examples/other"}`},
		"a reference to another file": {operation: "GET /things", from: `#/components/parameters/page`, to: `other.json#/page`},
	} {
		if _, err := cut(parse(t, strings.Replace(description, tt.from, tt.to, 1)), []string{tt.operation}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for name, patch := range map[string]string{
		"a step that is not a removal": `[{"op": "add", "path": "/value/new", "value": 1}]`,
		"a removal of a missing key":   `[{"op": "remove", "path": "/value/new"}]`,
		"a patch of another type":      `"value"`,
	} {
		changed := strings.Replace(description, `[{"op": "remove", "path": "/value/old"}]`, patch, 1)
		if _, err := upgrade(parse(t, changed), "2026-03-10"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := run(t.TempDir(), t.TempDir(), io.Discard); err == nil {
		t.Error("an empty directory: no error")
	}
}

// TestRun cuts small files that have every operation.
func TestRun(t *testing.T) {
	paths := map[string]any{}
	for _, operation := range operations {
		method, path, _ := strings.Cut(operation, " ")
		set(paths, map[string]any{"responses": map[string]any{}}, path, strings.ToLower(method))
	}
	whole := parse(t, description)
	whole["paths"] = paths
	set(whole, parse(t, description)["paths"].(map[string]any)["/things"].(map[string]any)["get"], "paths", "/rate_limit", "get")
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "made")
	for _, product := range products {
		if err := write(filepath.Join(from, product+".json"), whole); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(from, to, io.Discard); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadDir(to)
	if err != nil || len(written) != 2*len(products) {
		t.Fatalf("%d files were written (%v), want two for each product", len(written), err)
	}
	for _, file := range written {
		document, err := read(filepath.Join(to, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		later := strings.Contains(file.Name(), ".2026-03-10.")
		if got := at(document, "components", "schemas", "thing", "properties", "old") == nil; got != later {
			t.Errorf("%s: without the old property: %t, want %t", file.Name(), got, later)
		}
	}
}

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v map[string]any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
