package ghdeploytest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is a request that reached the server. [Server.Requests] lists them.
type Request struct {
	// Time is the time of arrival by the server's clock.
	Time   time.Time
	Method string
	Host   string
	// Path is the path as sent, with its escapes and its prefix.
	Path  string
	Query url.Values
	// Header is the header as sent, except that the credential in Authorization
	// is replaced by [redacted].
	Header http.Header
	Body   string
	// Operation is the method and path template of the operation, and
	// OperationID its operationId in GitHub's description. Both are "" for an
	// unknown path.
	Operation   string
	OperationID string
	// Status is the status of the response, 0 until the request is executed.
	// With a fault that drops the connection afterwards the client did not
	// receive it.
	Status int
	// Duration is the time until the response was ready, latencies included. It
	// is 0 while the request is running. It is measured in real time, not by
	// the clock of [WithClock].
	Duration time.Duration
	// Fault is the name of the effect of the fault that fired, "" for none.
	Fault string
}

// Requests returns the requests that reached the server, oldest first. It does
// not include those whose connection was refused.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.log))
	for i, entry := range s.log {
		list[i] = *entry // its maps do not change any more
	}
	return list
}

// request returns a call as the log shows it, without its outcome.
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

// record adds a call to the log.
func (s *Server) record(c *call) *Request {
	entry := c.request()
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Time = s.now()
	s.log = newest(s, append(s.log, entry))
	return entry
}

// logStatus sets the status of a log entry.
func (s *Server) logStatus(entry *Request, resp response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Status = resp.status
}

// logEnd sets the duration of a log entry and passes it to WithRequestLog.
func (s *Server) logEnd(entry *Request, start time.Time) {
	s.mu.Lock()
	entry.Duration = time.Since(start)
	seen := *entry
	s.mu.Unlock()
	if s.requestLog != nil {
		s.requestLog(seen)
	}
}
