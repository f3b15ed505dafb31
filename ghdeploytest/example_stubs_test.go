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

// offline is a stub by hand, around the server's own client: it lists, and refuses to create.
type offline struct{ ghdeploy.DeploymentsService }

func (offline) Create(context.Context, string, string, ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	return nil, &ghdeploy.Error{StatusCode: http.StatusServiceUnavailable, Err: ghdeploy.ErrOutcomeUnknown}
}

// A stub by hand may stand before one service of a client and leave the rest to the server. Without a server see
// examples/stubtest, and with the canned answers of go-github-mock examples/mocktest: use those where such tests are
// there already, and the server for what GitHub would answer.
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
