package ghdeploy_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ghdeploy/ghdeploy"
)

// A result never shares memory with the cache.
func TestConditionalResultIsTheCallers(t *testing.T) {
	const body = `{"id":42,"task":"deploy","payload":{"key":"value"},"creator":{"login":"octocat","id":1}}`
	client := clientOn(t, newTagged(weakTag, body))
	for range 3 {
		d, err := poll(t, client)
		if err != nil {
			t.Fatal(err)
		}
		if string(d.Payload) != `{"key":"value"}` || d.Creator.Login != "octocat" {
			t.Fatalf("payload %s, creator %v", d.Payload, d.Creator)
		}
		for i := range d.Payload {
			d.Payload[i] = 'x'
		}
		d.Creator.Login = "changed"
	}
}

// CreateOrUpdate and the GET after a DELETE use the cache too. A 304 means that
// the object exists and has not changed.
func TestConditionalWithinACall(t *testing.T) {
	t.Run("CreateOrUpdate", func(t *testing.T) {
		const body = `{"id":7,"name":"qa","protection_rules":[{"id":1,"type":"wait_timer","wait_timer":30}],"deployment_branch_policy":null}`
		w := replies(reply(200, body, "ETag: "+weakTag), reply(304, ""), reply(200, body))
		client := clientOn(t, w)
		if _, err := client.Environments.Get(t.Context(), "o", "r", "qa"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{PreventSelfReview: new(true)}); err != nil {
			t.Fatal(err)
		}
		sent := w.requests()
		same(t, "If-None-Match", []string{"-", weakTag, "-"}, conditions(sent))
		if !strings.Contains(sent[2].Body, `"wait_timer":30`) {
			t.Errorf("sent %s, which does not keep the wait timer", sent[2].Body)
		}
	})
	t.Run("the check of a DELETE", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := replies(reply(200, oneDeployment, "ETag: "+weakTag), reply(502, ""), reply(404, `{"message":"Not Found"}`), reply(304, ""))
			client := clientOn(t, w, ghdeploy.WithRetry(ghdeploy.RetryPolicy{}))
			if _, err := poll(t, client); err != nil {
				t.Fatal(err)
			}
			if err := client.Deployments.Delete(t.Context(), "o", "r", 42); !errors.Is(err, ghdeploy.ErrNotFound) {
				t.Errorf("err = %v, want ErrNotFound: the deployment is there", err)
			}
			same(t, "If-None-Match", []string{"-", "-", "-", weakTag}, conditions(w.requests()))
		})
	})
}

// An error after a 304 is the same as after a 200.
func TestConditionalErrorAfterNotModified(t *testing.T) {
	const body = `[{"environment":{"id":7,"name":"qa"}}]`
	w := replies(reply(200, body, "ETag: "+weakTag), reply(304, ""))
	client := clientOn(t, w)
	var texts []string
	for range 2 {
		_, err := client.Reviews.Review(t.Context(), "o", "r", 1, ghdeploy.ReviewRequest{Environments: []string{"prod"}, State: ghdeploy.ReviewApproved, Comment: "ok"})
		var e *ghdeploy.Error
		if !errors.Is(err, ghdeploy.ErrNotPending) || !errors.As(err, &e) || e.StatusCode != http.StatusOK || string(e.Body) != body {
			t.Fatalf("err = %#v", err)
		}
		texts = append(texts, err.Error())
	}
	same(t, "the second text", texts[0], texts[1])
	same(t, "If-None-Match", []string{"-", weakTag}, conditions(w.requests()))
}

func TestConditionalLog(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}}))
	client := clientOn(t, replies(reply(200, oneDeployment, "ETag: "+weakTag), reply(304, "")), ghdeploy.WithLogger(log))
	for range 2 {
		if _, err := poll(t, client); err != nil {
			t.Fatal(err)
		}
	}
	const line = `level=DEBUG msg="ghdeploy: attempt ended" operation="GET /repos/o/r/deployments/42" attempt=1 `
	same(t, "log", line+"status=200\n"+line+"status=304 cached=true\n", b.String())
}

// caching is a caller's transport with its own cache. It returns 200.
func caching(next *tagged) ghdeploy.RoundTripFunc {
	kept := map[string]*canned{}
	return func(r *http.Request) (*http.Response, error) {
		if c, ok := kept[r.URL.String()]; ok {
			return c.Response(r)
		}
		kept[r.URL.String()] = reply(200, next.body, "ETag: "+next.tag)
		return next.RoundTrip(r)
	}
}

func TestConditionalBesideACachingTransport(t *testing.T) {
	s := newTagged(weakTag, withTask("first"))
	client := clientOn(t, caching(s))
	for range 3 {
		mustPoll(t, client, "first")
	}
	same(t, "requests that reached the server", []string{""}, s.got)
}

// A walk over 31 pages caches only the first one.
func TestConditionalWalk(t *testing.T) {
	row := func(id int) string {
		return fmt.Sprintf(`{"id":%d,"description":%q}`, id, strings.Repeat("x", 8<<10))
	}
	var mu sync.Mutex
	var got []sent
	server := ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, sent{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone()})
		if strings.HasSuffix(r.URL.Path, "/deployments/42") {
			return newTagged(weakTag, withTask("first")).RoundTrip(r)
		}
		page := 1
		if p := r.URL.Query().Get("page"); p != "" {
			_, _ = fmt.Sscan(p, &page)
		}
		link := fmt.Sprintf(`Link: <%s/x?page=%d>; rel="next"`, apiRoot, page+1)
		if page == 31 {
			link = `Link: <?page=1>; rel="first"`
		}
		return reply(200, "["+row(page)+"]", link, fmt.Sprintf(`ETag: "%d"`, page)).Response(r)
	})
	client := clientOn(t, server, ghdeploy.WithConditionalCache(64<<10))
	mustPoll(t, client, "first")
	for range 2 {
		n := 0
		for _, err := range client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 31 {
			t.Fatalf("%d rows, want 31", n)
		}
	}
	mustPoll(t, client, "first")
	want := slices.Repeat([]string{"-"}, 1+31+31+1)
	want[1+31], want[1+31+31] = `"1"`, weakTag
	same(t, "If-None-Match", want, conditions(got))
}

// Concurrent polls of changing objects, with a cache that is too small for all.
func TestConditionalConcurrency(t *testing.T) {
	var mu sync.Mutex
	versions := map[string]int{}
	server := ghdeploy.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		versions[r.URL.Path]++
		id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		task := fmt.Sprintf("%s-%d", id, versions[r.URL.Path]/3)
		return newTagged(`W/"`+task+`"`, `{"id":`+id+`,"task":"`+task+`"}`).RoundTrip(r)
	})
	client := clientOn(t, server, ghdeploy.WithConditionalCache(8<<10), ghdeploy.WithToken("a-token"))
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				id := int64((worker+i)%20 + 1)
				d, err := client.Deployments.Get(t.Context(), "o", "r", id)
				if err != nil {
					t.Error(err)
					return
				}
				if d.ID != id || !strings.HasPrefix(d.Task, fmt.Sprintf("%d-", id)) {
					t.Errorf("requested %d, got %d with task %q", id, d.ID, d.Task)
				}
			}
		})
	}
	wg.Wait()
}
