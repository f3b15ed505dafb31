package wire

import (
	"strings"
	"testing"
)

// A reader that waits for the next document holds neither a row nor a document.
func TestReaderKeepsNothing(t *testing.T) {
	var text string
	place := func([]byte) any { return &text }
	long := strings.Repeat("x", 100)
	for document, ok := range map[string]bool{
		`{` + strings.Repeat(`"a":"`+long+`",`, 1000) + `"a":""}`: true,
		`{"a":"` + long + `"}`:                            true,
		`{"a":"` + long + `","b":}`:                       false,
		`{"\\u0061` + strings.Repeat("a", 1<<20) + `":1}`: true,
	} {
		r := readers.New().(*reader)
		err := r.read([]byte(document), func() error { return r.object(place) })
		if (err == nil) != ok {
			t.Errorf("%.50s: %v", document, err)
		}
		r.release()
		for _, text := range r.texts[:cap(r.texts)] {
			if text != (joined{}) {
				t.Errorf("%.50s: %v is kept", document, text)
			}
		}
		if cap(r.texts) > 2*maxTexts || cap(r.bytes) > 4*maxJoined {
			t.Errorf("%.50s: memory for %d strings with %d bytes is kept", document, cap(r.texts), cap(r.bytes))
		}
		if kept := r.dec.UnreadBuffer(); r.buffer.Cap() > 0 || cap(kept) > 0 || cap(r.name) > maxName {
			t.Errorf("%.50s: %d bytes of the document and a name of %d are kept", document, r.buffer.Cap()+cap(kept), cap(r.name))
		}
	}
}
