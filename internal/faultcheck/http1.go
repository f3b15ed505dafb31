package faultcheck

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// serveHTTP1 serves one connection without net/http's server, to control each
// byte. raw is the TCP connection below conn.
func (s *server) serveHTTP1(raw, conn net.Conn) {
	r := bufio.NewReader(conn)
	for {
		start, err := r.Peek(len(http.MethodGet))
		if err != nil {
			return
		}
		if string(start) == http.MethodGet {
			warmUp := s.warm && !s.warmed.Load()
			if _, _, err := readRequest(r); err != nil || !send(conn, s.get()) {
				return
			}
			if warmUp && s.mode == closedIdle {
				<-s.closeIdle
				return
			}
			continue
		}
		s.seen.Add(1)
		strike := (s.fault.where == arrival || s.fault.where == transaction) && s.strikes()
		if strike && s.fault.where == arrival {
			reset(raw)
			return
		}
		method, body, err := readRequest(r)
		if err != nil {
			return
		}
		response, err := s.respond(method, body, strike)
		if err != nil {
			return
		}
		if strike {
			if s.fault.kind == slow {
				r.Peek(1) //nolint:errcheck // returns when the client closes the connection
				s.executeLate()
				return
			}
			if s.damageHTTP1(raw, conn, response) {
				return
			}
		}
		if !send(conn, response) {
			return
		}
	}
}

// damageHTTP1 sends a part of a response if the fault requires it, and reports
// whether it did.
func (s *server) damageHTTP1(raw, conn net.Conn, r response) bool {
	text := encodeHTTP1(r)
	body := strings.Index(text, "\r\n\r\n") + 4
	switch s.fault.kind {
	case resetAfter:
		text = ""
	case resetHeaders:
		text = text[:body/2]
	case resetBody, truncated:
		text = text[:body+len(r.body)/2]
	default:
		return false
	}
	io.WriteString(conn, text) //nolint:errcheck // the response is cut off anyway
	if s.fault.kind != truncated {
		reset(raw)
	}
	return true
}

// send sends a response and reports whether the connection remains open.
func send(conn net.Conn, r response) bool {
	text := encodeHTTP1(r)
	if r.cut {
		text = text[:len(text)-len(r.body)/2]
	}
	_, err := io.WriteString(conn, text)
	return err == nil && !r.cut
}

// readRequest returns the method and the body of a request.
func readRequest(r *bufio.Reader) (string, []byte, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return "", nil, err
	}
	body, err := io.ReadAll(req.Body)
	return req.Method, body, err
}

func encodeHTTP1(r response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n", r.status, http.StatusText(r.status))
	if r.status != http.StatusNoContent {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	if r.retryAfter != "" {
		fmt.Fprintf(&b, "Retry-After: %s\r\n", r.retryAfter)
	}
	return b.String() + "\r\n" + r.body
}
