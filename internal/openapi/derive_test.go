package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write description.json from the description in GITHUB_OPENAPI_DIR")

// area lists the prefixes of the paths that this module implements.
var area = []string{
	"/repos/{owner}/{repo}/deployments",
	"/repos/{owner}/{repo}/environments",
	"/repos/{owner}/{repo}/actions/runs/{run_id}/",
}

// TestPinnedIsTheDescription compares description.json with its source, if
// GITHUB_OPENAPI_DIR is set.
func TestPinnedIsTheDescription(t *testing.T) {
	dir := os.Getenv("GITHUB_OPENAPI_DIR")
	if dir == "" {
		t.Skip("GITHUB_OPENAPI_DIR is not set")
	}
	data, err := os.ReadFile(filepath.Join(dir, "api.github.com.json"))
	if err != nil {
		t.Fatal(err)
	}
	derived := derive(t, data)
	if *update {
		if err := os.WriteFile("description.json", compact(t, derived), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := Pinned()
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(derived, have); diff != "" {
		t.Errorf("description.json differs from %s (-description +pinned); -update writes it:\n%s", dir, diff)
	}
}

// compact returns JSON with one operation or property on each line.
func compact(t *testing.T, d Description) []byte {
	t.Helper()
	line := func(v any) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(b.String())
	}
	var b strings.Builder
	b.WriteString("{\n  \"source\": " + line(d.Source) + ",\n  \"operations\": [")
	for i, op := range d.Operations {
		b.WriteString(comma(i) + "\n    " + line(op))
	}
	b.WriteString("\n  ],\n  \"schemas\": {")
	for i, name := range slices.Sorted(maps.Keys(d.Schemas)) {
		b.WriteString(comma(i) + "\n    " + line(name) + ": [")
		for j, p := range d.Schemas[name] {
			b.WriteString(comma(j) + "\n      " + line(p))
		}
		b.WriteString("\n    ]")
	}
	b.WriteString("\n  }\n}\n")
	return []byte(b.String())
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// document is the part of an OpenAPI document that is read.
type document struct {
	Info struct {
		Version string `json:"version"`
	} `json:"info"`
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas    map[string]*schema   `json:"schemas"`
		Parameters map[string]parameter `json:"parameters"`
	} `json:"components"`
}

type operation struct {
	OperationID  string `json:"operationId"`
	ExternalDocs struct {
		URL string `json:"url"`
	} `json:"externalDocs"`
	Parameters  []parameter      `json:"parameters"`
	RequestBody media            `json:"requestBody"`
	Responses   map[string]media `json:"responses"`
}

type parameter struct {
	Ref    string  `json:"$ref"`
	Name   string  `json:"name"`
	In     string  `json:"in"`
	Schema *schema `json:"schema"`
}

type media struct {
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

func (m media) schema() *schema { return m.Content["application/json"].Schema }

type schema struct {
	Ref        string          `json:"$ref"`
	Type       string          `json:"type"`
	Format     string          `json:"format"`
	Nullable   bool            `json:"nullable"`
	Enum       []any           `json:"enum"`
	Items      *schema         `json:"items"`
	AnyOf      []*schema       `json:"anyOf"`
	OneOf      []*schema       `json:"oneOf"`
	AllOf      []*schema       `json:"allOf"`
	Properties properties      `json:"properties"`
	Additional json.RawMessage `json:"additionalProperties"`
}

// properties keeps the order of the description.
type properties []named

type named struct {
	name   string
	schema *schema
}

func (p *properties) UnmarshalJSON(data []byte) error {
	var m map[string]*schema
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	_, _ = d.Token() // the brace; Unmarshal has checked the document
	for d.More() {
		name, _ := d.Token()
		var skipped json.RawMessage
		_ = d.Decode(&skipped)
		*p = append(*p, named{name.(string), m[name.(string)]})
	}
	return nil
}

type deriver struct {
	t   *testing.T
	doc document
	out Description
}

func derive(t *testing.T, data []byte) Description {
	t.Helper()
	d := &deriver{t: t, out: Description{Schemas: make(map[string][]Property)}}
	if err := json.Unmarshal(data, &d.doc); err != nil {
		t.Fatal(err)
	}
	d.out.Source = "npm @octokit/openapi " + d.doc.Info.Version + ", generated/api.github.com.json"
	for path, methods := range d.doc.Paths {
		if !slices.ContainsFunc(area, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
			continue
		}
		for method, op := range methods {
			d.out.Operations = append(d.out.Operations, d.operation(strings.ToUpper(method)+" "+path, op))
		}
	}
	slices.SortFunc(d.out.Operations, func(a, b Operation) int {
		_, pathA, _ := strings.Cut(a.Operation, " ")
		_, pathB, _ := strings.Cut(b.Operation, " ")
		return cmp.Or(cmp.Compare(pathA, pathB), cmp.Compare(a.Operation, b.Operation))
	})
	return d.out
}

func (d *deriver) operation(name string, op operation) Operation {
	_, id, _ := strings.Cut(op.OperationID, "/")
	out := Operation{Operation: name, Docs: op.ExternalDocs.URL}
	var query []Property
	for _, p := range op.Parameters {
		if ref, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
			p = d.doc.Components.Parameters[ref]
		}
		if p.In == "query" {
			query = append(query, d.property(id+"-query", named{p.Name, p.Schema}))
		}
	}
	if query != nil {
		out.Query = id + "-query"
		d.out.Schemas[out.Query] = query
	}
	if body := op.RequestBody.schema(); body != nil {
		out.Body, _, _ = d.typeOf(id+"-request", body)
	}
	for _, status := range []string{"200", "201"} {
		response := op.Responses[status].schema()
		if response == nil {
			continue
		}
		if _, list, ok := counted(response); ok {
			out.Key = list.name
			response = list.schema
		}
		out.Response, _, _ = d.typeOf(id+"-response", response)
	}
	return out
}

// counted recognizes {"total_count": 1, "environments": [...]}.
func counted(s *schema) (count, list named, ok bool) {
	if len(s.Properties) != 2 {
		return count, list, false
	}
	for _, p := range s.Properties {
		switch {
		case p.name == "total_count":
			count = p
		case p.schema.Type == "array":
			list = p
		}
	}
	return count, list, count.name != "" && list.name != ""
}

func (d *deriver) property(parent string, n named) Property {
	p := Property{Name: n.name}
	p.Type, p.Nullable, p.Enum = d.typeOf(parent+"."+n.name, n.schema)
	return p
}

// typeOf returns the type of a schema and stores the properties of an object.
// name is for a schema to which GitHub gives no name.
func (d *deriver) typeOf(name string, s *schema) (typ string, nullable bool, enum []string) {
	if ref, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.doc.Components.Schemas[ref]
		name = strings.TrimPrefix(ref, "nullable-") // "nullable-simple-user" is a simple-user or null
	}
	for _, v := range s.Enum {
		if text, ok := v.(string); ok {
			enum = append(enum, text)
		}
	}
	branches := slices.Concat(s.AnyOf, s.OneOf, s.AllOf)
	switch {
	case s.Properties != nil && !opened(s), len(branches) > 0 && d.inline(branches):
		d.object(name, s)
		return name, s.Nullable, nil
	case len(branches) > 0:
		var types []string
		for _, b := range branches {
			typ, null, _ := d.typeOf(name, b)
			nullable = nullable || null
			if !slices.Contains(types, typ) {
				types = append(types, typ)
			}
		}
		return strings.Join(types, "|"), nullable || s.Nullable, enum
	case s.Type == "array":
		item, _, enum := d.typeOf(name, s.Items)
		return "[]" + item, s.Nullable, enum
	case s.Format == "date-time":
		return s.Format, s.Nullable, nil
	default:
		return s.Type, s.Nullable, enum
	}
}

// opened reports whether an object has properties that the description does
// not list.
func opened(s *schema) bool { return s.Additional != nil && string(s.Additional) != "false" }

// inline reports whether a union consists of unnamed objects. It becomes one
// object.
func (d *deriver) inline(branches []*schema) bool {
	for _, b := range branches {
		if b.Ref != "" || b.Properties == nil || opened(b) {
			return false
		}
	}
	return true
}

// object stores the properties of an object, or of all members of a union.
func (d *deriver) object(name string, s *schema) {
	if d.out.Schemas[name] != nil {
		return
	}
	d.out.Schemas[name] = []Property{} // ends the recursion of a schema that contains itself
	var all []Property
	for _, b := range append([]*schema{s}, slices.Concat(s.AnyOf, s.OneOf, s.AllOf)...) {
		for _, n := range b.Properties {
			p := d.property(name, n)
			i := slices.IndexFunc(all, func(q Property) bool { return q.Name == p.Name })
			if i < 0 {
				all = append(all, p)
				continue
			}
			all[i].Nullable = all[i].Nullable || p.Nullable
			if all[i].Type != p.Type {
				d.t.Errorf("%s.%s is %s in one branch of the union and %s in another", name, p.Name, all[i].Type, p.Type)
			}
		}
	}
	d.out.Schemas[name] = all
}
