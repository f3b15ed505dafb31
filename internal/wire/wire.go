// Package wire turns JSON into this module's own types and back. It is the
// only place that names the JSON library, so that the standard library's
// encoding/json/v2 can take its place without a change elsewhere.
//
// It is for types whose tags this module writes. A user's own values (the
// payload of a deployment) go through encoding/json instead: v2 matches names
// by case, and gives some tags another meaning than the user expects.
package wire

import (
	"reflect"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a JSON value kept as it stands in its document.
type Raw = jsontext.Value

// lenient accepts duplicate names in an object (the last one counts) and bytes
// that are not UTF-8 (each becomes U+FFFD). Neither may fail a page of
// deployments.
var lenient = json.JoinOptions(
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

// Decode is [DecodeLimited] with [DefaultLimit].
func Decode(data []byte, v any) error { return DecodeLimited(data, v, DefaultLimit) }

// DecodeLimited stores the one JSON value in data into v, a pointer. Nothing
// that it stores aliases data. If that would allocate more than limit bytes, it
// stores nothing and returns [ErrLimit]. The limit is on all allocations, so
// that it also bounds the heap.
//
// It has to know what v's type allocates. A type with a decoding method of its
// own may read and copy its value three times. If it decodes a member into
// fields whose tag is json:"-", their tag wire:"name" names that member.
func DecodeLimited(data []byte, v any, limit int) error {
	if err := checkLimit(data, reflect.TypeOf(v), limit); err != nil {
		return err
	}
	return json.Unmarshal(data, v, lenient)
}

// Encode returns v as JSON. It is as lenient as Decode: what GitHub sent, a
// deployment's payload say, can be sent to it.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, lenient)
}
