package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Member returns the value of one member of the object in data, nil without
// such a member. Of several it returns the last one. It allocates nothing for
// the other members. The value is a part of data.
func Member(data []byte, name string) (Raw, error) {
	d := newDecoder(data)
	if kind := d.PeekKind(); kind != '{' {
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("an object is expected, not %v", kind)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var member Raw
	for d.PeekKind() != '}' {
		found, err := nextName(d, name)
		if err != nil {
			return nil, err
		}
		if !found {
			if err := d.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		end := int(d.InputOffset())
		member = data[end-len(value) : end : end]
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	switch _, err := d.ReadToken(); {
	case errors.Is(err, io.EOF):
		return member, nil
	case err != nil:
		return nil, err
	}
	return nil, errors.New("the object is not the only value")
}

// nextName reports whether the next member has the name.
func nextName(d *jsontext.Decoder, name string) (bool, error) {
	text, err := d.ReadValue()
	if err != nil {
		return false, err
	}
	if _, verbatim := textCost(text); verbatim || len(text) > longestSpelling(name) {
		return string(text[1:len(text)-1]) == name, nil
	}
	unquoted, _ := jsontext.AppendUnquote(nil, text) // the error says that something was replaced
	return string(unquoted) == name, nil
}
