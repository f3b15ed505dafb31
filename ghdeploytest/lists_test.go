package ghdeploytest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// many returns a server whose repository 515435940 has n deployments. Their IDs
// end in 1 to n.
func many(t *testing.T, n int, opts ...ghdeploytest.Option) *ghdeploytest.Server {
	t.Helper()
	srv := newServer(t, append(opts, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", ID: 515435940}))...)
	for range n {
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	}
	return srv
}

// ids returns the last three digits of the IDs in a list.
func ids(t *testing.T, body string) []int64 {
	t.Helper()
	var rows []struct{ ID int64 }
	if err := json.Unmarshal([]byte(body), &rows); err != nil {
		t.Fatal(err)
	}
	var list []int64
	for _, row := range rows {
		list = append(list, row.ID%1000)
	}
	return list
}

// The Link headers are recorded in octokit/fixtures, paginate-issues: 13 rows
// at 3 a page.
func TestLink(t *testing.T) {
	const at = "<https://api.github.test/repositories/515435940/deployments?"
	srv := many(t, 13)
	withoutLast := many(t, 13, ghdeploytest.WithoutLastLink())
	tests := []struct {
		name  string
		srv   *ghdeploytest.Server
		query string
		ids   []int64
		link  string
	}{
		{"first", srv, "?per_page=3", []int64{13, 12, 11}, at + `per_page=3&page=2>; rel="next", ` + at + `per_page=3&page=5>; rel="last"`},
		{"middle", srv, "?per_page=3&page=2", []int64{10, 9, 8},
			at + `per_page=3&page=1>; rel="prev", ` + at + `per_page=3&page=3>; rel="next", ` + at + `per_page=3&page=5>; rel="last", ` + at + `per_page=3&page=1>; rel="first"`},
		{"page stays the first parameter", srv, "?page=2&per_page=10", []int64{3, 2, 1}, at + `page=1&per_page=10>; rel="prev", ` + at + `page=1&per_page=10>; rel="first"`},
		{"last", srv, "?per_page=3&page=5", []int64{1}, at + `per_page=3&page=4>; rel="prev", ` + at + `per_page=3&page=1>; rel="first"`},
		{"past the last", srv, "?per_page=3&page=9", nil, at + `per_page=3&page=5>; rel="prev", ` + at + `per_page=3&page=1>; rel="first"`},
		{"far past the last", srv, "?per_page=100&page=9223372036854775807", nil, at + `per_page=100&page=1>; rel="prev", ` + at + `per_page=100&page=1>; rel="first"`},
		{"page above 64 bits", srv, "?per_page=13&page=9223372036854775808", []int64{13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, ""},
		{"all on one page", srv, "", []int64{13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, ""},
		{"one full page", srv, "?per_page=13", []int64{13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, ""},
		{"without last", withoutLast, "?per_page=3", []int64{13, 12, 11}, at + `per_page=3&page=2>; rel="next"`},
		{"filters stay in the links", srv, "?environment=production&per_page=12", []int64{13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2},
			at + `environment=production&per_page=12&page=2>; rel="next", ` + at + `environment=production&per_page=12&page=2>; rel="last"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := must(t, tt.srv, 200, "GET", deployments+tt.query, "")
			if list := ids(t, got.body); !slices.Equal(list, tt.ids) {
				t.Errorf("ids %v, want %v", list, tt.ids)
			}
			wantHeaders(t, got.header, map[string]string{"Link": tt.link})
		})
	}
}

func TestPageSizes(t *testing.T) {
	srv := many(t, 101)
	for query, want := range map[string]int{
		"": 30, "?per_page=100": 100, "?per_page=101": 100, "?per_page=1000000": 100, "?per_page=0": 30, "?per_page=x": 30, "?page=0&per_page=5": 5, "?page=2&per_page=100": 1,
	} {
		if got := ids(t, must(t, srv, 200, "GET", deployments+query, "").body); len(got) != want {
			t.Errorf("%q: %d rows, want %d", query, len(got), want)
		}
	}
	for range 31 {
		must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`)
	}
	got := must(t, srv, 200, "GET", first+"/statuses", "")
	if list := ids(t, got.body); len(list) != 30 || list[0] != 31 {
		t.Errorf("statuses %v", list)
	}
	const at = "<https://api.github.test/repositories/515435940/deployments/6000000001/statuses?page=2>"
	wantHeaders(t, got.header, map[string]string{"Link": at + `; rel="next", ` + at + `; rel="last"`})
}

func TestLinkKeepsHostAndPrefix(t *testing.T) {
	srv := many(t, 2)
	got := must(t, srv, 200, "GET", "http://ghe.example:8443/api/v3/repositories/515435940/deployments?per_page=1", "")
	const at = "<http://ghe.example:8443/api/v3/repositories/515435940/deployments?per_page=1&page=2>"
	wantHeaders(t, got.header, map[string]string{"Link": at + `; rel="next", ` + at + `; rel="last"`})
	if !strings.Contains(got.body, `"url":"http://ghe.example:8443/api/v3/repos/octocat/example/deployments/6000000002"`) ||
		!strings.Contains(got.body, `"html_url":"http://ghe.example:8443/octocat"`) {
		t.Error(got.body)
	}
}

func TestFilters(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example", Branches: []ghdeploytest.Branch{{Name: "topic", SHA: strings.Repeat("b", 40)}},
	}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	must(t, srv, 201, "POST", deployments, `{"ref":"topic","environment":"QA / eu"}`)
	must(t, srv, 201, "POST", deployments, `{"ref":"topic","task":"deploy:migrations"}`)
	for query, want := range map[string][]int64{
		"":                                {3, 2, 1},
		"?ref=topic":                      {3, 2},
		"?task=deploy%3Amigrations":       {3},
		"?environment=QA+%2F+eu":          {2},
		"?environment=qa%20/%20eu":        {2},
		"?sha=" + strings.Repeat("b", 40): {3, 2},
		"?ref=topic&task=deploy":          {2},
		"?ref=none":                       nil,
	} {
		if got := ids(t, must(t, srv, 200, "GET", deployments+query, "").body); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
}

func TestConditionalRequests(t *testing.T) {
	srv := many(t, 2)
	rate := func(r result) string { return r.header.Get("X-RateLimit-Remaining") }
	page := must(t, srv, 200, "GET", deployments+"?per_page=1", "")
	weak := page.header.Get("ETag")
	if !strings.HasPrefix(weak, `W/"`) || len(weak) != len(`W/""`)+64 {
		t.Fatalf("ETag %s", weak)
	}
	strong := strings.TrimPrefix(weak, "W/")

	t.Run("304 costs no quota and has the strong ETag", func(t *testing.T) {
		for _, tag := range []string{weak, strong, `"other", ` + weak} {
			got := must(t, srv, 304, "GET", deployments+"?per_page=1", "", "If-None-Match", tag)
			wantHeaders(t, got.header, map[string]string{"ETag": strong, "Content-Type": "", "Content-Length": "", "Cache-Control": "private, max-age=60, s-maxage=60"})
			if got.body != "" || rate(got) != rate(page) {
				t.Errorf("body %q, remaining %s, want %s", got.body, rate(got), rate(page))
			}
		}
	})
	t.Run("201 has a strong ETag", func(t *testing.T) {
		made := must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		if tag := made.header.Get("ETag"); len(tag) != 66 || tag[0] != '"' {
			t.Errorf("ETag %s", tag)
		}
	})
	t.Run("200 after a change", func(t *testing.T) {
		must(t, srv, 200, "GET", deployments+"?per_page=1", "", "If-None-Match", weak)
	})
	t.Run("another token has another ETag", func(t *testing.T) {
		tag := must(t, srv, 200, "GET", first, "").header.Get("ETag")
		must(t, srv, 304, "GET", first, "", "If-None-Match", tag)
		must(t, srv, 200, "GET", first, "", "If-None-Match", tag, "Authorization", "Bearer refreshed")
	})
	t.Run("an anonymous 304 costs quota", func(t *testing.T) {
		one := must(t, srv, 200, "GET", first, "", "Authorization", "")
		two := must(t, srv, 304, "GET", first, "", "Authorization", "", "If-None-Match", one.header.Get("ETag"))
		if rate(one) != "59" || rate(two) != "58" {
			t.Errorf("remaining %s, then %s", rate(one), rate(two))
		}
		wantHeaders(t, one.header, map[string]string{"Cache-Control": "public, max-age=60, s-maxage=60"})
	})
	t.Run("If-Modified-Since", func(t *testing.T) {
		since := must(t, srv, 200, "GET", first, "").header.Get("Last-Modified")
		must(t, srv, 304, "GET", first, "", "If-Modified-Since", since)
		must(t, srv, 200, "GET", first, "", "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT")
	})
	t.Run("HEAD", func(t *testing.T) {
		got := must(t, srv, 200, "HEAD", first, "")
		if got.body != "" || got.header.Get("Content-Length") == "0" {
			t.Errorf("body %q, length %s", got.body, got.header.Get("Content-Length"))
		}
	})
}

func TestResponseHeaders(t *testing.T) {
	srv := many(t, 1, ghdeploytest.WithClock(newClock().now))
	seen := map[string]bool{}
	for i, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", deployments, "", 200}, {"POST", deployments, `{"ref":"main"}`, 201}, {"POST", deployments, `{"ref":"x"}`, 422},
		{"GET", "/nothing", "", 404}, {"POST", deployments, `{`, 400},
	} {
		got := must(t, srv, tt.status, tt.method, tt.path, tt.body, "X-GitHub-Api-Version", "2026-03-10")
		wantHeaders(t, got.header, map[string]string{
			"X-RateLimit-Limit": "5000", "X-RateLimit-Resource": "core", "X-RateLimit-Reset": "1775048400",
			"X-RateLimit-Used": fmt.Sprint(i + 2), "X-RateLimit-Remaining": fmt.Sprint(5000 - i - 2),
			"X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Api-Version-Selected": "2026-03-10",
			"Date": "Wed, 01 Apr 2026 12:00:00 GMT",
		})
		id := got.header.Get("X-GitHub-Request-Id")
		if id == "" || seen[id] {
			t.Errorf("the request ID %q is empty or not unique", id)
		}
		seen[id] = true
	}
}

// Recorded: X-GitHub-Media-Type has the version or the preview of Accept.
func TestMediaType(t *testing.T) {
	srv := newServer(t)
	for accept, want := range map[string]string{
		"":                               "github.v3; format=json",
		"application/json":               "github.v3; format=json",
		"application/vnd.github+json":    "github.v3; format=json",
		"application/vnd.github.v3+json": "github.v3; format=json",
		"application/json, application/vnd.github.dorian-preview+json; q=0.5": "github.dorian-preview; format=json",
	} {
		got := must(t, srv, 200, "GET", deployments, "", "Accept", accept)
		wantHeaders(t, got.header, map[string]string{"X-GitHub-Media-Type": want})
	}
}
