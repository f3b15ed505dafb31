package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ghdeploy/ghdeploy"
)

const (
	weakTag   = `W/"d1f3a9"`
	strongTag = `"d1f3a9"`
)

// conditions returns the If-None-Match headers of requests, "-" for none.
func conditions(requests []sent) []string {
	var list []string
	for _, r := range requests {
		values, ok := r.Header["If-None-Match"]
		if !ok {
			values = []string{"-"}
		}
		list = append(list, strings.Join(values, " and "))
	}
	return list
}

// poll gets deployment 42.
func poll(t *testing.T, client *ghdeploy.Client) (*ghdeploy.Deployment, error) {
	t.Helper()
	return client.Deployments.Get(t.Context(), "o", "r", 42)
}

func mustPoll(t *testing.T, client *ghdeploy.Client, task string) {
	t.Helper()
	d, err := poll(t, client)
	if err != nil {
		t.Fatal(err)
	}
	if d.ID != 42 || d.Task != task {
		t.Fatalf("deployment %d with task %q, want 42 with %q", d.ID, d.Task, task)
	}
}

func withTask(task string) string { return `{"id":42,"task":"` + task + `"}` }

func TestWithConditionalCacheRefuses(t *testing.T) {
	_, err := ghdeploy.NewClient(ghdeploy.WithConditionalCache(-1))
	const want = "ghdeploy: WithConditionalCache: -1 bytes is negative; use 0 to turn the cache off"
	if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != want {
		t.Errorf("err  = %v\nwant  %s", err, want)
	}
}

// A valid ETag is sent back unchanged. Any other is not cached.
func TestConditionalETags(t *testing.T) {
	for name, tt := range map[string]struct {
		headers []string
		opts    []ghdeploy.Option
		sent    string
	}{
		"weak":                  {headers: []string{"ETag: " + weakTag}, sent: weakTag},
		"strong":                {headers: []string{"ETag: " + strongTag}, sent: strongTag},
		"empty":                 {headers: []string{`ETag: ""`}, sent: `""`},
		"with a comma":          {headers: []string{`ETag: "a,b"`}, sent: `"a,b"`},
		"not ASCII":             {headers: []string{"ETag: \"\u00e9\""}, sent: "\"\u00e9\""},
		"with any Vary":         {headers: []string{"ETag: " + weakTag, "Vary: Accept, Authorization, Cookie, X-GitHub-OTP", "Vary: *"}, sent: weakTag},
		"with max-age":          {headers: []string{"ETag: " + weakTag, "Cache-Control: private, max-age=60, s-maxage=60"}, sent: weakTag},
		"longest":               {headers: []string{`ETag: "` + strings.Repeat("x", 510) + `"`}, sent: `"` + strings.Repeat("x", 510) + `"`},
		"none":                  {sent: "-"},
		"one byte too long":     {headers: []string{`ETag: "` + strings.Repeat("x", 511) + `"`}, sent: "-"},
		"1 MiB long":            {headers: []string{`ETag: "` + strings.Repeat("x", 1<<20) + `"`}, sent: "-"},
		"without quotes":        {headers: []string{"ETag: d1f3a9"}, sent: "-"},
		"one quote":             {headers: []string{`ETag: "`}, sent: "-"},
		"a star":                {headers: []string{"ETag: *"}, sent: "-"},
		"two in a line":         {headers: []string{`ETag: "a", "b"`}, sent: "-"},
		"two lines":             {headers: []string{`ETag: "a"`, `ETag: "b"`}, sent: "-"},
		"a lowercase W":         {headers: []string{`ETag: w/"a"`}, sent: "-"},
		"with a line break":     {headers: []string{"ETag: \"a\r\nX: y\""}, sent: "-"},
		"with a NUL":            {headers: []string{"ETag: \"a\x00\""}, sent: "-"},
		"with a DEL":            {headers: []string{"ETag: \"a\x7f\""}, sent: "-"},
		"with a space":          {headers: []string{`ETag: "a b"`}, sent: "-"},
		"not to be stored":      {headers: []string{"ETag: " + weakTag, "Cache-Control: private, No-Store"}, sent: "-"},
		"off":                   {headers: []string{"ETag: " + weakTag}, opts: []ghdeploy.Option{ghdeploy.WithConditionalCache(0)}, sent: "-"},
		"one byte of cache":     {headers: []string{"ETag: " + weakTag}, opts: []ghdeploy.Option{ghdeploy.WithConditionalCache(1)}, sent: "-"},
		"a Link larger than it": {headers: []string{"ETag: " + weakTag, "Link: " + strings.Repeat("x", 512<<10)}, sent: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, withTask("first"), tt.headers...), reply(200, withTask("second"), tt.headers...))
			client := clientOn(t, w, tt.opts...)
			mustPoll(t, client, "first")
			mustPoll(t, client, "second")
			same(t, "If-None-Match", []string{"-", tt.sent}, conditions(w.requests()))
		})
	}
}

// A 304 returns the cached body with the headers of the 304.
func TestConditionalNotModified(t *testing.T) {
	for name, headers := range map[string][]string{
		"the same tag":    {"ETag: " + weakTag},
		"its strong form": {"ETag: " + strongTag},
		"no tag":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := replies(
				reply(200, "["+withTask("first")+"]", "ETag: "+weakTag, `Link: <https://ghe.example.com/x?page=2>; rel="next"`, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4999"),
				reply(304, "", append(headers, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 17")...))
			client := clientOn(t, w)
			for i, remaining := range []int{4999, 17, 17} {
				page, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Items) != 1 || page.Items[0].Task != "first" || page.NextPage != 2 || page.Rate.Remaining != remaining || client.Rate().Remaining != remaining {
					t.Errorf("call %d: %+v, want one row, the next page 2, %d remaining", i+1, page, remaining)
				}
			}
			same(t, "If-None-Match", []string{"-", weakTag, weakTag}, conditions(w.requests()))
		})
	}

	t.Run("a Link of its own", func(t *testing.T) {
		w := replies(
			reply(200, "["+withTask("first")+"]", "ETag: "+weakTag, `Link: <?page=2>; rel="next", <?page=2>; rel="last"`),
			reply(304, "", `Link: <?page=2>; rel="next", <?page=3>; rel="last"`))
		client := clientOn(t, w)
		for _, last := range []int{2, 3} {
			page, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{})
			if err != nil || page.LastPage != last {
				t.Fatalf("%+v, %v, want the last page %d", page, err, last)
			}
		}
	})

	t.Run("an array under a key", func(t *testing.T) {
		w := replies(reply(200, `{"total_count":31,"environments":[{"id":7,"name":"qa"}]}`, "ETag: "+weakTag), reply(304, ""))
		client := clientOn(t, w)
		for range 2 {
			page, err := client.Environments.List(t.Context(), "o", "r", ghdeploy.EnvironmentListOptions{})
			if err != nil || page.Total != 31 || len(page.Items) != 1 || page.Items[0].Name != "qa" {
				t.Fatalf("%+v, %v", page, err)
			}
		}
		same(t, "If-None-Match", []string{"-", weakTag}, conditions(w.requests()))
	})
}

func TestConditionalReplacement(t *testing.T) {
	w := replies(
		reply(200, withTask("first"), "ETag: "+weakTag),
		reply(200, withTask("second"), `ETag: "2"`),
		reply(304, ""),
		reply(404, `{"message":"Not Found"}`, `ETag: "404"`),
		reply(502, "<html>", `ETag: "502"`),
		reply(200, `{"id":`, `ETag: "bad"`),
		reply(200, `[]`, `ETag: "worse"`),
		reply(304, ""),
		reply(200, withTask("third")), // no ETag: the entry is removed
		reply(200, withTask("fourth")),
	)
	client := clientOn(t, w)
	for _, want := range []string{"first", "second", "second", "404", "502", "malformed", "malformed", "second", "third", "fourth"} {
		d, err := poll(t, client)
		var e *ghdeploy.Error
		have := ""
		switch {
		case err == nil:
			have = d.Task
		case errors.Is(err, ghdeploy.ErrMalformedResponse):
			have = "malformed"
		case errors.As(err, &e):
			have = fmt.Sprint(e.StatusCode)
		}
		if have != want {
			t.Fatalf("%q (%v), want %q", have, err, want)
		}
	}
	same(t, "If-None-Match", []string{"-", weakTag, `"2"`, `"2"`, `"2"`, `"2"`, `"2"`, `"2"`, `"2"`, "-"}, conditions(w.requests()))
}

// tagged is a server that returns a 304 for the ETag of its current body.
type tagged struct {
	ghdeploy.RoundTripFunc
	mu   sync.Mutex
	tag  string
	body string
	got  []string
}

func newTagged(tag, body string) *tagged {
	s := &tagged{tag: tag, body: body}
	s.RoundTripFunc = s.serve
	return s
}

func (s *tagged) serve(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	condition := r.Header.Get("If-None-Match")
	s.got = append(s.got, condition)
	a := reply(200, s.body, "ETag: "+s.tag)
	if condition == s.tag {
		a = reply(304, "", "ETag: "+s.tag)
	}
	return a.Response(r)
}

// A response that does not decode is not cached, so the next poll reads the
// body again.
func TestConditionalBadResponse(t *testing.T) {
	s := newTagged(weakTag, `{"id":`)
	client := clientOn(t, s)
	if _, err := poll(t, client); !errors.Is(err, ghdeploy.ErrMalformedResponse) {
		t.Fatalf("err = %v, want ErrMalformedResponse", err)
	}
	s.body = withTask("first") // under the same tag
	for range 5 {
		mustPoll(t, client, "first")
	}
	same(t, "If-None-Match", []string{"", "", weakTag, weakTag, weakTag, weakTag}, s.got)
}

// A 304 without a condition, or with another ETag, is malformed.
func TestConditionalUnexpectedNotModified(t *testing.T) {
	const path = "ghdeploy: GET /repos/o/r/deployments/42: 304 Not Modified (the body is empty): malformed response: "

	t.Run("without a condition", func(t *testing.T) {
		w := replies(reply(200, withTask("first")), reply(304, "", "ETag: "+weakTag))
		client := clientOn(t, w)
		mustPoll(t, client, "first")
		if _, err := poll(t, client); !errors.Is(err, ghdeploy.ErrMalformedResponse) || err.Error() != path+"no condition was sent" {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("to a write", func(t *testing.T) {
		w := replies(reply(200, `{"id":7,"name":"qa"}`, "ETag: "+weakTag), reply(304, "", "ETag: "+weakTag))
		client := clientOn(t, w)
		if _, err := client.Environments.Get(t.Context(), "o", "r", "qa"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Environments.Replace(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{}); !errors.Is(err, ghdeploy.ErrMalformedResponse) {
			t.Errorf("err = %v, want ErrMalformedResponse", err)
		}
		same(t, "If-None-Match", []string{"-", "-"}, conditions(w.requests()))
	})
	t.Run("another tag", func(t *testing.T) {
		w := replies(reply(200, withTask("first"), "ETag: "+weakTag), reply(304, "", `ETag: "other"`), reply(200, withTask("second"), `ETag: "other"`))
		client := clientOn(t, w)
		mustPoll(t, client, "first")
		if _, err := poll(t, client); !errors.Is(err, ghdeploy.ErrMalformedResponse) || err.Error() != path+"the 304 has another ETag than the condition" {
			t.Errorf("err = %v", err)
		}
		mustPoll(t, client, "second")
		same(t, "If-None-Match", []string{"-", weakTag, "-"}, conditions(w.requests()))
	})
	t.Run("another tag, and a retry", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := replies(reply(200, withTask("first"), "ETag: "+weakTag), reply(304, "", `ETag: "other"`), reply(200, withTask("second"), `ETag: "other"`))
			client := clientOn(t, w, ghdeploy.WithRetry(ghdeploy.RetryPolicy{}))
			mustPoll(t, client, "first")
			mustPoll(t, client, "second")
			same(t, "If-None-Match", []string{"-", weakTag, "-"}, conditions(w.requests()))
		})
	})
}

func TestConditionalRetries(t *testing.T) {
	for name, first := range map[string]*canned{
		"502":             reply(502, "<html>"),
		"connection lost": {Err: errors.New("connection reset")},
		"a rate limit":    reply(429, `{"message":"slow down"}`, "Retry-After: 1"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := replies(reply(200, withTask("first"), "ETag: "+weakTag), first, reply(304, ""))
				client := clientOn(t, w, ghdeploy.WithRetry(ghdeploy.RetryPolicy{}))
				mustPoll(t, client, "first")
				mustPoll(t, client, "first")
				same(t, "If-None-Match", []string{"-", weakTag, weakTag}, conditions(w.requests()))
			})
		})
	}
}

// Each token has its own entries, also if it changes between two attempts.
func TestConditionalTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := []string{"token-a", "token-b", "token-a", "token-b", "token-c"}
		w := replies(
			reply(200, withTask("of a"), `ETag: "a"`),
			reply(200, withTask("of b"), `ETag: "b"`),
			reply(502, "<html>"), reply(304, ""), // a, then b
			reply(200, withTask("of c"), `ETag: "c"`),
		)
		client := clientOn(t, w, ghdeploy.WithRetry(ghdeploy.RetryPolicy{}), ghdeploy.WithTokenFunc(func(context.Context) (string, error) {
			token := tokens[0]
			tokens = tokens[1:]
			return token, nil
		}))
		for _, task := range []string{"of a", "of b", "of b", "of c"} {
			mustPoll(t, client, task)
		}
		same(t, "If-None-Match", []string{"-", "-", `"a"`, `"b"`, "-"}, conditions(w.requests()))
	})
}

// A redirected request has no condition: at its target the same ETag can belong
// to another object.
func TestConditionalRedirect(t *testing.T) {
	moved := reply(301, `{"message":"Moved Permanently"}`, "Location: "+apiRoot+"/repositories/1/deployments/42")
	t.Run("after the response was kept", func(t *testing.T) {
		w := replies(
			reply(200, withTask("before"), "ETag: "+weakTag),
			moved, reply(200, withTask("after"), "ETag: "+weakTag),
			moved, reply(200, withTask("later"), `ETag: "2"`),
		)
		client := clientOn(t, w, ghdeploy.WithToken("a-token"))
		for _, task := range []string{"before", "after", "later"} {
			mustPoll(t, client, task)
		}
		same(t, "If-None-Match", []string{"-", weakTag, "-", weakTag, "-"}, conditions(w.requests()))
	})
	t.Run("from the beginning", func(t *testing.T) {
		w := replies(moved, reply(200, withTask("first"), "ETag: "+weakTag), moved, reply(200, withTask("second"), "ETag: "+weakTag))
		client := clientOn(t, w)
		mustPoll(t, client, "first")
		mustPoll(t, client, "second")
		same(t, "If-None-Match", []string{"-", "-", "-", "-"}, conditions(w.requests()))
	})
	t.Run("to a 304", func(t *testing.T) {
		w := replies(reply(200, withTask("before"), "ETag: "+weakTag), moved, reply(304, "", "ETag: "+weakTag))
		client := clientOn(t, w)
		mustPoll(t, client, "before")
		if _, err := poll(t, client); !errors.Is(err, ghdeploy.ErrMalformedResponse) {
			t.Errorf("err = %v, want ErrMalformedResponse", err)
		}
	})
}

// A full page without a next page is not cached. The list can grow after it,
// and the page itself would still be unchanged.
func TestFullPageWithoutANextOneIsNotCached(t *testing.T) {
	rows := func(n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(`{"id":7},`, n), ",") + "]"
	}
	for _, tt := range []struct {
		rows, perPage int
		link          string
		conditional   bool
	}{
		{29, 0, "", true},
		{30, 0, "", false},
		{30, 0, `<?page=2>; rel="next"`, true},
		{31, 0, "", false},
		{99, 100, "", true},
		{100, 100, "", false},
		{0, 1, "", true},
		{1, 1, "", false},
	} {
		name := fmt.Sprintf("%d rows, per_page %d, link %t", tt.rows, tt.perPage, tt.link != "")
		headers := []string{`ETag: "a"`}
		if tt.link != "" {
			headers = append(headers, "Link: "+tt.link)
		}
		w := replies(reply(200, rows(tt.rows), headers...))
		client := clientOn(t, w)
		for range 2 {
			_, err := client.Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{PerPage: tt.perPage})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := w.requests()[1].Header.Get("If-None-Match") != ""; got != tt.conditional {
			t.Errorf("%s: the second request is conditional: %t, want %t", name, got, tt.conditional)
		}
	}
}

// The cache knows a response by the URL that was requested, also if the
// transport changed it.
func TestConditionalTransportChangesTheRequest(t *testing.T) {
	w := replies(reply(200, withTask("deploy"), `ETag: "1"`), reply(304, ""))
	changing := ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		resp, err := w.RoundTrip(r)
		r.URL.Host, r.URL.Path, r.URL.RawQuery = "proxy.example.com", "/changed", "a=b"
		r.Header.Del("If-None-Match")
		return resp, err
	})
	client := clientOn(t, changing)
	mustPoll(t, client, "deploy")
	mustPoll(t, client, "deploy")
	same(t, "If-None-Match", []string{"-", `"1"`}, conditions(w.requests()))
}
