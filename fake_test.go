package ghdeploy

import (
	"io"
	"net/http"
	"strings"
)

// RoundTripFunc is the fake transport of the tests, those in package
// ghdeploy_test included. A fake with state embeds it.
type RoundTripFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f RoundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Canned is what a fake transport returns.
type Canned struct {
	Status int
	Header http.Header
	Body   string
	Rest   io.Reader // follows Body, with no Content-Length; nil: the body is complete
	Err    error     // returned instead of a response
}

// Reply returns a JSON response. Headers are written as "Name: value".
func Reply(status int, body string, headers ...string) *Canned {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return &Canned{Status: status, Header: h, Body: body}
}

// Response returns c as the response to r.
func (c *Canned) Response(r *http.Request) (*http.Response, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	resp := &http.Response{
		StatusCode: c.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        c.Header.Clone(),
		Body:          io.NopCloser(strings.NewReader(c.Body)),
		ContentLength: int64(len(c.Body)),
		Request:       r,
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if c.Rest != nil {
		resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(c.Body), c.Rest)), -1
	}
	return resp, nil
}

// handler returns the response to a request, or the transport's error.
type handler func(*http.Request) (*canned, error)

// inProcess returns a transport without a network.
func inProcess(h handler) RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		c, err := h(r)
		if err != nil {
			return nil, err
		}
		return c.Response(r)
	}
}

type canned = Canned

func reply(status int, body string, headers ...string) *canned {
	return Reply(status, body, headers...)
}
