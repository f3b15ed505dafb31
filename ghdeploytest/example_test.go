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

// Release is the tool under test: it deploys a branch and reports success.
func Release(ctx context.Context, client *ghdeploy.Client, branch string) error {
	d, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: branch, Environment: "staging"})
	if err != nil {
		return err
	}
	_, err = client.Statuses.Create(ctx, "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
	return err
}

// The test of a release tool: run it against the server, then look at what is there.
func Example() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	fmt.Println("error:", Release(context.Background(), srv.Client(), "main"))
	for _, d := range srv.Deployments("octocat/example") {
		fmt.Println(d.Ref, "to", d.Environment, "is", d.State())
	}
	// Output:
	// error: <nil>
	// main to staging is success
}

// A branch that is behind the default branch: GitHub merges instead of deploying, and the tool has to ask again.
func ExampleWithRepository() {
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}},
	}))
	defer srv.Close()
	client, ctx := srv.Client(), context.Background()

	err := Release(ctx, client, "topic")
	fmt.Println("merged:", errors.Is(err, ghdeploy.ErrMergedBranch), "- deployments:", len(srv.Deployments("octocat/example")))
	err = Release(ctx, client, "topic")
	fmt.Println("error:", err, "- deployments:", len(srv.Deployments("octocat/example")))
	// Output:
	// merged: true - deployments: 0
	// error: <nil> - deployments: 1
}

// A fault: the deployment is made, but the connection ends before the answer. Nobody but the server knows.
func ExampleServer_Inject() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	srv.Inject(ghdeploytest.Fault{
		Operation: "POST /repos/{owner}/{repo}/deployments",
		Nth:       1,
		Effect:    ghdeploytest.DropAfter(),
	})
	err := Release(context.Background(), srv.Client(), "main")
	fmt.Println("outcome unknown:", errors.Is(err, ghdeploy.ErrOutcomeUnknown))
	fmt.Println("deployments:", len(srv.Deployments("octocat/example")))
	// Output:
	// outcome unknown: true
	// deployments: 1
}

// The log tells what a tool sent.
func ExampleServer_Requests() {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	if err := Release(context.Background(), srv.Client(), "main"); err != nil {
		fmt.Println(err)
	}
	for _, r := range srv.Requests() {
		fmt.Println(r.Status, r.Operation, r.Body)
	}
	// Output:
	// 201 POST /repos/{owner}/{repo}/deployments {"ref":"main","environment":"staging"}
	// 201 POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses {"state":"success"}
}

// A webhook is delivered to a handler in process, signed as GitHub signs.
func ExampleWithWebhook() {
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("received", r.Header.Get("X-GitHub-Event"), "- signed:", r.Header.Get("X-Hub-Signature-256") != "")
		w.WriteHeader(http.StatusNoContent)
	})
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: receiver, Secret: "secret"}))
	defer srv.Close()
	ctx := context.Background()

	fmt.Println("error:", Release(ctx, srv.Client(), "main"))
	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// error: <nil>
	// received ping - signed: true
	// received deployment - signed: true
	// received deployment_status - signed: true
}

// A receiver has to bear an event that comes twice: GitHub sends it again, under the same GUID, when somebody asks.
func ExampleServer_Redeliver() {
	seen := map[string]bool{}
	receiver := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		guid := r.Header.Get("X-GitHub-Delivery")
		fmt.Println(r.Header.Get("X-GitHub-Event"), "- seen before:", seen[guid])
		seen[guid] = true
	})
	srv := ghdeploytest.NewServer(ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: receiver}))
	defer srv.Close()
	ctx := context.Background()

	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	srv.Redeliver(srv.Deliveries()[0].GUID)
	if err := srv.WaitDeliveries(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ping - seen before: false
	// ping - seen before: true
}

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
