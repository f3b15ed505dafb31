package webhook_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// A workflow run waits for a reviewer and for an app's protection rule. The app
// receives the event and approves, the reviewer approves, and the run
// continues. Each payload of the server decodes without a lost field.
func TestAppApprovesItsRule(t *testing.T) {
	for _, contentType := range []string{"json", "form"} {
		t.Run(contentType, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { approveRule(t, contentType) })
		})
	}
}

func approveRule(t *testing.T, contentType string) {
	server := ghdeploytest.NewServer(ghdeploytest.WithSeed(ghdeploytest.Seed{
		Users:  []ghdeploytest.User{{Login: "octocat"}, {Login: "hubot"}},
		Apps:   []ghdeploytest.App{{Slug: "gate"}},
		Tokens: []ghdeploytest.Token{{Value: "octocats-token", Login: "octocat"}, {Value: "gates-token", App: "gate"}},
		Repositories: []ghdeploytest.Repository{{FullName: "acme/shop", Environments: []ghdeploytest.Environment{
			{Name: "production", Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}}, ProtectionRules: []string{"gate"}},
		}}},
	}))
	defer server.Close()
	app := server.Client(ghdeploy.WithToken("gates-token"))

	reviewed := make(chan error, 1)
	queue, handler := newQueue(t, webhook.Callbacks{
		OnDeploymentProtectionRule: func(ctx context.Context, e *webhook.DeploymentProtectionRuleEvent) error {
			runID, ok := e.RunID()
			if !ok {
				return errors.New("the event names no run")
			}
			owner, repo := e.OwnerRepo()
			err := app.Reviews.ReviewCustomRule(ctx, owner, repo, runID, ghdeploy.CustomRuleReview{EnvironmentName: e.Environment, State: ghdeploy.ReviewApproved, Comment: "all is quiet"})
			reviewed <- err
			return err
		},
	}, webhook.QueueOptions{})
	server.AddWebhook(ghdeploytest.Webhook{Handler: handler, Secret: secret, App: "gate", ContentType: contentType})

	run := server.StartRun("acme/shop", ghdeploytest.Run{Actor: "hubot", Environments: []string{"production"}})
	if err := <-reviewed; err != nil {
		t.Fatal(err)
	}
	octocat := server.Client(ghdeploy.WithToken("octocats-token"))
	if _, err := octocat.Reviews.Review(t.Context(), "acme", "shop", run.ID, ghdeploy.ReviewRequest{
		Environments: []string{"production"}, State: ghdeploy.ReviewApproved, Comment: "go",
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.WaitDeliveries(ctx); err != nil {
		t.Fatal(err)
	}
	shutdown(t, queue)

	if pending, err := octocat.Reviews.ListPending(t.Context(), "acme", "shop", run.ID, ghdeploy.PendingDeploymentListOptions{}); err != nil || len(pending.Items) != 0 {
		t.Errorf("still pending: %+v, %v", pending, err)
	}
	var sent []string
	for _, d := range server.Deliveries() {
		sent = append(sent, d.Event+" "+d.Action)
		if d.Status != http.StatusNoContent {
			t.Errorf("the response to %s is %d %q, %v", d.Event, d.Status, d.Response, d.Err)
		}
		checkPayload(t, d.Event, []byte(d.Payload))
	}
	for _, event := range []string{"ping ", "deployment created", "deployment_status created", "deployment_review requested", "deployment_review approved", "deployment_protection_rule requested"} {
		if !slices.Contains(sent, event) {
			t.Errorf("%q was not sent: %q", event, sent)
		}
	}
}
