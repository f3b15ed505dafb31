package ghdeploy

import (
	"bytes"
	"sync"
)

// maxLookups bounds how many values of one document are looked up. A page has
// 200, and a look-up can compare long parts of nested values.
const maxLookups = 1000

// repeats reads documents with rows. The rows of a page repeat a few creators
// and apps, which are most of its bytes. A known one is not read again: the
// document is read with a null in its place, and the row gets a copy.
type repeats struct {
	users memo[User, *User]
	apps  memo[GitHubApp, *GitHubApp]
	short []byte // memory for a document with replaced values
}

// allRepeats keeps what is known from page to page.
var allRepeats = sync.Pool{New: func() any { return new(repeats) }}

// readRepeats calls read with a document.
func readRepeats(data []byte, read func(r *repeats, document []byte) error) error {
	r := allRepeats.Get().(*repeats)
	defer r.release()
	return r.read(data, read)
}

// read calls read with data without its known values. If one of them belongs to
// no row (a payload can contain the creator of its deployment), it calls read
// again with data as it is.
func (r *repeats) read(data []byte, read func(r *repeats, document []byte) error) error {
	r.begin()
	err := read(r, r.shorten(data))
	if err == nil && !r.allFound() {
		r.begin()
		err = read(r, data)
	}
	return err
}

func (r *repeats) begin() {
	r.users.begin()
	r.apps.begin()
}

func (r *repeats) allFound() bool { return r.users.allFound() && r.apps.allFound() }

func (r *repeats) release() {
	if len(r.short) > 0 {
		onRelease(r.short[:cap(r.short)])
	}
	r.begin()
	allRepeats.Put(r)
}

// shorten returns data with a null in the place of each known value. The result
// is valid if data is, and only then.
//
// It replaces values of members, and never a part of a string: in a string, a
// quote has a backslash before it. A null cannot become part of another value,
// as a number could.
func (r *repeats) shorten(data []byte) []byte {
	r.short = r.short[:0]
	copied, at := 0, 0 // bytes of data
	for range maxLookups {
		m, i := r.next(data, at)
		if m == nil {
			break
		}
		at = i + 1
		if n := m.replace(data[i:], len(r.short)+i-copied); n > 0 {
			r.short = append(append(r.short, data[copied:i]...), "null"...)
			at = i + n
			copied = at
		}
	}
	if copied == 0 {
		return data
	}
	r.short = append(r.short, data[copied:]...)
	return r.short
}

// replacer is a memo.
type replacer interface {
	replace(rest []byte, offset int) int
}

// next returns the memo for the next creator or app, and where that object
// starts; no memo if there is no other one.
func (r *repeats) next(data []byte, at int) (replacer, int) {
	for {
		i := bytes.IndexByte(data[at:], '{')
		if i < 0 {
			return nil, 0
		}
		at += i
		switch before := data[:at]; {
		case bytes.HasSuffix(before, []byte(`"creator":`)):
			return &r.users, at
		case bytes.HasSuffix(before, []byte(`"performed_via_github_app":`)):
			return &r.apps, at
		}
		at++
	}
}
