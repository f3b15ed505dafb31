package ghdeploytest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is one request that reached the server, as [Server.Requests] lists them.
type Request struct {
	// Time is when it arrived, by the server's clock.
	Time   time.Time
	Method string
	Host   string
	// Path is as it was sent, with its escapes and its prefix.
	Path  string
	Query url.Values
	// Header is what was sent; the credential in Authorization is replaced by [redacted].
	Header http.Header
	Body   string
	// Operation is the method and path template of the operation, and OperationID its name in GitHub's description;
	// both are "" where the path has none.
	Operation   string
	OperationID string
	// Status is what the server answered, 0 while it has not carried the request out. With a fault that drops the
	// connection afterwards the client never saw it.
	Status int
	// Duration is how long it took, latencies included; 0 while it is under way. It is real time, not the clock of
	// [WithClock].
	Duration time.Duration
	// Fault names the effect of the fault that met the request, "" without one.
	Fault string
}

// Requests returns the requests that reached the server, oldest first. Those whose connection was refused are not
// among them.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.log))
	for i, entry := range s.log {
		list[i] = *entry // what its maps hold does not change any more
	}
	return list
}

// request is a call as the log shows it, before its outcome.
func (c *call) request() *Request {
	entry := &Request{
		Method: c.method, Host: c.host, Path: c.url.EscapedPath(), Query: c.url.Query(),
		Header: c.header.Clone(), Body: string(c.body), Fault: c.plan.name,
	}
	if c.op != nil {
		entry.Operation, entry.OperationID = c.op.name(), c.op.id
	}
	if credential := entry.Header.Get("Authorization"); credential != "" {
		scheme, _, found := strings.Cut(credential, " ")
		if !found {
			scheme = ""
		}
		entry.Header.Set("Authorization", strings.TrimSpace(scheme+" [redacted]"))
	}
	return entry
}

// record enters a call in the log.
func (s *Server) record(c *call) *Request {
	entry := c.request()
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Time = s.now()
	s.log = newest(s, append(s.log, entry))
	return entry
}

// answered completes a log entry.
func (s *Server) logStatus(entry *Request, resp response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status = resp.status
}

// over ends a log entry: nothing but a request that is executed later changes it any more.
func (s *Server) logEnd(entry *Request, start time.Time) {
	s.mu.Lock()
	entry.Duration = time.Since(start)
	seen := *entry
	s.mu.Unlock()
	if s.requestLog != nil {
		s.requestLog(seen)
	}
}
