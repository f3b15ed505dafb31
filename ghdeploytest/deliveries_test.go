package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestRedeliver(t *testing.T) {
	in := &inbox{}
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: in, Secret: "s"}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	original := wait(t, srv)[1]
	must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`) // the redelivered payload stays the same

	srv.Redeliver(original.GUID)
	srv.Redeliver(original.GUID)
	list := wait(t, srv)
	if len(list) != 5 {
		t.Fatalf("%d deliveries, want 5: %s", len(list), events(list))
	}
	for i, again := range list[3:] {
		if again.GUID != original.GUID || again.ID == original.ID || !again.Redelivery || again.Body != original.Body || again.Action != "created" {
			t.Errorf("%+v\nis not the redelivery of\n%+v", again, original)
		}
		if in.bodies[3+i] != original.Body || in.requests[3+i].Header.Get("X-Hub-Signature-256") != original.Header.Get("X-Hub-Signature-256") ||
			in.requests[3+i].Header.Get("X-GitHub-Delivery") != original.GUID {
			t.Error("the receiver got another request")
		}
	}
	wantPanic(t, func() { srv.Redeliver("00") }, original.GUID+" (deployment)", "(ping)")
}

func TestDeliveryTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-GitHub-Event") == "deployment" {
				<-r.Context().Done() // until the server closes the connection
				return
			}
			time.Sleep(9 * time.Second)
			in.ServeHTTP(w, r)
		})}))
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		must(t, srv, 201, "POST", first+"/statuses", `{"state":"success"}`)
		start := time.Now()
		list := wait(t, srv)
		if took := time.Since(start); took != 28*time.Second {
			t.Errorf("three deliveries took %v, want 9 s + 10 s + 9 s", took)
		}
		slow, hung, next := list[0], list[1], list[2]
		if !slow.OK() || slow.Duration != 9*time.Second {
			t.Errorf("delivery within the timeout: %+v", slow)
		}
		if hung.OK() || hung.Status != 0 || !errors.Is(hung.Err, context.DeadlineExceeded) || hung.Duration != 10*time.Second {
			t.Errorf("delivery past the timeout: %+v", hung)
		}
		if !next.OK() {
			t.Errorf("delivery after the timeout: %+v", next)
		}
		time.Sleep(72 * time.Hour)
		if len(srv.Deliveries()) != 3 {
			t.Error("the server retried a failed delivery")
		}
	})
}

func TestDeliveryFailures(t *testing.T) {
	for _, test := range []struct {
		name   string
		handle http.HandlerFunc
		status int
		err    string
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad signature", http.StatusUnauthorized) }, 401, ""},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, 302, ""},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("nil map") }, 0, "panicked: nil map"},
		{"goexit", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, 0, "without a response"},
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"103 first", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		}, 204, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls int
			srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls++
				test.handle(w, r)
			})}))
			d := wait(t, srv)[0]
			if d.Status != test.status || calls != 1 || d.OK() != (test.status/100 == 2) {
				t.Errorf("%d calls: %+v", calls, d)
			}
			if test.err == "" && d.Err != nil || test.err != "" && (d.Err == nil || !strings.Contains(d.Err.Error(), test.err)) {
				t.Errorf("error %v, want %q", d.Err, test.err)
			}
		})
	}
}

func TestDeliveryOverASocket(t *testing.T) {
	in := &inbox{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
			return
		}
		in.ServeHTTP(w, r)
	}))
	defer receiver.Close()
	srv := newServer(t)
	url := srv.URL()
	srv.AddWebhook(ghdeploytest.Webhook{URL: receiver.URL})
	srv.AddWebhook(ghdeploytest.Webhook{URL: receiver.URL + "/moved"})
	list := wait(t, srv)
	if !list[0].OK() || list[0].Response != "taken" || len(in.bodies) != 1 || in.bodies[0] != list[0].Body {
		t.Errorf("%+v", list[0])
	}
	if list[1].OK() || list[1].Status != 307 {
		t.Errorf("a redirect was followed: %+v", list[1])
	}
	wantFields(t, list[0].Payload, map[string]string{"hook_id": "50000000001"})
	if want := `"` + url + `/repos/octocat/example/hooks/50000000001"`; !strings.Contains(list[0].Payload, want) {
		t.Errorf("the ping lacks the server's address: %s", list[0].Payload)
	}

	receiver.Close()
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	if d := wait(t, srv)[2]; d.Err == nil || d.Status != 0 || d.OK() {
		t.Errorf("delivery to a closed port: %+v", d)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Webhook.Transport sends the deliveries, in process too.
func TestDeliveryTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hosts []string
		srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
			URL: "https://receiver.example/",
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				hosts = append(hosts, r.URL.Host)
				if len(hosts) == 2 {
					return nil, errors.New("no route to host")
				}
				return &http.Response{StatusCode: http.StatusNoContent, Body: io.NopCloser(strings.NewReader(""))}, nil
			}),
		}))
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		list := wait(t, srv)
		if len(hosts) != 2 || hosts[0] != "receiver.example" || !list[0].OK() || list[1].Err == nil || list[1].Err.Error() != "no route to host" {
			t.Errorf("%v: %+v", hosts, list)
		}
	})
}

func TestCloseEndsDeliveries(t *testing.T) {
	entered, left := make(chan bool, 1), make(chan bool, 1)
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		entered <- true
		<-r.Context().Done()
		left <- true
	})}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.WaitDeliveries(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("WaitDeliveries = %v", err)
	}
	srv.Close()
	select {
	case <-left:
	default:
		t.Error("Close did not wait for the handler")
	}
	for _, d := range wait(t, srv) {
		if d.Err == nil || !strings.Contains(d.Err.Error(), "the server is closed") {
			t.Errorf("%+v", d)
		}
	}
	srv.AddWaitingStatus("octocat/example", 6000000001)
	if list := wait(t, srv); len(list) != 3 || list[2].Err == nil {
		t.Errorf("an event after Close was delivered: %+v", list)
	}
}

// Receivers call the API during a delivery, many at the same time.
func TestConcurrentDeliveries(t *testing.T) {
	var srv *ghdeploytest.Server
	var responses sync.Map // of the API, by GUID
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-GitHub-Event") != "deployment" {
			return
		}
		d := r.Header.Get("X-GitHub-Delivery")
		got, err := try(t, srv, "POST", first+"/statuses", `{"state":"in_progress"}`) //nolint:contextcheck // the helper uses the test's context
		responses.Store(d, fmt.Sprint(got.status, err))
	})
	srv = newServer(t)
	srv.AddWebhook(ghdeploytest.Webhook{Handler: handler})
	srv.AddWebhook(ghdeploytest.Webhook{Handler: &inbox{}, App: "rollout-bot"})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 5 {
				if got, err := try(t, srv, "POST", deployments, `{"ref":"main"}`); err != nil || got.status != 201 {
					t.Error(got, err)
				}
				_ = srv.Deliveries()
			}
		})
	}
	wg.Wait()
	list := wait(t, srv)
	if len(list) != 2*(1+80+80) {
		t.Errorf("%d deliveries, want 322", len(list))
	}
	seen := map[int64]bool{}
	for _, d := range list {
		if !d.OK() || seen[d.ID] {
			t.Errorf("%+v", d)
		}
		seen[d.ID] = true
	}
	responses.Range(func(d, response any) bool {
		if response != "201 <nil>" {
			t.Errorf("%v: %v", d, response)
		}
		return true
	})
}
