package conformance

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// prefix is the path prefix of the base URL, as on GitHub Enterprise Server.
const prefix = "/api/v3"

// aside lists recorded operations that are not in this SDK, with the reason of
// the recording.
var aside = []struct{ method, path, reason string }{
	{"POST", "/repos/{owner}/{repo}/statuses/{sha}", "the status of a commit, needed by the recorded case"},
	{"GET", "/repos/{owner}/{repo}/commits", "the commits of a branch; the recorded case deployed one"},
	{"POST", "/repos/{owner}/{repo}/git/refs", "the branch of the recorded case"},
	{"DELETE", "/repos/{owner}/{repo}/git/refs/heads/{branch}/{leaf}", "the branch of the recorded case"},
	{"POST", "/user/repos", "the repository of the recorded case"},
	{"DELETE", "/repos/{owner}/{repo}", "the repository of the recorded case"},
	{"GET", "/repositories/{repository_id}/environments/{environment_name}/secrets", "the secrets of an environment"},
	{"GET", "/repositories/{repository_id}/environments/{environment_name}/secrets/public-key", "the secrets of an environment"},
	{"GET", "/repositories/{repository_id}/environments/{environment_name}/secrets/{secret_name}", "the secrets of an environment"},
	{"PUT", "/repositories/{repository_id}/environments/{environment_name}/secrets/{secret_name}", "the secrets of an environment"},
	{"DELETE", "/repositories/{repository_id}/environments/{environment_name}/secrets/{secret_name}", "the secrets of an environment"},
}

// undocumented lists keys of recorded responses that the client drops.
// TestUndocumented checks that GitHub does not describe them.
var undocumented = map[string]string{
	"status.payload": "sent only in 2014: the payload of the deployment",
}

// schemaOf maps the names of decoded objects to GitHub's schemas.
var schemaOf = map[string]string{
	"deployment": "deployment",
	"status":     "deployment-status",
}

// operationOf finds the operation of a recorded request. byID reports whether
// its path names the repository by ID, as the client never does.
func operationOf(r *row) (operation string, vars map[string]string, byID bool) {
	path := r.path()
	if rest, ok := strings.CutPrefix(path, "/repositories/"); ok {
		_, below, _ := strings.Cut(rest, "/")
		path, byID = strings.TrimSuffix("/repos/some-owner/some-repo/"+below, "/"), true
	}
	var templates []string
	for operation := range allOperations() {
		if method, t, _ := strings.Cut(operation, " "); method == r.Request.Method {
			templates = append(templates, t)
		}
	}
	found, vars := best(templates, path)
	if found == "" {
		return "", nil, byID
	}
	return r.Request.Method + " " + found, vars, byID
}

func allOperations() map[string]bool {
	all := make(map[string]bool)
	for operation := range calls {
		all[operation] = true
	}
	for operation := range notOurs {
		all[operation] = true
	}
	return all
}

// TestReplayExchanges sends GitHub's recorded responses to our client, and
// compares its requests with the recorded ones.
func TestReplayExchanges(t *testing.T) {
	rows := readRows(t, "exchanges.jsonl")
	count := make(map[string]int)
	reasons := make(map[string]int)
	keysLost := make(map[string]int)
	asideUsed := make([]bool, len(aside))
	for _, r := range rows {
		operation, vars, byID := operationOf(r)
		do, ours := calls[operation]
		if !ours {
			i := slices.IndexFunc(aside, func(a struct{ method, path, reason string }) bool {
				_, ok := template(a.path).match(r.path())
				return ok && a.method == r.Request.Method
			})
			if i < 0 {
				t.Errorf("%s: the operation is neither ours nor listed in aside", r)
				continue
			}
			asideUsed[i] = true
			count["not ours"]++
			reasons[aside[i].reason]++
			continue
		}
		if byID {
			count["response decoded; the request names the repository by ID"]++
		} else {
			count["request compared, response decoded"]++
		}

		in := input{vars: vars, query: r.query(), body: []byte("{}")}
		if keys := r.requestKeys(t); len(keys) > 0 {
			in.body = r.Request.Body
		}
		got, sent, err := replay(t, r, do, in)
		if err != nil {
			t.Errorf("%s: %v", r, err)
			continue
		}
		if !byID {
			checkRequest(t, r, sent)
		}
		if do.of == "" {
			continue
		}
		except := func(path string) bool {
			if _, ok := undocumented[path]; ok {
				keysLost[path]++
				return true
			}
			return false
		}
		for _, what := range lost(do.of, parse(t, r.responseBody()), encoded(t, got), except) {
			t.Errorf("%s: lost in decoding: %s", r, what)
		}
	}

	for i, used := range asideUsed {
		if !used {
			t.Errorf("aside lists %s %s, but no exchange has that operation", aside[i].method, aside[i].path)
		}
	}
	for path := range undocumented {
		if keysLost[path] == 0 {
			t.Errorf("undocumented lists %s, but no exchange has that key", path)
		}
	}
	report(t, len(rows), count, reasons)
}

// report prints the counts, and fails if their sum is not the number of rows.
func report(t *testing.T, rows int, count, reasons map[string]int) {
	t.Helper()
	total := 0
	for _, name := range slices.Sorted(maps.Keys(count)) {
		t.Logf("%4d %s", count[name], name)
		total += count[name]
	}
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("     %4d %s", reasons[name], name)
	}
	if total != rows {
		t.Errorf("%d rows, and %d accounted for", rows, total)
	}
}

// replay makes the call on a server that returns the row's response. It returns
// the decoded value and the received request.
func replay(t *testing.T, r *row, do call, in input) (any, *received, error) {
	t.Helper()
	var all requests
	server := httptest.NewServer(all.record(func(w http.ResponseWriter, _ *http.Request) { r.reply(w) }))
	defer server.Close()
	client := newClient(t, server.URL)
	got, err := do.do(t.Context(), client, in)
	switch n := len(all.list); {
	case n == 0 && err != nil:
		return nil, nil, err
	case n != 1:
		t.Fatalf("%s: %d requests, want one", r, n)
	}
	return got, all.list[0], err
}

// token is the token of the clients in these tests.
const token = "ghp_conformance"

func newClient(t *testing.T, base string, opts ...ghdeploy.Option) *ghdeploy.Client {
	t.Helper()
	client, err := ghdeploy.NewClient(append([]ghdeploy.Option{
		ghdeploy.WithBaseURL(base + prefix),
		ghdeploy.WithToken(token),
		ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1, MaxWait: -1}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// received is a request as a server saw it.
type received struct {
	method, path string // the path is escaped and without the prefix
	query        url.Values
	header       http.Header
	body         []byte
}

type requests struct {
	mu   sync.Mutex
	list []*received
}

func (q *requests) record(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		q.mu.Lock()
		q.list = append(q.list, &received{
			method: req.Method, path: strings.TrimPrefix(req.URL.EscapedPath(), prefix), query: req.URL.Query(),
			header: req.Header, body: body,
		})
		q.mu.Unlock()
		next(w, req)
	}
}

// checkRequest compares our request with the recorded one: method, path,
// query, and the keys of its body with their values.
func checkRequest(t *testing.T, r *row, sent *received) {
	t.Helper()
	if sent.method != r.Request.Method {
		t.Errorf("%s: sent as %s", r, sent.method)
	}
	if sent.path != r.path() {
		t.Errorf("%s: sent to %s", r, sent.path)
	}
	if got, want := sent.query, r.query(); got.Encode() != want.Encode() {
		t.Errorf("%s: sent with the query %q, recorded with %q", r, got.Encode(), want.Encode())
	}
	want := r.requestKeys(t)
	got := map[string]any{}
	if len(sent.body) > 0 {
		got = parse(t, sent.body).(map[string]any)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: sent with the body %v, recorded with %v", r, got, want)
	}
	if len(sent.body) > 0 && sent.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: sent with the Content-Type %q", r, sent.header.Get("Content-Type"))
	}
}

// TestUndocumented checks that GitHub's descriptions lack the keys that the
// client drops.
func TestUndocumented(t *testing.T) {
	for _, d := range descriptions(t) {
		for path := range undocumented {
			name, key, _ := strings.Cut(path, ".")
			schema := d.doc.Components.Schemas[schemaOf[name]]
			if schema == nil {
				t.Errorf("%s: no schema for %s", d.name, path)
				continue
			}
			if schema.Value.Properties[key] != nil {
				t.Errorf("%s: %s is described, so the client must decode it", d.name, path)
			}
		}
	}
}
