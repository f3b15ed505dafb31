package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// ways are the two ways to reach a server. Every fault has the same effect over
// both, except where a test says otherwise.
var ways = []struct {
	name string
	dial func(*testing.T, *ghdeploytest.Server) (http.RoundTripper, string)
}{
	{"in process", func(_ *testing.T, srv *ghdeploytest.Server) (http.RoundTripper, string) {
		return srv.Transport(), strings.TrimSuffix(ghdeploytest.BaseURL, "/")
	}},
	{"socket", func(t *testing.T, srv *ghdeploytest.Server) (http.RoundTripper, string) {
		tr := &http.Transport{DisableKeepAlives: true} // net/http would retry a GET on an idle connection
		return tr, srv.URL()
	}},
}

func TestFaultEffects(t *testing.T) {
	const html = "<html>busy</html>"
	tests := []struct {
		name   string
		effect ghdeploytest.Effect
		err    error // wanted error; nil: a response
		status int   // of the response and in the log
		body   string
		header map[string]string
		made   int // deployments
		logged int // requests
	}{
		{name: "HTML 502", effect: ghdeploytest.Respond(502, html), status: 502, body: html,
			header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, logged: 1},
		{name: "JSON 500", effect: ghdeploytest.Respond(500, `{"message":"Server Error"}`), status: 500, body: `{"message":"Server Error"}`,
			header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, logged: 1},
		{name: "503 with header", effect: ghdeploytest.Respond(503, "").WithHeader("Retry-After", "7"), status: 503,
			header: map[string]string{"Retry-After": "7", "Content-Type": ""}, logged: 1},
		{name: "redirect", effect: ghdeploytest.RedirectTo(307, "https://elsewhere.test/x"), status: 307,
			body:   `{"message":"Moved Permanently","documentation_url":"https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api"}`,
			header: map[string]string{"Location": "https://elsewhere.test/x"}, logged: 1},
		{name: "dropped before", effect: ghdeploytest.DropBefore(), err: io.EOF, logged: 1},
		{name: "dropped after", effect: ghdeploytest.DropAfter(), err: io.EOF, status: 201, made: 1, logged: 1},
		{name: "dropped in the middle", effect: ghdeploytest.DropMidResponse(), err: io.ErrUnexpectedEOF, status: 201, made: 1, logged: 1},
		{name: "truncated", effect: ghdeploytest.TruncateBody(9), status: 201, body: `{"url":"h`, header: map[string]string{"Content-Length": "9"}, made: 1, logged: 1},
		{name: "empty", effect: ghdeploytest.EmptyBody(), status: 201, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, made: 1, logged: 1},
		{name: "HTML under 201", effect: ghdeploytest.HTMLBody(), status: 201, body: "<!DOCTYPE html>\n<html>\n  <head><title>Unicorn! &middot; GitHub</title></head>\n  <body></body>\n</html>\n",
			header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, made: 1, logged: 1},
	}
	for _, way := range ways {
		for _, tt := range tests {
			t.Run(way.name+"/"+tt.name, func(t *testing.T) {
				srv := newServer(t)
				rt, base := way.dial(t, srv)
				srv.Inject(ghdeploytest.Fault{Operation: create, Effect: tt.effect})
				got, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`)))
				if !errors.Is(err, tt.err) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				if err == nil && (got.status != tt.status || got.body != tt.body) {
					t.Errorf("%d %q, want %d %q", got.status, got.body, tt.status, tt.body)
				}
				if err == nil {
					wantHeaders(t, got.header, tt.header)
				}
				if made := len(srv.Deployments("octocat/example")); made != tt.made {
					t.Errorf("%d deployments, want %d", made, tt.made)
				}
				log := srv.Requests()
				if len(log) != tt.logged || log[0].Status != tt.status || log[0].Fault != tt.effect.String() {
					t.Errorf("log %+v", log)
				}
				// The fault applies once: the next request succeeds.
				next, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`)))
				if err != nil || next.status != 201 {
					t.Errorf("the next request: %v, %v", next.status, err)
				}
			})
		}
	}
}

// The response to a DELETE has no body: a drop within the response drops all of
// it, and the other effects do not change it.
func TestFaultsWithoutBody(t *testing.T) {
	for _, tt := range []struct {
		effect ghdeploytest.Effect
		err    error
	}{
		{ghdeploytest.DropMidResponse(), io.EOF},
		{ghdeploytest.HTMLBody(), nil},
		{ghdeploytest.EmptyBody(), nil},
		{ghdeploytest.TruncateBody(3), nil},
	} {
		for _, way := range ways {
			t.Run(way.name+"/"+tt.effect.String(), func(t *testing.T) {
				srv := deployed(t)
				rt, base := way.dial(t, srv)
				srv.Inject(ghdeploytest.Fault{Operation: "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}", Effect: tt.effect})
				got, err := receive(rt.RoundTrip(newRequest(t, "DELETE", base+first, "")))
				if !errors.Is(err, tt.err) || err == nil && (got.status != 204 || got.body != "" || got.header["Content-Length"] != nil) {
					t.Errorf("%+v, %v", got, err)
				}
				if n := len(srv.Deployments("octocat/example")); n != 0 {
					t.Errorf("%d deployments remain", n)
				}
			})
		}
	}
}

func TestRefuseConnection(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			srv := newServer(t)
			rt, base := way.dial(t, srv)
			srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.RefuseConnection()})
			_, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`)))
			if err == nil {
				t.Fatal("no error")
			}
			if way.name == "in process" && !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("error %v", err)
			}
			if n, log := len(srv.Deployments("octocat/example")), srv.Requests(); n != 0 || len(log) != 0 {
				t.Errorf("%d deployments, log %v", n, log)
			}
		})
	}
}

func TestFaultRules(t *testing.T) {
	// which sends n requests and marks those with the fault by x.
	which := func(t *testing.T, n int, f ghdeploytest.Fault) string {
		srv := newServer(t)
		srv.Inject(f)
		var marks strings.Builder
		for range n {
			if do(t, srv, "GET", deployments, "").status == 502 {
				marks.WriteByte('x')
			} else {
				marks.WriteByte('.')
			}
		}
		return marks.String()
	}
	bad := ghdeploytest.Respond(502, "")
	for _, tt := range []struct {
		name  string
		fault ghdeploytest.Fault
		want  string
	}{
		{"once", ghdeploytest.Fault{Operation: list, Effect: bad}, "x....."},
		{"the third", ghdeploytest.Fault{Operation: list, Nth: 3, Effect: bad}, "..x..."},
		{"two from the second", ghdeploytest.Fault{Operation: list, Nth: 2, Times: 2, Effect: bad}, ".xx..."},
		{"always", ghdeploytest.Fault{Operation: list, Times: ghdeploytest.Always, Effect: bad}, "xxxxxx"},
		{"always from the fourth", ghdeploytest.Fault{Operation: list, Nth: 4, Times: ghdeploytest.Always, Effect: bad}, "...xxx"},
		{"another operation", ghdeploytest.Fault{Operation: create, Effect: bad}, "......"},
		{"any operation", ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Effect: bad}, "x....."},
		{"probability 1", ghdeploytest.Fault{Operation: list, Probability: 1, Effect: bad}, "xxxxxx"},
		{"probability 1, twice", ghdeploytest.Fault{Operation: list, Probability: 1, Times: 2, Effect: bad}, "xx...."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := which(t, 6, tt.fault); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	t.Run("probability is repeatable", func(t *testing.T) {
		fault := func(seed uint64) ghdeploytest.Fault {
			return ghdeploytest.Fault{Operation: list, Probability: 0.3, Seed: seed, Effect: bad}
		}
		one, same, other := which(t, 200, fault(1)), which(t, 200, fault(1)), which(t, 200, fault(2))
		if one != same || one == other {
			t.Errorf("seed 1 %s\nseed 1 %s\nseed 2 %s", one, same, other)
		}
		if n := strings.Count(one, "x"); n < 40 || n > 80 {
			t.Errorf("the fault affected %d of 200 requests, want about 60", n)
		}
	})
	t.Run("by repository ID", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(ghdeploytest.Fault{Operation: list, Effect: bad})
		must(t, srv, 502, "GET", "/api/v3/repositories/5000000001/deployments", "")
	})
	t.Run("the first effect applies", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(ghdeploytest.Fault{Operation: list, Effect: bad})
		srv.Inject(ghdeploytest.Fault{Operation: list, Effect: ghdeploytest.Respond(503, "")})
		must(t, srv, 502, "GET", deployments, "")
	})
	t.Run("cleared", func(t *testing.T) {
		srv := newServer(t)
		srv.Inject(ghdeploytest.Fault{Operation: list, Effect: bad})
		srv.ClearFaults()
		must(t, srv, 200, "GET", deployments, "")
	})
}

func TestExecutedAfterTheDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer()
		defer srv.Close()
		srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.ExecuteLater(12 * time.Second)})
		if _, err := try(t, srv, "POST", deployments, `{"ref":"main"}`); !errors.Is(err, io.EOF) {
			t.Fatalf("error %v", err)
		}
		time.Sleep(12*time.Second - 1)
		synctest.Wait()
		if got := must(t, srv, 200, "GET", deployments, "").body; got != "[]" {
			t.Errorf("too early: %s", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := len(srv.Deployments("octocat/example")); n != 1 {
			t.Errorf("%d deployments", n)
		}
		if log := srv.Requests(); log[0].Status != 201 {
			t.Errorf("log %+v", log)
		}
	})
}

// Real clock: testing/synctest does not support sockets.
func TestExecutedAfterTheDropOverASocket(t *testing.T) {
	srv := newServer(t)
	rt, base := ways[1].dial(t, srv)
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.ExecuteLater(time.Millisecond)})
	if _, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`))); !errors.Is(err, io.EOF) {
		t.Fatalf("error %v", err)
	}
	for srv.Requests()[0].Status == 0 { // the test's deadline ends the loop
		runtime.Gosched()
	}
	if n := len(srv.Deployments("octocat/example")); n != 1 {
		t.Errorf("%d deployments", n)
	}
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer()
		defer srv.Close()
		client := &http.Client{Transport: srv.Transport(), Timeout: 5 * time.Second}
		post := func() (time.Duration, error) {
			begin := time.Now()
			_, err := receive(client.Do(newRequest(t, "POST", ghdeploytest.BaseURL+deployments[1:], `{"ref":"main"}`)))
			return time.Since(begin), err
		}
		made := func() int { return len(srv.Deployments("octocat/example")) }

		srv.Inject(ghdeploytest.Fault{Operation: create, Latency: 3 * time.Second})
		if took, err := post(); took != 3*time.Second || err != nil || made() != 1 {
			t.Errorf("latency: %v, %v, %d deployments", took, err, made())
		}
		srv.Inject(ghdeploytest.Fault{Operation: create, Latency: 9 * time.Second})
		if took, err := post(); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) || made() != 1 {
			t.Errorf("latency past the timeout: %v, %v, %d deployments", took, err, made())
		}
		srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.SlowResponse(9 * time.Second)})
		if took, err := post(); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) || made() != 2 {
			t.Errorf("response past the timeout: %v, %v, %d deployments", took, err, made())
		}
		srv.Inject(ghdeploytest.Fault{Operation: create, Latency: time.Second, Effect: ghdeploytest.Respond(502, "")})
		if took, err := post(); took != time.Second || err != nil || made() != 2 {
			t.Errorf("latency and effect: %v, %v, %d deployments", took, err, made())
		}
	})
}

// The same over a socket. Real clock: testing/synctest does not support
// sockets.
func TestLatencyOverASocket(t *testing.T) {
	const delay = 50 * time.Millisecond
	for _, fault := range []ghdeploytest.Fault{
		{Operation: create, Latency: delay},
		{Operation: create, Effect: ghdeploytest.SlowResponse(delay)},
	} {
		srv := newServer(t)
		rt, base := ways[1].dial(t, srv)
		srv.Inject(fault)
		begin := time.Now()
		got, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`)))
		if took := time.Since(begin); err != nil || got.status != 201 || took < delay {
			t.Errorf("%v: %d, %v after %v", fault.Effect, got.status, err, took)
		}
	}
}

func TestEndlessLinksOverASocket(t *testing.T) {
	srv := many(t, 1)
	rt, base := ways[1].dial(t, srv)
	for page, effect := range map[string]ghdeploytest.Effect{"2": ghdeploytest.EndlessLink(), "1": ghdeploytest.LoopingLink()} {
		srv.Inject(ghdeploytest.Fault{Operation: list, Effect: effect})
		got, err := receive(rt.RoundTrip(newRequest(t, "GET", base+deployments, "")))
		if err != nil {
			t.Fatal(err)
		}
		wantHeaders(t, got.header, map[string]string{"Link": "<" + base + "/repositories/515435940/deployments?page=" + page + `>; rel="next"`})
	}
}

func TestEndlessLinks(t *testing.T) {
	srv := many(t, 2)
	const at = "<https://api.github.test/repositories/515435940/deployments?"
	srv.Inject(ghdeploytest.Fault{Operation: list, Times: 3, Effect: ghdeploytest.EndlessLink()})
	for page := 1; page <= 3; page++ {
		got := must(t, srv, 200, "GET", fmt.Sprintf("%s?page=%d", deployments, page), "")
		wantHeaders(t, got.header, map[string]string{"Link": fmt.Sprintf(`%spage=%d>; rel="next"`, at, page+1)})
	}
	srv.Inject(ghdeploytest.Fault{Operation: list, Effect: ghdeploytest.LoopingLink()})
	got := must(t, srv, 200, "GET", deployments+"?page=2", "")
	wantHeaders(t, got.header, map[string]string{"Link": at + `page=2>; rel="next"`})
}

// The client follows the redirect to the other host. That host is the same
// server, so the log shows whether the client sent the token.
func TestRedirectToAnotherHost(t *testing.T) {
	srv := newServer(t)
	srv.Inject(ghdeploytest.Fault{Operation: list, Effect: ghdeploytest.RedirectTo(302, "https://elsewhere.test/rate_limit")})
	client := &http.Client{Transport: srv.Transport()}
	got, err := receive(client.Do(newRequest(t, "GET", ghdeploytest.BaseURL+deployments[1:], "")))
	if err != nil || got.status != 200 {
		t.Fatal(got, err)
	}
	log := srv.Requests()
	if log[1].Host != "elsewhere.test" || log[1].Header.Get("Authorization") != "" {
		t.Errorf("the other host got %+v", log[1])
	}
}

func TestInjectPanics(t *testing.T) {
	srv := newServer(t)
	ok := ghdeploytest.DropAfter()
	for name, tt := range map[string]struct {
		fault ghdeploytest.Fault
		words []string
	}{
		"unknown operation": {ghdeploytest.Fault{Operation: "POST /deployments", Effect: ok}, []string{`"POST /deployments"`, create, "AnyOperation"}},
		"operation id":      {ghdeploytest.Fault{Operation: "repos/create-deployment", Effect: ok}, []string{create}},
		"no operation":      {ghdeploytest.Fault{Effect: ok}, []string{create}},
		"no effect":         {ghdeploytest.Fault{Operation: create}, []string{"Effect", "Latency"}},
		"negative nth":      {ghdeploytest.Fault{Operation: create, Nth: -1, Effect: ok}, []string{"Nth: -1"}},
		"endless create":    {ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.EndlessLink()}, []string{"EndlessLink", create, list, "AnyOperation"}},
		"looping get":       {ghdeploytest.Fault{Operation: "GET /rate_limit", Effect: ghdeploytest.LoopingLink()}, []string{"LoopingLink", list}},
		"negative latency":  {ghdeploytest.Fault{Operation: create, Latency: -1, Effect: ok}, []string{"Latency: -1ns"}},
		"no probability":    {ghdeploytest.Fault{Operation: create, Probability: math.NaN(), Effect: ok}, []string{"between 0 and 1"}},
		"probability":       {ghdeploytest.Fault{Operation: create, Probability: 2, Effect: ok}, []string{"between 0 and 1"}},
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, func() { srv.Inject(tt.fault) }, tt.words...) })
	}
	wantPanic(t, func() { ghdeploytest.Respond(99, "") }, "Respond(99", "200 to 599")
	wantPanic(t, func() { ghdeploytest.RedirectTo(200, "") }, "3xx")
	wantPanic(t, func() { ghdeploytest.ExecuteLater(0) }, "12*time.Second")
	wantPanic(t, func() { ghdeploytest.TruncateBody(-1) }, "how many bytes")
	wantPanic(t, func() { ghdeploytest.DropAfter().WithHeader("A", "b") }, "DropAfter", "only Respond")
}
