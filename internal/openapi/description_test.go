package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed description.json
var pinned []byte

// Description is what is pinned. Its names are GitHub's.
type Description struct {
	Source     string                `json:"source"` // the description that it was taken from
	Operations []Operation           `json:"operations"`
	Schemas    map[string][]Property `json:"schemas"` // objects, by name
}

// Operation is one of the area. What the schemas of its query, body and answer
// are called where GitHub gives them no name: list-deployments-query,
// create-deployment-request.
type Operation struct {
	Operation string `json:"operation"` // such as "GET /repos/{owner}/{repo}/deployments"
	Docs      string `json:"docs"`
	Query     string `json:"query,omitempty"`
	Body      string `json:"body,omitempty"`
	Answer    string `json:"answer,omitempty"` // "[]deployment" for a list
	Key       string `json:"key,omitempty"`    // where an object with a total_count holds the list
}

// Property is one of an object. Of a union of objects without names there is
// one list of properties, those of all of them.
type Property struct {
	Name string `json:"name"`

	// Type is string, date-time, integer, boolean, object (any object at
	// all), a schema's name, "[]" and one of these, or several with "|"
	// between them.
	Type     string   `json:"type"`
	Nullable bool     `json:"nullable,omitempty"`
	Enum     []string `json:"enum,omitempty"`
}

// Pinned returns the pinned description.
func Pinned() (Description, error) {
	var d Description
	if err := json.Unmarshal(pinned, &d); err != nil {
		return d, fmt.Errorf("description.json: %w", err)
	}
	return d, nil
}

// Needs returns the names of all schemas that an operation needs. A union of
// named ones ("simple-user|enterprise") is in it by that name, and its members
// are not, if isBound says that it has a Go type of its own.
func (d Description) Needs(op Operation, isBound func(name string) bool) []string {
	var names []string
	seen := make(map[string]bool)
	var visit func(string)
	visit = func(name string) {
		name = strings.TrimPrefix(name, "[]")
		if seen[name] {
			return
		}
		seen[name] = true
		members := strings.Split(name, "|")
		switch {
		case len(members) > 1 && !isBound(name):
			for _, member := range members {
				visit(member)
			}
			return
		case d.Properties(name) == nil:
			return
		}
		names = append(names, name)
		for _, p := range d.Properties(name) {
			visit(p.Type)
		}
	}
	visit(op.Query)
	visit(op.Body)
	visit(op.Answer)
	return names
}

// Properties returns the properties of a schema, or of all members of a union;
// nil if it has none.
func (d Description) Properties(name string) []Property {
	var all []Property
	for member := range strings.SplitSeq(name, "|") {
		for _, p := range d.Schemas[member] {
			if !slices.ContainsFunc(all, func(q Property) bool { return q.Name == p.Name }) {
				all = append(all, p)
			}
		}
	}
	return all
}
