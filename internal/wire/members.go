package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Valid reports whether data is one JSON value.
func Valid(data []byte) bool { return Raw(data).IsValid(lenient) }

// Members calls f for each member of the object in data, in order, up to the
// first syntax error: of a document that was cut off, the members before the
// cut are read. The value aliases data and is valid until f returns.
func Members(data []byte, f func(name string, value Raw)) {
	d := jsontext.NewDecoder(bytes.NewReader(data), lenient)
	if d.PeekKind() != '{' {
		return
	}
	if _, err := d.ReadToken(); err != nil {
		return
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return
		}
		f(name, value)
	}
}
