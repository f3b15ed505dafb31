package ghdeploy

import (
	"bytes"
	"sync"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

const (
	// memoSize is how many values of one type a memo holds. The creators of a
	// page alternate, so the latest value alone is rarely the next one.
	memoSize = 8
	// maxMemoized bounds the raw JSON of one value. An app has about 3 KB.
	maxMemoized = 16 << 10
)

// A memo is a ring of the latest different values of one type, by their raw
// JSON. One goroutine uses it at a time.
type memo[T any] struct {
	entries [memoSize]memoEntry[T]
	next    int
}

type memoEntry[T any] struct {
	raw   []byte
	value T // never handed out; see cloner
}

// cloner is a pointer type whose clone shares no memory that can be changed.
type cloner[T any] interface {
	*T
	clone() T
}

// decodeRepeated stores the value of raw into v. If raw is in a memo, that is a
// copy of the earlier result. The pool keeps memos from page to page.
func decodeRepeated[T any, P cloner[T]](memos *sync.Pool, raw []byte, v *T) error {
	if len(raw) > maxMemoized {
		return wire.Decode(raw, v)
	}
	m, _ := memos.Get().(*memo[T])
	if m == nil {
		m = new(memo[T])
	}
	defer memos.Put(m)
	for i := range m.entries {
		if e := &m.entries[i]; bytes.Equal(e.raw, raw) {
			*v = P(&e.value).clone()
			return nil
		}
	}
	if err := wire.Decode(raw, v); err != nil {
		return err
	}
	m.entries[m.next] = memoEntry[T]{bytes.Clone(raw), P(v).clone()}
	m.next = (m.next + 1) % memoSize
	return nil
}
