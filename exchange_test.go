package ghdeploy_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// exchange is a call of a service with its request and its response.
type exchange struct {
	name    string
	call    func(ctx context.Context, c *ghdeploy.Client) (any, error)
	request string // such as "GET /repos/o/r/environments", below apiRoot
	body    string // "" for none
	reply   *canned
	want    any
}

// checkExchanges makes each call and compares its request and its result.
func checkExchanges(t *testing.T, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			w := replies(e.reply)
			have, err := e.call(t.Context(), clientOn(t, w))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "result", e.want, have)
			r := w.request(t)
			if line := r.Method + " " + r.URL; line != onRoot(e.request) {
				t.Errorf("sent %s, want %s", line, onRoot(e.request))
			}
			if r.Body != e.body {
				t.Errorf("sent the body %s, want %s", r.Body, e.body)
			}
		})
	}
}

// onRoot inserts the API's root into "GET /repos/...".
func onRoot(request string) string {
	for i := range request {
		if request[i] == ' ' {
			return request[:i+1] + apiRoot + request[i+1:]
		}
	}
	return apiRoot + request
}

// checkMalformed calls with responses that the operation does not document.
func checkMalformed(t *testing.T, call func(context.Context, *ghdeploy.Client) error, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		t.Run(body, func(t *testing.T) {
			err := call(t.Context(), clientOn(t, replies(reply(200, body))))
			if !errors.Is(err, ghdeploy.ErrMalformedResponse) {
				t.Errorf("err = %v, want ErrMalformedResponse", err)
			}
			var envelope *ghdeploy.Error
			if !errors.As(err, &envelope) || envelope.StatusCode != http.StatusOK {
				t.Errorf("err = %#v, want an *Error with the status", err)
			}
		})
	}
}

// noRequest returns a client that must not send a request.
func noRequest(t *testing.T) *ghdeploy.Client {
	t.Helper()
	w := replies(reply(500, ""))
	t.Cleanup(func() {
		if sent := w.requests(); len(sent) > 0 {
			t.Errorf("sent %v, want nothing", lines(sent))
		}
	})
	return clientOn(t, w)
}

// checkInvalid expects ErrInvalidArgument, and no request.
func checkInvalid(t *testing.T, calls map[string]func(context.Context, *ghdeploy.Client) error) {
	t.Helper()
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if err := call(t.Context(), noRequest(t)); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				t.Errorf("err = %v, want ErrInvalidArgument", err)
			}
		})
	}
}
