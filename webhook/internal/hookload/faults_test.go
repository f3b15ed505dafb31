package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// named returns a function that reports whether a violation contains the text.
func named(kind string) func(string) bool {
	return func(violation string) bool { return strings.Contains(violation, kind) }
}

// number returns the ID of a genuine delivery, or 0. The body can still be
// read.
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

// copied returns a copy of a request that outlives it.
func copied(r *http.Request) *http.Request {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return again
}

// quiet is a ResponseWriter that discards the response.
type quiet struct{ header http.Header }

func (q *quiet) Header() http.Header {
	if q.header == nil {
		q.header = make(http.Header)
	}
	return q.header
}
func (*quiet) Write(p []byte) (int, error) { return len(p), nil }
func (*quiet) WriteHeader(int)             {}

// captured stores the status and discards the body.
type captured struct {
	http.ResponseWriter
	status int
}

func (c *captured) WriteHeader(status int)      { c.status = status }
func (c *captured) Write(p []byte) (int, error) { return len(p), nil }
