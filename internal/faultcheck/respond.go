package faultcheck

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// response is a complete response. If cut is set, the server sends only half of
// its body.
type response struct {
	status     int
	body       string
	retryAfter string
	cut        bool
}

// respond executes a request unless the fault prevents it, and returns the
// response. If strike is set, the caller damages the response afterwards.
func (s *server) respond(method string, body []byte, strike bool) (response, error) {
	if err := s.verify(method, body); err != nil {
		return response{}, err
	}
	if !strike {
		return s.execute(), nil
	}
	var success response
	if s.fault.done == always || s.fault.done == either && s.done && (s.fault.kind != slow || s.early) {
		success = s.execute()
	}
	if s.method == http.MethodDelete { // the object may have been deleted before
		success = response{status: http.StatusOK, body: `{"deleted":true}`}
	}
	r := response{status: s.fault.status}
	switch s.fault.kind {
	case serverError:
		r.body = `{"message":"Server Error"}`
		if s.early {
			r.body = "<html><body>Unicorn!</body></html>"
		}
	case limited:
		r.body, r.retryAfter = `{"message":"You have exceeded a secondary rate limit."}`, "0"
	case empty:
	case emptyObject:
		r.body = "{}"
	case html:
		r.body = "<html><body>Sign in to the network of the hotel</body></html>"
	case cutOff:
		r.body, r.cut = `{"message":"No, and the reason is long.","errors":[]}`, true
	case tooLarge:
		r.body = `{"message":"No.","errors":["` + strings.Repeat("x", 70<<10) + `"]}`
	default:
		return success, nil
	}
	return r, nil
}

// verify returns an error if the request is incomplete or of another trial.
func (s *server) verify(method string, body []byte) error {
	var request struct {
		Name    string
		Payload struct{ Nonce string }
	}
	switch {
	case method != s.method:
		return fmt.Errorf("unexpected %s", method)
	case method == http.MethodDelete:
		return nil
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return fmt.Errorf("the request did not arrive completely: %w", err)
	}
	if request.Name+request.Payload.Nonce != s.nonce {
		return errors.New("the nonce belongs to another trial")
	}
	return nil
}

// execute executes the request and returns its response.
func (s *server) execute() response {
	switch s.method {
	case http.MethodPost:
		return response{status: http.StatusCreated, body: fmt.Sprintf(`{"id":%d,"ref":"main","task":"deploy","payload":{"nonce":%q}}`, s.record.create(), s.nonce)}
	case http.MethodPut:
		s.record.create()
		return response{status: http.StatusOK, body: fmt.Sprintf(`{"id":7,"name":%q}`, s.nonce)}
	}
	if s.record.remove() {
		return response{status: http.StatusNoContent}
	}
	return s.notFound()
}

// get returns the response to a GET, either the warm-up or the check after a
// DELETE.
func (s *server) get() response {
	if s.warm && !s.warmed.Swap(true) {
		return response{status: http.StatusOK, body: "{}"}
	}
	if s.method == http.MethodDelete && len(s.record.all()) > 0 {
		return s.notFound()
	}
	return response{status: http.StatusOK, body: `{"id":7}`}
}

func (s *server) notFound() response {
	return response{status: http.StatusNotFound, body: `{"message":"Not Found"}`, cut: s.cut}
}

// executeLate executes a request after the client has given up the attempt.
func (s *server) executeLate() {
	if s.done && !s.early {
		s.execute()
	}
}
