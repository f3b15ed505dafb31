package ghdeploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// fields are the keys of a JSON body. Its readers collect what is wrong, so that a handler reads straight on and asks
// once at the end.
type fields struct {
	values   map[string]json.RawMessage
	missing  []string
	problems []string
}

// readBody is the pipeline step that refuses what is not a JSON object.
func (s *Server) readBody(c *call) *answer {
	if !c.op.body {
		return nil
	}
	c.fields.values = map[string]json.RawMessage{}
	text := bytes.TrimSpace(c.body)
	if len(text) == 0 || c.op.nullBody && string(text) == "null" {
		return nil // the missing parameters are then reported one by one
	}
	if !json.Valid(text) {
		a := c.fail(http.StatusBadRequest, "Problems parsing JSON", nil)
		return &a
	}
	if text[0] != '{' {
		a := c.fail(http.StatusBadRequest, "Body should be a JSON object", nil)
		return &a
	}
	if err := json.Unmarshal(text, &c.fields.values); err != nil {
		a := c.fail(http.StatusBadRequest, "Problems parsing JSON", nil)
		return &a
	}
	return nil
}

func (f *fields) has(name string) bool { _, ok := f.values[name]; return ok }

func (f *fields) null(name string) bool { return string(f.values[name]) == "null" }

// require notes a parameter that must be there.
func (f *fields) require(name string) {
	if !f.has(name) {
		f.missing = append(f.missing, name)
	}
}

func (f *fields) wrong(name, kind string) {
	f.problems = append(f.problems, fmt.Sprintf("For 'properties/%s', %s is not %s.", name, f.values[name], kind))
}

// text reads a string; what is absent has the default.
func (f *fields) text(name, absent string) string {
	if !f.has(name) {
		return absent
	}
	var v *string
	if json.Unmarshal(f.values[name], &v) != nil || v == nil {
		f.wrong(name, "a string")
		return absent
	}
	return *v
}

// boolean reads a boolean; what is absent has the default.
func (f *fields) boolean(name string, absent bool) bool {
	if !f.has(name) {
		return absent
	}
	var v *bool
	if json.Unmarshal(f.values[name], &v) != nil || v == nil {
		f.wrong(name, "a boolean")
		return absent
	}
	return *v
}

// choice reads a string that is one of a few.
func (f *fields) choice(name, absent string, values ...string) string {
	problems := len(f.problems)
	v := f.text(name, absent)
	if f.has(name) && len(f.problems) == problems && !slices.Contains(values, v) {
		f.problems = append(f.problems, fmt.Sprintf("%s is not a possible value. Must be one of the following: %s.", f.values[name], strings.Join(values, ", ")))
	}
	return v
}

// integer reads a whole number; what is absent has the default.
func (f *fields) integer(name string, absent int64) int64 {
	if !f.has(name) {
		return absent
	}
	var v *int64
	if json.Unmarshal(f.values[name], &v) != nil || v == nil {
		f.wrong(name, "an integer")
		return absent
	}
	return *v
}

// permit notes the keys that are none of these.
func (f *fields) permit(names ...string) {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !slices.Contains(names, name) {
			f.problems = append(f.problems, fmt.Sprintf("Invalid input: %q is not a permitted key.", name))
		}
	}
}

// texts reads a list of strings.
func (f *fields) texts(name string) []string {
	if !f.has(name) {
		return nil
	}
	var v []*string
	if json.Unmarshal(f.values[name], &v) != nil || v == nil || slices.Contains(v, nil) {
		f.wrong(name, "an array of strings")
		return nil
	}
	list := make([]string, len(v))
	for i, text := range v {
		list[i] = *text
	}
	return list
}

// refuse is GitHub's answer to a body that does not fit the schema: 422, everything in the message, no errors.
func (c *call) refuse() *answer {
	f := &c.fields
	var lines []string
	if len(f.missing) > 0 {
		quoted := make([]string, len(f.missing))
		for i, name := range f.missing {
			quoted[i] = fmt.Sprintf("%q", name)
		}
		verb := "wasn't"
		if len(quoted) > 1 {
			verb = "weren't"
		}
		lines = append(lines, fmt.Sprintf("%s %s supplied.", strings.Join(quoted, ", "), verb))
	}
	lines = append(lines, f.problems...)
	if len(lines) == 0 {
		return nil
	}
	a := c.fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+strings.Join(lines, "\n"), nil)
	return &a
}
