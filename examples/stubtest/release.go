// Package stubtest shows how to test code without a server, with a stub of
// ghdeploy.DeploymentsService that is handwritten or generated.
package stubtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/ghdeploy/ghdeploy"
)

// Release creates a deployment of a ref to production unless one exists. It is
// the code under test.
func Release(ctx context.Context, deployments ghdeploy.DeploymentsService, ref string) (*ghdeploy.Deployment, error) {
	opts := ghdeploy.DeploymentListOptions{Ref: ref, Environment: "production"}
	for d, err := range deployments.All(ctx, "octocat", "example", opts) {
		if err != nil {
			return nil, err
		}
		return d, nil
	}
	d, err := deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: ref})
	if errors.Is(err, ghdeploy.ErrRefNotFound) {
		return nil, fmt.Errorf("push %s first: %w", ref, err)
	}
	return d, err
}
