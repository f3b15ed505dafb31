package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A 3xx or 4xx whose body does not arrive keeps its sentinel. It is never of
// unknown outcome and never retried.
func TestStatusLineDecides(t *testing.T) {
	bodies := map[string]func() io.Reader{
		"cut off": func() io.Reader {
			return io.MultiReader(strings.NewReader(`{"message":"No`), errorReader{io.ErrUnexpectedEOF})
		},
		"reset":        func() io.Reader { return errorReader{errors.New("connection reset by peer")} },
		"a timeout":    func() io.Reader { return errorReader{context.DeadlineExceeded} },
		"without end":  func() io.Reader { return zeros{} },
		"above 32 MiB": func() io.Reader { return io.LimitReader(zeros{}, maxBody+1) },
	}
	for status, want := range map[int]error{
		302: ErrRedirect, 304: ErrMalformedResponse, 401: ErrUnauthorized, 403: ErrForbidden, 404: ErrNotFound, 409: ErrConflict, 422: ErrValidation,
	} {
		for name, body := range bodies {
			for method, call := range everyMethod {
				sent := 0
				err := call(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) {
					sent++
					return &canned{Status: status, Rest: body()}, nil
				}, WithRetry(quick)))
				e, ok := errors.AsType[*Error](err)
				if !ok || !errors.Is(err, want) || e.StatusCode != status || e.Attempts != 1 || sent != 1 {
					t.Errorf("%s %d, %s: %v after %d requests, want %v after one", method, status, name, err, sent, want)
					continue
				}
				if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrTooLarge) || e.Retryable() {
					t.Errorf("%s %d, %s: %v is uncertain or retryable", method, status, name, err)
				}
				if note := e.Error(); !strings.Contains(note, "the body was cut off") && !strings.Contains(note, "the body is larger than 64 KiB") {
					t.Errorf("%s %d, %s: %v does not describe the body", method, status, name, err)
				}
			}
		}
	}
}

// A rate limit response is recognized without its body too.
func TestCutRateLimit(t *testing.T) {
	for name, c := range map[string]*canned{
		"429":                     reply(429, ""),
		"403 with Retry-After":    reply(403, "", "Retry-After: 60"),
		"403 without a quota":     reply(403, "", "X-RateLimit-Remaining: 0"),
		"429 with the first half": reply(429, `{"message":"API rate`),
	} {
		err := createOne(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) {
			cut := *c
			cut.Rest = errorReader{io.ErrUnexpectedEOF}
			return &cut, nil
		}, WithRetry(RetryPolicy{MaxWait: -1})))
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, ErrRateLimited) || errors.Is(err, ErrOutcomeUnknown) || !e.Retryable() {
			t.Errorf("%s: %v, want ErrRateLimited", name, err)
		}
	}
}

// At most 64 KiB of an error body are parsed, and at most 100 items kept.
func TestLongErrorsCostLittle(t *testing.T) {
	short := `{"message":"Validation Failed","errors":[` + strings.Repeat(`"x",`, 5_000) + `"x"]}`
	err := getOne(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) { return reply(422, short), nil }))
	e, ok := errors.AsType[*ValidationError](err)
	if !ok || len(e.Errors) != maxErrorItems {
		t.Errorf("%v keeps %d errors, want %d", err, len(e.Errors), maxErrorItems)
	}
	long := `{"message":"Validation Failed","errors":[` + strings.Repeat(`"`+strings.Repeat("x", 100)+`",`, 10_000) + `"x"]}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = getOne(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) { return reply(422, long), nil }))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrValidation) || !strings.Contains(err.Error(), "422 Validation Failed (the body is larger than 64 KiB)") {
		t.Errorf("err = %v", err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("a 422 of 1 MiB allocated %d KiB", allocated>>10)
	}
}

// A Content-Length without a body allocates little.
func TestContentLengthAllocatesLittle(t *testing.T) {
	client, err := NewClient(WithRetry(RetryPolicy{MaxAttempts: 1}), WithHTTPClient(&http.Client{Transport: RoundTripFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, ContentLength: maxBody, Header: http.Header{}, Body: io.NopCloser(errorReader{io.ErrUnexpectedEOF})}, nil
	})}))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = getOne(t.Context(), client)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrMalformedResponse) {
		t.Errorf("err = %v, want ErrMalformedResponse", err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d KiB were allocated for an empty body", allocated>>10)
	}
}

// A 200 with a login page is malformed, also if the operation has no body.
func TestHTMLIsNoSuccess(t *testing.T) {
	calls := map[string]func(context.Context, *Client) error{
		"DELETE deployment":  deleteOne,
		"DELETE environment": func(ctx context.Context, c *Client) error { return c.Environments.Delete(ctx, "o", "r", "qa") },
		"DELETE policy":      func(ctx context.Context, c *Client) error { return c.BranchPolicies.Delete(ctx, "o", "r", "qa", 1) },
		"DELETE rule":        func(ctx context.Context, c *Client) error { return c.ProtectionRules.Disable(ctx, "o", "r", "qa", 1) },
		"POST review": func(ctx context.Context, c *Client) error {
			return c.Reviews.ReviewCustomRule(ctx, "o", "r", 1, CustomRuleReview{EnvironmentName: "qa", State: ReviewRejected})
		},
		"POST report": func(ctx context.Context, c *Client) error {
			return c.Reviews.ReportCustomRuleStatus(ctx, "o", "r", 1, CustomRuleStatus{EnvironmentName: "qa", Comment: "half way"})
		},
	}
	for name, call := range calls {
		for body, isSuccess := range map[string]bool{"<html>Sign in</html>": false, "Sign in": false, `{"cut":`: false, "": true, "{}": true, " \n": true} {
			err := call(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) { return reply(200, body), nil }))
			post := strings.HasPrefix(name, "POST")
			switch {
			case isSuccess && err != nil:
				t.Errorf("%s, 200 %q: %v", name, body, err)
			case !isSuccess && (!errors.Is(err, ErrMalformedResponse) || errors.Is(err, ErrOutcomeUnknown) != post):
				t.Errorf("%s, 200 %q: %v, want ErrMalformedResponse, and ErrOutcomeUnknown for a POST", name, body, err)
			}
		}
	}
}

// A request that was provably not sent is not of unknown outcome. One that
// cannot be sent is not retried.
func TestNotSentIsProven(t *testing.T) {
	type result struct {
		err      error
		attempts int
	}
	run := func(t *testing.T, call func(context.Context, *Client) error, ctx context.Context, opts ...Option) result {
		t.Helper()
		client, err := NewClient(append([]Option{WithRetry(quick), WithBaseURL("http://127.0.0.1:1/api/v3")}, opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		err = call(ctx, client)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("%v, want an *Error", err)
		}
		return result{err, e.Attempts}
	}
	refused := errors.New("no proxy today")
	broken := func(*http.Request) (*url.URL, error) { return nil, refused }
	for method, call := range everyMethod {
		t.Run("a Proxy function, "+method, func(t *testing.T) {
			direct := &http.Transport{Proxy: broken}
			r := run(t, call, t.Context(), WithHTTPClient(&http.Client{Transport: direct}))
			if !errors.Is(r.err, refused) || errors.Is(r.err, ErrOutcomeUnknown) || r.attempts != 4 {
				t.Errorf("directly: %v after %d attempts", r.err, r.attempts)
			}
			wrapped := RoundTripFunc(direct.RoundTrip)
			r = run(t, call, t.Context(), WithHTTPClient(&http.Client{Transport: wrapped}))
			if !errors.Is(r.err, refused) || errors.Is(r.err, ErrOutcomeUnknown) != (method == http.MethodPost) {
				t.Errorf("behind a wrapper: %v", r.err)
			}
		})
		t.Run("a Proxy function that fails each other time, "+method, func(t *testing.T) {
			// The client calls the function too, and gets no error.
			calls := 0
			r := run(t, call, t.Context(), WithHTTPClient(&http.Client{Transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) {
				if calls++; calls%2 == 1 {
					return nil, refused
				}
				return nil, nil //nolint:nilnil // no proxy
			}}}))
			if errors.Is(r.err, ErrOutcomeUnknown) != (method == http.MethodPost) {
				t.Errorf("%v", r.err)
			}
		})
		t.Run("an invalid header, "+method, func(t *testing.T) {
			wrapper := RoundTripFunc(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("X-Trace", "a\nb")
				return http.DefaultTransport.RoundTrip(r)
			})
			r := run(t, call, t.Context(), WithHTTPClient(&http.Client{Transport: wrapper}))
			if errors.Is(r.err, ErrOutcomeUnknown) || r.attempts != 1 || !strings.Contains(r.err.Error(), "X-Trace") {
				t.Errorf("%v after %d attempts, want one attempt and the name of the header", r.err, r.attempts)
			}
		})
		t.Run("a context that ends in the token function, "+method, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			asked := 0
			r := run(t, call, ctx, WithTokenFunc(func(context.Context) (string, error) {
				asked++
				cancel()
				return "ghs_token", nil
			}))
			if !errors.Is(r.err, context.Canceled) || errors.Is(r.err, ErrOutcomeUnknown) || r.attempts != 0 || asked != 1 {
				t.Errorf("%v after %d attempts", r.err, r.attempts)
			}
		})
		t.Run("a refused dial, "+method, func(t *testing.T) {
			r := run(t, call, t.Context())
			e, _ := errors.AsType[*Error](r.err)
			if _, ok := errors.AsType[*net.OpError](r.err); !ok || errors.Is(r.err, ErrOutcomeUnknown) || r.attempts != 4 || !e.Retryable() {
				t.Errorf("%v after %d attempts", r.err, r.attempts)
			}
		})
	}
}

// The waits of one call last MaxWait at most, two minutes by default.
func TestMaxWaitBoundsTheCall(t *testing.T) {
	limited := func(*http.Request) (*canned, error) {
		return reply(429, `{"message":"You have exceeded a secondary rate limit."}`, "Retry-After: 50"), nil
	}
	busy := func(*http.Request) (*canned, error) { return reply(503, "", "Retry-After: 50"), nil }
	gone := 0
	lost := func(r *http.Request) (*canned, error) { // a DELETE and the GET after it share the budget
		gone++
		switch {
		case r.Method == http.MethodDelete && gone == 1:
			return reply(502, "", "Retry-After: 70"), nil
		case r.Method == http.MethodDelete:
			return reply(404, `{"message":"Not Found"}`), nil
		}
		return reply(503, "", "Retry-After: 60"), nil
	}
	for name, tt := range map[string]struct {
		call   func(context.Context, *Client) error
		serve  handler
		policy RetryPolicy
		want   time.Duration
	}{
		"a create":               {createOne, limited, RetryPolicy{}, 100 * time.Second},
		"a get":                  {getOne, limited, RetryPolicy{}, 100 * time.Second},
		"one attempt":            {createOne, limited, RetryPolicy{MaxAttempts: 1}, 100 * time.Second},
		"a delete":               {deleteOne, busy, RetryPolicy{}, 100 * time.Second},
		"a delete and its GET":   {deleteOne, lost, RetryPolicy{}, 70 * time.Second},
		"never for a limit":      {createOne, limited, RetryPolicy{MaxWait: -1}, 0},
		"never for Retry-After":  {deleteOne, busy, RetryPolicy{MaxWait: -1}, 0},
		"a longer wait, allowed": {createOne, limited, RetryPolicy{MaxWait: 5 * time.Minute}, 250 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone = 0
				began := time.Now()
				err := tt.call(t.Context(), inProcessClient(t, tt.serve, WithRetry(tt.policy)))
				if took := time.Since(began); err == nil || took < tt.want-2*time.Second || took > max(tt.policy.withDefaults().MaxWait, 2*time.Second) {
					t.Errorf("%v after %v, want an error after %v, and within MaxWait", err, took, tt.want)
				}
			})
		})
	}
}

func TestRetryable(t *testing.T) {
	cause := errors.New("boom")
	for _, tt := range []struct {
		name string
		err  *Error
		want bool
	}{
		{"202", &Error{Method: "POST", StatusCode: 202, Err: &MergedBranchError{}}, false},
		{"an unknown outcome", &Error{Method: "POST", Err: &OutcomeUnknownError{Cause: cause}}, false},
		{"an unknown outcome of a timeout", &Error{Method: "POST", Err: &OutcomeUnknownError{Cause: ErrAttemptTimeout}}, false},
		{"an unknown outcome after 502", &Error{Method: "POST", StatusCode: 502, Err: &OutcomeUnknownError{}}, false},
		{"a rate limit", &Error{Method: "POST", StatusCode: 429, Err: &RateLimitError{}}, true},
		{"a rate limit of the gate", &Error{Method: "POST", Err: &RateLimitError{}}, true},
		{"a 429 of a stub", &Error{StatusCode: 429}, true},
		{"canceled", &Error{Method: "GET", Err: context.Canceled}, false},
		{"the deadline", &Error{Method: "GET", Err: context.DeadlineExceeded}, false},
		{"canceled while waiting for a limit", &Error{Method: "GET", StatusCode: 429, Err: fmt.Errorf("%w: %w", context.Canceled, ErrRateLimited)}, false},
		{"not sent", &Error{Method: "POST", Err: cause}, true},
		{"a timeout while dialing", &Error{Method: "POST", Err: ErrAttemptTimeout}, true},
		{"a timeout of a GET", &Error{Method: "GET", Err: ErrAttemptTimeout}, true},
		{"a timeout in a body", &Error{Method: "GET", StatusCode: 200, Err: ErrAttemptTimeout}, true},
		{"a cut body", &Error{Method: "GET", StatusCode: 200, Err: errCutOff}, true},
		{"502 on GET", &Error{Method: "GET", StatusCode: 502}, true},
		{"502 on PUT", &Error{Method: "PUT", StatusCode: 502}, true},
		{"502 on DELETE", &Error{Method: "DELETE", StatusCode: 502}, true},
		{"502 of an unnamed method", &Error{StatusCode: 502}, false},
		{"501", &Error{Method: "GET", StatusCode: 501}, false},
		{"404", &Error{Method: "GET", StatusCode: 404}, false},
		{"401", &Error{Method: "GET", StatusCode: 401}, false},
		{"409", &Error{Method: "POST", StatusCode: 409, Err: &ConflictError{Reason: ConflictChecks}}, false},
		{"422", &Error{Method: "POST", StatusCode: 422, Err: &ValidationError{}}, false},
		{"HTML", &Error{Method: "GET", StatusCode: 200, Err: ErrMalformedResponse}, false},
		{"too large", &Error{Method: "GET", StatusCode: 200, Err: ErrTooLarge}, false},
		{"a redirect", &Error{Method: "GET", StatusCode: 302, Err: ErrRedirect}, false},
		{"pagination", &Error{Err: ErrPagination}, false},
		{"no reason", &Error{}, false},
		{"an invalid token", &Error{Method: "GET", Err: fmt.Errorf("no token: %w", tokenError("the token is empty"))}, false},
		{"a token function", &Error{Method: "GET", Err: fmt.Errorf("no token: %w", cause)}, true},
	} {
		if got := tt.err.Retryable(); got != tt.want {
			t.Errorf("%s: Retryable() = %t, want %t (%v)", tt.name, got, tt.want, tt.err)
		}
	}
}

func TestRetryAfterOfAnError(t *testing.T) {
	for name, tt := range map[string]struct {
		c    *canned
		want time.Duration
	}{
		"503":                 {reply(503, "", "Retry-After: 30"), 30 * time.Second},
		"503 without":         {reply(503, ""), 0},
		"429":                 {reply(429, "", "Retry-After: 7"), 7 * time.Second},
		"a limit by default":  {reply(403, `{"message":"You have exceeded a secondary rate limit."}`), time.Minute},
		"404 with a wait":     {reply(404, "", "Retry-After: 5"), 5 * time.Second},
		"a wait out of range": {reply(503, "", "Retry-After: 999999999"), longestHold},
	} {
		err := getOne(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) { return tt.c, nil }, WithRetry(RetryPolicy{MaxAttempts: 1, MaxWait: -1})))
		if e, ok := errors.AsType[*Error](err); !ok || e.RetryAfter != tt.want {
			t.Errorf("%s: RetryAfter = %v, want %v (%v)", name, e.RetryAfter, tt.want, err)
		}
	}
}

// The base URL of a website, for example without /api/v3, gets a hint.
func TestWebsiteInPlaceOfTheAPI(t *testing.T) {
	const hint = "the base URL of a GitHub Enterprise Server ends in /api/v3"
	for name, tt := range map[string]struct {
		base, body string
		want       bool
	}{
		"a website":              {"https://ghe.example.com", "<html>404</html>", true},
		"a website, not HTML":    {"https://ghe.example.com/", "404 page not found", true},
		"the API":                {"https://ghe.example.com", `{"message":"Not Found"}`, false},
		"a proxy before the API": {"https://ghe.example.com/api/v3", "<html>404</html>", false},
		"github.com":             {"https://api.github.com", "<html>404</html>", false},
		"a tenant":               {"https://api.octocorp.ghe.com", "<html>404</html>", false},
	} {
		client, err := NewClient(WithBaseURL(tt.base), WithHTTPClient(&http.Client{Transport: inProcess(func(*http.Request) (*canned, error) {
			return reply(404, tt.body), nil
		})}))
		if err != nil {
			t.Fatal(err)
		}
		err = getOne(t.Context(), client)
		if !errors.Is(err, ErrNotFound) || strings.Contains(err.Error(), hint) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
