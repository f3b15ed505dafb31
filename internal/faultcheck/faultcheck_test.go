package faultcheck_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// wrong is a faulty client: one function makes all its calls.
type wrong func(send func() error) faultcheck.Result

func (w wrong) make(client *http.Client, baseURL string) (faultcheck.Client, error) {
	return wrongClient{w, client, baseURL}, nil
}

type wrongClient struct {
	call    wrong
	client  *http.Client
	baseURL string
}

func (c wrongClient) send(ctx context.Context, method, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, c.baseURL, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Body.Close()
}

func (c wrongClient) Warm(ctx context.Context) { _ = c.send(ctx, http.MethodGet, "") }

func (c wrongClient) Create(ctx context.Context, nonce string) faultcheck.Result {
	return c.call(func() error {
		return c.send(ctx, http.MethodPost, `{"ref":"main","payload":{"nonce":"`+nonce+`"}}`)
	})
}

func (c wrongClient) Update(ctx context.Context, nonce string) faultcheck.Result {
	return c.call(func() error { return c.send(ctx, http.MethodPut, `{"name":"`+nonce+`"}`) })
}

func (c wrongClient) Delete(ctx context.Context) faultcheck.Result {
	return c.call(func() error { return c.send(ctx, http.MethodDelete, "") })
}

// TestViolations checks that a client that breaks a rule is found.
func TestViolations(t *testing.T) {
	failed := errors.New("failed")
	once := func(result faultcheck.Result) wrong {
		return func(send func() error) faultcheck.Result {
			if err := send(); err != nil && result.Err == nil {
				return faultcheck.Result{Err: err, Typed: true, Unknown: true}
			}
			return result
		}
	}
	never := func(result faultcheck.Result) wrong {
		return func(func() error) faultcheck.Result { return result }
	}
	times := func(n int, result faultcheck.Result) wrong {
		return func(send func() error) faultcheck.Result {
			for range n {
				_ = send()
			}
			return result
		}
	}
	unknown := faultcheck.Result{Err: failed, Typed: true, Unknown: true}
	lost := faultcheck.Result{Err: failed, Typed: true}
	refused := faultcheck.Result{Err: failed, Typed: true, Status: http.StatusUnprocessableEntity}
	notFound := faultcheck.Result{Err: failed, Typed: true, Status: http.StatusNotFound}
	tests := map[string]struct {
		client        wrong
		method, fault string
		want          string
	}{
		"POST, twice":               {times(2, unknown), http.MethodPost, "no fault", "executed 2 times"},
		"POST, always unknown":      {never(unknown), http.MethodPost, "no fault", `the outcome is "unknown", want one of ["done"]`},
		"POST, not executed":        {once(lost), http.MethodPost, "502, executed", "the error says that the request was not executed, but it was"},
		"POST, not sent":            {never(faultcheck.Result{ID: 1}), http.MethodPost, "no fault", "returned deployment 1, but the server created []"},
		"POST, another ID":          {once(faultcheck.Result{ID: 2}), http.MethodPost, "no fault", "returned deployment 2, but the server created [1]"},
		"POST, untyped":             {never(faultcheck.Result{Err: failed}), http.MethodPost, "no fault", "the error is not typed"},
		"PUT, untyped":              {never(faultcheck.Result{Err: failed}), http.MethodPut, "no fault", "the error is not typed"},
		"PUT, not sent":             {never(faultcheck.Result{}), http.MethodPut, "500, not executed", "the error is nil, and nothing was executed"},
		"PUT, not executed":         {once(refused), http.MethodPut, "500, executed", "the error says that the request was not executed, but it was"},
		"PUT, too many requests":    {times(5, lost), http.MethodPut, "502, executed", "5 requests, want at most 4"},
		"PUT, not retried":          {once(lost), http.MethodPut, "reset after the request", `the outcome is "unknown", want one of ["done"]`},
		"DELETE, not sent":          {never(faultcheck.Result{}), http.MethodDelete, "404 cut off", "the error is nil, and nothing was executed"},
		"DELETE, ErrNotFound":       {times(2, notFound), http.MethodDelete, "502, executed", "the error is a 404, and this call was executed"},
		"DELETE, not executed":      {once(refused), http.MethodDelete, "502, executed", "the error says that the request was not executed, but it was"},
		"DELETE, too many requests": {times(5, lost), http.MethodDelete, "reset after the request", "5 requests, want at most 4"},
		"DELETE, too many replays":  {times(9, lost), http.MethodDelete, "REFUSED_STREAM", "want at most 8"},
		"a 4xx without its status":  {once(faultcheck.Result{Err: failed, Typed: true, Limited: true}), http.MethodDelete, "403 cut off", "the error has the status 0, want 403"},
		"a 4xx with another status": {once(notFound), http.MethodPost, "422 over 64 KiB", "the error has the status 404, want 422"},
		"a 4xx that is retried":     {times(2, refused), http.MethodPut, "422 cut off", "a 422 was retried: 2 requests"},
		"a 4xx as a lost response":  {once(lost), http.MethodPut, "401 over 64 KiB", `the outcome is "unknown", want one of ["not done"]`},
		"a 4xx that is unknown":     {once(unknown), http.MethodPost, "404 cut off", `the outcome is "unknown", want one of ["not done"]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 16, Seed: 1, New: tt.client.make, Method: tt.method, Fault: tt.fault, Timeout: 100 * time.Millisecond,
			})
			if !strings.Contains(strings.Join(report.Violations, "\n"), tt.want) {
				t.Errorf("%q is not among the violations:\n%s", tt.want, strings.Join(report.Violations, "\n"))
			}
		})
	}
}

func TestNothingSelected(t *testing.T) {
	report := faultcheck.Run(t.Context(), faultcheck.Config{Count: 1, Fault: "no such fault"})
	if len(report.Violations) != 1 {
		t.Errorf("violations = %q, want one", report.Violations)
	}
}
