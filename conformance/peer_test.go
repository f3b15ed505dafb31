package conformance

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
)

// TestPeer checks each row of the README's comparison with go-github. A row
// that is no longer correct fails.
func TestPeer(t *testing.T) {
	merged := respond(http.StatusAccepted, `{"message": "Auto-merged main into topic on deployment."}`)
	failing := respond(http.StatusConflict, `{"message": "Conflict: Commit status checks failed for topic.", "errors": [
		{"contexts": [{"context": "ci/unit", "state": "failure"}], "resource": "Deployment", "field": "required_contexts", "code": "invalid"}]}`)
	badGateway := respond(http.StatusBadGateway, "<html></html>")

	t.Run("202", func(t *testing.T) {
		p := newPeers(t, merged)
		_, _, theirs := p.theirs.Repositories.CreateDeployment(t.Context(), "o", "r", github.DeploymentRequest{Ref: "topic"})
		var accepted *github.AcceptedError
		if !errors.As(theirs, &accepted) || !strings.Contains(theirs.Error(), "try again later") {
			t.Errorf("go-github: %v (%T)", theirs, theirs)
		}
		_, ours := p.ours.Deployments.Create(t.Context(), "o", "r", ghdeploy.DeploymentRequest{Ref: "topic"})
		var reason *ghdeploy.MergedBranchError
		if !errors.As(ours, &reason) || !strings.Contains(reason.Message, "Auto-merged") {
			t.Errorf("ghdeploy: %v", ours)
		}
	})

	t.Run("409", func(t *testing.T) {
		p := newPeers(t, failing)
		_, _, theirs := p.theirs.Repositories.CreateDeployment(t.Context(), "o", "r", github.DeploymentRequest{Ref: "topic"})
		var response *github.ErrorResponse
		if !errors.As(theirs, &response) || len(response.Errors) != 1 {
			t.Fatalf("go-github: %v (%T)", theirs, theirs)
		}
		if text := theirs.Error() + fmt.Sprintf("%+v", response.Errors); strings.Contains(text, "ci/unit") {
			t.Errorf("go-github names the check: %s", text)
		}
		_, ours := p.ours.Deployments.Create(t.Context(), "o", "r", ghdeploy.DeploymentRequest{Ref: "topic"})
		var reason *ghdeploy.ConflictError
		if !errors.As(ours, &reason) || len(reason.Contexts) != 1 || reason.Contexts[0].Context != "ci/unit" || reason.Contexts[0].State != "failure" {
			t.Errorf("ghdeploy: %v", ours)
		}
	})

	t.Run("redirect to another host", func(t *testing.T) {
		var elsewhere requests
		other := httptest.NewServer(elsewhere.record(respond(http.StatusOK, `{"id": 7}`)))
		defer other.Close()
		// To a client, another name of the same machine is another host.
		target := strings.Replace(other.URL, "127.0.0.1", "localhost", 1) + "/repositories/1/deployments/7"
		p := newPeers(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		})

		_, _, theirs := p.theirs.Repositories.GetDeployment(t.Context(), "o", "r", 7)
		if theirs != nil || len(elsewhere.list) != 1 || elsewhere.list[0].header.Get("Authorization") != "Bearer "+token {
			t.Errorf("go-github: %v, and the other host got %d requests", theirs, len(elsewhere.list))
		}
		_, ours := p.ours.Deployments.Get(t.Context(), "o", "r", 7)
		if !errors.Is(ours, ghdeploy.ErrRedirect) || len(elsewhere.list) != 1 {
			t.Errorf("ghdeploy: %v, and the other host got %d requests", ours, len(elsewhere.list)-1)
		}
	})

	t.Run("502 on a GET", func(t *testing.T) {
		p := newPeers(t, badGateway)
		if _, _, err := p.theirs.Repositories.GetDeployment(t.Context(), "o", "r", 7); err == nil || len(p.list) != 1 {
			t.Errorf("go-github: %v, after %d requests", err, len(p.list))
		}
		if _, err := p.ours.Deployments.Get(t.Context(), "o", "r", 7); err == nil || len(p.list) <= 2 {
			t.Errorf("ghdeploy: %v, after %d requests", err, len(p.list)-1)
		}
	})

	t.Run("502 on a POST", func(t *testing.T) {
		p := newPeers(t, badGateway)
		_, _, read := p.theirs.Repositories.GetDeployment(t.Context(), "o", "r", 7)
		_, _, written := p.theirs.Repositories.CreateDeployment(t.Context(), "o", "r", github.DeploymentRequest{Ref: "topic"})
		if fmt.Sprintf("%T", read) != fmt.Sprintf("%T", written) || len(p.list) != 2 {
			t.Errorf("go-github: %T on a GET, %T on a POST, after %d requests", read, written, len(p.list))
		}
		_, ours := p.ours.Deployments.Create(t.Context(), "o", "r", ghdeploy.DeploymentRequest{Ref: "topic"})
		if !errors.Is(ours, ghdeploy.ErrOutcomeUnknown) || len(p.list) != 3 {
			t.Errorf("ghdeploy: %v, after %d requests", ours, len(p.list)-2)
		}
	})

	t.Run("environment update with only a timer", func(t *testing.T) {
		const shown = `{"id": 1, "name": "qa", "protection_rules": [{"id": 2, "type": "required_reviewers", "reviewers": [{"type": "User", "reviewer": {"id": 7}}]}],
			"deployment_branch_policy": {"protected_branches": true, "custom_branch_policies": false}}`
		p := newPeers(t, respond(http.StatusOK, shown))
		if _, _, err := p.theirs.Repositories.CreateUpdateEnvironment(t.Context(), "o", "r", "qa", &github.CreateUpdateEnvironment{WaitTimer: new(30)}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.ours.Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(30)}); err != nil {
			t.Fatal(err)
		}
		const theirs = `{"wait_timer":30,"reviewers":null,"can_admins_bypass":true,"deployment_branch_policy":null}`
		const ours = `{"wait_timer":30,"reviewers":[{"type":"User","id":7}],"deployment_branch_policy":{"protected_branches":true,"custom_branch_policies":false}}`
		if len(p.list) != 3 || strings.TrimSpace(string(p.list[0].body)) != theirs || string(p.list[2].body) != ours {
			t.Errorf("%d requests: go-github %s, ghdeploy %s", len(p.list), p.list[0].body, p.list[len(p.list)-1].body)
		}
	})

	t.Run("environment setting that the plan refuses", func(t *testing.T) {
		refusal := respond(http.StatusUnprocessableEntity, `{"message": "Please ensure the billing plan supports the required reviewers protection rule."}`)
		var p *peers
		p = newPeers(t, func(w http.ResponseWriter, r *http.Request) {
			switch sent := p.list[len(p.list)-1]; {
			case r.Method == http.MethodGet:
				respond(http.StatusNotFound, `{"message": "Not Found"}`)(w, r)
			case strings.Contains(string(sent.body), "prevent_self_review"):
				refusal(w, r)
			default:
				respond(http.StatusOK, `{"id": 1, "name": "qa"}`)(w, r)
			}
		})
		if _, _, theirs := p.theirs.Repositories.CreateUpdateEnvironment(t.Context(), "o", "r", "qa", &github.CreateUpdateEnvironment{PreventSelfReview: new(true)}); theirs != nil || len(p.list) != 2 {
			t.Errorf("go-github: %v, after %d requests", theirs, len(p.list))
		}
		_, ours := p.ours.Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{PreventSelfReview: new(true)})
		if !errors.Is(ours, ghdeploy.ErrValidation) || len(p.list) != 4 {
			t.Errorf("ghdeploy: %v, after %d requests", ours, len(p.list)-2)
		}
	})

	t.Run("environment without a name", func(t *testing.T) {
		p := newPeers(t, respond(http.StatusNoContent, ""))
		_, theirs := p.theirs.Repositories.DeleteEnvironment(t.Context(), "o", "r", "")
		if theirs != nil || len(p.list) != 1 || strings.TrimSuffix(p.list[0].path, "/") != "/repos/o/r/environments" {
			t.Errorf("go-github: %v, after %d requests", theirs, len(p.list))
		}
		if ours := p.ours.Environments.Delete(t.Context(), "o", "r", ""); !errors.Is(ours, ghdeploy.ErrInvalidArgument) || len(p.list) != 1 {
			t.Errorf("ghdeploy: %v, after %d requests", ours, len(p.list)-1)
		}
	})
}

// peers has both clients of one server, and the requests that it received.
type peers struct {
	requests
	ours   *ghdeploy.Client
	theirs *github.Client
}

func newPeers(t *testing.T, handler http.HandlerFunc) *peers {
	t.Helper()
	p := new(peers)
	server := httptest.NewServer(p.record(handler))
	t.Cleanup(server.Close)
	root := server.URL + prefix + "/"
	var err error
	if p.theirs, err = github.NewClient(github.WithURLs(&root, &root), github.WithAuthToken(token)); err != nil {
		t.Fatal(err)
	}
	// The retries wait on the real clock, because the server has real sockets.
	p.ours = newClient(t, server.URL, ghdeploy.WithRetry(ghdeploy.RetryPolicy{MinBackoff: time.Millisecond}))
	return p
}

func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}
