package main

import (
	"context"
	"net/url"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// deploy is where yours goes. It gives up when ctx ends, and returns where to see
// the result. ctx ends if the worker is stopped, and if JetStream may have given
// the message to another worker.
func deploy(takes time.Duration) func(context.Context, *ghdeploy.Deployment) (string, error) {
	return func(ctx context.Context, d *ghdeploy.Deployment) (string, error) {
		select {
		case <-time.After(takes):
			return "https://example.com/" + url.PathEscape(d.Environment), nil
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
