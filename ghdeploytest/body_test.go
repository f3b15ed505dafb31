package ghdeploytest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// deploymentOf returns a request body of exactly n bytes.
func deploymentOf(n int) string {
	const begin, end = `{"ref":"main","payload":"`, `"}`
	return begin + strings.Repeat("x", n-len(begin)-len(end)) + end
}

func TestBodyLimit(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithBodyLimit(1000))
	must(t, srv, 201, "POST", deployments, deploymentOf(1000))
	for name, send := range map[string]func(*http.Request) (result, error){
		"in process":  func(r *http.Request) (result, error) { return receive(srv.Transport().RoundTrip(r)) },
		"on a socket": func(r *http.Request) (result, error) { return receive(http.DefaultClient.Do(r)) },
	} {
		for _, tt := range []struct {
			kind string
			body io.Reader
		}{
			{"one byte more", strings.NewReader(deploymentOf(1001))},
			{"of unknown length", io.MultiReader(strings.NewReader(deploymentOf(1001)))},
			{"long", strings.NewReader(deploymentOf(20_000_000))},
		} {
			r := newRequest(t, "POST", srv.URL()+deployments, "", "Authorization", "")
			r.Body = io.NopCloser(tt.body)
			r.ContentLength = -1
			if tt.kind != "of unknown length" {
				r.ContentLength = int64(tt.body.(*strings.Reader).Len())
			}
			got, err := send(r)
			if err != nil || got.status != 413 || !strings.Contains(got.body, "413 Request Entity Too Large") {
				t.Errorf("%s, %s: %d, %v: %s", name, tt.kind, got.status, err, got.body)
			}
			wantHeaders(t, got.header, map[string]string{"Content-Type": "text/html", "X-RateLimit-Limit": ""})
		}
	}
	got := must(t, srv, 200, "GET", "/rate_limit", "")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Used": "1"})
	if n := len(srv.Deployments("octocat/example")); n != 1 {
		t.Errorf("%d deployments", n)
	}
	for _, seen := range srv.Requests() {
		if seen.Status == 413 && seen.Body != "" {
			t.Errorf("the log has %d bytes of the body", len(seen.Body))
		}
	}
	wantPanic(t, func() { ghdeploytest.WithBodyLimit(0) }, "WithBodyLimit(0)")
}

func TestDefaultBodyLimit(t *testing.T) {
	srv := newServer(t)
	must(t, srv, 201, "POST", deployments, deploymentOf(1<<20))
	must(t, srv, 413, "POST", deployments, deploymentOf(1<<20+1))
}

// slowBody blocks until release is closed.
type slowBody struct {
	release chan struct{}
	rest    io.Reader
}

func (b *slowBody) Read(p []byte) (int, error) {
	<-b.release
	return b.rest.Read(p)
}

// A slow request body does not block other requests.
func TestSlowBody(t *testing.T) {
	srv := newServer(t)
	slow := &slowBody{make(chan struct{}), strings.NewReader(`{"ref":"main"}`)}
	r := newRequest(t, "POST", ghdeploytest.BaseURL+deployments[1:], "")
	r.Body, r.ContentLength = io.NopCloser(slow), -1
	done := make(chan int)
	go func() {
		got, _ := receive(srv.Transport().RoundTrip(r))
		done <- got.status
	}()
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	close(slow.release)
	if status := <-done; status != 201 {
		t.Error(status)
	}
}

func TestBrokenBody(t *testing.T) {
	srv := newServer(t)
	broken := errors.New("broken")
	r := newRequest(t, "POST", ghdeploytest.BaseURL+deployments[1:], "")
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader(`{"ref":`), errorReader{broken})), -1
	if _, err := receive(srv.Transport().RoundTrip(r)); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
