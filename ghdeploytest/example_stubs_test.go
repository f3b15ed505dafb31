package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// offline is a handwritten stub around the server's client. Only Create fails.
type offline struct{ ghdeploy.DeploymentsService }

func (offline) Create(context.Context, string, string, ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	return nil, &ghdeploy.Error{StatusCode: http.StatusServiceUnavailable, Err: ghdeploy.ErrOutcomeUnknown}
}

// A handwritten stub can replace one service of a client; the others use the
// server. See examples/stubtest for stubs without a server, and
// examples/mocktest for the canned responses of go-github-mock.
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
