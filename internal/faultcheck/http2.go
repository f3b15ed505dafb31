package faultcheck

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
)

// The frames of HTTP/2 that a create takes (RFC 9113). What the client says in
// its headers is known, so they are not decoded.
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

	codeProtocolError = 0x1
	codeRefused       = 0x7
)

type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// encode returns the frame as it goes over the wire.
func (f frame) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(f.payload))<<8|uint32(f.kind)) //nolint:gosec // a few bytes
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

// serveHTTP2 is serveHTTP1 in frames.
func (s *server) serveHTTP2(raw, conn net.Conn) {
	r := bufio.NewReader(conn)
	if _, err := io.ReadFull(r, make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	conn.Write(frame{kind: frameSettings}.encode()) //nolint:errcheck // a broken connection shows in the next read
	bodies := make(map[uint32][]byte)
	var waiting uint32 // the stream that a slow answer keeps
	for {
		f, err := readFrame(r)
		if err != nil {
			if waiting != 0 {
				s.late()
			}
			return
		}
		switch {
		case f.kind == frameSettings && f.flags&flagAck == 0, f.kind == framePing && f.flags&flagAck == 0:
			f.flags |= flagAck
			if f.kind == frameSettings {
				f.payload = nil
			}
			conn.Write(f.encode()) //nolint:errcheck // see above
		case f.kind == frameReset && f.stream == waiting:
			waiting = 0
			s.late()
		case f.kind == frameHeaders && f.flags&flagEndStream != 0: // a GET: the warming up
			s.warmed.Store(true)
			conn.Write(encodeAnswer(f.stream, answer{status: http.StatusOK, body: "{}"})) //nolint:errcheck // see above
		case f.kind == frameHeaders:
			s.seen.Add(1)
			if s.fault.where == arrival && s.strikes() {
				reset(raw)
				return
			}
		case f.kind == frameData:
			bodies[f.stream] = append(bodies[f.stream], f.payload...)
			if f.flags&flagEndStream == 0 {
				continue
			}
			strike := s.fault.where == transaction && s.strikes()
			a, err := s.respond(bodies[f.stream], strike)
			if err != nil {
				return
			}
			if strike && s.fault.kind == slow {
				waiting = f.stream
				continue
			}
			if !s.answerHTTP2(raw, conn, f.stream, a, strike) {
				return
			}
		}
	}
}

// answerHTTP2 answers one create and tells whether the connection goes on.
func (s *server) answerHTTP2(raw, conn net.Conn, stream uint32, a answer, strike bool) bool {
	write := func(b []byte) { conn.Write(b) } //nolint:errcheck // the client sees what it sees
	whole := encodeAnswer(stream, a)
	if !strike {
		write(whole)
		return true
	}
	body := len(whole) - 9 - len(a.body) // where the DATA frame begins
	switch s.fault.kind {
	case resetAfter:
		reset(raw)
		return false
	case resetHeaders:
		write(whole[:body/2])
		reset(raw)
		return false
	case resetBody:
		write(whole[:body+9+len(a.body)/2])
		reset(raw)
		return false
	case truncated:
		// Less than its Content-Length, and then the end of the stream.
		write(whole[:body])
		write(frame{frameData, flagEndStream, stream, []byte(a.body[:len(a.body)/2])}.encode())
		return true
	case refusedStream:
		write(frame{frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, codeRefused)}.encode())
		return true
	case protocolError:
		write(frame{frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, codeProtocolError)}.encode())
		return true
	case goAwayBelow:
		write(goAway(max(stream, 2) - 2))
		return true // until the client leaves
	case goAwayAbove:
		write(goAway(stream))
		return false
	}
	write(whole)
	return true
}

func goAway(last uint32) []byte {
	return frame{kind: frameGoAway, payload: binary.BigEndian.AppendUint64(nil, uint64(last)<<32)}.encode()
}

// encodeAnswer is a HEADERS frame and a DATA frame. Each header is a literal
// whose name is in HPACK's static table (RFC 7541, appendix A).
func encodeAnswer(stream uint32, a answer) []byte {
	const status, contentLength, contentType, retryAfter = 8, 28, 31, 53
	headers := literal(nil, status, strconv.Itoa(a.status))
	headers = literal(headers, contentType, "application/json")
	headers = literal(headers, contentLength, strconv.Itoa(len(a.body)))
	if a.retryAfter != "" {
		headers = literal(headers, retryAfter, a.retryAfter)
	}
	b := frame{frameHeaders, flagEndHeaders, stream, headers}.encode()
	return append(b, frame{frameData, flagEndStream, stream, []byte(a.body)}.encode()...)
}

// literal appends a header field without indexing. Its name is an integer with
// a prefix of four bits, its value is shorter than 127 bytes.
func literal(b []byte, name byte, value string) []byte {
	if name < 15 {
		b = append(b, name)
	} else {
		b = append(b, 15, name-15)
	}
	b = append(b, byte(len(value))) //nolint:gosec // see above
	return append(b, value...)
}
