// Package wire turns JSON into this module's own types and back. It is the
// only place that names the JSON library, so that the standard library's
// encoding/json/v2 can take its place without a change elsewhere.
//
// It is for types whose tags this module writes. A user's own values (the
// payload of a deployment) go through encoding/json instead: v2 matches names
// by case and gives some tags another meaning, which a user did not ask for.
package wire

import (
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

// Decode stores the one JSON value in data into v. Nothing that it stores
// aliases data.
func Decode(data []byte, v any) error {
	return json.Unmarshal(data, v, lenient)
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
