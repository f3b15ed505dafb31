package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// release is the payload of this program's deployments. The nonce identifies
// one call of Create.
type release struct {
	Nonce string `json:"nonce"`
}

// createOnce creates the deployment. If the outcome is unknown, it looks for
// the deployment.
func createOnce(ctx context.Context, client *ghdeploy.Client, owner, repo string, req ghdeploy.DeploymentRequest, nonce string) (*ghdeploy.Deployment, error) {
	req.Payload = release{Nonce: nonce}
	d, err := client.Deployments.Create(ctx, owner, repo, req)
	if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
		return d, err
	}
	for wait := time.Second; ; wait *= 2 {
		opts := ghdeploy.DeploymentListOptions{Ref: req.Ref, Task: req.Task, Environment: req.Environment}
		for d, listErr := range client.Deployments.All(ctx, owner, repo, opts) {
			if listErr != nil {
				return nil, errors.Join(err, listErr)
			}
			var found release
			if d.Payload.Decode(&found) == nil && found.Nonce == nonce {
				return d, nil
			}
		}
		// GitHub may create the deployment some seconds later, so look again.
		if wait > 8*time.Second {
			return nil, err // still unknown: a person must decide
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(wait):
		}
	}
}

func ExampleOutcomeUnknownError() {
	// GitHub creates the deployment, and its response gets lost.
	var deployments string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprintf(w, `[%s]`, deployments)
			return
		}
		io.Copy(io.Discard, r.Body) //nolint:errcheck // the example ignores the body
		deployments = `{"id":42,"ref":"v1.4.0","environment":"production","payload":{"nonce":"run-7"}}`
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer server.Close()

	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(server.URL))
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := createOnce(context.Background(), client, "octocat", "example", ghdeploy.DeploymentRequest{
		Ref:         "v1.4.0",
		Task:        "deploy",
		Environment: "production",
	}, "run-7")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("deployment", d.ID, "was created after all")
	// Output: deployment 42 was created after all
}
