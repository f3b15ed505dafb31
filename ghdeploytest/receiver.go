package ghdeploytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// receiver delivers to a handler in process, on a goroutine of its own. A
// handler that does not return can be abandoned; Close still waits for it.
type receiver struct {
	server  *Server
	handler http.Handler
}

var errNoResponse = errors.New("ghdeploytest: the webhook's handler ended its goroutine without a response")

func (t receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.server.begin() {
		return nil, errClosed
	}
	w := &handlerResponse{header: http.Header{}}
	done := make(chan error, 1)
	go func() {
		defer t.server.end()
		err := errNoResponse
		defer func() {
			if p := recover(); p != nil { // as net/http does: a panic ends the connection, not the program
				err = fmt.Errorf("ghdeploytest: the webhook's handler panicked: %v", p)
			}
			done <- err
		}()
		t.handler.ServeHTTP(w, arriving(r))
		err = nil
	}()
	select {
	case err := <-done:
		if ended := context.Cause(r.Context()); ended != nil {
			return nil, ended // a handler that returns only after the timeout did not respond in time
		}
		if err != nil {
			return nil, err
		}
		return w.result(r), nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// arriving returns a client's request as a server receives it.
func arriving(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.Host, in.RequestURI, in.RemoteAddr = r.URL.Host, r.URL.RequestURI(), "192.0.2.1:1234"
	in.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if in.URL.Path == "" {
		in.URL.Path = "/"
	}
	return in
}

// handlerResponse records what a handler writes.
type handlerResponse struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *handlerResponse) Header() http.Header { return w.header }

func (w *handlerResponse) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *handlerResponse) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *handlerResponse) result(r *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
