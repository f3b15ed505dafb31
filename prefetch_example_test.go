package ghdeploy_test

import (
	"context"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// Prefetch reads a long history with up to eight requests at the same time. The
// loop stays the same.
func ExampleDeploymentListOptions_prefetch() {
	var history []ghdeploytest.SeedDeployment
	for i := range 3000 {
		history = append(history, ghdeploytest.SeedDeployment{Environment: []string{"production", "staging", "qa"}[i%3]})
	}
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example", Deployments: history,
	}))
	defer srv.Close()
	client := srv.Client()

	deployments := make(map[string]int)
	opts := ghdeploy.DeploymentListOptions{Prefetch: 8}
	for d, err := range client.Deployments.All(context.Background(), "octocat", "example", opts) {
		if err != nil {
			fmt.Println(err)
			return
		}
		deployments[d.Environment]++
	}
	fmt.Println(deployments)
	// Output: map[production:1000 qa:1000 staging:1000]
}
