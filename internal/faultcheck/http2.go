package faultcheck

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
)

// The HTTP/2 frames that a call needs (RFC 9113).
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPriority   = 0x20

	maxFrame = 16 << 10

	codeProtocolError = 0x1
	codeRefused       = 0x7
)

type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// encode returns the bytes of the frame.
func (f frame) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))<<8|uint32(f.kind)) //nolint:gosec // at most maxFrame
	b = append(b, f.flags)
	b = binary.BigEndian.AppendUint32(b, f.stream)
	return append(b, f.payload...)
}

func readFrame(r io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{
		kind:    head[3],
		flags:   head[4],
		stream:  binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1),
		payload: make([]byte, binary.BigEndian.Uint32(head[:4])>>8),
	}
	_, err := io.ReadFull(r, f.payload)
	return f, err
}

// http2Conn is one HTTP/2 connection of the server.
type http2Conn struct {
	*server
	raw, conn net.Conn
	headers   headerTable
	methods   map[uint32]string // by stream
	bodies    map[uint32][]byte
	waiting   uint32 // the stream whose response is delayed
}

// serveHTTP2 is serveHTTP1 for HTTP/2.
func (s *server) serveHTTP2(raw, conn net.Conn) {
	r := bufio.NewReader(conn)
	if _, err := io.ReadFull(r, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	c := &http2Conn{server: s, raw: raw, conn: conn, methods: make(map[uint32]string), bodies: make(map[uint32][]byte)}
	c.write(frame{kind: frameSettings}.encode())
	for {
		f, err := readFrame(r)
		if err != nil {
			if c.waiting != 0 {
				s.executeLate()
			}
			return
		}
		if !c.handle(f) {
			return
		}
	}
}

// write ignores an error: the next read fails too.
func (c *http2Conn) write(b []byte) { c.conn.Write(b) } //nolint:errcheck // see above

// handle handles one frame and reports whether the connection remains open.
func (c *http2Conn) handle(f frame) bool {
	switch {
	case f.kind == frameSettings && f.flags&flagAck == 0:
		c.write(frame{kind: frameSettings, flags: flagAck}.encode())
	case f.kind == framePing && f.flags&flagAck == 0:
		f.flags |= flagAck
		c.write(f.encode())
	case f.kind == frameReset && f.stream == c.waiting:
		c.waiting = 0
		c.executeLate()
	case f.kind == frameHeaders:
		if f.flags&flagPriority != 0 {
			f.payload = f.payload[5:]
		}
		method, err := c.headers.method(f.payload)
		if err != nil {
			return false
		}
		if method == http.MethodGet {
			c.write(encodeHTTP2(f.stream, c.get(), c.early))
			return true
		}
		c.seen.Add(1)
		if c.fault.where == arrival && c.strikes() {
			reset(c.raw)
			return false
		}
		c.methods[f.stream] = method
		return f.flags&flagEndStream == 0 || c.transact(f.stream)
	case f.kind == frameData && c.methods[f.stream] != "":
		c.bodies[f.stream] = append(c.bodies[f.stream], f.payload...)
		return f.flags&flagEndStream == 0 || c.transact(f.stream)
	}
	return true
}

// transact responds to a request that arrived completely.
func (c *http2Conn) transact(stream uint32) bool {
	strike := c.fault.where == transaction && c.strikes()
	r, err := c.respond(c.methods[stream], c.bodies[stream], strike)
	switch {
	case err != nil:
		return false
	case !strike:
		c.write(encodeHTTP2(stream, r, c.early))
		return true
	case c.fault.kind == slow:
		c.waiting = stream
		return true
	}
	return c.damage(stream, r)
}

// damage sends the response with the damage of the fault, and reports whether
// the connection remains open.
func (c *http2Conn) damage(stream uint32, r response) bool {
	whole := encodeHTTP2(stream, r, c.early)
	body := len(whole) - 9 - len(r.body) // where the DATA frame begins
	switch c.fault.kind {
	case resetAfter:
		reset(c.raw)
		return false
	case resetHeaders:
		c.write(whole[:body/2])
		reset(c.raw)
		return false
	case resetBody:
		c.write(whole[:body+9+len(r.body)/2])
		reset(c.raw)
		return false
	case truncated:
		r.cut = true
		c.write(encodeHTTP2(stream, r, false))
	case refusedStream:
		c.write(resetStream(stream, codeRefused))
	case protocolError:
		c.write(resetStream(stream, codeProtocolError))
	case goAwayBelow:
		c.write(goAway(max(stream, 2) - 2)) // the client closes the connection
	case goAwayAbove:
		c.write(goAway(stream))
		return false
	default:
		c.write(whole)
	}
	return true
}

func resetStream(stream, code uint32) []byte {
	return frame{frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code)}.encode()
}

func goAway(last uint32) []byte {
	return frame{kind: frameGoAway, payload: binary.BigEndian.AppendUint64(nil, uint64(last)<<32)}.encode()
}

// encodeHTTP2 returns HEADERS (names of RFC 7541, appendix A) and DATA frames.
// With abort, half a body is followed by PROTOCOL_ERROR.
func encodeHTTP2(stream uint32, r response, abort bool) []byte {
	const status, contentLength, contentType, retryAfter = 8, 28, 31, 53
	headers := literal(nil, status, strconv.Itoa(r.status))
	headers = literal(headers, contentType, "application/json")
	if r.status != http.StatusNoContent {
		headers = literal(headers, contentLength, strconv.Itoa(len(r.body)))
	}
	if r.retryAfter != "" {
		headers = literal(headers, retryAfter, r.retryAfter)
	}
	b := frame{frameHeaders, flagEndHeaders, stream, headers}.encode()
	body := []byte(r.body)
	if r.cut {
		body = body[:len(body)/2]
	}
	for len(body) > maxFrame {
		b = append(b, frame{frameData, 0, stream, body[:maxFrame]}.encode()...)
		body = body[maxFrame:]
	}
	if r.cut && abort {
		b = append(b, frame{frameData, 0, stream, body}.encode()...)
		return append(b, resetStream(stream, codeProtocolError)...)
	}
	return append(b, frame{frameData, flagEndStream, stream, body}.encode()...)
}

// literal appends a header field without indexing. The name is a static index
// with a prefix of four bits, the value is shorter than 127 bytes.
func literal(b []byte, name byte, value string) []byte {
	if name < 15 {
		b = append(b, name)
	} else {
		b = append(b, 15, name-15)
	}
	b = append(b, byte(len(value))) //nolint:gosec // see above
	return append(b, value...)
}
