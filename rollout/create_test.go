package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// noDeployment is a service that returns neither a deployment nor an error.
type noDeployment struct{ ghdeploy.DeploymentsService }

func (noDeployment) Create(context.Context, string, string, ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	return nil, nil
}

func TestRunCreates(t *testing.T) {
	tests := map[string]struct {
		payload any
		fault   ghdeploytest.Effect
		posts   int
		states  string
		want    error
	}{
		"executed, response lost": {map[string]int{"build": 7}, ghdeploytest.DropAfter(), 1, "in_progress success", nil},
		"executed later":          {nil, ghdeploytest.ExecuteLater(12 * time.Second), 1, "in_progress success", nil},
		"not executed":            {nil, ghdeploytest.DropBefore(), 2, "in_progress success", nil},
		"a payload without a key": {"text", ghdeploytest.DropAfter(), 1, "", ghdeploy.ErrOutcomeUnknown},
		"refused":                 {nil, ghdeploytest.Respond(http.StatusConflict, `{"message":"Conflict merging main into topic."}`), 1, "no deployment", ghdeploy.ErrConflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				srv.inject(postDeployment, tt.fault, 1)
				req := release
				req.Payload = tt.payload
				d, err := srv.repo.Run(t.Context(), req, rollout.RunOptions{}, succeed)
				if !errors.Is(err, tt.want) || (d == nil) != (tt.want != nil) {
					t.Errorf("got %v, %v; want %v", d, err, tt.want)
				}
				equal(t, "posts", tt.posts, srv.calls(postDeployment))
				equal(t, "states", tt.states, srv.states())
			})
		})
	}
	simulate(t, func(t *testing.T, srv server) { // a text payload is sent unchanged
		req := release
		req.Payload = "text"
		if _, err := srv.repo.Run(t.Context(), req, rollout.RunOptions{}, succeed); err != nil {
			t.Fatal(err)
		}
		equal(t, "payload", `"text"`, string(srv.Deployments(repository)[0].Payload))
	})
	// A stub can return neither a deployment nor an error.
	for _, payload := range []any{nil, "text"} {
		simulate(t, func(t *testing.T, srv server) {
			srv.repo.Client.Deployments = noDeployment{srv.repo.Client.Deployments}
			req := release
			req.Payload = payload
			d, err := srv.repo.Run(t.Context(), req, rollout.RunOptions{}, succeed)
			if d != nil || err == nil {
				t.Errorf("got %v, %v; want an error", d, err)
			}
		})
	}
	// Among many others, in any order.
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		simulate(t, func(t *testing.T, srv server) {
			for range 250 {
				if _, err := srv.repo.Client.Deployments.Create(t.Context(), "octocat", "example", release); err != nil {
					t.Fatal(err)
				}
			}
			srv.inject(postDeployment, ghdeploytest.DropAfter(), 1)
			if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, succeed); err != nil {
				t.Error(err)
			}
			equal(t, "deployments", 251, len(srv.Deployments(repository)))
			equal(t, "query", "environment=staging&per_page=100&task=deploy", srv.sent(getDeployments)[0].Query.Encode())
		}, ghdeploytest.WithListOrder(order))
	}
}
