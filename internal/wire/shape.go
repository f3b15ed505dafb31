package wire

import (
	"encoding"
	"maps"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// A shape holds what JSON values allocate when they are decoded into one Go
// type: bytes, as an upper bound. Garbage counts, so that the bound does not
// depend on when the collector runs.
type shape struct {
	object int64 // for an object, whatever its members are
	array  int64 // for an array, whatever its elements are
	scalar int64 // for a string or a number, apart from the string's bytes
	raw    bool  // the value is copied
	hook   bool  // the type decodes itself

	fields map[string]place // members of an object, by JSON name
	member *place           // each member of an object that has no field
	elem   *place           // each element of an array
}

// A place is where a value goes: a field, a map entry or a slice element.
type place struct {
	*shape
	slot   int64 // allocated for any value, null included
	target int64 // allocated behind a pointer, for any value but null
}

const (
	// A slice grows by a quarter, so its elements are allocated about five
	// times; the capacity that is not used adds up to two more.
	sliceGrowth = 7
	// A map doubles, and it starts with eight entries.
	mapGrowth = 6
	mapHeader = 64

	// A type that decodes itself may read and copy its value so many times.
	hookPasses = 3
)

// rounded is the maximum that the allocator uses for n bytes.
func rounded(n int64) int64 { return n + n/4 + 16 }

func size(t reflect.Type) int64 { return int64(t.Size()) } //nolint:gosec // no type is that large

// longestSpelling is the length of a name in quotes, each byte escaped.
func longestSpelling(name string) int { return len(`""`) + len(`\u0000`)*len(name) }

// document is a type at the root of documents.
type document struct {
	root    place
	most    int64 // maximum that one value allocates, apart from its bytes
	longest int   // the longest spelling of a field's name
	hooks   int   // types that decode themselves
}

var documents sync.Map // from reflect.Type to *document

// documentOf returns the document that decodes into a pointer of type t.
func documentOf(t reflect.Type) *document {
	if d, ok := documents.Load(t); ok {
		return d.(*document)
	}
	known := shapes{}
	d := &document{root: known.place(t, 0)}
	d.most = d.root.most()
	for _, s := range known {
		if s.hook {
			d.hooks++
		}
		for name, p := range s.fields {
			d.most = max(d.most, p.most())
			d.longest = max(d.longest, longestSpelling(name))
		}
		for _, p := range []*place{s.member, s.elem} {
			if p != nil {
				d.most = max(d.most, p.most())
			}
		}
	}
	documents.Store(t, d)
	return d
}

func (p place) most() int64 {
	return p.slot + p.target + max(p.object, p.array, p.scalar)
}

// shapes holds the shapes that are known, unfinished ones included: a type may
// contain itself.
type shapes map[reflect.Type]*shape

func (known shapes) place(t reflect.Type, slot int64) place {
	p := place{slot: slot}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		p.target += rounded(size(t.Elem()))
	}
	if p.shape = known[t]; p.shape == nil {
		p.shape = new(shape)
		known[t] = p.shape
		known.fill(p.shape, t)
	}
	return p
}

func (known shapes) fill(s *shape, t reflect.Type) {
	s.hook = hasHook(t)
	switch t.Kind() {
	case reflect.Struct:
		s.fields = map[string]place{}
		known.addFields(s, t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 { // raw JSON, or base64
			s.raw, s.hook = true, false
			return
		}
		elem := known.place(t.Elem(), sliceGrowth*size(t.Elem())+32)
		s.elem = &elem
	case reflect.Array:
		elem := known.place(t.Elem(), 0)
		s.elem = &elem
	case reflect.Map:
		entry := size(t.Key()) + size(t.Elem())
		member := known.place(t.Elem(), mapGrowth*(entry+2))
		s.object, s.member = mapHeader+8*entry, &member
	case reflect.Interface:
		const word = 8
		value := &place{shape: s, slot: max(sliceGrowth*2*word+32, mapGrowth*(4*word+2))}
		s.scalar, s.array, s.object = 32, 48, mapHeader+8*4*word
		s.member, s.elem = value, value
	}
}

// addFields adds the fields of t and then those of its embedded structs, which
// an outer field of the same name hides.
func (known shapes) addFields(s *shape, t reflect.Type) {
	var embedded []reflect.Type
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner := field.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		switch {
		case s.hook && field.Tag.Get("wire") != "":
			s.add(field.Tag.Get("wire"), known.place(field.Type, 0))
		case name == "-" || !field.IsExported() && !field.Anonymous:
		case name == "" && field.Anonymous && inner.Kind() == reflect.Struct:
			if inner != field.Type {
				s.object += rounded(size(inner))
			}
			embedded = append(embedded, inner)
		default:
			if name == "" {
				name = field.Name
			}
			s.add(name, known.place(field.Type, 0))
		}
	}
	for _, inner := range embedded {
		var promoted shape
		promoted.fields = map[string]place{}
		known.addFields(&promoted, inner)
		s.object += promoted.object
		for name, p := range promoted.fields {
			if _, hidden := s.fields[name]; !hidden {
				s.fields[name] = p
			}
		}
	}
}

// add adds a field. Fields of one name take the same value between them.
func (s *shape) add(name string, p place) {
	q, ok := s.fields[name]
	if !ok {
		s.fields[name] = p
		return
	}
	both := *q.shape
	both.object += p.object
	both.fields = maps.Clone(p.fields)
	maps.Copy(both.fields, q.fields)
	s.fields[name] = place{&both, q.slot + p.slot, q.target + p.target}
}

// hasHook reports whether the JSON library leaves the decoding of t to a method
// of t. It decodes a time itself.
func hasHook(t reflect.Type) bool {
	if t == reflect.TypeFor[time.Time]() {
		return false
	}
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[json.UnmarshalerFrom]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
