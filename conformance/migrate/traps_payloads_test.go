package migrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

func TestBase64Payload(t *testing.T) {
	w := newWorld(t)
	gc, client := w.pair()
	payload := []byte(`{"version":7}`)
	if err := payloadBefore(t.Context(), gc, payload); err != nil {
		t.Fatal(err)
	}
	_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Payload: payload})
	if !errors.Is(err, ghdeploy.ErrInvalidArgument) || !strings.Contains(err.Error(), "base64") || len(w.sent()) != 1 {
		t.Errorf("taken over: %v after %d requests", err, len(w.sent())-1)
	}
	if err := payloadAfter(t.Context(), client, payload); err != nil {
		t.Fatal(err)
	}
	list := w.server.Deployments("octocat/example")
	if len(list) != 2 || string(list[0].Payload) != `"eyJ2ZXJzaW9uIjo3fQ=="` || string(list[1].Payload) != `{"version":7}` {
		t.Errorf("stored: %+v", list)
	}

	for _, stored := range []string{`"eyJ2ZXJzaW9uIjo3fQ=="`, `{"version":7}`, `"{\"version\":7}"`} {
		var got struct{ Version int }
		d := &ghdeploy.Deployment{Payload: ghdeploy.Payload(stored)}
		if err := decodePayload(d, &got); err != nil || got.Version != 7 {
			t.Errorf("%s: %+v, %v", stored, got, err)
		}
	}
	for _, stored := range []string{`"true"`, `"main"`, `"1234"`, `"not base64"`, `""`} {
		var got string
		d := &ghdeploy.Deployment{Payload: ghdeploy.Payload(stored)}
		if err := decodePayload(d, &got); err != nil || `"`+got+`"` != stored {
			t.Errorf("%s: %q, %v", stored, got, err)
		}
	}
	var got struct{ Version int }
	if err := (ghdeploy.Payload(`"eyJ2ZXJzaW9uIjo3fQ=="`)).Decode(&got); err == nil {
		t.Errorf("Decode read base64: %+v", got)
	}
	if deployment := (&ghdeploy.Deployment{}); decodePayload(deployment, &got) != nil {
		t.Error("no payload is an error")
	}
	if err := decodePayload(&ghdeploy.Deployment{Payload: ghdeploy.Payload(json.RawMessage(`{"version":"x"}`))}, &got); err == nil {
		t.Error("a payload of another type is no error")
	}
}

func TestEnvironmentPatch(t *testing.T) {
	// In both readings of a PUT: go-github sends each setting explicitly.
	for _, reading := range []ghdeploytest.EnvironmentPUT{ghdeploytest.PUTReplaces, ghdeploytest.PUTKeeps} {
		w := newWorld(t, ghdeploytest.WithEnvironmentPUT(reading))
		want := w.server.Environments("octocat/example")
		want[0].WaitTimer = 30
		gc, _ := w.pair()
		if err := waitTimerBefore(t.Context(), gc); err != nil {
			t.Fatal(err)
		}
		if e := w.server.Environments("octocat/example")[0]; e.WaitTimer != 30 || len(e.Reviewers) != 0 || e.CustomBranchPolicies {
			t.Errorf("before: %+v", e)
		}

		w = newWorld(t, ghdeploytest.WithEnvironmentPUT(reading))
		if err := waitTimerAfter(t.Context(), w.client); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, w.server.Environments("octocat/example")); diff != "" {
			t.Errorf("after: %s", diff)
		}
	}

	// Taken over as Replace, it can remove the reviewers and the branch policy.
	w := newWorld(t)
	if _, err := w.client.Environments.Replace(t.Context(), "octocat", "example", "production", ghdeploy.EnvironmentRequest{WaitTimer: new(30)}); err != nil {
		t.Fatal(err)
	}
	if e := w.server.Environments("octocat/example")[0]; len(e.Reviewers) != 0 || e.CustomBranchPolicies {
		t.Errorf("Replace kept %+v", e)
	}

	// Empty values name nothing; openToAll names everything.
	w = newWorld(t)
	before := w.server.Environments("octocat/example")
	if _, err := w.client.Environments.CreateOrUpdate(t.Context(), "octocat", "example", "production", ghdeploy.EnvironmentRequest{
		Reviewers: []ghdeploy.ReviewerRequest{},
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.server.Environments("octocat/example")); diff != "" {
		t.Errorf("an empty list: %s", diff)
	}
	if err := openToAll(t.Context(), w.client); err != nil {
		t.Fatal(err)
	}
	if e := w.server.Environments("octocat/example")[0]; len(e.Reviewers) != 0 || e.CustomBranchPolicies || e.WaitTimer != 0 {
		t.Errorf("openToAll kept %+v", e)
	}
}

func TestWebhooks(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	flags := log.Flags()
	log.SetFlags(0)
	defer func() { log.SetFlags(flags); log.SetOutput(os.Stderr) }()

	verifier, err := webhook.NewVerifier(secret)
	if err != nil {
		t.Fatal(err)
	}
	push := `{"ref": "refs/heads/main"}`
	for _, tt := range []struct {
		name          string
		request       func() *http.Request
		before, after bool // accepted
		want          string
	}{
		{"a deployment", func() *http.Request { return delivery("deployment", deploymentPayload) }, true, true, "deploy c4a9b0f3f4b1a2d7e5c6a8b9d0e1f2a3b4c5d6e7\n"},
		{"a push", func() *http.Request { return delivery("push", push) }, true, true, "push refs/heads/main\n"},
		{"a SHA-1 signature", func() *http.Request { return oldDelivery("push", push) }, true, false, "push refs/heads/main\n"},
		{"no signature", func() *http.Request { return ghdeploytest.Webhook{}.NewRequest("push", push) }, false, false, ""},
	} {
		logged.Reset()
		if err := receiveBefore(tt.request(), []byte(secret)); (err == nil) != tt.before || logged.String() != tt.want {
			t.Errorf("%s before: %v, logged %q", tt.name, err, logged.String())
		}
		want := tt.want
		if !tt.after {
			want = ""
		}
		logged.Reset()
		if err := receiveAfter(tt.request(), verifier); (err == nil) != tt.after || logged.String() != want {
			t.Errorf("%s after: %v, logged %q", tt.name, err, logged.String())
		}
	}

	// Without a secret go-github accepts what is not signed.
	if err := receiveBefore(ghdeploytest.Webhook{}.NewRequest("push", push), nil); err != nil {
		t.Errorf("no secret before: %v", err)
	}
	if _, err := webhook.NewVerifier(""); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
		t.Errorf("no secret after: %v", err)
	}
}
