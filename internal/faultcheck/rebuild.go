package faultcheck

import (
	"bytes"
	"io"
	"net/http"
)

// rebuilding reads the body and creates a new request, as transports that log
// or sign requests do. net/http can rewind the new body and replay the request.
type rebuilding struct{ next http.RoundTripper }

func (t rebuilding) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	rebuilt, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), bytes.NewReader(body)) //nolint:gosec // the URL is the client's own
	if err != nil {
		return nil, err
	}
	rebuilt.Header = r.Header.Clone()
	return t.next.RoundTrip(rebuilt)
}
