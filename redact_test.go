package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const leaky = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"

// prints returns all forms in which an error and a log are printed.
func prints(err error, log *bytes.Buffer) string {
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q\n", err, err, err, err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf("%v %#v\n", e, e)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		text += e.LogValue().String() + string(e.Body)
	}
	if log != nil {
		text += log.String()
	}
	return text
}

// If a body is cut within a token, no part of the token is kept: at the limit
// of 64 KiB, and where the connection was lost.
func TestCutTokenIsRedacted(t *testing.T) {
	for _, kept := range []int{1, 3, 4, 20, 39, 40} {
		for name, c := range map[string]*canned{
			"a 200 at 64 KiB":  {Status: 200, Body: strings.Repeat("x", maxErrorBody-kept) + leaky, Rest: io.LimitReader(zeros{}, maxBody)},
			"a 404 at 64 KiB":  {Status: 404, Body: strings.Repeat("x", maxErrorBody-kept) + leaky, Rest: io.LimitReader(zeros{}, maxBody)},
			"a 200 cut off":    {Status: 200, Body: `{"id":"` + leaky[:kept], Rest: errorReader{io.ErrUnexpectedEOF}},
			"a 404 cut off":    {Status: 404, Body: `{"message":"` + leaky[:kept], Rest: errorReader{io.ErrUnexpectedEOF}},
			"a 200, not JSON":  {Status: 200, Body: strings.Repeat("x", maxErrorBody-kept) + leaky},
			"a message of 404": {Status: 404, Body: `{"message":"` + leaky + `","x":"` + leaky[:kept], Rest: errorReader{io.ErrUnexpectedEOF}},
		} {
			err := getOne(t.Context(), inProcessClient(t, func(*http.Request) (*canned, error) { return c, nil }, WithToken(leaky), WithRetry(RetryPolicy{MaxAttempts: 1})))
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("%s: %v", name, err)
			}
			if len(e.Body) > maxErrorBody {
				t.Errorf("%s: %d bytes are kept", name, len(e.Body))
			}
			for part := range len(leaky) - 4 {
				if bytes.Contains(e.Body, []byte(leaky[part:part+4])) || strings.Contains(err.Error(), leaky[part:part+4]) {
					t.Fatalf("%s, %d bytes before the cut: %q is kept", name, kept, leaky[part:part+4])
				}
			}
		}
	}
}

// The error of a token function can contain an earlier token, or the one that
// it returns with the error.
func TestErrorOfATokenFunctionIsRedacted(t *testing.T) {
	for name, function := range map[string]func(call int) (string, error){
		"at the retry": func(call int) (string, error) {
			if call == 1 {
				return leaky, nil
			}
			return "", fmt.Errorf("the server refused %s: %w", leaky, fs.ErrPermission)
		},
		"with the token": func(int) (string, error) {
			return leaky, fmt.Errorf("%s expired: %w", leaky, fs.ErrPermission)
		},
	} {
		var log bytes.Buffer
		asked := 0
		client := inProcessClient(t, func(*http.Request) (*canned, error) { return reply(502, ""), nil }, WithRetry(quick),
			WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
			WithTokenFunc(func(context.Context) (string, error) { asked++; return function(asked) }))
		err := getOne(t.Context(), client)
		if !errors.Is(err, fs.ErrPermission) || strings.Contains(prints(err, &log), leaky) {
			t.Errorf("%s: %s", name, prints(err, &log))
		}
		// The next call gets the same error at its first attempt.
		if err := getOne(t.Context(), client); strings.Contains(prints(err, &log), leaky) {
			t.Errorf("%s, the next call: %s", name, prints(err, &log))
		}
	}
}

// The cause of a context can contain the token.
func TestCauseOfAContextIsRedacted(t *testing.T) {
	cause := fmt.Errorf("%s was revoked: %w", leaky, fs.ErrPermission)
	for name, serve := range map[string]func(cancel context.CancelCauseFunc) handler{
		"during an attempt": func(cancel context.CancelCauseFunc) handler {
			return func(r *http.Request) (*canned, error) {
				cancel(cause)
				<-r.Context().Done()
				return nil, context.Cause(r.Context())
			}
		},
		"while waiting to retry": func(cancel context.CancelCauseFunc) handler {
			return func(*http.Request) (*canned, error) {
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return reply(503, "", "Retry-After: 10"), nil
			}
		},
		"while waiting for a limit": func(cancel context.CancelCauseFunc) handler {
			return func(*http.Request) (*canned, error) {
				time.AfterFunc(time.Second, func() { cancel(cause) })
				return reply(429, "", "Retry-After: 10"), nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				var log bytes.Buffer
				err := getOne(ctx, inProcessClient(t, serve(cancel), WithToken(leaky), WithRetry(RetryPolicy{}),
					WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))))
				if !errors.Is(err, context.Canceled) || !errors.Is(err, fs.ErrPermission) || strings.Contains(prints(err, &log), leaky) {
					t.Errorf("%s", prints(err, &log))
				}
			})
		})
	}
}

// typedError is an error that errors.As can find.
type typedError struct{ text string }

func (e *typedError) Error() string { return e.text }

// Only the errors of a chain whose own text contains the token are hidden.
func TestRedactionHidesOnlyErrorsWithTheToken(t *testing.T) {
	var redact redactor
	redact.add(leaky)
	clean, dirty := &typedError{"clean"}, &typedError{"with " + leaky}
	path := &fs.PathError{Op: "open", Path: "/run/token", Err: clean}
	if err := redact.error(path); err != error(path) { //nolint:errorlint // the same value
		t.Errorf("an error without the token was replaced by %v", err)
	}

	err := redact.error(fmt.Errorf("%s: %w", leaky, path))
	found, ok := errors.AsType[*fs.PathError](err)
	if !ok || found != path || !errors.Is(err, clean) || err.Error() != "[REDACTED]: open /run/token: clean" {
		t.Errorf("below a hidden error: %v, %v", found, err)
	}

	err = redact.error(&fs.PathError{Op: "open", Path: "x", Err: dirty})
	if _, ok := errors.AsType[*typedError](err); ok || !errors.Is(err, dirty) || strings.Contains(prints(err, nil), leaky) {
		t.Errorf("errors.As finds a hidden error: %s", prints(err, nil))
	}

	err = redact.error(errors.Join(clean, dirty, io.EOF))
	got, ok := errors.AsType[*typedError](err)
	if !ok || got != clean || !errors.Is(err, io.EOF) || !errors.Is(err, dirty) || strings.Contains(prints(err, nil), leaky) {
		t.Errorf("of several: %s", prints(err, nil))
	}

	// An error that cannot be compared and has an Is method.
	err = redact.error(fmt.Errorf("%s: %w", leaky, uncomparable{leaky, io.EOF}))
	if !errors.Is(err, io.EOF) || errors.Is(err, uncomparable{leaky, io.EOF}) || strings.Contains(prints(err, nil), leaky) {
		t.Errorf("uncomparable: %s", prints(err, nil))
	}
}

type uncomparable []any

func (u uncomparable) Error() string        { return fmt.Sprint([]any(u)...) }
func (u uncomparable) Is(target error) bool { return target == u[1] }

// A token can be part of another one.
func TestRedactionOfTwoTokens(t *testing.T) {
	var redact redactor
	for _, token := range []string{"abcd", "abcdEFGH", "abcd", "abc"} {
		redact.add(token)
	}
	if got := redact.text("abcdEFGH abcd abc"); got != "[REDACTED] [REDACTED] abc" {
		t.Errorf("got %q", got)
	}
	if got := redact.cutText("x abcdEFG"); got != "x [REDACTED]EFG" && got != "x [REDACTED]" {
		t.Errorf("got %q", got)
	}
}

// A log handler may call the client.
func TestLogHandlerMayCallTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var client *Client
		handler := &callingHandler{}
		refusals := 0
		client = inProcessClient(t, func(*http.Request) (*canned, error) {
			if refusals++; refusals == 1 {
				return reply(429, "", "Retry-After: 1"), nil
			}
			return reply(200, oneDeployment, "Sunset: Fri, 10 Mar 2028 00:00:00 GMT", "Deprecation: true"), nil
		}, WithLogger(slog.New(handler)), WithRetry(RetryPolicy{}))
		handler.call = func() error { return getOne(t.Context(), client) }
		if err := getOne(t.Context(), client); err != nil {
			t.Error(err)
		}
		if handler.err != nil || handler.calls == 0 {
			t.Errorf("%d calls of the handler: %v", handler.calls, handler.err)
		}
	})
}

type callingHandler struct {
	slog.Handler
	call   func() error
	inside bool
	calls  int
	err    error
}

func (*callingHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h *callingHandler) Handle(context.Context, slog.Record) error {
	if h.inside || h.call == nil {
		return nil
	}
	h.inside = true
	defer func() { h.inside = false }()
	h.calls++
	h.err = errors.Join(h.err, h.call())
	return nil
}
