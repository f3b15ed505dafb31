package rollout_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

const (
	postDeployment    = "POST /repos/{owner}/{repo}/deployments"
	getDeployments    = "GET /repos/{owner}/{repo}/deployments"
	deleteDeployment  = "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}"
	postStatus        = "POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"
	getStatuses       = "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses"
	deleteEnvironment = "DELETE /repos/{owner}/{repo}/environments/{environment_name}"

	repository = "octocat/example"
	mainSHA    = "0123456789abcdef0123456789abcdef01234567"
)

func equal[T any](t testing.TB, what string, want, have T) {
	t.Helper()
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("%s (-want +have):\n%s", what, diff)
	}
}

// serve returns a server with this history, and its repository under a base URL
// with a path prefix.
func serve(t testing.TB, rows []ghdeploytest.SeedDeployment, opts ...ghdeploytest.Option) (*ghdeploytest.Server, rollout.Repo) {
	t.Helper()
	srv := ghdeploytest.NewServer(append([]ghdeploytest.Option{ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:    repository,
		Branches:    []ghdeploytest.Branch{{Name: "main", SHA: mainSHA}},
		Deployments: rows,
	})}, opts...)...)
	t.Cleanup(srv.Close)
	return srv, repoOn(srv)
}

func repoOn(srv *ghdeploytest.Server) rollout.Repo {
	client := srv.Client(
		ghdeploy.WithBaseURL("https://ghe.example.com/api/v3"),
		ghdeploy.WithHTTPClient(&http.Client{Transport: srv.Transport(), Timeout: 30 * time.Second}),
	)
	return rollout.Repo{Client: client, Owner: "octocat", Name: "example"}
}

// sent returns the number of requests with the method, or of all for "".
func sent(srv *ghdeploytest.Server, method string) int {
	n := 0
	for _, r := range srv.Requests() {
		if method == "" || r.Method == method {
			n++
		}
	}
	return n
}

// server is a test server with one repository, reached under a path prefix.
type server struct {
	*ghdeploytest.Server
	repo rollout.Repo
}

// simulate runs a test against a server in virtual time. It fails if a
// goroutine is left.
func simulate(t *testing.T, test func(t *testing.T, srv server), opts ...ghdeploytest.Option) {
	t.Helper()
	for _, name := range []string{"GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"} {
		t.Setenv(name, "") // these tests may run in a workflow
	}
	synctest.Test(t, func(t *testing.T) {
		srv, repo := serve(t, nil, opts...)
		test(t, server{srv, repo})
	})
}

// deploy creates a deployment, and statuses in the given states.
func (s server) deploy(t *testing.T, states ...ghdeploy.State) int64 {
	t.Helper()
	d, err := s.repo.Client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		s.status(t.Context(), t, d.ID, ghdeploy.DeploymentStatusRequest{State: state})
	}
	return d.ID
}

func (s server) status(ctx context.Context, t *testing.T, id int64, req ghdeploy.DeploymentStatusRequest) {
	t.Helper()
	if _, err := s.repo.Client.Statuses.Create(ctx, "octocat", "example", id, req); err != nil {
		t.Fatal(err)
	}
}

// states returns the states of the newest deployment, oldest first.
func (s server) states() string {
	list := s.Deployments(repository)
	if len(list) == 0 {
		return "no deployment"
	}
	return history(list[len(list)-1])
}

func history(d ghdeploytest.Deployment) string {
	var states []string
	for _, st := range d.Statuses {
		states = append(states, st.State)
	}
	return strings.Join(states, " ")
}

// sent returns the requests of an operation.
func (s server) sent(operation string) []ghdeploytest.Request {
	return slices.DeleteFunc(s.Requests(), func(r ghdeploytest.Request) bool { return r.Operation != operation })
}

// calls returns the number of requests of an operation.
func (s server) calls(operation string) int { return len(s.sent(operation)) }

// seconds returns the times of the requests of an operation after start.
func (s server) seconds(operation string, start time.Time) string {
	var at []string
	for _, r := range s.sent(operation) {
		at = append(at, fmt.Sprint(r.Time.Sub(start).Round(time.Millisecond).Seconds()))
	}
	return strings.Join(at, " ")
}

func (s server) inject(operation string, effect ghdeploytest.Effect, times int) {
	s.Inject(ghdeploytest.Fault{Operation: operation, Effect: effect, Times: times})
}
