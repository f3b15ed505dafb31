package migrate

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

const secret = "It's a Secret to Everybody"

const deploymentPayload = `{
	"action": "created",
	"deployment": {"id": 4442074271, "sha": "c4a9b0f3f4b1a2d7e5c6a8b9d0e1f2a3b4c5d6e7", "ref": "main", "task": "deploy", "payload": {"version": 7}, "environment": "staging"},
	"repository": {"id": 1, "name": "example", "full_name": "octocat/example", "owner": {"login": "octocat", "id": 1}},
	"sender": {"login": "octocat", "id": 1}
}`

func delivery(event, payload string) *http.Request {
	return ghdeploytest.Webhook{Secret: secret}.NewRequest(event, payload)
}

// oldDelivery has a SHA-1 signature only.
func oldDelivery(event, payload string) *http.Request {
	r := ghdeploytest.Webhook{}.NewRequest(event, payload)
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(payload))
	r.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

var webhookPairs = []pair{
	{
		before: "github.ValidatePayload, github.ParseWebHook", after: "verifier.ParseRequest",
		theirs: func(_ context.Context, w *world, _ *github.Client) (any, error) {
			receive := func(r *http.Request) (any, error) {
				payload, err := github.ValidatePayload(r, []byte(secret))
				if err != nil {
					return nil, err
				}
				return github.ParseWebHook(github.WebHookType(r), payload)
			}
			_, old := receive(oldDelivery("deployment", deploymentPayload))
			event, err := receive(delivery("deployment", deploymentPayload))
			return received{event, old}, err
		},
		ours: func(_ context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			verifier, err := webhook.NewVerifier(secret)
			if err != nil {
				return nil, err
			}
			_, old := verifier.ParseRequest(oldDelivery("deployment", deploymentPayload))
			event, err := verifier.ParseRequest(delivery("deployment", deploymentPayload))
			return received{event, old}, err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			wantSuccess(t, "go-github", theirs)
			wantSuccess(t, "ghdeploy", ours)
			before, _ := theirs.value.(received)
			after, _ := ours.value.(received)
			wantSameValue(t, before.event, after.event)
			if before.old != nil || !errors.Is(after.old, webhook.ErrNoSignature) {
				t.Errorf("a SHA-1 signature: %v by go-github, %v by ghdeploy", before.old, after.old)
			}
		},
	},
	{
		before: "github.ValidateSignature", after: "verifier.Verify",
		theirs: func(_ context.Context, w *world, _ *github.Client) (any, error) {
			header, body := open(w, delivery("deployment", deploymentPayload))
			err := github.ValidateSignature(header.Get("X-Hub-Signature-256"), body, []byte(secret))
			forged := github.ValidateSignature(header.Get("X-Hub-Signature-256"), append(body, ' '), []byte(secret))
			return forged != nil, err
		},
		ours: func(_ context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			header, body := open(w, delivery("deployment", deploymentPayload))
			verifier, err := webhook.NewVerifier(secret)
			if err != nil {
				return nil, err
			}
			err = verifier.Verify(header, body)
			forged := verifier.Verify(header, append(body, ' '))
			return forged != nil, err
		},
	},
	{
		before: "github.ParseWebHook", after: "webhook.Parse",
		theirs: func(_ context.Context, w *world, _ *github.Client) (any, error) {
			_, unknown := github.ParseWebHook("brand_new", []byte(`{}`))
			event, err := github.ParseWebHook("deployment", []byte(deploymentPayload))
			return received{event, unknown}, err
		},
		ours: func(_ context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			_, unknown := webhook.Parse("brand_new", []byte(`{}`))
			event, err := webhook.Parse("deployment", []byte(deploymentPayload))
			return received{event, unknown}, err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			wantSuccess(t, "go-github", theirs)
			wantSuccess(t, "ghdeploy", ours)
			before, _ := theirs.value.(received)
			after, _ := ours.value.(received)
			wantSameValue(t, before.event, after.event)
			if before.old == nil || after.old != nil {
				t.Errorf("an event of another name: %v by go-github, %v by ghdeploy", before.old, after.old)
			}
		},
	},
	{
		before: "github.WebHookType, github.DeliveryID", after: "event.Info()",
		theirs: func(_ context.Context, w *world, _ *github.Client) (any, error) {
			r := delivery("deployment", deploymentPayload)
			r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
			return []string{github.WebHookType(r), github.DeliveryID(r)}, nil
		},
		ours: func(_ context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			r := delivery("deployment", deploymentPayload)
			r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
			verifier, err := webhook.NewVerifier(secret)
			if err != nil {
				return nil, err
			}
			event, err := verifier.ParseRequest(r)
			if err != nil {
				return nil, err
			}
			return []string{event.Info().Event, event.Info().GUID}, nil
		},
	},
	{
		before: "event.GetRunID()", after: "event.RunID()",
		theirs: func(_ context.Context, w *world, _ *github.Client) (any, error) {
			event := &github.DeploymentProtectionRuleEvent{DeploymentCallbackURL: new(callbackURL)}
			return event.GetRunID()
		},
		ours: func(_ context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			event := &webhook.DeploymentProtectionRuleEvent{DeploymentCallbackURL: callbackURL}
			id, ok := event.RunID()
			if !ok {
				return nil, errors.New("no run")
			}
			return id, nil
		},
	},
}

const callbackURL = "https://api.github.com/repos/octocat/example/actions/runs/17000000001/deployment_protection_rule"

// received is the event of a delivery, and the error of an unusual one.
type received struct {
	event any
	old   error
}

// open returns the headers and the body of a delivery.
func open(w *world, r *http.Request) (http.Header, []byte) {
	w.t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return r.Header, bytes.Clone(body)
}
