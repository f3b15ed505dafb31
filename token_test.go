package ghdeploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// secret is an invented token in GitHub's longest format.
const secret = "ghs_1234567_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl"

// verbs are the verbs with which unknown values are printed.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x"}

// checkNoSecret checks that no printed form of a value contains the token.
func checkNoSecret(t *testing.T, what string, value any) {
	t.Helper()
	// As text, in hexadecimal, and as the bytes of a slice.
	forms := []string{secret, fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")}
	for _, verb := range verbs {
		text := fmt.Sprintf(verb, value)
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Fatalf("%s printed with %s contains the token: %.500s", what, verb, text)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("value", "value", value)
	slog.New(slog.NewTextHandler(&log, nil)).Info("value", "value", value)
	if strings.Contains(log.String(), secret) {
		t.Errorf("%s in a log contains the token: %.500s", what, log.String())
	}
}

func TestNoExportedValuePrintsTheToken(t *testing.T) {
	w := replies(reply(200, "["+oneDeployment+"]", "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 1"))
	withFunc := ghdeploy.WithTokenFunc(func(context.Context) (string, error) { return secret, nil })
	t.Setenv("GH_TOKEN", secret)
	for name, option := range map[string]ghdeploy.Option{
		"WithToken":       ghdeploy.WithToken(secret),
		"WithTokenFunc":   withFunc,
		"FromEnvironment": ghdeploy.FromEnvironment(),
	} {
		t.Run(name, func(t *testing.T) {
			client := clientOn(t, w, option, ghdeploy.WithBaseURL(apiRoot))
			page, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if have := w.requests()[0].Header.Get("Authorization"); have != "Bearer "+secret {
				t.Fatalf("Authorization was %q: the test proves nothing", have)
			}
			checkNoSecret(t, "Option", option)
			checkNoSecret(t, "[]Option", []ghdeploy.Option{option})
			checkNoSecret(t, "*Client", client)
			checkNoSecret(t, "Client", *client)
			checkNoSecret(t, "Deployments", client.Deployments)
			checkNoSecret(t, "Statuses", client.Statuses)
			checkNoSecret(t, "Page", page)
			checkNoSecret(t, "Page's value", *page)
			checkNoSecret(t, "Deployment", page.Items[0])
			checkNoSecret(t, "All", client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}))
			checkNoSecret(t, "Rate", client.Rate())
		})
	}
}

// A response can contain the token, for example that of a debugging proxy.
func TestEchoOfTheTokenIsRedacted(t *testing.T) {
	echo := []string{
		"X-GitHub-Request-Id: " + secret,
		"X-Accepted-GitHub-Permissions: " + secret,
		"X-GitHub-SSO: required; url=https://github.com/sso?" + secret,
		"X-RateLimit-Limit: 60",
		"X-RateLimit-Remaining: 0",
		"X-RateLimit-Resource: " + secret,
		"Deprecation: " + secret,
		"Sunset: " + secret,
		"Link: <https://" + secret + "/?page=" + secret + `>; rel="next"`,
		"Location: https://" + secret + ".example.com/" + secret,
	}
	body := `{"message":"Conflict: Commit status checks failed for ` + secret + `",
		"documentation_url":"https://docs.github.com/` + secret + `",
		"errors":[{"resource":"` + secret + `","field":"` + secret + `","code":"` + secret + `","message":"` + secret + `",
			"contexts":[{"context":"` + secret + `","state":"` + secret + `"}]}, "` + secret + `"]}`
	bodies := map[string]string{
		"documented":                    body,
		"text":                          "Authorization: Bearer " + secret,
		"HTML":                          "<pre>" + secret,
		"a string":                      `"` + secret + `"`,
		"a message of another shape":    `{"message":{"echo":"` + secret + `"},"errors":{"echo":"` + secret + `"}}`,
		"a deployment of another shape": `{"id":"` + secret + `"}`,
		"a list of another shape":       `[{"id":1,"` + secret + `":1,"creator":"` + secret + `"}]`,
		"an invalid time":               `{"id":1,"created_at":"` + secret + `"}`,
	}
	for _, status := range []int{200, 202, 301, 307, 401, 403, 404, 409, 422, 429, 500} {
		for name, body := range bodies {
			for _, call := range []string{"create", "get", "list", "delete", "status"} {
				t.Run(fmt.Sprintf("%s %d %s", call, status, name), func(t *testing.T) {
					var log bytes.Buffer
					client := clientOn(t, replies(reply(status, body, echo...)),
						ghdeploy.WithToken(secret), ghdeploy.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
					err := calls[call](t, client)
					checkNoSecretInError(t, err)
					checkNoSecret(t, "Rate", client.Rate())
					if strings.Contains(log.String(), secret) {
						t.Errorf("the log contains the token: %s", log.String())
					}
				})
			}
		}
	}
}

// The transport may reuse the headers of a response.
func TestRedactionLeavesTheTransportsHeadersAlone(t *testing.T) {
	header := http.Header{"X-Github-Request-Id": {secret}}
	shared := ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Header: header, Body: http.NoBody, Request: r}, nil
	})
	checkNoSecretInError(t, calls["get"](t, clientOn(t, shared, ghdeploy.WithToken(secret))))
	same(t, "header", http.Header{"X-Github-Request-Id": {secret}}, header)
}

// The body of an Error is cut. A token at the cut is removed completely.
func TestEchoAtTheEndOfTheKeptBody(t *testing.T) {
	for before := 64<<10 - len(secret); before <= 64<<10; before += 7 {
		body := strings.Repeat("x", before) + secret + "and more"
		err := calls["get"](t, clientOn(t, replies(reply(500, body)), ghdeploy.WithToken(secret)))
		var e *ghdeploy.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Body), secret[:4]) {
			t.Errorf("the kept body ends in %q", e.Body[len(e.Body)-20:])
		}
	}
}

// checkNoSecretInError checks all errors of a chain.
func checkNoSecretInError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	checkNoSecret(t, "error", err)
	checkNoSecret(t, "wrapped error", fmt.Errorf("deploy: %w", err))
	var e *ghdeploy.Error
	if !errors.As(err, &e) {
		return
	}
	checkNoSecret(t, "Error", *e)
	checkNoSecret(t, "Error.Body", string(e.Body))
	checkNoSecret(t, "Error.Err", e.Err)
	if reason := reasonOf(err); reason != nil {
		checkNoSecret(t, "reason", reason)
	}
	// The fields of each error, not only its text.
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		checkNoSecret(t, fmt.Sprintf("%T in the chain", err), err)
		switch u := err.(type) { //nolint:errorlint // this walks the chain itself
		case interface{ Unwrap() error }:
			walk(u.Unwrap())
		case interface{ Unwrap() []error }:
			for _, err := range u.Unwrap() {
				walk(err)
			}
		}
	}
	walk(e.Err)
}

// chatty is a transport whose errors repeat the request.
func chatty(cause error) ghdeploy.RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		return nil, &chattyError{fmt.Sprintf("could not send %v", r.Header), r.Header.Clone(), cause}
	}
}

type chattyError struct {
	text   string
	Header http.Header
	cause  error
}

func (e *chattyError) Error() string { return e.text }

func (e *chattyError) Unwrap() error { return e.cause }

func TestErrorOfTheTransportIsRedacted(t *testing.T) {
	cause := errors.New("connection lost")
	for call, do := range calls {
		t.Run(call, func(t *testing.T) {
			var log bytes.Buffer
			client := clientOn(t, chatty(cause), ghdeploy.WithToken(secret),
				ghdeploy.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			err := do(t, client)
			if !errors.Is(err, cause) {
				t.Errorf("errors.Is does not find the cause in %v", err)
			}
			if !strings.Contains(err.Error(), "could not send map[") || !strings.Contains(err.Error(), "[REDACTED]") {
				t.Errorf("more than the token was removed: %v", err)
			}
			var leak *chattyError
			if errors.As(err, &leak) {
				t.Errorf("errors.As finds the transport's error with %v", leak.Header)
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log contains the token: %s", log.String())
			}
			for _, verb := range verbs {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, secret) {
					t.Errorf("%s prints the token: %s", verb, text)
				}
			}
		})
	}
}

func TestWithTokenFunc(t *testing.T) {
	t.Run("is called for each request with its context", func(t *testing.T) {
		type key struct{}
		tokens := []string{"ghs_first", "ghs_second"}
		var contexts []any
		w := replies(reply(200, oneDeployment))
		client := clientOn(t, w, ghdeploy.WithTokenFunc(func(ctx context.Context) (string, error) {
			contexts = append(contexts, ctx.Value(key{}))
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}))
		ctx := context.WithValue(t.Context(), key{}, "the caller's")
		for range 2 {
			if _, err := client.Deployments.Get(ctx, "o", "r", 42); err != nil {
				t.Fatal(err)
			}
		}
		same(t, "contexts", []any{"the caller's", "the caller's"}, contexts)
		same(t, "first", "Bearer ghs_first", w.requests()[0].Header.Get("Authorization"))
		same(t, "second", "Bearer ghs_second", w.requests()[1].Header.Get("Authorization"))
	})
	expired := errors.New("the key has expired")
	for name, tt := range map[string]struct {
		token string
		err   error
		want  string
	}{
		"fails":               {"", expired, "ghdeploy: GET /repos/o/r/deployments/42: no token: the key has expired"},
		"returns nothing":     {"", nil, "ghdeploy: GET /repos/o/r/deployments/42: no token: the token is empty"},
		"returns two lines":   {"ghs_1\n", nil, "ghdeploy: GET /repos/o/r/deployments/42: no token: the token contains white space; give only the token, without a line break or a word such as Bearer"},
		"returns two headers": {"ghs_1\r\nX-Evil: 1", nil, "ghdeploy: GET /repos/o/r/deployments/42: no token: the token contains white space; give only the token, without a line break or a word such as Bearer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, oneDeployment))
			client := clientOn(t, w, ghdeploy.WithTokenFunc(func(context.Context) (string, error) { return tt.token, tt.err }))
			_, err := client.Deployments.Get(t.Context(), "o", "r", 42)
			var e *ghdeploy.Error
			if !errors.As(err, &e) || e.Attempts != 0 || e.StatusCode != 0 {
				t.Fatalf("err = %#v, want an *Error with neither status nor attempt", err)
			}
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("err = %v does not wrap the function's error", err)
			}
			same(t, "message", tt.want, err.Error())
			same(t, "requests", 0, len(w.requests()))
		})
	}
}

// Calls with different tokens at the same time: none carries the token, or the
// ETag, of another one.
func TestTokensOfConcurrentCalls(t *testing.T) {
	type key struct{}
	transport := ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		token := r.Context().Value(key{}).(string)
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("Authorization %q for %s", got, token)
		}
		etag := `"` + strings.TrimPrefix(token, "ghs") + `"` // a token in it would be redacted
		switch got := r.Header.Get("If-None-Match"); got {
		case "":
			return reply(200, oneDeployment, "ETag: "+etag).Response(r)
		case etag:
			return reply(304, "").Response(r)
		default:
			t.Errorf("If-None-Match %s for %s", got, token)
			return reply(304, "").Response(r)
		}
	})
	client := clientOn(t, transport, ghdeploy.WithTokenFunc(func(ctx context.Context) (string, error) {
		return ctx.Value(key{}).(string), nil
	}))
	var calls sync.WaitGroup
	for g := range 16 {
		calls.Go(func() {
			for i := range 300 {
				ctx := context.WithValue(t.Context(), key{}, fmt.Sprintf("ghs_%d_%d", g, i%3))
				if _, err := client.Deployments.Get(ctx, "o", "r", 42); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	calls.Wait()
}
