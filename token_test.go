package ghdeploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// secret is made up. It looks like the tokens that are longest.
const secret = "ghs_1234567_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJub2JvZHkifQ.c2lnbmF0dXJl"

// verbs are those with which people print what they do not know.
var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x"}

// holdsNoSecret prints a value in every way there is.
func holdsNoSecret(t *testing.T, what string, value any) {
	t.Helper()
	// As text, in hexadecimal, and as the bytes of a slice.
	forms := []string{secret, fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]")}
	for _, verb := range verbs {
		text := fmt.Sprintf(verb, value)
		for _, form := range forms {
			if strings.Contains(text, form) {
				t.Fatalf("%s printed with %s holds the token: %.500s", what, verb, text)
			}
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("value", "value", value)
	slog.New(slog.NewTextHandler(&log, nil)).Info("value", "value", value)
	if strings.Contains(log.String(), secret) {
		t.Errorf("%s in a log holds the token: %.500s", what, log.String())
	}
}

func TestNoExportedValuePrintsTheToken(t *testing.T) {
	w := answers(answer(200, "["+oneDeployment+"]", "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 1"))
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
				t.Fatalf("Authorization was %q: this test proves nothing", have)
			}
			holdsNoSecret(t, "Option", option)
			holdsNoSecret(t, "[]Option", []ghdeploy.Option{option})
			holdsNoSecret(t, "*Client", client)
			holdsNoSecret(t, "Client", *client)
			holdsNoSecret(t, "Deployments", client.Deployments)
			holdsNoSecret(t, "Statuses", client.Statuses)
			holdsNoSecret(t, "Page", page)
			holdsNoSecret(t, "Page's value", *page)
			holdsNoSecret(t, "Deployment", page.Items[0])
			holdsNoSecret(t, "All", client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}))
			holdsNoSecret(t, "Rate", client.Rate())
		})
	}
}

// An answer may echo the request: a debugging proxy's does, in any place.
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
		"a time that is none":           `{"id":1,"created_at":"` + secret + `"}`,
	}
	for _, status := range []int{200, 202, 301, 307, 401, 403, 404, 409, 422, 429, 500} {
		for name, body := range bodies {
			for _, call := range []string{"create", "get", "list", "delete", "status"} {
				t.Run(fmt.Sprintf("%s %d %s", call, status, name), func(t *testing.T) {
					var log bytes.Buffer
					client := clientOn(t, answers(answer(status, body, echo...)),
						ghdeploy.WithToken(secret), ghdeploy.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
					err := calls[call](t, client)
					holdsNoSecretInError(t, err)
					holdsNoSecret(t, "Rate", client.Rate())
					if strings.Contains(log.String(), secret) {
						t.Errorf("the log holds the token: %s", log.String())
					}
				})
			}
		}
	}
}

// The headers of an answer are the transport's, which may give them again.
func TestRedactionLeavesTheTransportsHeadersAlone(t *testing.T) {
	header := http.Header{"X-Github-Request-Id": {secret}}
	shared := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Header: header, Body: http.NoBody, Request: r}, nil
	})
	holdsNoSecretInError(t, calls["get"](t, clientOn(t, shared, ghdeploy.WithToken(secret))))
	same(t, "header", http.Header{"X-Github-Request-Id": {secret}}, header)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A body is cut to what an Error keeps, and a token at that place is cut too.
func TestEchoAtTheEndOfWhatIsKept(t *testing.T) {
	for before := 64<<10 - len(secret); before <= 64<<10; before += 7 {
		body := strings.Repeat("x", before) + secret + "and more"
		err := calls["get"](t, clientOn(t, answers(answer(500, body)), ghdeploy.WithToken(secret)))
		var e *ghdeploy.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if strings.Contains(string(e.Body), secret[:4]) {
			t.Errorf("the kept body ends in %q", e.Body[len(e.Body)-20:])
		}
	}
}

// holdsNoSecretInError looks into all that errors.As can find.
func holdsNoSecretInError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	holdsNoSecret(t, "error", err)
	holdsNoSecret(t, "wrapped error", fmt.Errorf("deploy: %w", err))
	var e *ghdeploy.Error
	if !errors.As(err, &e) {
		return
	}
	holdsNoSecret(t, "Error", *e)
	holdsNoSecret(t, "Error.Body", string(e.Body))
	holdsNoSecret(t, "Error.Err", e.Err)
	if reason := reasonOf(err); reason != nil {
		holdsNoSecret(t, "reason", reason)
	}
	// Each error of the chain by its value: its fields, not its method.
	var walk func(error)
	walk = func(err error) {
		if err == nil {
			return
		}
		holdsNoSecret(t, fmt.Sprintf("%T in the chain", err), err)
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
type chatty struct{ cause error }

func (c chatty) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, &chattyError{fmt.Sprintf("could not send %v", r.Header), r.Header.Clone(), c.cause}
}

type chattyError struct {
	text   string
	Header http.Header
	cause  error
}

func (e *chattyError) Error() string { return e.text }
func (e *chattyError) Unwrap() error { return e.cause }

func TestErrorOfTheTransportIsRedacted(t *testing.T) {
	cause := errors.New("the line is dead")
	for call, do := range calls {
		t.Run(call, func(t *testing.T) {
			var log bytes.Buffer
			client := clientOn(t, chatty{cause}, ghdeploy.WithToken(secret),
				ghdeploy.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			err := do(t, client)
			if !errors.Is(err, cause) {
				t.Errorf("errors.Is no longer finds the cause in %v", err)
			}
			if !strings.Contains(err.Error(), "could not send map[") || !strings.Contains(err.Error(), "[REDACTED]") {
				t.Errorf("the text is gone, not only the token: %v", err)
			}
			var leak *chattyError
			if errors.As(err, &leak) {
				t.Errorf("errors.As finds the transport's error, and in it %v", leak.Header)
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds the token: %s", log.String())
			}
			for _, verb := range verbs {
				if text := fmt.Sprintf(verb, err); strings.Contains(text, secret) {
					t.Errorf("%s prints the token: %s", verb, text)
				}
			}
		})
	}
}

// methods are the ways to send each method, so that a redirect meets them all.
var methods = map[string]func(ctx context.Context, c *ghdeploy.Client) error{
	"GET": func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Deployments.Get(ctx, "o", "r", 42)
		return err
	},
	"POST": func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.Deployments.Create(ctx, "o", "r", ghdeploy.DeploymentRequest{Ref: "main"})
		return err
	},
	"PUT": func(ctx context.Context, c *ghdeploy.Client) error {
		return c.Put(ctx, "/repos/o/r/environments/production", map[string]int{"wait_timer": 30})
	},
	"DELETE": func(ctx context.Context, c *ghdeploy.Client) error {
		return c.Deployments.Delete(ctx, "o", "r", 42)
	},
}

var bodies = map[string]string{"POST": `{"ref":"main"}`, "PUT": `{"wait_timer":30}`}

// Who follows a redirect hands the token to whoever wrote it.
func TestRedirectOffTheOriginIsRefused(t *testing.T) {
	places := map[string]string{
		"another host":                   "https://elsewhere.example.com/api/v3/repositories/7",
		"the same host on another port":  "https://ghe.example.com:8443/api/v3/repositories/7",
		"a subdomain":                    "https://api.ghe.example.com/api/v3/repositories/7",
		"the domain above":               "https://example.com/api/v3/repositories/7",
		"http":                           "http://ghe.example.com/api/v3/repositories/7",
		"http on the port of https":      "http://ghe.example.com:443/api/v3/repositories/7",
		"another host without a scheme":  "//elsewhere.example.com/api/v3/repositories/7",
		"the host as a user's name":      "https://ghe.example.com@elsewhere.example.com/",
		"a user on the same host":        "https://octocat@ghe.example.com/api/v3/repositories/7",
		"the host with a dot at its end": "https://ghe.example.com./api/v3/repositories/7",
		"loopback":                       "https://127.0.0.1/api/v3/repositories/7",
		"another scheme":                 "file:///etc/passwd",
	}
	for name, place := range places {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for method, do := range methods {
				t.Run(fmt.Sprintf("%s %d to %s", method, status, name), func(t *testing.T) {
					w := answers(answer(status, `{"message":"Moved"}`, "Location: "+place))
					err := do(t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
					if !errors.Is(err, ghdeploy.ErrRedirect) {
						t.Errorf("err = %v, want ErrRedirect", err)
					}
					if errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
						t.Errorf("err = %v: a redirect says that it was not done", err)
					}
					r := w.request(t) // the one to the API, and no other
					same(t, "method", method, r.Method)
					holdsNoSecretInError(t, err)
				})
			}
		}
	}
}

// A repository that was renamed answers with a redirect on the same origin:
// 301 to a GET, 307 to all else.
func TestRenameIsFollowed(t *testing.T) {
	places := map[string]string{
		"absolute":                  apiRoot + "/repositories/7/deployments/42",
		"the host in capitals":      "HTTPS://GHE.EXAMPLE.COM/api/v3/repositories/7/deployments/42",
		"with its port":             "https://ghe.example.com:443/api/v3/repositories/7/deployments/42",
		"relative to the host":      "/api/v3/repositories/7/deployments/42",
		"relative without a scheme": "//ghe.example.com/api/v3/repositories/7/deployments/42",
	}
	followed := []struct {
		method string
		status int
	}{
		{"GET", 301}, {"GET", 302}, {"GET", 303}, {"GET", 307}, {"GET", 308},
		{"POST", 307}, {"POST", 308}, {"PUT", 307}, {"PUT", 308}, {"DELETE", 307}, {"DELETE", 308},
	}
	for name, place := range places {
		for _, f := range followed {
			t.Run(fmt.Sprintf("%s %d, %s", f.method, f.status, name), func(t *testing.T) {
				w := answers(answer(f.status, `{"message":"Moved Permanently"}`, "Location: "+place), answer(200, oneDeployment))
				if err := methods[f.method](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret))); err != nil {
					t.Fatal(err)
				}
				sent := w.requests()
				if len(sent) != 2 {
					t.Fatalf("%d requests, want 2: %v", len(sent), lines(sent))
				}
				second := sent[1]
				same(t, "method", f.method, second.Method)
				if !strings.HasSuffix(strings.ToLower(second.URL), "/api/v3/repositories/7/deployments/42") {
					t.Errorf("the second request went to %s", second.URL)
				}
				same(t, "body", bodies[f.method], second.Body)
				same(t, "first body", bodies[f.method], sent[0].Body)
				for _, header := range []string{"Authorization", "Accept", "X-GitHub-Api-Version", "User-Agent", "Content-Type"} {
					same(t, header, sent[0].Header.Get(header), second.Header.Get(header))
				}
				same(t, "Authorization", "Bearer "+secret, second.Header.Get("Authorization"))
			})
		}
	}
}

// net/http would turn these into a GET, and the answer to that would look like
// success.
func TestRedirectThatTurnsAWriteIntoAReadIsRefused(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		for _, status := range []int{301, 302, 303} {
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				w := answers(answer(status, "", "Location: "+apiRoot+"/repositories/7/deployments/42"), answer(200, oneDeployment))
				err := methods[method](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
				if !errors.Is(err, ghdeploy.ErrRedirect) || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
					t.Errorf("err = %v, want ErrRedirect", err)
				}
				same(t, "request", []string{method}, []string{w.request(t).Method})
			})
		}
	}
}

func TestRedirectsThatLeadOn(t *testing.T) {
	t.Run("home and then away", func(t *testing.T) {
		w := answers(answer(301, "", "Location: /api/v3/repositories/7"), answer(301, "", "Location: https://elsewhere.example.com/"))
		err := methods["GET"](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
		if !errors.Is(err, ghdeploy.ErrRedirect) {
			t.Errorf("err = %v, want ErrRedirect", err)
		}
		same(t, "requests", []string{"GET " + apiRoot + "/repos/o/r/deployments/42", "GET " + apiRoot + "/repositories/7"}, lines(w.requests()))
	})
	t.Run("for ever", func(t *testing.T) {
		w := answers(answer(307, "", "Location: /api/v3/repositories/7"))
		err := methods["POST"](t.Context(), clientOn(t, w))
		if !errors.Is(err, ghdeploy.ErrRedirect) {
			t.Errorf("err = %v, want ErrRedirect", err)
		}
		if n := len(w.requests()); n != 10 {
			t.Errorf("%d requests, want 10", n)
		}
	})
	t.Run("to what is no URL", func(t *testing.T) {
		w := answers(answer(301, "", "Location: https://["+secret))
		err := methods["GET"](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
		if err == nil {
			t.Error("no error")
		}
		holdsNoSecretInError(t, err)
	})
}

// A Link names the next page, and is not asked for: its number is.
func TestLinkToAnotherHostIsNotFollowed(t *testing.T) {
	w := answers(
		answer(200, `[{"id":2}]`, `Link: <https://elsewhere.example.com/steal?page=2>; rel="next"`),
		answer(200, `[{"id":1}]`),
	)
	client := clientOn(t, w, ghdeploy.WithToken(secret))
	var ids []int64
	for d, err := range client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	same(t, "ids", []int64{2, 1}, ids)
	same(t, "requests", []string{
		"GET " + apiRoot + "/repos/o/r/deployments?per_page=100",
		"GET " + apiRoot + "/repos/o/r/deployments?page=2&per_page=100",
	}, lines(w.requests()))
}

// The same over real sockets: the API on one port, a stranger on another, who
// keeps whatever reaches him.
func TestTheStrangerHearsNothing(t *testing.T) {
	var heard atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard.Add(1)
		fmt.Fprint(w, oneDeployment)
	}))
	defer stranger.Close()
	port := strings.TrimPrefix(stranger.URL, "http://127.0.0.1:")
	var home *httptest.Server
	var mu sync.Mutex
	var to string
	var status int
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Link", "<"+to+`?page=2>; rel="next"`)
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	}))
	defer home.Close()
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(home.URL+"/api/v3"), ghdeploy.WithToken(secret), ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{stranger.URL, "http://localhost:" + port, "http://127.0.0.2:" + port, "//127.0.0.1:" + port + "/"} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			for method, do := range methods {
				mu.Lock()
				to, status = place, code
				mu.Unlock()
				if err := do(t.Context(), client); !errors.Is(err, ghdeploy.ErrRedirect) {
					t.Errorf("%s %d to %s: err = %v, want ErrRedirect", method, code, place, err)
				}
			}
		}
	}
	if n := heard.Load(); n != 0 {
		t.Errorf("the stranger heard %d requests", n)
	}
}

// The token is not sent to a host that only begins like the API's.
func TestTheTokenGoesToTheBaseURLAlone(t *testing.T) {
	w := answers(answer(200, oneDeployment))
	client := clientOn(t, w, ghdeploy.WithToken(secret))
	for _, owner := range []string{"o@elsewhere.example.com", "o?x=", "o#", "https:", "\\elsewhere.example.com", "%2F%2Felsewhere.example.com"} {
		if _, err := client.Deployments.Get(t.Context(), owner, "r", 42); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.requests() {
		if !strings.HasPrefix(r.URL, apiRoot+"/repos/") {
			t.Errorf("sent to %s", r.URL)
		}
	}
	urls := lines(w.requests())
	slices.Sort(urls)
	same(t, "requests", []string{
		"GET " + apiRoot + "/repos/%252F%252Felsewhere.example.com/r/deployments/42",
		"GET " + apiRoot + "/repos/%5Celsewhere.example.com/r/deployments/42",
		"GET " + apiRoot + "/repos/https:/r/deployments/42",
		"GET " + apiRoot + "/repos/o%23/r/deployments/42",
		"GET " + apiRoot + "/repos/o%3Fx=/r/deployments/42",
		"GET " + apiRoot + "/repos/o@elsewhere.example.com/r/deployments/42",
	}, urls)
}
