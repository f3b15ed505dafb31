package ghdeploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// fields are the members of a JSON body. Its methods collect errors in the
// texts of GitHub's schema validation, and the handler checks once at the end.
// docs/test-server.md has the sources.
type fields struct {
	values   map[string]json.RawMessage
	missing  []string
	problems []string
}

func (f *fields) has(name string) bool { _, ok := f.values[name]; return ok }

func (f *fields) null(name string) bool { return string(f.values[name]) == "null" }

// require records a required parameter that is absent.
func (f *fields) require(name string) {
	if !f.has(name) {
		f.missing = append(f.missing, name)
	}
}

func (f *fields) problem(format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, args...))
}

// wrong records a value of the wrong type. at is its place in the schema.
func (f *fields) wrong(at string, value json.RawMessage, kind string) {
	f.problem("For '%s', %s is not %s.", at, inspect(value), kind)
}

func property(name string) string { return "properties/" + name }

// read decodes a value of type T. It refuses null.
func read[T any](value json.RawMessage) (v T, ok bool) {
	var p *T
	if json.Unmarshal(value, &p) != nil || p == nil {
		return v, false
	}
	return *p, true
}

// text reads a string. absent is the default.
func (f *fields) text(name, absent string) string {
	if !f.has(name) {
		return absent
	}
	v, ok := read[string](f.values[name])
	if !ok {
		f.wrong(property(name), f.values[name], "a string")
		return absent
	}
	return v
}

// boolean reads a boolean. absent is the default.
func (f *fields) boolean(name string, absent bool) bool {
	if !f.has(name) {
		return absent
	}
	v, ok := read[bool](f.values[name])
	if !ok {
		f.wrong(property(name), f.values[name], "a boolean")
		return absent
	}
	return v
}

// choice reads a string that must be one of values. absent is the default.
func (f *fields) choice(name, absent string, values ...string) string {
	if !f.has(name) {
		return absent
	}
	v, ok := read[string](f.values[name])
	if !ok || !slices.Contains(values, v) {
		plain := inspect(f.values[name])
		switch {
		case ok:
			plain = v
		case f.null(name):
			plain = ""
		}
		f.problem("%s is not a member of [%s].", plain, quoted(values))
	}
	return f.text(name, absent)
}

// integer reads an integer. absent is the default.
func (f *fields) integer(name string, absent int64) int64 {
	if !f.has(name) {
		return absent
	}
	v, ok := wholeNumber(f.values[name])
	if !ok {
		f.wrong(property(name), f.values[name], "an integer")
		return absent
	}
	return v
}

// wholeNumber decodes an integer. One that overflows becomes the minimum or the
// maximum of int64.
func wholeNumber(value json.RawMessage) (int64, bool) {
	text := string(value)
	if text == "" || strings.Trim(text, "-0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err == nil {
		return v, true
	}
	if text[0] == '-' {
		return math.MinInt64, true
	}
	return math.MaxInt64, true
}

// between records a number out of bounds.
func (f *fields) between(name string, low, high int64) {
	if v, ok := wholeNumber(f.values[name]); ok && v < low {
		f.problem("%s must be greater than or equal to %d.", f.values[name], low)
	} else if ok && v > high {
		f.problem("%s must be less than or equal to %d.", f.values[name], high)
	}
}

// list reads an array whose elements have one type.
func list[T any](f *fields, name, kind string, element func(json.RawMessage) (T, bool)) []T {
	if !f.has(name) {
		return nil
	}
	values, ok := read[[]json.RawMessage](f.values[name])
	if !ok {
		f.wrong(property(name), f.values[name], "an array")
		return nil
	}
	v := make([]T, len(values))
	for i, value := range values {
		if v[i], ok = element(value); !ok {
			f.wrong("items", value, kind)
			return nil // reports only the first wrong element
		}
	}
	return v
}

// texts reads an array of strings.
func (f *fields) texts(name string) []string { return list(f, name, "a string", read[string]) }

// integers reads an array of integers.
func (f *fields) integers(name string) []int64 { return list(f, name, "an integer", wholeNumber) }

// permit records every key that is not one of names.
func (f *fields) permit(names ...string) {
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if !slices.Contains(names, name) {
			f.problem("Invalid input: %q is not a permitted key.", name)
		}
	}
}

// refuse returns GitHub's response to a body that violates the schema, or nil.
// It is a 422 with all errors in the message and no member errors.
func (c *call) refuse() *response {
	lines := c.fields.problems
	if line := c.fields.missed(); line != "" {
		lines = append(slices.Clone(lines), line)
	}
	if len(lines) == 0 {
		return nil
	}
	resp := c.fail(http.StatusUnprocessableEntity, "Invalid request.\n\n"+strings.Join(lines, "\n"), nil)
	return &resp
}

// missed returns the message that names the absent parameters.
func (f *fields) missed() string {
	if len(f.missing) == 0 {
		return ""
	}
	verb := "wasn't"
	if len(f.missing) > 1 {
		verb = "weren't"
	}
	return quoted(slices.Sorted(slices.Values(f.missing))) + " " + verb + " supplied."
}

func quoted(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

// inspect formats a JSON value as Ruby does: nil for null, => after a key.
func inspect(value json.RawMessage) string {
	var out strings.Builder
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	inspectNext(&out, dec)
	return out.String()
}

// inspectNext formats the next value of valid JSON.
func inspectNext(out *strings.Builder, dec *json.Decoder) {
	switch token, _ := dec.Token(); v := token.(type) {
	case nil:
		out.WriteString("nil")
	case json.Delim:
		out.WriteString(v.String())
		for n := 0; dec.More(); n++ {
			if n > 0 {
				out.WriteString(", ")
			}
			inspectNext(out, dec)
			if v == '{' {
				out.WriteString("=>")
				inspectNext(out, dec)
			}
		}
		end, _ := dec.Token()
		fmt.Fprint(out, end)
	case string:
		out.WriteString(strconv.Quote(v))
	default:
		fmt.Fprint(out, v)
	}
}
