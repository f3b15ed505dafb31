package ghdeploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// apiRoot has a path prefix, as GitHub Enterprise Server's has.
const apiRoot = "https://ghe.example.com/api/v3"

// wire is a transport without a network. It returns its replies in order, then
// repeats the last one. It records the requests.
type wire struct {
	ghdeploy.RoundTripFunc
	mu      sync.Mutex
	replies []*canned
	sent    []sent
}

type canned = ghdeploy.Canned

type sent struct {
	Method string
	URL    string
	Body   string
	Header http.Header
}

// replies returns a wire. See reply.
func replies(c ...*canned) *wire {
	w := &wire{replies: c}
	w.RoundTripFunc = w.serve
	return w
}

// reply returns a JSON response. Headers are written as "Name: value".
func reply(status int, body string, headers ...string) *canned {
	return ghdeploy.Reply(status, body, headers...)
}

func (w *wire) serve(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	w.sent = append(w.sent, sent{r.Method, r.URL.String(), string(body), r.Header.Clone()})
	c := w.replies[0]
	if len(w.replies) > 1 {
		w.replies = w.replies[1:]
	}
	return c.Response(r)
}

// requests returns the requests sent so far.
func (w *wire) requests() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sent(nil), w.sent...)
}

// request returns the only request that was sent.
func (w *wire) request(t *testing.T) sent {
	t.Helper()
	all := w.requests()
	if len(all) != 1 {
		t.Fatalf("%d requests were sent, want 1: %v", len(all), lines(all))
	}
	return all[0]
}

// lines formats requests as "GET https://...".
func lines(requests []sent) []string {
	var out []string
	for _, r := range requests {
		out = append(out, r.Method+" "+r.URL)
	}
	return out
}

// clientOn returns a client of apiRoot that does not retry.
func clientOn(t *testing.T, transport http.RoundTripper, opts ...ghdeploy.Option) *ghdeploy.Client {
	t.Helper()
	client, err := ghdeploy.NewClient(append([]ghdeploy.Option{
		ghdeploy.WithBaseURL(apiRoot),
		ghdeploy.WithHTTPClient(&http.Client{Transport: transport}),
		ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1, MaxWait: -1}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// testdata returns the content of a file in testdata: a documented response.
func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sameJSON compares JSON and ignores the order of keys.
func sameJSON(t *testing.T, want, have string) {
	t.Helper()
	var w, h any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("invalid JSON in the test: %v\n%s", err, want)
	}
	if err := json.Unmarshal([]byte(have), &h); err != nil {
		t.Fatalf("the request is not JSON: %v\n%s", err, have)
	}
	if diff := cmp.Diff(w, h); diff != "" {
		t.Errorf("JSON (-want +have):\n%s", diff)
	}
}

func same(t *testing.T, what string, want, have any) {
	t.Helper()
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +have):\n%s", what, diff)
	}
}

const oneDeployment = `{"id":42,"url":"https://ghe.example.com/api/v3/repos/o/r/deployments/42"}`

// production is a name with characters that are special in paths and queries.
const production = "prod / eu?#%2F"

// gated returns a server with an environment that needs a reviewer and an app.
func gated(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	guarded := ghdeploytest.Environment{
		Name: production, Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}, PreventSelfReview: true, ProtectionRules: []string{"health-gate"},
	}
	srv := ghdeploytest.NewServer(
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Environments: []ghdeploytest.Environment{
			guarded, {Name: "staging", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}}, {Name: "qa"},
		}}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "health-gate"}), ghdeploytest.WithApp(ghdeploytest.App{Slug: "quorum"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-octocat", Login: "octocat"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-mona", Login: "mona"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-health-gate", App: "health-gate"}),
	)
	t.Cleanup(srv.Close)
	return srv
}

// clientWith returns a client of the server with a token.
func clientWith(t *testing.T, srv *ghdeploytest.Server, token string) *ghdeploy.Client {
	t.Helper()
	return clientOn(t, srv.Transport(), ghdeploy.WithToken(token))
}

// reached returns the server's requests after the first n, with the last
// element of their paths, as "GET 200 /pending_deployments".
func reached(srv *ghdeploytest.Server, n int) []string {
	var list []string
	for _, r := range srv.Requests()[n:] {
		list = append(list, fmt.Sprintf("%s %d %s", r.Method, r.Status, r.Path[strings.LastIndex(r.Path, "/"):]))
	}
	return list
}

// states returns the states of the deployments, oldest first.
func states(srv *ghdeploytest.Server) []string {
	var list []string
	for _, d := range srv.Deployments("octocat/example") {
		list = append(list, d.State())
	}
	return list
}
