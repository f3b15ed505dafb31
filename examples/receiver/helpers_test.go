package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	postDeployment = "POST /repos/{owner}/{repo}/deployments"
	getStatuses    = "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"
	postStatus     = "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"
)

func newServer(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	return ghdeploytest.Start(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: repo}))
}

func create(t *testing.T, server *ghdeploytest.Server, environment string) *ghdeploy.Deployment {
	t.Helper()
	d, err := server.Client().Deployments.Create(t.Context(), "acme", "shop", ghdeploy.DeploymentRequest{Ref: "main", Environment: environment, SkipContexts: true})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// delivered waits for all deliveries and expects a 204 for each.
func delivered(t *testing.T, server *ghdeploytest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := server.WaitDeliveries(ctx); err != nil {
		t.Fatal(err)
	}
	for _, d := range server.Deliveries() {
		if d.Status != http.StatusNoContent {
			t.Errorf("the %s %s got %d %q, %v", d.Event, d.GUID, d.Status, d.Response, d.Err)
		}
	}
}

// expect compares the states that were reported for a deployment, oldest first.
func expect(t *testing.T, server *ghdeploytest.Server, d *ghdeploy.Deployment, want string) {
	t.Helper()
	var states []string
	for _, s := range statuses(server, d) {
		states = append(states, s.State)
	}
	if got := strings.Join(states, " "); got != want {
		t.Errorf("deployment %d of %s: %q, want %q", d.ID, d.Environment, got, want)
	}
}

func statuses(server *ghdeploytest.Server, d *ghdeploy.Deployment) []ghdeploytest.DeploymentStatus {
	for _, known := range server.Deployments(repo) {
		if known.ID == d.ID {
			return known.Statuses
		}
	}
	return nil
}

// state returns a function that matches the POST of a status with this state.
func state(s ghdeploy.State) func(ghdeploytest.Request) bool {
	return func(r ghdeploytest.Request) bool { return strings.Contains(r.Body, `"state":"`+string(s)+`"`) }
}
