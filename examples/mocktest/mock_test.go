// Package mocktest shows the client with the canned responses of
// github.com/migueleliasweb/go-github-mock. Existing tests can keep them.
package mocktest

import (
	"errors"
	"net/http"
	"testing"

	"github.com/migueleliasweb/go-github-mock/src/mock"

	"github.com/ghdeploy/ghdeploy"
)

// newClient returns a client whose transport is the mock. The mock ignores the
// base URL, uses plain HTTP, and needs no token.
func newClient(t *testing.T, options ...mock.MockBackendOption) *ghdeploy.Client {
	t.Helper()
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(mock.NewMockedHTTPClient(options...)))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestGet(t *testing.T) {
	client := newClient(t, mock.WithRequestMatch(
		mock.GetReposDeploymentsByOwnerByRepoByDeploymentId,
		[]byte(`{"id": 4442074271, "ref": "main", "environment": "production"}`),
	))
	d, err := client.Deployments.Get(t.Context(), "octocat", "example", 4442074271)
	if err != nil || d.ID != 4442074271 || d.Ref != "main" {
		t.Errorf("Get = %+v, %v", d, err)
	}
}

// The mock responds to every write with 200. The client accepts any 2xx.
func TestCreate(t *testing.T) {
	client := newClient(t, mock.WithRequestMatch(
		mock.PostReposDeploymentsByOwnerByRepo,
		[]byte(`{"id": 1, "ref": "topic"}`),
	), mock.WithRequestMatch(
		mock.PostReposDeploymentsStatusesByOwnerByRepoByDeploymentId,
		[]byte(`{"id": 2, "state": "success"}`),
	))
	d, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "topic"})
	if err != nil || d.Ref != "topic" {
		t.Fatalf("Create = %+v, %v", d, err)
	}
	s, err := client.Statuses.Create(t.Context(), "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
	if err != nil || s.State != ghdeploy.StateSuccess {
		t.Errorf("Statuses.Create = %+v, %v", s, err)
	}
}

// The mock's Link header is only "?page=2", with a comma at its end.
func TestAllPages(t *testing.T) {
	client := newClient(t, mock.WithRequestMatchPages(
		mock.GetReposDeploymentsByOwnerByRepo,
		[]map[string]any{{"id": 5}, {"id": 4}},
		[]map[string]any{{"id": 3}, {"id": 2}},
		[]map[string]any{{"id": 1}},
	))
	var ids []int64
	for d, err := range client.Deployments.All(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	if len(ids) != 5 || ids[0] != 5 || ids[4] != 1 {
		t.Errorf("ids = %v, want [5 4 3 2 1]", ids)
	}
}

func TestErrorNamesTheAddress(t *testing.T) {
	client := newClient(t, mock.WithRequestMatchHandler(
		mock.PostReposDeploymentsByOwnerByRepo,
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			mock.WriteError(w, http.StatusConflict, "Conflict merging main into topic.")
		}),
	))
	_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "topic"})
	if !errors.Is(err, ghdeploy.ErrMergeConflict) {
		t.Errorf("Create: %v, want ErrMergeConflict", err)
	}
	const want = "ghdeploy: POST /repos/octocat/example/deployments: 409 Conflict merging main into topic"
	if err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
}
