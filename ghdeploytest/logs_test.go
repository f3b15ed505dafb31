package ghdeploytest_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestWithRequestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		srv := newServer(t, ghdeploytest.WithRequestLog(func(r ghdeploytest.Request) {
			seen = append(seen, fmt.Sprint(r.Status, " ", r.OperationID, " ", r.Fault, " ", r.Duration))
		}))
		srv.Inject(ghdeploytest.Fault{Operation: create, Nth: 1, Latency: time.Second, Effect: ghdeploytest.DropBefore()})
		srv.Inject(ghdeploytest.Fault{Operation: create, Nth: 2, Effect: ghdeploytest.SlowResponse(2 * time.Second)})
		if _, err := try(t, srv, "POST", deployments, `{"ref":"main"}`); err == nil {
			t.Error("the connection was not dropped")
		}
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		must(t, srv, 404, "GET", "/nowhere", "")
		want := "[0 repos/create-deployment DropBefore 1s 201 repos/create-deployment SlowResponse 2s 404   0s]"
		if got := fmt.Sprint(seen); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if d := srv.Requests()[1].Duration; d != 2*time.Second {
			t.Errorf("Requests has the duration %v, want 2s", d)
		}
	})
}

func TestWithDeliveryLog(t *testing.T) {
	seen := make(chan ghdeploytest.Delivery, 2)
	srv := newServer(t, ghdeploytest.WithDeliveryLog(func(d ghdeploytest.Delivery) { seen <- d }),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.NotFoundHandler()}))
	wait(t, srv)
	if d := <-seen; d.Event != "ping" || d.Status != http.StatusNotFound || d.OK() {
		t.Errorf("%+v", d)
	}
}

func TestWithLogSize(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithLogSize(2), ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}}))
	for range 3 {
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	}
	must(t, srv, 200, "GET", deployments, "")
	var kept []string
	for _, r := range srv.Requests() {
		kept = append(kept, fmt.Sprint(r.Method, " ", r.Status))
	}
	if got := fmt.Sprint(kept); got != "[POST 201 GET 200]" {
		t.Errorf("the log has the requests %s", got)
	}
	sent := wait(t, srv)
	if len(sent) != 2 || sent[0].ID != 51000000003 || sent[1].ID != 51000000004 || !sent[1].OK() {
		t.Errorf("the log has the deliveries %+v", sent)
	}

	none := newServer(t, ghdeploytest.WithLogSize(0), ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}}))
	must(t, none, 201, "POST", deployments, `{"ref":"main"}`)
	if sent := wait(t, none); len(sent)+len(none.Requests()) != 0 {
		t.Errorf("the log has %+v and %+v, want nothing", sent, none.Requests())
	}
	wantPanic(t, func() { ghdeploytest.WithLogSize(-1) }, "WithLogSize(-1)", "omit the option")
}

func TestWithListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, ghdeploytest.WithListener(ln))
	if want := "http://" + ln.Addr().String(); srv.URL() != want {
		t.Errorf("URL = %s, want %s", srv.URL(), want)
	}
	if got, err := receive((&http.Transport{DisableKeepAlives: true}).RoundTrip(newRequest(t, "GET", srv.URL()+deployments, ""))); err != nil || got.status != 200 {
		t.Errorf("%v, %v", got, err)
	}
	srv.Close()
	if _, err := net.Listen("tcp", ln.Addr().String()); err != nil {
		t.Errorf("Close did not close the listener: %v", err)
	}
	wantPanic(t, func() { ghdeploytest.WithListener(nil) }, "WithListener(nil)", "omit the option")
}
