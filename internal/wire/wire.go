// Package wire turns JSON into this module's own types and back. It is the
// only place that names the JSON library, so that the standard library's
// encoding/json/v2 can take its place without a change elsewhere.
//
// It is for types whose tags this module writes. A user's own values (the
// payload of a deployment) go through encoding/json instead: v2 matches names
// by case and gives some tags another meaning, which a user did not ask for.
package wire

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a JSON value kept as it stands in its document.
type Raw = jsontext.Value

// lenient accepts what GitHub has been seen to send and what costs no
// meaning: a name twice in an object (the last one counts) and bytes that are
// not UTF-8 (each becomes U+FFFD). Neither may fail a page of deployments.
var lenient = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

// maxObjects bounds the objects of a document, however they are nested: an
// empty one takes three bytes and may become a struct of some hundred. A page
// of 100 deployments with all that GitHub documents holds under a thousand;
// the rest is for payloads, braces in their strings included.
const maxObjects = 250_000

// Decode stores the one JSON value in data into v. Nothing that it stores
// aliases data. A document of more objects than anybody sends is an error,
// before it takes the memory.
func Decode(data []byte, v any) error {
	if n := bytes.Count(data, []byte("{")); n > maxObjects {
		return fmt.Errorf("%d objects, more than %d", n, maxObjects)
	}
	return json.Unmarshal(data, v, lenient)
}

// Member returns the value of one member of the object in data, nil where it
// has none. The others cost nothing, however many there are.
func Member(data []byte, name string) (Raw, error) {
	m := member{name: name}
	err := Decode(data, &m)
	return m.value, err
}

type member struct {
	name  string
	value Raw
}

// UnmarshalJSONFrom is the JSON library's hook.
func (m *member) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if kind := d.PeekKind(); kind != '{' {
		return fmt.Errorf("no object but %v", kind)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if name.String() != m.name {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		m.value = value.Clone()
	}
	_, err := d.ReadToken()
	return err
}

// maxRows bounds an array of rows. GitHub's pages hold 100, and an empty row
// of three bytes would become an object of some hundred.
const maxRows = 10_000

// DecodeRows is Decode for an array that may hold any number of rows: one that
// holds more than anybody sends is an error, before it takes the memory. A null
// leaves rows nil.
func DecodeRows[T any](data []byte, rows *[]T) error {
	return Decode(data, (*bounded[T])(rows))
}

type bounded[T any] []T

// UnmarshalJSONFrom is the JSON library's hook.
func (b *bounded[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		*b = nil
		return d.SkipValue()
	case '[':
	default:
		var rows []T
		return json.UnmarshalDecode(d, &rows) // says what it is instead
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	rows := []T{}
	for d.PeekKind() != ']' {
		if len(rows) == maxRows {
			return fmt.Errorf("more than %d rows", maxRows)
		}
		rows = append(rows, *new(T))
		if err := json.UnmarshalDecode(d, &rows[len(rows)-1]); err != nil {
			return err
		}
	}
	*b = rows
	_, err := d.ReadToken()
	return err
}

// Encode returns v as JSON. It is as lenient as Decode: what GitHub sent, a
// deployment's payload say, can be sent to it.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, lenient)
}
