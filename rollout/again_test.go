package rollout_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

const sha1 = "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d"

// The JSON bodies of Again's requests, for deployments as GitHub returns them.
func TestAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		shown, environment, sent string
	}{
		"roll back": {
			`{"id":7,"sha":"` + sha1 + `","ref":"main","task":"deploy:web","description":"v1.4","environment":"staging","transient_environment":true,"production_environment":true,"payload":{}}`,
			"staging",
			`{"ref":"` + sha1 + `","task":"deploy:web","auto_merge":false,"description":"v1.4","environment":"staging","transient_environment":true,"production_environment":true}`,
		},
		"the same environment by default": {
			`{"id":7,"sha":"` + sha1 + `","environment":"staging","production_environment":false}`, "",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"staging","production_environment":false}`,
		},
		"promote": {
			`{"id":7,"sha":"` + sha1 + `","task":"deploy","environment":"staging","transient_environment":true,"production_environment":false}`, "production",
			`{"ref":"` + sha1 + `","task":"deploy","auto_merge":false,"environment":"production"}`,
		},
		"an object without the key": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":{"ghdeploy_key":"k","n":12345678901234567890,"deep":{"ghdeploy_key":1}}}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b","payload":{"deep":{"ghdeploy_key":1},"n":12345678901234567890}}`,
		},
		"nothing but the key": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":{"ghdeploy_key":"k"}}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b"}`,
		},
		"text that holds an object": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":" {\"ghdeploy_key\":\"k\",\"n\":1}"}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b","payload":{"n":1}}`,
		},
		"other text": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":"{not json"}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b","payload":"{not json"}`,
		},
		"the text null": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":"null"}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b","payload":"null"}`,
		},
		"empty text": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":""}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b"}`,
		},
		"null": {
			`{"id":7,"sha":"` + sha1 + `","environment":"a","payload":null}`, "b",
			`{"ref":"` + sha1 + `","auto_merge":false,"environment":"b"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var d ghdeploy.Deployment
			if err := json.Unmarshal([]byte(tt.shown), &d); err != nil {
				t.Fatal(err)
			}
			srv, repo := serve(t, []ghdeploytest.SeedDeployment{{SHA: sha1}})
			if _, err := repo.Client.Deployments.Create(t.Context(), "octocat", "example", rollout.Again(&d, tt.environment)); err != nil {
				t.Fatal(err)
			}
			var want, have any
			if err := errors.Join(json.Unmarshal([]byte(tt.sent), &want), json.Unmarshal([]byte(srv.Requests()[0].Body), &have)); err != nil {
				t.Fatal(err)
			}
			equal(t, "body", want, have)
		})
	}
}

// The request does not share memory with the deployment.
func TestAgainCopies(t *testing.T) {
	d := &ghdeploy.Deployment{SHA: sha1, Environment: "a", Payload: ghdeploy.Payload(`{"n":1}`)}
	req := rollout.Again(d, "b")
	copy(d.Payload, `{"x":9}`)
	data, err := json.Marshal(req.Payload)
	if err != nil || string(data) != `{"n":1}` {
		t.Errorf("payload %s, %v", data, err)
	}
}

// For a nil or empty deployment, Create returns ErrInvalidArgument and sends no
// request.
func TestAgainOfANilDeployment(t *testing.T) {
	srv, repo := serve(t, nil)
	for name, req := range map[string]ghdeploy.DeploymentRequest{
		"nil":            rollout.Again(nil, "production"),
		"without a SHA":  rollout.Again(&ghdeploy.Deployment{ID: 1, Ref: "main"}, "production"),
		"a list payload": rollout.Again(&ghdeploy.Deployment{SHA: sha1, Payload: ghdeploy.Payload(`[1]`)}, "production"),
	} {
		if _, err := repo.Client.Deployments.Create(t.Context(), "octocat", "example", req); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("%s: %v, want ErrInvalidArgument", name, err)
		}
	}
	equal(t, "requests", 0, sent(srv, ""))
}
