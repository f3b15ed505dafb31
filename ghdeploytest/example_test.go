package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

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

// To test a release tool, run it against the server and check the deployments.
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

// If a branch is behind the default branch, GitHub merges and creates no
// deployment. The tool must send a second request.
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

// With this fault the server creates the deployment and closes the connection
// before the response. The client cannot know the outcome.
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

// The log contains the requests of a tool.
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

// A run waits for a review. A reviewer approves it, and its deployment is in
// progress.
func ExampleServer_StartRun() {
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Environments: []ghdeploytest.Environment{{
			Name:      "production",
			Reviewers: []ghdeploytest.Reviewer{{User: "octocat"}},
		}},
	}))
	defer srv.Close()
	run := srv.StartRun("octocat/example", ghdeploytest.Run{Environments: []string{"production"}})
	fmt.Println(srv.Deployments("octocat/example")[0].State())

	review := fmt.Sprintf(`{"environment_ids":[%d],"state":"approved","comment":"Ship it!"}`, srv.Environments("octocat/example")[0].ID)
	url := fmt.Sprintf("%srepos/octocat/example/actions/runs/%d/pending_deployments", ghdeploytest.BaseURL, run.ID)
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(review))
	if err != nil {
		fmt.Println(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+ghdeploytest.DefaultToken)
	response, err := (&http.Client{Transport: srv.Transport()}).Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	fmt.Println(response.StatusCode)
	fmt.Println(srv.Deployments("octocat/example")[0].State(), srv.Reviews("octocat/example", run.ID))
	// Output:
	// waiting
	// 200
	// in_progress [{[production] approved Ship it! octocat}]
}
