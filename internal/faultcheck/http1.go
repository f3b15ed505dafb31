package faultcheck

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// serveHTTP1 answers requests by hand: each byte that leaves is its own
// decision. raw is the TCP connection below conn.
func (s *server) serveHTTP1(raw, conn net.Conn) {
	r := bufio.NewReader(conn)
	if s.warm && !s.warmed.Load() {
		if _, err := readBody(r); err != nil {
			return
		}
		s.warmed.Store(true)
		if _, err := io.WriteString(conn, written(answer{status: http.StatusOK, body: "{}"})); err != nil {
			return
		}
		if s.mode == closedIdle {
			<-s.closeIdle
			return
		}
	}
	for {
		if _, err := r.Peek(1); err != nil {
			return
		}
		s.seen.Add(1)
		strike := (s.fault.where == arrival || s.fault.where == transaction) && s.strikes()
		if strike && s.fault.where == arrival {
			reset(raw)
			return
		}
		body, err := readBody(r)
		if err != nil {
			return
		}
		a, err := s.respond(body, strike)
		if err != nil {
			return
		}
		whole := written(a)
		head := strings.Index(whole, "\r\n\r\n") + 4
		if strike {
			switch s.fault.kind {
			case resetAfter:
				reset(raw)
				return
			case resetHeaders:
				io.WriteString(conn, whole[:head/2]) //nolint:errcheck // the client sees what it sees
				reset(raw)
				return
			case resetBody:
				io.WriteString(conn, whole[:head+len(a.body)/2]) //nolint:errcheck // see above
				reset(raw)
				return
			case truncated:
				io.WriteString(conn, whole[:head+len(a.body)/2]) //nolint:errcheck // see above
				return
			case slow:
				r.Peek(1) //nolint:errcheck // until the client leaves
				s.late()
				return
			}
		}
		if _, err := io.WriteString(conn, whole); err != nil {
			return
		}
	}
}

// readBody reads a request and returns its body.
func readBody(r *bufio.Reader) ([]byte, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(req.Body)
}

func written(a answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", a.status, http.StatusText(a.status), len(a.body))
	if a.retryAfter != "" {
		fmt.Fprintf(&b, "Retry-After: %s\r\n", a.retryAfter)
	}
	return b.String() + "\r\n" + a.body
}
