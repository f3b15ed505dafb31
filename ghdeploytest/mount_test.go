package ghdeploytest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestWithAddress(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithAddress("https://ghe.test:8443/"),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}))
	srv.StartRun("octocat/example", ghdeploytest.Run{Environments: []string{"qa"}})
	if err := srv.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	deliveries := srv.Deliveries()
	if len(deliveries) != 3 {
		t.Fatalf("%d deliveries", len(deliveries))
	}
	for _, d := range deliveries {
		if !strings.Contains(d.Payload, `"url":"https://ghe.test:8443/repos/octocat/example`) || strings.Contains(d.Payload, "api.github.test") {
			t.Errorf("%s: %s", d.Event, d.Payload)
		}
	}
	for _, address := range []string{"", "127.0.0.1:80", "ftp://h", "https://", "http://[::1"} {
		wantPanic(t, func() { ghdeploytest.WithAddress(address) }, "WithAddress", "https://127.0.0.1:8443")
	}
}

func TestRepositories(t *testing.T) {
	srv := newServer(t)
	srv.RenameRepository("octocat/example", "octocat/renamed")
	if diff := cmp.Diff([]string{"octocat/renamed"}, srv.Repositories()); diff != "" {
		t.Error(diff)
	}
}
