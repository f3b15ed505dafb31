package ghdeploy_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// Prefetch reads a long history with up to eight requests at the same time. The
// loop stays the same.
func ExampleDeploymentListOptions_prefetch() {
	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}))
	defer server.Close()
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(server.URL))
	if err != nil {
		log.Fatal(err)
	}
	perRef := make(map[string]int)
	opts := ghdeploy.DeploymentListOptions{Environment: "production", Prefetch: 8}
	for d, err := range client.Deployments.All(context.Background(), "octocat", "example", opts) {
		if err != nil {
			log.Fatal(err)
		}
		perRef[d.Ref]++
	}
	fmt.Println(perRef)
	// Output: map[]
}
