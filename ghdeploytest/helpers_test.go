package ghdeploytest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	deployments = "/repos/octocat/example/deployments"
	first       = deployments + "/6000000001" // the first deployment of every server
	create      = "POST /repos/{owner}/{repo}/deployments"
	list        = "GET /repos/{owner}/{repo}/deployments"
)

// newServer returns a server that closes at the end of the test.
func newServer(t testing.TB, opts ...ghdeploytest.Option) *ghdeploytest.Server {
	t.Helper()
	srv := ghdeploytest.NewServer(opts...)
	t.Cleanup(srv.Close)
	return srv
}

// result is a response as received.
type result struct {
	status int
	header http.Header
	body   string
}

// newRequest returns a request with a token. header has further names and
// values; the value "" removes a header.
func newRequest(t testing.TB, method, url, body string, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	r.Header.Set("Authorization", "Bearer secret")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" && header[i] != "User-Agent" {
			r.Header.Del(header[i])
		}
	}
	return r
}

// try sends a request in process and follows no redirect.
func try(t testing.TB, srv *ghdeploytest.Server, method, path, body string, header ...string) (result, error) {
	t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = strings.TrimSuffix(ghdeploytest.BaseURL, "/") + path
	}
	return receive(srv.Transport().RoundTrip(newRequest(t, method, url, body, header...)))
}

func receive(resp *http.Response, err error) (result, error) {
	if err != nil {
		return result{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return result{resp.StatusCode, resp.Header, string(content)}, err
}

func do(t testing.TB, srv *ghdeploytest.Server, method, path, body string, header ...string) result {
	t.Helper()
	got, err := try(t, srv, method, path, body, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return got
}

// must sends a request and checks the status of the response.
func must(t testing.TB, srv *ghdeploytest.Server, status int, method, path, body string, header ...string) result {
	t.Helper()
	got := do(t, srv, method, path, body, header...)
	if got.status != status {
		t.Fatalf("%s %s %s = %d, want %d: %s", method, path, body, got.status, status, got.body)
	}
	return got
}

// wantJSON compares two JSON texts by value.
func wantJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("not JSON: %v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("the wanted JSON is invalid: %v: %s", err, want)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// wantFields compares members of a JSON object with literal JSON.
func wantFields(t testing.TB, got string, want map[string]string) {
	t.Helper()
	var g map[string]json.RawMessage
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("not an object: %v: %s", err, got)
	}
	for name, value := range want {
		if string(g[name]) != value {
			t.Errorf("%s = %s, want %s", name, g[name], value)
		}
	}
}

func wantHeaders(t testing.TB, got http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Get(name), value)
		}
	}
}

// wantPanic calls f and checks that the text of its panic contains each word.
func wantPanic(t *testing.T, f func(), words ...string) {
	t.Helper()
	defer func() {
		t.Helper()
		text, _ := recover().(string)
		for _, word := range words {
			if !strings.Contains(text, word) {
				t.Errorf("panic %q lacks %q", text, word)
			}
		}
	}()
	f()
	t.Error("no panic")
}

// clock is a clock that the test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newClock() *clock { return &clock{time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)} }
