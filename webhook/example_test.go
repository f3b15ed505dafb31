package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// A deployment system acknowledges the event, deploys, and reports the result.
func Example() {
	client, err := ghdeploy.NewClient(ghdeploy.WithToken("ghs_0123456789"), ghdeploy.WithHTTPClient(&http.Client{Transport: printer{}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	queue, err := webhook.NewQueue(webhook.Callbacks{
		OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
			owner, repo := e.OwnerRepo()
			if _, err := client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}); err != nil {
				return err
			}
			fmt.Println("deploying", e.Deployment.Ref, "to", e.Deployment.Environment)
			_, err := client.Statuses.Create(ctx, owner, repo, e.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
			return err
		},
	}, webhook.QueueOptions{Workers: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := webhook.NewHandler(verifier, queue.Callbacks())

	// The delivery of GitHub.
	body := `{"action":"created","deployment":{"id":42,"ref":"v1.4.0","environment":"production"},"repository":{"name":"shop","owner":{"login":"acme"}}}`
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewBufferString(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "deployment")
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	r.Header.Set("X-Hub-Signature-256", sign("It's a Secret to Everybody", []byte(body)))
	handler.ServeHTTP(httptest.NewRecorder(), r)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	unfinished, err := queue.Shutdown(ctx)
	fmt.Println(len(unfinished), err)
	// Output:
	// POST /repos/acme/shop/deployments/42/statuses {"state":"in_progress"}
	// deploying v1.4.0 to production
	// POST /repos/acme/shop/deployments/42/statuses {"state":"success"}
	// 0 <nil>
}

// printer is a transport that prints each request.
type printer struct{}

func (printer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	fmt.Println(r.Method, r.URL.Path, body.String())
	w := httptest.NewRecorder()
	w.WriteHeader(http.StatusCreated)
	w.Body.WriteString(`{"id":1}`)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// The test vector of GitHub's docs. The second secret is for the time of a
// secret rotation.
func ExampleVerifier_Verify() {
	verifier, err := webhook.NewVerifier("the next secret", "It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	header := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	fmt.Println(verifier.Verify(header, []byte("Hello, World!")))
	fmt.Println(verifier.Verify(header, []byte("Hello, Moon!")))
	// Output:
	// <nil>
	// webhook: the signature does not match
}

// Parse takes the headers and the body, without an http.Request.
func ExampleVerifier_Parse() {
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte(`{"action":"created","deployment_status":{"state":"success"},"deployment":{"ref":"main"}}`)
	header := http.Header{
		"content-type":        {"application/json"},
		"x-github-event":      {"deployment_status"},
		"x-github-delivery":   {"72d3162e-cc78-11e3-81ab-4c9367dc0958"},
		"x-hub-signature-256": {sign("It's a Secret to Everybody", body)},
	}
	event, err := verifier.Parse(header, body)
	if err != nil {
		fmt.Println(err)
		return
	}
	switch e := event.(type) {
	case *webhook.DeploymentStatusEvent:
		fmt.Println(e.Deployment.Ref, "is", e.DeploymentStatus.State)
	default:
		fmt.Println("nothing to do for", event.Info().Event)
	}
	// Output:
	// main is success
}

// A worker decodes a payload that a receiver verified and stored.
func ExampleParse() {
	name, payload := "deployment", []byte(`{"deployment":{"id":42,"ref":"v1.4.0","environment":"production"},"repository":{"id":"hidden"}}`)
	event, err := webhook.Parse(name, payload)
	if err != nil {
		fmt.Println(err)
		return
	}
	if e, ok := event.(*webhook.DeploymentEvent); ok {
		fmt.Println("deploy", e.Deployment.Ref, "to", e.Deployment.Environment)
	}
	fmt.Println("ignored:", event.Info().Ignored)
	// Output:
	// deploy v1.4.0 to production
	// ignored: [/repository/id]
}

// Two deployments to one environment never run at the same time. A replay under
// a new GUID is dropped.
func ExampleQueueOptions() {
	queue, err := webhook.NewQueue(webhook.Callbacks{
		OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
			fmt.Println("deploying", e.Deployment.Ref)
			return nil
		},
	}, webhook.QueueOptions{
		OnDuplicate: func(_ context.Context, d *webhook.Delivery) { fmt.Println("duplicate", d.GUID) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := webhook.NewHandler(verifier, queue.Callbacks())

	// The delivery of GitHub, and a replay of it.
	body := `{"action":"created","deployment":{"id":42,"ref":"v1.4.0","environment":"production"},"repository":{"full_name":"acme/shop"}}`
	for _, guid := range []string{"72d3162e", "another"} {
		r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewBufferString(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-GitHub-Event", "deployment")
		r.Header.Set("X-GitHub-Delivery", guid)
		r.Header.Set("X-Hub-Signature-256", sign("It's a Secret to Everybody", []byte(body)))
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	unfinished, err := queue.Shutdown(context.Background())
	fmt.Println(len(unfinished), err)
	stats := queue.Stats()
	fmt.Println("finished:", stats.Finished, "duplicates:", stats.Duplicates)
	// Unordered output:
	// deploying v1.4.0
	// duplicate another
	// 0 <nil>
	// finished: 1 duplicates: 1
}

func ExampleDeploymentProtectionRuleEvent_RunID() {
	e := &webhook.DeploymentProtectionRuleEvent{
		DeploymentCallbackURL: "https://api.github.com/repos/acme/shop/actions/runs/289782451/deployment_protection_rule",
	}
	fmt.Println(e.RunID())
	fmt.Println(new(webhook.DeploymentProtectionRuleEvent).RunID())
	// Output:
	// 289782451 true
	// 0 false
}

// OnError gets each refused delivery and the reason.
func ExampleCallbacks() {
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := webhook.NewHandler(verifier, webhook.Callbacks{
		OnError: func(_ context.Context, d *webhook.Delivery, err error) {
			if errors.Is(err, webhook.ErrNoSignature) {
				fmt.Println(d.GUID, err)
			}
		},
	})
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewBufferString(`{}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Delivery", "72d3162e")
	r.Header.Set("X-Hub-Signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// 72d3162e webhook: no signature: X-Hub-Signature holds SHA-1, which is not accepted; X-Hub-Signature-256 is required
	// 401
}

// A GitHub App approves its custom protection rule through the client's
// ReviewsService.
func ExampleDeploymentProtectionRuleEvent() {
	client, err := ghdeploy.NewClient(ghdeploy.WithToken("ghs_0123456789"), ghdeploy.WithHTTPClient(&http.Client{Transport: printer{}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	on := webhook.Callbacks{
		OnDeploymentProtectionRule: func(ctx context.Context, e *webhook.DeploymentProtectionRuleEvent) error {
			runID, ok := e.RunID()
			if !ok {
				return errors.New("the event names no run")
			}
			owner, repo := e.OwnerRepo()
			return client.Reviews.ReviewCustomRule(ctx, owner, repo, runID, ghdeploy.CustomRuleReview{
				EnvironmentName: e.Environment,
				State:           ghdeploy.ReviewApproved,
				Comment:         "all is quiet",
			})
		},
	}
	verifier, err := webhook.NewVerifier("It's a Secret to Everybody")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := webhook.NewHandler(verifier, on)

	// The delivery of GitHub.
	body := `{"action":"requested","environment":"production","repository":{"name":"shop","owner":{"login":"acme"}},` +
		`"deployment_callback_url":"https://api.github.com/repos/acme/shop/actions/runs/289782451/deployment_protection_rule"}`
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewBufferString(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "deployment_protection_rule")
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	r.Header.Set("X-Hub-Signature-256", sign("It's a Secret to Everybody", []byte(body)))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// POST /repos/acme/shop/actions/runs/289782451/deployment_protection_rule {"environment_name":"production","state":"approved","comment":"all is quiet"}
	// 204
}
