package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// mutation is a change that makes a client wrong.
type mutation struct {
	// again reports whether to repeat a call that returned this error.
	again func(*Error) bool
	// succeeds reports whether to return nil instead of this error.
	succeeds func(*Error) bool
	// wrap wraps the transport.
	wrap func(http.RoundTripper) http.RoundTripper
}

// clientUnder returns clients with a mutation, for a fault check. They wait on
// the real clock, because the check uses sockets.
func clientUnder(m mutation) faultcheck.New {
	return func(httpClient *http.Client, baseURL string) (faultcheck.Client, error) {
		if m.wrap != nil {
			httpClient = &http.Client{Transport: m.wrap(httpClient.Transport), Timeout: httpClient.Timeout}
		}
		client, err := NewClient(
			WithBaseURL(baseURL),
			WithHTTPClient(httpClient),
			WithRetry(RetryPolicy{MaxAttempts: faultcheck.Attempts, MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, MaxWait: 250 * time.Millisecond}),
		)
		if err != nil {
			return nil, err
		}
		return underCheck{client, m}, nil
	}
}

type underCheck struct {
	*Client
	mutation
}

func (c underCheck) Warm(ctx context.Context) {
	_, _ = c.Deployments.Get(ctx, "octocat", "example", 1) // its response {} is an error
}

func (c underCheck) Create(ctx context.Context, nonce string) faultcheck.Result {
	var id int64
	err := c.repeat(func() error {
		d, err := c.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{Ref: "main", Payload: map[string]string{"nonce": nonce}})
		if err == nil {
			id = d.ID
		}
		return err
	})
	result := failure(err)
	result.ID = id
	return result
}

func (c underCheck) Update(ctx context.Context, nonce string) faultcheck.Result {
	return failure(c.repeat(func() error {
		_, err := c.BranchPolicies.Update(ctx, "octocat", "example", "production", 7, UpdateBranchPolicyRequest{Name: nonce})
		return err
	}))
}

func (c underCheck) Delete(ctx context.Context) faultcheck.Result {
	return failure(c.repeat(func() error { return c.Deployments.Delete(ctx, "octocat", "example", 7) }))
}

// repeat makes a call and repeats it if the mutation says so.
func (c underCheck) repeat(call func() error) error {
	err := call()
	for range faultcheck.Attempts - 1 {
		if e, ok := errors.AsType[*Error](err); ok && c.again != nil && c.again(e) {
			err = call()
		}
	}
	if e, ok := errors.AsType[*Error](err); ok && c.succeeds != nil && c.succeeds(e) {
		return nil
	}
	return err
}

// failure returns the result of a call that may have failed.
func failure(err error) faultcheck.Result {
	e, typed := errors.AsType[*Error](err)
	result := faultcheck.Result{
		Err:     err,
		Typed:   typed,
		Unknown: errors.Is(err, ErrOutcomeUnknown),
		Limited: errors.Is(err, ErrRateLimited),
		Timeout: errors.Is(err, ErrAttemptTimeout),
	}
	if typed {
		result.Status = e.StatusCode
	}
	return result
}

// rebuild replaces each request by a new one, as transports that log or sign
// do. net/http can rewind the body of the new one.
func rebuild(next http.RoundTripper) RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		send, err := rebuilt(next, r)
		if err != nil {
			return nil, err
		}
		return send(r.Context())
	}
}

// twice rebuilds each request. If the response came over HTTP/2, it sends the
// request a second time under the same context.
func twice(next http.RoundTripper) http.RoundTripper {
	return twiceUnder(next, func(ctx context.Context) context.Context { return ctx })
}

// twiceUntraced is twice without the trace, so the client cannot count writes.
func twiceUntraced(next http.RoundTripper) http.RoundTripper {
	return twiceUnder(next, func(ctx context.Context) context.Context { return untraced{ctx} })
}

func twiceUnder(next http.RoundTripper, wrap func(context.Context) context.Context) RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		send, err := rebuilt(next, r)
		if err != nil {
			return nil, err
		}
		resp, err := send(wrap(r.Context()))
		if err != nil || resp.ProtoMajor != 2 {
			return resp, err
		}
		resp.Body.Close()
		return send(wrap(r.Context()))
	}
}

// rebuilt returns a function that sends a new request with the content of r.
func rebuilt(next http.RoundTripper, r *http.Request) (send func(context.Context) (*http.Response, error), err error) {
	body, err := requestBody(r)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*http.Response, error) {
		again, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		again.Header = r.Header.Clone()
		return next.RoundTrip(again)
	}, nil
}

// requestBody reads and closes the body of a request.
func requestBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}

// untraced is a context without its trace.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	if _, ok := c.Context.Value(key).(*httptrace.ClientTrace); ok {
		return nil
	}
	return c.Context.Value(key)
}

// Each fault with each method, connection and transport.
func TestFaults(t *testing.T) {
	t.Parallel()
	report := faultcheck.Run(t.Context(), faultcheck.Config{Count: 800, Seed: 2, New: clientUnder(mutation{})})
	var matrix strings.Builder
	if _, err := report.WriteTo(&matrix); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &matrix)
	for _, v := range report.Violations {
		t.Error(v)
	}
}

// executedTwice reports whether a violation is a POST that was executed more
// than once.
func executedTwice(violation string) bool {
	return strings.Contains(violation, "POST") && strings.Contains(violation, ": executed ") && strings.Contains(violation, " times;")
}

// With the trace, the client counts a second write of a POST, cancels it, and
// reports an unknown outcome.
func TestSecondWriteIsCounted(t *testing.T) {
	t.Parallel()
	creates := new(recorder)
	report := faultcheck.Run(t.Context(), faultcheck.Config{
		Count: 40, Seed: 6, Fault: "no fault", Method: http.MethodPost, Transport: "plain",
		New: creates.clients(twice),
	})
	for _, v := range report.Violations {
		if executedTwice(v) {
			t.Error(v)
		}
	}
	unknown := 0
	for _, err := range creates.errs {
		if errors.Is(err, errWrittenTwice) && errors.Is(err, ErrOutcomeUnknown) {
			unknown++
		}
	}
	if unknown == 0 {
		t.Error("no second write was counted")
	}
}

// If the second write of a DELETE gets a 404, the first one was executed.
func TestSecondWriteOfADelete(t *testing.T) {
	t.Parallel()
	report := faultcheck.Run(t.Context(), faultcheck.Config{
		Count: 40, Seed: 6, Fault: "no fault", Method: http.MethodDelete,
		New: clientUnder(mutation{wrap: twice}),
	})
	for _, v := range report.Violations {
		t.Error(v)
	}
}

// The fault check finds each wrong client.
func TestMutationsAreFound(t *testing.T) {
	unknown := func(e *Error) bool { return errors.Is(e, ErrOutcomeUnknown) }
	const two, nothing, executed = ": executed ", "the error is nil, and nothing was executed", "the error is a 404, and this call was executed"
	tests := map[string]struct {
		mutation
		method string
		fault  string
		want   string // a part of the violation
	}{
		"a POST is retried after a 502": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == http.StatusBadGateway }},
			method:   http.MethodPost, fault: "502, executed", want: two,
		},
		"any error of the transport is proof": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == 0 }},
			method:   http.MethodPost, fault: "reset after the request", want: two,
		},
		"a POST is retried after a response that was cut off": {
			mutation: mutation{again: func(e *Error) bool { return unknown(e) && e.StatusCode == http.StatusCreated }},
			method:   http.MethodPost, fault: "2xx cut off", want: two,
		},
		"the writes of a POST are not counted": {
			mutation: mutation{wrap: twiceUntraced},
			method:   http.MethodPost, fault: "no fault", want: two,
		},
		"the writes of a DELETE are not counted": {
			mutation: mutation{wrap: twiceUntraced},
			method:   http.MethodDelete, fault: "no fault", want: executed,
		},
		"a 404 after a 404 that was cut off is success": {
			mutation: mutation{succeeds: func(e *Error) bool { return e.StatusCode == http.StatusNotFound && e.note == bodyNote(io.EOF) }},
			method:   http.MethodDelete, fault: "404 cut off", want: nothing,
		},
		"a 422 that was cut off is retried": {
			mutation: mutation{again: func(e *Error) bool { return e.StatusCode == http.StatusUnprocessableEntity }},
			method:   http.MethodPut, fault: "422 cut off", want: `the outcome is "done", want one of ["not done"]`,
		},
		"a PUT that was lost is success": {
			mutation: mutation{succeeds: func(e *Error) bool { return e.StatusCode == 0 }},
			method:   http.MethodPut, fault: "reset before the request", want: nothing,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 60, Seed: 3, New: clientUnder(tt.mutation), Method: tt.method, Fault: tt.fault, Timeout: time.Second,
			})
			for _, v := range report.Violations {
				if strings.Contains(v, tt.want) && (tt.want != two || executedTwice(v)) {
					return
				}
			}
			t.Errorf("%q is not among the violations %q", tt.want, report.Violations)
		})
	}
}
