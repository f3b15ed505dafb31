package faultcheck

import (
	"errors"
	"net/http"
)

// headerTable is the dynamic table of one connection, newest entry first. It
// decodes the part of HPACK (RFC 7541) that is needed for the request's method.
type headerTable struct{ entries []headerField }

// headerField does not decode Huffman strings. net/http's client does not use
// Huffman coding for a method, because it would not be shorter.
type headerField struct{ name, value string }

const (
	staticEntries = 61
	methodName    = ":method"
)

var errHeaders = errors.New("the headers cannot be decoded")

// method returns the method of a header block.
func (t *headerTable) method(block []byte) (string, error) {
	method := ""
	for len(block) > 0 {
		var field headerField
		var index int
		var err error
		switch first := block[0]; {
		case first&0x80 != 0: // an indexed field
			if index, block, err = readInteger(block, 7); err == nil {
				field, err = t.at(index)
			}
		case first&0xe0 == 0x20: // a table size update
			_, block, err = readInteger(block, 5)
		default:
			prefix := 4
			if first&0x40 != 0 { // add the field to the table
				prefix = 6
			}
			if field, block, err = t.literal(block, prefix); err == nil && prefix == 6 {
				t.entries = append([]headerField{field}, t.entries...)
			}
		}
		if err != nil {
			return "", err
		}
		if field.name == methodName {
			method = field.value
		}
	}
	if method == "" {
		return "", errHeaders
	}
	return method, nil
}

// literal reads a field whose name is an index or a string.
func (t *headerTable) literal(block []byte, prefix int) (headerField, []byte, error) {
	index, block, err := readInteger(block, prefix)
	if err != nil {
		return headerField{}, nil, err
	}
	var field headerField
	if index != 0 {
		field, err = t.at(index)
	} else {
		field.name, block, err = readString(block)
	}
	if err != nil {
		return headerField{}, nil, err
	}
	field.value, block, err = readString(block)
	return field, block, err
}

func (t *headerTable) at(index int) (headerField, error) {
	switch {
	case index == 2:
		return headerField{methodName, http.MethodGet}, nil
	case index == 3:
		return headerField{methodName, http.MethodPost}, nil
	case index <= staticEntries:
		return headerField{}, nil
	case index-staticEntries > len(t.entries):
		return headerField{}, errHeaders
	}
	return t.entries[index-staticEntries-1], nil
}

// readInteger reads an integer with a prefix of so many bits.
func readInteger(b []byte, prefix int) (int, []byte, error) {
	limit := 1<<prefix - 1
	n := int(b[0]) & limit
	b = b[1:]
	if n < limit {
		return n, b, nil
	}
	for shift := 0; len(b) > 0 && shift < 28; shift += 7 {
		more := b[0]&0x80 != 0
		n += int(b[0]&0x7f) << shift
		if b = b[1:]; !more {
			return n, b, nil
		}
	}
	return 0, nil, errHeaders
}

func readString(b []byte) (string, []byte, error) {
	if len(b) == 0 {
		return "", nil, errHeaders
	}
	n, b, err := readInteger(b, 7)
	if err != nil || n > len(b) {
		return "", nil, errHeaders
	}
	return string(b[:n]), b[n:], nil
}
