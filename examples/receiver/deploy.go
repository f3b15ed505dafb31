package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// deploy is the place for your deployment. It returns the URL of the
// environment or "". It must return when ctx ends, and needs its own time
// limit, because later deployments of the environment wait for it. After a
// crash it can be called a second time for the same deployment.
func deploy(ctx context.Context, d ghdeploy.Deployment, takes time.Duration) (string, error) {
	select {
	case <-time.After(takes):
		return fmt.Sprintf("https://%s.example.com/", d.Environment), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
