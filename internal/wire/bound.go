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

	// The JSON library keeps a stack of the objects and arrays that are open.
	perLevel = 80
	maxDepth = 10_000

	// A byte that is not UTF-8 becomes three, in a buffer that grows. Half a
	// surrogate pair costs an error as well.
	perInvalid   = 20
	perSurrogate = 120

	shortName = 32 // its case is folded without an allocation
)

// checkLimit returns [ErrLimit] if decoding data into a value of type t may
// allocate more than limit bytes. It reads the document only if its length and
// its punctuation do not rule that out.
func checkLimit(data []byte, t reflect.Type, limit int) error {
	d := documentOf(t)
	n := len(data)
	if d.atMost(n, n/2, n) <= int64(limit) {
		return nil
	}
	open := brackets(data)
	if d.atMost(n, open+bytes.Count(data, []byte(",")), open) <= int64(limit) {
		return nil
	}
	w := walker{
		data: data, dec: newDecoder(data), longest: d.longest, passes: 1,
		left: int64(limit) - perDocument - levels(open),
	}
	if w.left < 0 || errors.Is(w.value(d.root), ErrLimit) {
		return fmt.Errorf("%w: more than %.3g MiB", ErrLimit, float64(limit)/(1<<20))
	}
	return nil // decoding stops at the same syntax error
}

// brackets counts the opening brackets.
func brackets(data []byte) int {
	return bytes.Count(data, []byte("{")) + bytes.Count(data, []byte("["))
}

// atMost is the maximum that a document of n bytes allocates, given its number
// of values after a comma or a bracket, and of opening brackets.
func (d *document) atMost(n, values, open int) int64 {
	passes := int64(1 + d.hooks*hookPasses)
	return perDocument + levels(open) +
		int64(values+1)*(d.most+passes*perText) +
		int64(n)*passes*2*perInvalid +
		int64(d.hooks)*hookPasses*perLevel*int64(open)
}

// levels is the maximum that the JSON library allocates for nesting, given the
// number of opening brackets.
func levels(open int) int64 { return perLevel * int64(min(open, maxDepth)) }

func newDecoder(data []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(data), lenient)
}

// A walker reads a document and counts what decoding it allocates.
type walker struct {
	data    []byte
	dec     *jsontext.Decoder
	longest int   // length of a field's longest name, with quotes and escapes
	passes  int64 // how often the types that decode themselves read a string
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
	if p.hook {
		w.passes += hookPasses
		defer func() { w.passes -= hookPasses }()
	}
	var err error
	switch {
	case kind == '{' && (p.fields != nil || p.member != nil):
		err = w.object(p.shape)
	case kind == '[' && p.elem != nil:
		err = w.array(p.shape)
	case kind == '"' && !p.raw, kind == '0' && p.scalar > 0:
		err = w.scalar(p.shape)
	default:
		err = w.dec.SkipValue()
	}
	end := w.dec.InputOffset()
	switch {
	case err != nil:
		return err
	case p.hook:
		return w.charge(hookPasses * (rounded(end-start) + levels(brackets(w.data[start:end]))))
	case p.raw:
		return w.charge(rounded(end - start))
	}
	return nil
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
		return *s.member, w.charge(w.passes * cost)
	}
	if verbatim { // the decoder looks it up as it is
		if p, ok := s.fields[string(name[1:len(name)-1])]; ok {
			return p, nil
		}
	}
	// The decoder unquotes it, and folds its case in a buffer that grows.
	if len(name) > shortName {
		cost = max(2*cost, sliceGrowth*rounded(int64(len(name)))+cost)
	} else if verbatim {
		cost = 0
	}
	if err := w.charge(w.passes * cost); err != nil || verbatim || len(name) > w.longest {
		return place{}, err
	}
	// The error reports replaced bytes; the decoder replaces them too.
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
	return w.charge(s.scalar + w.passes*cost)
}

// textCost is what a string allocates, given in quotes, and whether the quotes
// are all that has to be removed from it.
func textCost(text []byte) (cost int64, verbatim bool) {
	n := int64(len(text))
	invalid := invalidBytes(text)
	surrogates := bytes.Count(text, []byte(`\ud`)) + bytes.Count(text, []byte(`\uD`))
	switch {
	case invalid > 0 || surrogates > 0:
		// The buffer may grow once at the end of the text.
		return perText + 4*rounded(n) + int64(invalid)*perInvalid + int64(surrogates)*perSurrogate, false
	case bytes.IndexByte(text, '\\') >= 0:
		return 2 * rounded(n), false
	}
	return rounded(n), true
}

// invalidBytes counts the bytes that are not UTF-8.
func invalidBytes(text []byte) (n int) {
	if utf8.Valid(text) {
		return 0
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			n++
		}
		text = text[size:]
	}
	return n
}
