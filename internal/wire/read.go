package wire

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// readLimit is the limit in bytes. A document can be read twice before
	// Decode has to decode it.
	readLimit = DefaultLimit / 3
	// maxName bounds the length of a name with escapes that can have a place.
	maxName = 1 << 10
	// maxJoined bounds the bytes and the number of the strings that share one
	// allocation. A deployment has about 200 bytes and 10 strings.
	maxJoined, maxTexts = 4 << 10, 32
	// maxCommon is the length of the longest string that is stored once for all
	// rows, such as a task, a ref or an environment.
	maxCommon = 32
)

// A Taker is the place of a value that it reads itself.
type Taker interface {
	// Take reads the value, which is at an offset in its document.
	Take(value []byte, offset int) error
}

var errShape = errors.New("the document is not of objects")

// ReadArray stores an array of objects in less time than Decode. It calls begin
// for each element, and place for each member of an object. The place of a
// member is a pointer, a Taker, or nil for a member that is not needed. Take
// and place must not keep the bytes that they get. T is the type of an object
// with all its places: the limit on memory is that of a []*T.
//
// It stores the values that Decode stores, and fails if Decode does. It also
// fails if it would allocate more than a third of Decode's limit. Call Decode
// after an error: it can succeed, or returns an error for people.
func ReadArray[T any](data []byte, begin func(null bool), place func(name []byte) any) error {
	return read(data, reflect.TypeFor[*[]*T](), func(r *reader) error {
		if err := r.expect('['); err != nil {
			return err
		}
		for {
			switch r.dec.PeekKind() {
			case '{':
				begin(false)
				if err := r.object(place); err != nil {
					return err
				}
			case 'n':
				begin(true)
				if err := r.expect('n'); err != nil {
					return err
				}
			default:
				return r.expect(']')
			}
		}
	})
}

// ReadObject stores one object in the same way.
func ReadObject[T any](data []byte, place func(name []byte) any) error {
	return read(data, reflect.TypeFor[*T](), func(r *reader) error { return r.object(place) })
}

func read(data []byte, t reflect.Type, f func(*reader) error) error {
	if err := checkLimit(data, t, readLimit); err != nil {
		return err
	}
	r := readers.Get().(*reader)
	defer r.release()
	return r.read(data, func() error { return f(r) })
}

// read calls f, which reads the one value of a document.
func (r *reader) read(data []byte, f func() error) error {
	r.buffer = *bytes.NewBuffer(data)
	r.dec.Reset(&r.buffer, lenient)
	if err := f(); err != nil {
		return err
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errShape
	}
	return nil
}

// A reader reads one document after the other.
type reader struct {
	buffer bytes.Buffer
	dec    jsontext.Decoder
	name   []byte

	texts  []joined // the strings that are not stored yet, in order
	bytes  []byte   // of these strings
	seed   maphash.Seed
	common [256]common
}

// joined is a string that is stored when its object has been read: one
// allocation holds the object's strings.
type joined struct {
	to         *string
	common     string // or:
	start, end int    // in the reader's bytes
}

// common is a string that several rows have. It is allocated when its hash
// comes twice, so that IDs do not fill the table.
type common struct {
	hash uint64
	text string
}

var readers = sync.Pool{New: func() any { return &reader{seed: maphash.MakeSeed()} }}

func (r *reader) release() {
	r.buffer = bytes.Buffer{}
	r.dec.Reset(&r.buffer, lenient) // it keeps no document
	r.forget()
	readers.Put(r)
}

func (r *reader) expect(kind jsontext.Kind) error {
	token, err := r.dec.ReadToken()
	if err == nil && token.Kind() != kind {
		err = errShape
	}
	return err
}

func (r *reader) object(place func(name []byte) any) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		name, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		var to any
		switch {
		case bytes.IndexByte(name, '\\') < 0:
			to = place(name[1 : len(name)-1])
		case len(name) <= maxName:
			r.name, _ = jsontext.AppendUnquote(r.name[:0], name) // its error says that a byte was replaced
			to = place(r.name)
		}
		if to == nil {
			if err := r.dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		value, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		if err := r.store(to, value); err != nil {
			return err
		}
	}
	r.join()
	return r.expect('}')
}

// store stores a value in its place. It does itself what GitHub's values need,
// and leaves everything else to the JSON library.
func (r *reader) store(to any, value []byte) error {
	switch to := to.(type) {
	case Taker:
		return to.Take(value, int(r.dec.InputOffset())-len(value))
	case *string:
		if value[0] == '"' && len(value) <= maxJoined {
			r.text(to, value)
			return nil
		}
	case *int64:
		if n, ok := digits(value); ok {
			*to = n
			return nil
		}
	case *bool:
		if value[0] == 't' || value[0] == 'f' {
			*to = value[0] == 't'
			return nil
		}
	case *time.Time:
		if len(value) == len(`"2026-04-02T10:00:00Z"`) && value[20] == 'Z' {
			return to.UnmarshalText(value[1:21])
		}
	case json.Unmarshaler:
		return to.UnmarshalJSON(value)
	}
	r.join() // a member that comes twice is stored in order
	return json.Unmarshal(value, to, lenient)
}

// digits returns the value of up to 18 digits.
func digits(value []byte) (n int64, ok bool) {
	if len(value) > 18 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

// text keeps a string until join.
func (r *reader) text(to *string, quoted []byte) {
	if len(r.bytes) > maxJoined || len(r.texts) == maxTexts {
		r.join()
	}
	start := len(r.bytes)
	r.bytes, _ = jsontext.AppendUnquote(r.bytes, quoted) // its error says that a byte was replaced
	common, ok := r.commonText(r.bytes[start:])
	if ok {
		r.bytes = r.bytes[:start]
	}
	r.texts = append(r.texts, joined{to, common, start, len(r.bytes)})
}

// join stores the strings.
func (r *reader) join() {
	all := string(r.bytes)
	for _, t := range r.texts {
		if *t.to = t.common; t.end > t.start {
			*t.to = all[t.start:t.end]
		}
	}
	r.forget()
}

func (r *reader) forget() {
	clear(r.texts)
	r.texts, r.bytes = r.texts[:0], r.bytes[:0]
}

// commonText returns a text that several rows have.
func (r *reader) commonText(text []byte) (string, bool) {
	switch {
	case len(text) == 0:
		return "", true
	case len(text) > maxCommon:
		return "", false
	}
	hash := maphash.Bytes(r.seed, text)
	c := &r.common[hash%uint64(len(r.common))]
	if c.text != string(text) {
		if c.hash != hash { // the text that is there stays until another comes twice
			c.hash = hash
			return "", false
		}
		c.text = string(text)
	}
	return c.text, true
}
