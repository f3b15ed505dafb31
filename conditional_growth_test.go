package ghdeploy_test

import (
	"fmt"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// A list that grows behind a full page is seen, although the page itself does
// not change.
func TestListThatGrowsBehindAFullPage(t *testing.T) {
	server := ghdeploytest.NewServer(ghdeploytest.WithListOrder(ghdeploytest.OldestFirst))
	defer server.Close()
	client := server.Client()
	create := func(n int) {
		t.Helper()
		_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: fmt.Sprint("e", n)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 35 {
		create(n)
		rows := 0
		for _, err := range client.Deployments.All(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{PerPage: 5}) {
			if err != nil {
				t.Fatal(err)
			}
			rows++
		}
		page, err := client.Deployments.List(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{}) // 30 a page
		if err != nil {
			t.Fatal(err)
		}
		if rows != n+1 || (page.NextPage != 0) != (n+1 > 30) {
			t.Errorf("of %d deployments All yields %d, and the NextPage of 30 is %d", n+1, rows, page.NextPage)
		}
	}
}
