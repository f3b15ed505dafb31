package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// named reports whether a violation is of the kind.
func named(kind string) func(string) bool {
	return func(violation string) bool { return strings.Contains(violation, kind) }
}

// number returns the ID in the body of a genuine delivery's request, 0 of any
// other, and leaves the body as it was.
func number(r *http.Request) int64 {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var payload struct{ Deployment struct{ ID int64 } }
	if err := json.Unmarshal(body, &payload); err != nil || r.Header.Get("X-GitHub-Delivery") != guidOf(payload.Deployment.ID) {
		return 0
	}
	return payload.Deployment.ID
}

// copied is a request that can be served after the first one has ended.
func copied(r *http.Request) *http.Request {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return again
}

// quiet is a response that nobody gets.
type quiet struct{ header http.Header }

func (q *quiet) Header() http.Header {
	if q.header == nil {
		q.header = make(http.Header)
	}
	return q.header
}
func (*quiet) Write(p []byte) (int, error) { return len(p), nil }
func (*quiet) WriteHeader(int)             {}

// captured keeps the status back, and drops the body.
type captured struct {
	http.ResponseWriter
	status int
}

func (c *captured) WriteHeader(status int)      { c.status = status }
func (c *captured) Write(p []byte) (int, error) { return len(p), nil }
