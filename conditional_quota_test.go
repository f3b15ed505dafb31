//go:build !race

package ghdeploy_test

import (
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// With a token, a poll that gets a 304 costs no quota. An anonymous one does.
func TestConditionalQuota(t *testing.T) {
	for name, tt := range map[string]struct {
		opts        []ghdeploy.Option
		polls, cost int
	}{
		"with a token":          {[]ghdeploy.Option{ghdeploy.WithToken("a-token")}, 1000, 1},
		"with a token, but off": {[]ghdeploy.Option{ghdeploy.WithToken("a-token"), ghdeploy.WithConditionalCache(0)}, 20, 20},
		"anonymous":             {nil, 20, 20},
	} {
		t.Run(name, func(t *testing.T) {
			srv := ghdeploytest.NewServer(
				ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}),
				ghdeploytest.WithApp(ghdeploytest.App{Slug: "deployer"}),
				ghdeploytest.WithToken(ghdeploytest.Token{Value: "of-an-app", App: "deployer"}),
				ghdeploytest.WithToken(ghdeploytest.Token{Value: "a-token", Login: "octocat"}))
			t.Cleanup(srv.Close)
			seed := srv.Client(ghdeploy.WithToken("of-an-app"))
			d, err := seed.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
			if err != nil {
				t.Fatal(err)
			}
			for range 60 {
				if _, err := seed.Statuses.Create(t.Context(), "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}); err != nil {
					t.Fatal(err)
				}
			}
			client := clientOn(t, srv.Transport(), append(tt.opts, ghdeploy.WithBaseURL(ghdeploytest.BaseURL))...)
			for range tt.polls {
				page, err := client.Statuses.List(t.Context(), "octocat", "example", d.ID, ghdeploy.DeploymentStatusListOptions{PerPage: 100})
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Items) != 60 {
					t.Fatalf("%d statuses, want 60", len(page.Items))
				}
			}
			if used := client.Rate().Used; used != tt.cost {
				t.Errorf("%d polls cost %d, want %d", tt.polls, used, tt.cost)
			}
		})
	}
}
