package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/migueleliasweb/go-github-mock/src/mock"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// offline is a stub by hand, around the server's own client: it lists, and refuses to create.
type offline struct{ ghdeploy.DeploymentsService }

func (offline) Create(context.Context, string, string, ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	return nil, &ghdeploy.Error{StatusCode: http.StatusServiceUnavailable, Err: ghdeploy.ErrOutcomeUnknown}
}

// A stub by hand may stand before one service of a client and leave the rest to the server. Without a server, see
// examples/stubtest.
func ExampleServer_Client_stub() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	client := srv.Client()
	client.Deployments = offline{client.Deployments}

	err := Release(context.Background(), client, "main")
	fmt.Println("outcome unknown:", errors.Is(err, ghdeploy.ErrOutcomeUnknown), "- deployments:", len(srv.Deployments("octocat/example")))
	// Output:
	// outcome unknown: true - deployments: 0
}

// The same with go-github-mock, whose answers are canned: they say what the test told them, whatever was sent. Use it
// where such tests are there already, and the server for what GitHub would answer. See examples/mocktest.
func ExampleServer_mock() {
	client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(mock.NewMockedHTTPClient(
		mock.WithRequestMatch(mock.PostReposDeploymentsByOwnerByRepo, []byte(`{"id": 1, "ref": "gone"}`)),
		mock.WithRequestMatch(mock.PostReposDeploymentsStatusesByOwnerByRepoByDeploymentId, []byte(`{"id": 2, "state": "success"}`)),
	)))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("mock:", Release(context.Background(), client, "gone"))

	srv := ghdeploytest.NewServer()
	defer srv.Close()
	err = Release(context.Background(), srv.Client(), "gone")
	fmt.Println("server:", errors.Is(err, ghdeploy.ErrRefNotFound))
	// Output:
	// mock: <nil>
	// server: true
}

// Any client can use the server on a loopback port.
func ExampleServer_URL() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	r, err := http.NewRequest(http.MethodGet, srv.URL()+"/repos/octocat/example/deployments", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body), err)
	// Output:
	// 200 [] <nil>
}
