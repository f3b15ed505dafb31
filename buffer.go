package ghdeploy

import (
	"bytes"
	"sync"
)

// maxPooled bounds the capacity of a buffer that is kept for the next response.
const maxPooled = 1 << 20

// buffers holds empty buffers for bodies.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// onRelease is called with each buffer that is released. The tests overwrite it
// there, so that a result that aliases a body fails them.
var onRelease = func([]byte) {}

// release returns the body's buffer for the next response. It is called once
// the body is decoded, and nothing may use the body after that. A response that
// is not released is left to the garbage collector.
func (r *response) release() {
	b := r.buffer
	r.body, r.buffer = nil, nil
	if b == nil {
		return
	}
	onRelease(b.Bytes()[:b.Cap()])
	if b.Cap() <= maxPooled {
		b.Reset()
		buffers.Put(b)
	}
}
