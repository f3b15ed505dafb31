package rollout

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"

	"github.com/ghdeploy/ghdeploy"
)

// GitHub's defaults for a new deployment.
// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
const (
	defaultEnvironment = "production"
	defaultTask        = "deploy"
)

// isSHA reports whether a ref is a full SHA. GitHub rejects branches with such
// a name.
func isSHA(ref string) bool {
	return len(ref) == 40 && strings.Trim(ref, "0123456789abcdefABCDEF") == ""
}

// createOnce creates the deployment and settles an unknown outcome with a
// random key.
func (r Repo) createOnce(ctx context.Context, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	req.AutoMerge = new(false)
	send := func(ctx context.Context) (*ghdeploy.Deployment, error) {
		return r.Client.Deployments.Create(ctx, r.Owner, r.Name, req)
	}
	key := rand.Text()
	payload, ok := withKey(req.Payload, key)
	if !ok {
		return post[ghdeploy.Deployment]{send: send}.sendOnce(ctx)
	}
	req.Payload = payload
	lookCtx, cancel := linger(ctx, lookAfterEnd)
	defer cancel()
	return post[ghdeploy.Deployment]{
		sends: maxSends,
		send:  send,
		look:  func(ctx context.Context) (*ghdeploy.Deployment, error) { return r.findNew(ctx, req, key) },
	}.do(ctx, lookCtx)
}

// findNew returns the deployment with the random key, or nil. It reads all
// pages, because GitHub documents no order of the list.
func (r Repo) findNew(ctx context.Context, req ghdeploy.DeploymentRequest, key string) (*ghdeploy.Deployment, error) {
	for d, err := range r.deployments(ctx, ghdeploy.DeploymentListOptions{
		Task:        cmp.Or(req.Task, defaultTask),
		Environment: cmp.Or(req.Environment, defaultEnvironment),
	}).rows() {
		if err != nil {
			return nil, err
		}
		if hasKey(d, key) {
			return d, nil
		}
	}
	return nil, nil
}
