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

// Description is the content of description.json. Its names are GitHub's.
type Description struct {
	Source     string                `json:"source"` // the description that it was taken from
	Operations []Operation           `json:"operations"`
	Schemas    map[string][]Property `json:"schemas"` // objects, by name
}

// Operation is an operation that this module implements. A schema to which
// GitHub gives no name is called after the operation:
// list-deployments-query, create-deployment-request.
type Operation struct {
	Operation string `json:"operation"` // such as "GET /repos/{owner}/{repo}/deployments"
	Docs      string `json:"docs"`
	Query     string `json:"query,omitempty"`
	Body      string `json:"body,omitempty"`
	Response  string `json:"response,omitempty"` // "[]deployment" for a list
	Key       string `json:"key,omitempty"`      // the list's, in an object with a total_count
}

// Property is a property of an object. A union of unnamed objects has the
// properties of all its members.
type Property struct {
	Name string `json:"name"`

	// Type is string, date-time, integer, boolean, object (without a list of
	// properties), or the name of a schema. "[]" in front is a list, "|"
	// separates the members of a union.
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
// named schemas ("simple-user|enterprise") counts as one schema if isBound
// reports that it has a Go type, and as its members otherwise.
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
	visit(op.Response)
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
