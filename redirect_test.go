package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// methods has a call for each HTTP method.
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

// A redirect to another origin is refused: it would get the token.
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
					w := replies(reply(status, `{"message":"Moved"}`, "Location: "+place))
					err := do(t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
					if !errors.Is(err, ghdeploy.ErrRedirect) {
						t.Errorf("err = %v, want ErrRedirect", err)
					}
					if errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
						t.Errorf("err = %v, want no ErrOutcomeUnknown", err)
					}
					r := w.request(t) // the one to the API
					same(t, "method", method, r.Method)
					checkNoSecretInError(t, err)
				})
			}
		}
	}
}

// Requests to a renamed repository are redirected on the same origin: a GET
// with 301, others with 307.
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
				w := replies(reply(f.status, `{"message":"Moved Permanently"}`, "Location: "+place), reply(200, oneDeployment))
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

// net/http would turn these writes into a GET, whose response looks like
// success.
func TestRedirectThatTurnsAWriteIntoAReadIsRefused(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		for _, status := range []int{301, 302, 303} {
			t.Run(fmt.Sprintf("%s %d", method, status), func(t *testing.T) {
				w := replies(reply(status, "", "Location: "+apiRoot+"/repositories/7/deployments/42"), reply(200, oneDeployment))
				err := methods[method](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
				if !errors.Is(err, ghdeploy.ErrRedirect) || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
					t.Errorf("err = %v, want ErrRedirect", err)
				}
				same(t, "request", []string{method}, []string{w.request(t).Method})
			})
		}
	}
}

func TestRedirectChains(t *testing.T) {
	t.Run("to the API and then to another origin", func(t *testing.T) {
		w := replies(reply(301, "", "Location: /api/v3/repositories/7"), reply(301, "", "Location: https://elsewhere.example.com/"))
		err := methods["GET"](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
		if !errors.Is(err, ghdeploy.ErrRedirect) {
			t.Errorf("err = %v, want ErrRedirect", err)
		}
		same(t, "requests", []string{"GET " + apiRoot + "/repos/o/r/deployments/42", "GET " + apiRoot + "/repositories/7"}, lines(w.requests()))
	})
	t.Run("without end", func(t *testing.T) {
		w := replies(reply(307, "", "Location: /api/v3/repositories/7"))
		err := methods["POST"](t.Context(), clientOn(t, w))
		if !errors.Is(err, ghdeploy.ErrRedirect) {
			t.Errorf("err = %v, want ErrRedirect", err)
		}
		if n := len(w.requests()); n != 10 {
			t.Errorf("%d requests, want 10", n)
		}
	})
	t.Run("to an invalid URL", func(t *testing.T) {
		w := replies(reply(301, "", "Location: https://["+secret))
		err := methods["GET"](t.Context(), clientOn(t, w, ghdeploy.WithToken(secret)))
		if err == nil {
			t.Error("no error")
		}
		checkNoSecretInError(t, err)
	})
}

// A Link's URL is not requested. Only its page number is used.
func TestLinkToAnotherHostIsNotFollowed(t *testing.T) {
	w := replies(
		reply(200, `[{"id":2}]`, `Link: <https://elsewhere.example.com/steal?page=2>; rel="next"`),
		reply(200, `[{"id":1}]`),
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

// Over sockets, a redirect to another port or host is not followed.
func TestRedirectOffTheOriginOverSockets(t *testing.T) {
	var received atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		received.Add(1)
		fmt.Fprint(w, oneDeployment)
	}))
	defer other.Close()
	port := strings.TrimPrefix(other.URL, "http://127.0.0.1:")
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
	for _, place := range []string{other.URL, "http://localhost:" + port, "http://127.0.0.2:" + port, "//127.0.0.1:" + port + "/"} {
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
	if n := received.Load(); n != 0 {
		t.Errorf("the other server got %d requests", n)
	}
}

// An owner cannot change the host of the request.
func TestTokenGoesOnlyToTheBaseURL(t *testing.T) {
	w := replies(reply(200, oneDeployment))
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
