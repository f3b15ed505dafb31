// Package wire turns JSON into this module's own types and back. It is the
// only place that names the JSON library, so that the standard library's
// encoding/json/v2 can take its place without a change elsewhere.
//
// It is for types whose tags this module writes. A user's own values (the
// payload of a deployment) go through encoding/json instead: v2 matches names
// by case and gives some tags another meaning, which a user did not ask for.
package wire

import (
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

// Encode returns v as JSON. It is as lenient as Decode: what GitHub sent, a
// deployment's payload say, can be sent to it.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, lenient)
}
