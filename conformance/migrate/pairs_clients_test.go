package migrate

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

var clientPairs = []pair{
	{
		before: "github.WithAuthToken", after: "ghdeploy.WithToken",
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			gc := w.theirs(github.WithAuthToken(fullToken))
			_, _, err := gc.Repositories.ListDeployments(ctx, w.owner, "private", nil) // anonymous: 404
			return nil, err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			client := w.ours(ghdeploy.WithToken(fullToken))
			_, err := client.Deployments.List(ctx, w.owner, "private", ghdeploy.DeploymentListOptions{})
			return nil, err
		},
	},
	{
		before: "github.WithEnterpriseURLs", after: "ghdeploy.WithHost",
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			gc := w.theirs(github.WithEnterpriseURLs("https://"+host, "https://"+host))
			list, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return list, err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			client := w.ours(ghdeploy.WithHost(host))
			page, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return page.Items, err
		},
	},
	{
		before: "github.WithURLs", after: "ghdeploy.WithBaseURL",
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			root := "https://" + host + "/api/v3/"
			gc := w.theirs(github.WithURLs(&root, nil))
			list, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return list, err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			client := w.ours(ghdeploy.WithBaseURL("https://" + host + "/api/v3/"))
			page, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return page.Items, err
		},
	},
	{
		before: "github.WithHTTPClient", after: "ghdeploy.WithHTTPClient",
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			gc := w.theirs(github.WithHTTPClient(&http.Client{Transport: w.server.Transport()}))
			list, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return list, err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			client := w.ours(ghdeploy.WithHTTPClient(&http.Client{Transport: w.server.Transport()}))
			page, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return page.Items, err
		},
	},
	{
		before: "github.WithTimeout", after: "http.Client{Timeout: d}", prepare: slow,
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			d := 10 * time.Second
			gc := w.theirs(github.WithTimeout(d))
			_, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return nil, err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			d := 10 * time.Second
			hc := &http.Client{Timeout: d}
			hc.Transport = w.server.Transport()
			client := w.ours(ghdeploy.WithHTTPClient(hc))
			_, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return nil, err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			if theirs.err == nil || theirs.took != 10*time.Second {
				t.Errorf("go-github: %v after %v", theirs.err, theirs.took)
			}
			var e *ghdeploy.Error
			if !errors.Is(ours.err, ghdeploy.ErrAttemptTimeout) || !errors.As(ours.err, &e) || e.Attempts != 4 || ours.took < 40*time.Second {
				t.Errorf("ghdeploy: %v after %v", ours.err, ours.took)
			}
		},
	},
	{
		before: "github.WithUserAgent", after: "ghdeploy.WithUserAgent",
		theirs: func(ctx context.Context, w *world, _ *github.Client) (any, error) {
			gc := w.theirs(github.WithUserAgent("shipit/1.4"))
			_, _, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return w.sent()[0].Header.Get("User-Agent"), err
		},
		ours: func(ctx context.Context, w *world, _ *ghdeploy.Client) (any, error) {
			client := w.ours(ghdeploy.WithUserAgent("shipit/1.4"))
			_, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return w.sent()[0].Header.Get("User-Agent"), err
		},
		differs: func(t *testing.T, theirs, ours *outcome) {
			agent, _ := ours.value.(string)
			if theirs.value != "shipit/1.4" || !strings.HasPrefix(agent, "shipit/1.4 ghdeploy/") {
				t.Errorf("go-github sent %q, ghdeploy %q", theirs.value, ours.value)
			}
		},
	},
	{
		before: "resp.NextPage", after: "page.NextPage", prepare: deployedOften,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, resp, err := gc.Repositories.ListDeployments(ctx, w.owner, w.repo, nil)
			return []int{resp.NextPage, resp.LastPage}, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			page, err := client.Deployments.List(ctx, w.owner, w.repo, ghdeploy.DeploymentListOptions{})
			return []int{page.NextPage, page.LastPage}, err
		},
	},
	{
		before: "resp.Rate", after: "client.Rate()", prepare: deployed,
		theirs: func(ctx context.Context, w *world, gc *github.Client) (any, error) {
			_, resp, err := gc.Repositories.GetDeployment(ctx, w.owner, w.repo, w.id)
			rate := resp.Rate
			return []any{rate.Limit, rate.Remaining, rate.Used, rate.Resource, rate.Reset.Unix()}, err
		},
		ours: func(ctx context.Context, w *world, client *ghdeploy.Client) (any, error) {
			_, err := client.Deployments.Get(ctx, w.owner, w.repo, w.id)
			rate := client.Rate()
			return []any{rate.Limit, rate.Remaining, rate.Used, rate.Resource, rate.Reset.Unix()}, err
		},
	},
}

// slow has a server that responds after an hour.
func slow(w *world) {
	w.server.Inject(ghdeploytest.Fault{
		Operation: "GET /repos/{owner}/{repo}/deployments", Times: ghdeploytest.Always, Latency: time.Hour,
	})
}
