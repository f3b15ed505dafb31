package ghdeploytest_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The server delivers webhooks to a handler in process, signed as by GitHub.
func ExampleWithWebhook() {
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("received", r.Header.Get("X-GitHub-Event"), "- signed:", r.Header.Get("X-Hub-Signature-256") != "")
		w.WriteHeader(http.StatusNoContent)
	})
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: receiver, Secret: "secret"}))
	defer srv.Close()
	ctx := context.Background()

	fmt.Println("error:", Release(ctx, srv.Client(), "main"))
	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// error: <nil>
	// received ping - signed: true
	// received deployment - signed: true
	// received deployment_status - signed: true
}

// A receiver must handle an event that is delivered twice: GitHub redelivers it
// on request, with the same GUID.
func ExampleServer_Redeliver() {
	seen := map[string]bool{}
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		guid := r.Header.Get("X-GitHub-Delivery")
		fmt.Println(r.Header.Get("X-GitHub-Event"), "- seen before:", seen[guid])
		seen[guid] = true
	})
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: receiver}))
	defer srv.Close()
	ctx := context.Background()

	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	srv.Redeliver(srv.Deliveries()[0].GUID)
	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ping - seen before: false
	// ping - seen before: true
}
