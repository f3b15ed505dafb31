package wire

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxIgnored bounds the values that DecodeTolerant ignores in one document.
	maxIgnored = 1000
	// maxPointers bounds the length of their JSON Pointers together. One long
	// key can lead to many values.
	maxPointers = 64 << 10
)

// DecodeTolerant is DecodeLimited for a document in which a value may have
// another type than its field. It leaves the field zero and returns the JSON
// Pointer of the value. A value of another type for which strict returns true,
// or more than 1,000 others, are an error, and so are others whose JSON
// Pointers have more than 64 KiB together. v is a pointer to a zero value.
//
// A document with an ignored value is decoded twice, each time within the
// limit.
func DecodeTolerant(data []byte, v any, strict func(pointer string) bool, limit int) (ignored []string, err error) {
	err = DecodeLimited(data, v, limit)
	if semantic := (*json.SemanticError)(nil); !errors.As(err, &semantic) {
		return nil, err
	}
	reflect.ValueOf(v).Elem().SetZero()
	t := tolerance{strict: strict}
	hook := json.WithUnmarshalers(json.UnmarshalFromFunc(t.value))
	if err := json.Unmarshal(data, v, lenient, hook); err != nil {
		if t.err != nil {
			err = t.err // without the JSON library's words around it
		}
		return nil, err
	}
	return t.ignored, nil
}

// tolerance is one call of DecodeTolerant.
type tolerance struct {
	strict   func(pointer string) bool
	ignored  []string
	pointers int // their length
	err      error
}

// value is called for each value of a document, before it is stored at v.
func (t *tolerance) value(d *jsontext.Decoder, v any) error {
	kind, fieldType := d.PeekKind(), reflect.TypeOf(v).Elem()
	for fieldType.Kind() == reflect.Pointer {
		fieldType = fieldType.Elem()
	}
	switch wanted := wantedKind(fieldType); {
	case wanted == tryKind && kind != 'n', wanted == numberKind && kind == '0':
	case kind == 'n' || wanted == anyKind || wanted == byKind(kind):
		return errors.ErrUnsupported // the library stores it
	default:
		if err := d.SkipValue(); err != nil {
			return err
		}
		reflect.ValueOf(v).Elem().SetZero() // of a name that comes twice the last value counts
		return t.ignore(d, kind, fieldType)
	}
	data, err := d.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(data, v, lenient) == nil {
		return nil
	}
	reflect.ValueOf(v).Elem().SetZero()
	return t.ignore(d, kind, fieldType)
}

// ignore is called after a value that does not fit was read.
func (t *tolerance) ignore(d *jsontext.Decoder, kind jsontext.Kind, fieldType reflect.Type) error {
	pointer := string(d.StackPointer())
	t.pointers += len(pointer)
	switch {
	case t.pointers > maxPointers:
		t.err = fmt.Errorf("values of another type than GitHub documents, below keys of more than %d bytes", maxPointers)
	case t.strict(pointer):
		t.err = fmt.Errorf("the value at %q is %s, want %s", pointer, nameOfKind(kind), nameOfType(fieldType))
	case len(t.ignored) == maxIgnored:
		t.err = fmt.Errorf("more than %d values have another type than GitHub documents", maxIgnored)
	default:
		t.ignored = append(t.ignored, strings.Clone(pointer))
	}
	return t.err
}

// The kinds of values that a field can want.
const (
	anyKind    = iota // every value fits
	tryKind           // the type's own method decides
	numberKind        // a number that is in range
	boolKind
	stringKind
	objectKind
	listKind
)

func byKind(kind jsontext.Kind) int {
	switch kind {
	case 't', 'f':
		return boolKind
	case '"':
		return stringKind
	case '{':
		return objectKind
	case '[':
		return listKind
	}
	return numberKind
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	ownUnmarshalers = []reflect.Type{
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](), reflect.TypeFor[encoding.TextUnmarshaler](),
	}
)

func wantedKind(t reflect.Type) int {
	for _, own := range ownUnmarshalers {
		if reflect.PointerTo(t).Implements(own) {
			return tryKind
		}
	}
	switch t.Kind() {
	case reflect.Interface:
		return anyKind
	case reflect.Bool:
		return boolKind
	case reflect.String:
		return stringKind
	case reflect.Struct, reflect.Map:
		return objectKind
	case reflect.Slice:
		return listKind
	case reflect.Int, reflect.Int64, reflect.Float64:
		return numberKind
	}
	return tryKind
}

func nameOfKind(kind jsontext.Kind) string {
	switch byKind(kind) {
	case boolKind:
		return "a boolean"
	case stringKind:
		return "a string"
	case objectKind:
		return "an object"
	case listKind:
		return "a list"
	}
	return "a number"
}

func nameOfType(t reflect.Type) string {
	switch wantedKind(t) {
	case boolKind:
		return "a boolean"
	case stringKind:
		return "a string"
	case objectKind:
		return "an object"
	case listKind:
		return "a list"
	case numberKind:
		if t.Kind() == reflect.Float64 {
			return "a number"
		}
		return "an integer"
	}
	if t == timeType {
		return "a time such as 2026-04-02T10:00:00Z"
	}
	return "its documented form"
}
