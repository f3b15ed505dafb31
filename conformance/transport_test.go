package conformance

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// TestReplayTransport replays recorded Link headers, redirects, quotas and
// Sunset headers. The requests were on other operations: only status and
// headers count.
func TestReplayTransport(t *testing.T) {
	rows := readRows(t, "transport.jsonl")
	count := make(map[string]int)
	reasons := make(map[string]int)
	for _, r := range rows {
		checks := 0
		check := func(name string, f func(t *testing.T, r *row)) {
			checks++
			reasons[name]++
			t.Run(name+"/"+strconv.Itoa(r.line), func(t *testing.T) { f(t, r) })
		}
		if r.header("Link") != "" && r.Request.Method == http.MethodGet {
			check("Link", checkLinks)
		}
		if r.header("Sunset") != "" {
			check("Sunset", checkSunset)
		}
		if status := r.Response.Status; status >= 300 && status < 400 {
			check("redirect off the origin", checkRefusedRedirect)
			if status != http.StatusFound {
				check("redirect on the origin", checkRedirect)
			}
		}
		if r.header("X-RateLimit-Limit") != "" {
			check("quota", checkRate)
		}
		if checks == 0 {
			t.Errorf("%s: no check applies", r)
			count["not checked"]++
			continue
		}
		count["checked"]++
	}
	report(t, len(rows), count, reasons)
}

// pageLinks parses Link in another way than the client does.
var pageLinks = regexp.MustCompile(`<[^>]*[?&]page=(\d+)[^>]*>; rel="(\w+)"`)

// anyNext matches a next page of any form.
var anyNext = regexp.MustCompile(`rel="next"`)

func checkLinks(t *testing.T, r *row) {
	want := map[string]int{}
	for _, match := range pageLinks.FindAllStringSubmatch(r.header("Link"), -1) {
		want[match[2]], _ = strconv.Atoi(match[1])
	}
	number, _ := strconv.Atoi(r.query().Get("page"))
	server := httptest.NewServer(withHeaders(r, http.StatusOK, "[]"))
	defer server.Close()
	page, err := newClient(t, server.URL).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: number})
	if anyNext.MatchString(r.header("Link")) && want["next"] == 0 {
		// The next page has a cursor or an ID instead of a number, which GitHub
		// does not use for our lists. The client must not ignore it.
		if err != nil || page.NextPage != -1 {
			t.Fatalf("%s: the next page has no number, and the page is %+v, %v", r, page, err)
		}
		_, err := newClient(t, server.URL).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Page: page.NextPage})
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("%s: the next List is %v, want ErrInvalidArgument", r, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	got := map[string]int{"first": page.FirstPage, "prev": page.PrevPage, "next": page.NextPage, "last": page.LastPage}
	for rel, n := range got {
		if n != want[rel] {
			t.Errorf("%s: %s is %d, want %d", r, rel, n, want[rel])
		}
	}
}

func checkSunset(t *testing.T, r *row) {
	var log bytes.Buffer
	server := httptest.NewServer(withHeaders(r, http.StatusNoContent, ""))
	defer server.Close()
	client := newClient(t, server.URL, ghdeploy.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	for range 2 {
		if err := client.Deployments.Delete(t.Context(), "o", "r", 7); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), r.header("Sunset")) {
		t.Errorf("%s: %d warnings, want one with the date:\n%s", r, got, log.String())
	}
}

// checkRefusedRedirect replays Location unchanged, on another origin than the
// test's server.
func checkRefusedRedirect(t *testing.T, r *row) {
	var all requests
	server := httptest.NewServer(all.record(func(w http.ResponseWriter, _ *http.Request) { r.reply(w) }))
	defer server.Close()
	_, err := calls[nearest[r.Request.Method]].do(t.Context(), newClient(t, server.URL), nearestInput(r.Request.Method))
	if got := isAll(err); got != "ErrRedirect" {
		t.Errorf("%s: %v: it matches %q, want ErrRedirect", r, err, got)
	}
	if len(all.list) != 1 {
		t.Errorf("%s: %d requests, want one", r, len(all.list))
	}
}

// checkRedirect moves Location to the origin of the test's server. The request
// must arrive there unchanged.
func checkRedirect(t *testing.T, r *row) {
	var all requests
	server := httptest.NewServer(all.record(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/repositories/") {
			w.Write([]byte(`{"id": 7}`))
			return
		}
		w.Header().Set("Location", strings.Replace(r.header("Location"), "https://api.github.com", "http://"+req.Host+prefix, 1))
		w.WriteHeader(r.Response.Status)
		w.Write(r.responseBody())
	}))
	defer server.Close()
	if _, err := calls[nearest[r.Request.Method]].do(t.Context(), newClient(t, server.URL), nearestInput(r.Request.Method)); err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	if len(all.list) != 2 {
		t.Fatalf("%s: %d requests, want two", r, len(all.list))
	}
	first, second := all.list[0], all.list[1]
	if second.path != strings.TrimPrefix(r.header("Location"), "https://api.github.com") {
		t.Errorf("%s: followed to %s", r, second.path)
	}
	if second.method != first.method || string(second.body) != string(first.body) {
		t.Errorf("%s: %s with %q became %s with %q", r, first.method, first.body, second.method, second.body)
	}
	if got := second.header.Get("Authorization"); got != "Bearer "+token {
		t.Errorf("%s: the Authorization after the redirect is %q", r, got)
	}
}

func checkRate(t *testing.T, r *row) {
	server := httptest.NewServer(withHeaders(r, http.StatusNoContent, ""))
	defer server.Close()
	client := newClient(t, server.URL)
	if err := client.Deployments.Delete(t.Context(), "o", "r", 7); err != nil {
		t.Fatal(err)
	}
	rate := client.Rate()
	for name, got := range map[string]string{
		"X-RateLimit-Limit":     strconv.Itoa(rate.Limit),
		"X-RateLimit-Remaining": strconv.Itoa(rate.Remaining),
		"X-RateLimit-Used":      strconv.Itoa(rate.Used),
		"X-RateLimit-Reset":     strconv.FormatInt(rate.Reset.Unix(), 10),
		"X-RateLimit-Resource":  rate.Resource,
	} {
		if want := r.header(name); got != want && want != "" {
			t.Errorf("%s: %s is %s, want %s", r, name, got, want)
		}
	}
}

// withHeaders returns the recorded headers with this status and body.
func withHeaders(r *row, status int, body string) http.HandlerFunc {
	with := *r
	with.Response.Status = status
	with.Response.Body = []byte(strconv.Quote(body))
	return func(w http.ResponseWriter, _ *http.Request) { with.reply(w) }
}
