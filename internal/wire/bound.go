package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrLimit means that decoding a document would allocate more than the limit.
var ErrLimit = errors.New("the document takes too much memory to decode")

// DefaultLimit is the limit of [Decode] in bytes. It is three times the longest
// body that the client reads.
const DefaultLimit = 96 << 20

const (
	perDocument = 16 << 10 // the JSON library's own buffers
	perText     = 16       // what the allocator adds to a string

	// A byte that is not UTF-8 becomes three, in a buffer that grows.
	perInvalid = 16
	// perByte is the most that one byte of a document counts: it is in such a
	// string, within a type that decodes itself, within another such type.
	perByte = perInvalid + 2*2*hookCopies
)

// checkLimit returns [ErrLimit] if decoding data into a value of type t may
// allocate more than limit bytes. It reads the document only if its length and
// its punctuation do not rule that out.
func checkLimit(data []byte, t reflect.Type, limit int) error {
	d := documentOf(t)
	fits := func(values int) bool {
		return perDocument+int64(values)*(d.most+perText)+int64(len(data))*perByte <= int64(limit)
	}
	if fits(len(data)/2+1) || fits(punctuation(data)+1) {
		return nil
	}
	w := walker{dec: newDecoder(data), longest: d.longest, left: int64(limit) - perDocument}
	if errors.Is(w.value(d.root), ErrLimit) {
		return fmt.Errorf("%w: more than %d MiB", ErrLimit, limit>>20)
	}
	return nil // decoding stops at the same syntax error
}

// punctuation counts the bytes that can stand before a value.
func punctuation(data []byte) (n int) {
	for _, b := range []byte(",[{") {
		n += bytes.Count(data, []byte{b})
	}
	return n
}

func newDecoder(data []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(data), lenient)
}

// A walker reads a document and counts what decoding it allocates.
type walker struct {
	dec     *jsontext.Decoder
	longest int   // no longer name is a field's, quotes and escapes included
	left    int64 // of the limit
	buf     []byte
}

func (w *walker) charge(n int64) error {
	if w.left -= n; w.left < 0 {
		return ErrLimit
	}
	return nil
}

// value charges for the next value, which goes to p.
func (w *walker) value(p place) error {
	start := w.dec.InputOffset()
	kind := w.dec.PeekKind()
	cost := p.slot
	if kind != 'n' {
		cost += p.target
	}
	if err := w.charge(cost); err != nil {
		return err
	}
	var err error
	switch {
	case kind == '{' && (p.fields != nil || p.member != nil):
		err = w.object(p.shape)
	case kind == '[' && p.elem != nil:
		err = w.array(p.shape)
	case kind == '"' && p.copies == 0, kind == '0' && p.scalar > 0:
		err = w.scalar(p.shape)
	default:
		err = w.dec.SkipValue()
	}
	if err != nil || p.copies == 0 {
		return err
	}
	return w.charge(p.copies * rounded(w.dec.InputOffset()-start))
}

func (w *walker) object(s *shape) error {
	if err := w.charge(s.object); err != nil {
		return err
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	for w.dec.PeekKind() != '}' {
		p, err := w.name(s)
		if err != nil {
			return err
		}
		if p.shape == nil {
			err = w.dec.SkipValue()
		} else {
			err = w.value(p)
		}
		if err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

// name reads the name of a member and returns the place of its value; one
// without a shape if the value is not decoded.
func (w *walker) name(s *shape) (place, error) {
	name, err := w.dec.ReadValue()
	if err != nil {
		return place{}, err
	}
	cost, verbatim := textCost(name)
	if s.member != nil {
		return *s.member, w.charge(cost)
	}
	if verbatim { // the decoder looks it up as it is
		return s.fields[string(name[1:len(name)-1])], nil
	}
	if err := w.charge(cost); err != nil || len(name) > w.longest {
		return place{}, err
	}
	// The error says that something was replaced, as the decoder replaces it.
	w.buf, _ = jsontext.AppendUnquote(w.buf[:0], name)
	return s.fields[string(w.buf)], nil
}

func (w *walker) array(s *shape) error {
	if err := w.charge(s.array); err != nil {
		return err
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	for w.dec.PeekKind() != ']' {
		if err := w.value(*s.elem); err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

// scalar charges for a string, or for a number that is kept in an interface.
func (w *walker) scalar(s *shape) error {
	text, err := w.dec.ReadValue()
	if err != nil {
		return err
	}
	cost, _ := textCost(text)
	return w.charge(s.scalar + cost)
}

// textCost is what a string allocates, given in quotes, and whether the quotes
// are all that has to be removed from it.
func textCost(text []byte) (cost int64, verbatim bool) {
	n := int64(len(text))
	switch {
	case !utf8.Valid(text):
		return perText + n*perInvalid, false
	case bytes.IndexByte(text, '\\') >= 0:
		return 2 * rounded(n), false
	}
	return rounded(n), true
}
