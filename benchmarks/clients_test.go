package benchmarks

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

const (
	owner = "acme"
	repo  = "shop"
	token = "ghp_not_a_real_token_0000000000000000000"

	deploymentID = 4_518_412_576
)

// client is one side of the comparison. Each method returns the number of rows.
type client interface {
	page(ctx context.Context) (int, error)
	all(ctx context.Context) (int, error)
	prefetch(ctx context.Context) (int, error) // all, several pages at a time where the client can
	get(ctx context.Context) (int, error)
	create(ctx context.Context) (int, error)
}

// sides are the sides of the comparison, in the order of the table. The floor
// reads the same bytes with net/http and does not decode them.
var sides = []struct {
	name string
	make func(tb testing.TB, root string, transport http.RoundTripper) client
}{
	{"ghdeploy", newOurs},
	{"go-github", newPeer},
	{"floor", newFloor},
}

type ours struct{ *ghdeploy.Client }

func newOurs(tb testing.TB, root string, transport http.RoundTripper) client {
	tb.Helper()
	c, err := ghdeploy.NewClient(
		ghdeploy.WithBaseURL(root),
		ghdeploy.WithToken(token),
		ghdeploy.WithConditionalCache(0), // go-github has no cache
		ghdeploy.WithHTTPClient(&http.Client{Transport: transport}),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return ours{c}
}

func (c ours) page(ctx context.Context) (int, error) {
	page, err := c.Deployments.List(ctx, owner, repo, ghdeploy.DeploymentListOptions{PerPage: rowsPerPage})
	if err != nil {
		return 0, err
	}
	return len(page.Items), nil
}

func (c ours) all(ctx context.Context) (int, error) { return c.walk(ctx, 0) }

func (c ours) prefetch(ctx context.Context) (int, error) { return c.walk(ctx, 8) }

func (c ours) walk(ctx context.Context, prefetch int) (n int, err error) {
	for _, err := range c.Deployments.All(ctx, owner, repo, ghdeploy.DeploymentListOptions{PerPage: rowsPerPage, Prefetch: prefetch}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c ours) get(ctx context.Context) (int, error) {
	d, err := c.Deployments.Get(ctx, owner, repo, deploymentID)
	return count(d != nil), err
}

func (c ours) create(ctx context.Context) (int, error) {
	d, err := c.Deployments.Create(ctx, owner, repo, ghdeploy.DeploymentRequest{
		Ref: "main", Environment: "production", Description: "release 1.4.0",
		Payload: map[string]string{"version": "1.4.0"}, AutoMerge: new(false),
	})
	return count(d != nil), err
}

type peer struct{ *github.Client }

func newPeer(tb testing.TB, root string, transport http.RoundTripper) client {
	tb.Helper()
	root += "/"
	c, err := github.NewClient(
		github.WithHTTPClient(&http.Client{Transport: transport}),
		github.WithURLs(&root, &root),
		github.WithAuthToken(token),
	)
	if err != nil {
		tb.Fatal(err)
	}
	return peer{c}
}

var peerOptions = github.DeploymentsListOptions{ListOptions: github.ListOptions{PerPage: rowsPerPage}}

func (c peer) page(ctx context.Context) (int, error) {
	opts := peerOptions
	rows, _, err := c.Repositories.ListDeployments(ctx, owner, repo, &opts)
	return len(rows), err
}

func (c peer) all(ctx context.Context) (n int, err error) {
	opts := peerOptions
	for _, err := range c.Repositories.ListDeploymentsIter(ctx, owner, repo, &opts) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c peer) prefetch(ctx context.Context) (int, error) { return c.all(ctx) }

func (c peer) get(ctx context.Context) (int, error) {
	d, _, err := c.Repositories.GetDeployment(ctx, owner, repo, deploymentID)
	return count(d != nil), err
}

func (c peer) create(ctx context.Context) (int, error) {
	d, _, err := c.Repositories.CreateDeployment(ctx, owner, repo, github.DeploymentRequest{
		Ref: "main", Environment: new("production"), Description: new("release 1.4.0"),
		Payload: map[string]string{"version": "1.4.0"}, AutoMerge: new(false),
	})
	return count(d != nil), err
}

type floor struct {
	root string
	http *http.Client
}

func newFloor(_ testing.TB, root string, transport http.RoundTripper) client {
	return floor{root + "/repos/" + owner + "/" + repo + "/deployments", &http.Client{Transport: transport}}
}

// read sends one request and reads its body. more reports whether the list has
// a next page.
func (c floor) read(ctx context.Context, method, path, body string) (more bool, err error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.root+path, content)
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.http.Do(r)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return strings.Contains(resp.Header.Get("Link"), `rel="next"`), err
}

func (c floor) page(ctx context.Context) (int, error) {
	_, err := c.read(ctx, http.MethodGet, "?per_page=100", "")
	return rowsPerPage, err
}

func (c floor) all(ctx context.Context) (int, error) {
	for n := 1; ; n++ {
		more, err := c.read(ctx, http.MethodGet, fmt.Sprintf("?per_page=100&page=%d", n), "")
		if err != nil || !more {
			return n * rowsPerPage, err
		}
	}
}

func (c floor) prefetch(ctx context.Context) (int, error) { return c.all(ctx) }

func (c floor) get(ctx context.Context) (int, error) {
	_, err := c.read(ctx, http.MethodGet, fmt.Sprintf("/%d", deploymentID), "")
	return 1, err
}

func (c floor) create(ctx context.Context) (int, error) {
	_, err := c.read(ctx, http.MethodPost, "", `{"ref":"main","environment":"production","description":"release 1.4.0","payload":{"version":"1.4.0"},"auto_merge":false}`)
	return 1, err
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}
