package ghdeploy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// Each element of a path is escaped on its own. An element that would change
// the path is refused before a request is sent.
func TestPaths(t *testing.T) {
	accepted := map[string][2]string{
		"/repos/octocat/example":       {"octocat", "example"},
		"/repos/a%20b/c%3Fd%23e":       {"a b", "c?d#e"},
		"/repos/%25/..a":               {"%", "..a"},
		"/repos/.../%E2%80%AE":         {"...", "\u202e"},
		"/repos/octo%0Acat/example%00": {"octo\ncat", "example\x00"},
	}
	for want, names := range accepted {
		t.Run(want, func(t *testing.T) {
			w := replies(reply(200, oneDeployment))
			if _, err := clientOn(t, w).Deployments.Get(t.Context(), names[0], names[1], 42); err != nil {
				t.Fatal(err)
			}
			same(t, "URL", apiRoot+want+"/deployments/42", w.request(t).URL)
		})
	}
	refused := map[string]struct {
		owner, repo string
		id          int64
		want        string
	}{
		"owner empty":        {"", "example", 42, "ghdeploy: the owner is empty"},
		"repo empty":         {"octocat", "", 42, "ghdeploy: the repo is empty"},
		"owner dot":          {".", "example", 42, `ghdeploy: the owner is ".", which a URL path cannot contain`},
		"repo dots":          {"octocat", "..", 42, `ghdeploy: the repo is "..", which a URL path cannot contain`},
		"repo with an owner": {"octocat", "octocat/example", 42, `ghdeploy: the repo "octocat/example" contains a slash; pass owner and repo separately (ParseRepository splits them)`},
		"id 0":               {"octocat", "example", 0, "ghdeploy: invalid ID 0; GitHub's IDs are positive"},
		"id negative":        {"octocat", "example", -1, "ghdeploy: invalid ID -1; GitHub's IDs are positive"},
	}
	for name, tt := range refused {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, oneDeployment))
			client := clientOn(t, w)
			_, getErr := client.Deployments.Get(t.Context(), tt.owner, tt.repo, tt.id)
			_, statusErr := client.Statuses.Create(t.Context(), tt.owner, tt.repo, tt.id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
			_, statusesErr := client.Statuses.List(t.Context(), tt.owner, tt.repo, tt.id, ghdeploy.DeploymentStatusListOptions{})
			_, statusGetErr := client.Statuses.Get(t.Context(), tt.owner, tt.repo, tt.id, 7)
			errs := []error{getErr, client.Deployments.Delete(t.Context(), tt.owner, tt.repo, tt.id), statusErr, statusesErr, statusGetErr}
			if !strings.HasPrefix(name, "id") {
				_, listErr := client.Deployments.List(t.Context(), tt.owner, tt.repo, ghdeploy.DeploymentListOptions{})
				_, createErr := client.Deployments.Create(t.Context(), tt.owner, tt.repo, ghdeploy.DeploymentRequest{Ref: "main"})
				errs = append(errs, listErr, createErr)
			}
			for _, err := range errs {
				if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != tt.want {
					t.Errorf("err = %v, want %s", err, tt.want)
				}
			}
			same(t, "requests", 0, len(w.requests()))
		})
	}
}
