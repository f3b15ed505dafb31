package ghdeploy

import (
	"bytes"
	"errors"
	"slices"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

const (
	// memoSize is how many values of one type a memo holds, and how many it
	// learns from one document. The creators of a page alternate, so the latest
	// value alone is rarely the next one.
	memoSize = 8
	// maxMemoized bounds the raw JSON of one value. An app has about 3 KB.
	maxMemoized = 16 << 10
)

// errTwice means that a row has two values of one name. The JSON library merges
// them.
var errTwice = errors.New("a member comes twice")

// A memo is a ring of the latest different objects of one type, by their raw
// JSON. One goroutine uses it at a time.
type memo[T any, P cloner[T]] struct {
	entries [memoSize]memoEntry[T]
	next    int

	// Of the document that is read:
	replaced []replacement[T] // by offset
	found    int              // replaced values that belong to a row
	learned  int

	// Of the row that is read:
	to   **T
	room *T // nil: it is allocated
}

type memoEntry[T any] struct {
	raw   []byte
	value *T // never handed out and never changed; see cloner
}

// A replacement is a known value. A null at the offset takes its place in the
// document.
type replacement[T any] struct {
	offset int
	value  *T
}

// cloner is a pointer type whose clone shares no memory that can be changed.
type cloner[T any] interface {
	*T
	clone() T
}

// begin prepares the memo for a document.
func (m *memo[T, P]) begin() {
	clear(m.replaced)
	m.replaced, m.found, m.learned = m.replaced[:0], 0, 0
	m.to, m.room = nil, nil
}

// replace returns the length of the known object that rest starts with, or 0.
// An object ends at its last brace, so a prefix that is an object is the whole
// value.
func (m *memo[T, P]) replace(rest []byte, offset int) int {
	for i := range m.entries {
		if e := &m.entries[i]; len(e.raw) > 0 && bytes.HasPrefix(rest, e.raw) {
			m.replaced = append(m.replaced, replacement[T]{offset, e.value})
			return len(e.raw)
		}
	}
	return 0
}

// allFound reports whether each replaced value belonged to a row.
func (m *memo[T, P]) allFound() bool { return m.found == len(m.replaced) }

// into returns the place for the value of a row. The value goes to room, and
// its address to to.
func (m *memo[T, P]) into(to **T, room *T) any {
	m.to, m.room = to, room
	return m
}

// Take implements [wire.Taker].
func (m *memo[T, P]) Take(raw []byte, offset int) error {
	if *m.to != nil {
		return errTwice
	}
	known := m.find(raw, offset)
	if known == nil && string(raw) == "null" {
		return nil
	}
	v := m.room
	if v == nil {
		v = new(T)
	}
	if known != nil {
		*v = P(known).clone()
	} else if err := m.decode(raw, v); err != nil {
		return err
	}
	*m.to = v
	return nil
}

// find returns the value that is replaced at the offset, or that has the raw
// JSON. It returns nil for a value that is not known.
func (m *memo[T, P]) find(raw []byte, offset int) *T {
	i, ok := slices.BinarySearchFunc(m.replaced, offset, func(r replacement[T], offset int) int { return r.offset - offset })
	if ok {
		m.found++
		return m.replaced[i].value
	}
	for i := range m.entries {
		if e := &m.entries[i]; bytes.Equal(e.raw, raw) {
			return e.value
		}
	}
	return nil
}

// decode decodes a new value, and keeps a copy of it and of its JSON.
func (m *memo[T, P]) decode(raw []byte, v *T) error {
	if err := wire.Decode(raw, v); err != nil || len(raw) > maxMemoized || m.learned == memoSize {
		return err
	}
	m.learned++
	kept := P(v).clone()
	m.entries[m.next] = memoEntry[T]{bytes.Clone(raw), &kept}
	m.next = (m.next + 1) % memoSize
	return nil
}
