package main

import (
	"context"
	"net/url"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// deploy is the place for your deployment. It returns the URL of the
// environment. It must return when ctx ends: if the worker is stopped, or if
// JetStream may have given the message to another worker.
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
