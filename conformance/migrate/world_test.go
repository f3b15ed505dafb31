package migrate

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	host = "ghe.example.test"
	base = "https://" + host + "/api/v3/"

	fullToken = "ghp_everything"
	appToken  = "ghs_installation"
)

// IDs of the world, all above 32 bits.
const (
	reviewerID = 1<<32 + 1
	appID      = 1<<32 + 3
	otherAppID = 1<<32 + 4
)

// world is a server in a certain state, and the arguments of a call to it. Two
// worlds of the same pair are equal.
type world struct {
	t      *testing.T
	server *ghdeploytest.Server
	client *ghdeploy.Client // to prepare the state

	owner, repo, environment      string
	id, status, policy, rule, run int64 // IDs
	environmentID                 int64
	requestsBefore                int
}

func newWorld(t *testing.T, options ...ghdeploytest.Option) *world {
	t.Helper()
	server := ghdeploytest.Start(t, append([]ghdeploytest.Option{
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example",
			Branches: []ghdeploytest.Branch{
				{Name: "behind", Behind: true},
				{Name: "red", Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "failure"}}},
			},
			Environments: []ghdeploytest.Environment{{
				Name: "production", ProtectionRules: []string{"shipit"},
				Reviewers:      []ghdeploytest.Reviewer{{User: "octocat"}},
				BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "main"}, {Name: "v*", Type: "tag"}},
			}},
		}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/private", Private: true}),
		ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat", ID: reviewerID}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "shipit", ID: appID}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "gatekeeper", ID: otherAppID}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: fullToken}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: appToken, App: "shipit", Permissions: map[string]string{"deployments": "write"}}),
	}, options...)...)
	w := &world{t: t, server: server, owner: "octocat", repo: "example", environment: "production"}
	w.client = w.ours(ghdeploy.WithToken(fullToken))
	return w
}

func (w *world) http() *http.Client { return &http.Client{Transport: w.server.Transport()} }

// ours and theirs return clients of the server.

func (w *world) ours(options ...ghdeploy.Option) *ghdeploy.Client {
	w.t.Helper()
	client, err := ghdeploy.NewClient(append([]ghdeploy.Option{
		ghdeploy.WithBaseURL(base), ghdeploy.WithHTTPClient(w.http()),
	}, options...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *world) theirs(options ...github.ClientOptionsFunc) *github.Client {
	w.t.Helper()
	root := base
	gc, err := github.NewClient(append([]github.ClientOptionsFunc{
		github.WithURLs(&root, &root), github.WithHTTPClient(w.http()),
	}, options...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	return gc
}

// pair returns both clients with the same token.
func (w *world) pair() (*github.Client, *ghdeploy.Client) {
	return w.theirs(github.WithAuthToken(fullToken)), w.client
}

// sent returns the requests that arrived since the world was prepared.
func (w *world) sent() []ghdeploytest.Request { return w.server.Requests()[w.requestsBefore:] }

func (w *world) prepared() { w.requestsBefore = len(w.server.Requests()) }

// The functions below prepare a world.

func deployed(w *world) { w.deploy(1) }

// deployedOften has more deployments than one page of 30.
func deployedOften(w *world) { w.deploy(35) }

func (w *world) deploy(n int) {
	for range n {
		d, err := w.client.Deployments.Create(w.t.Context(), w.owner, w.repo, ghdeploy.DeploymentRequest{
			Ref: "main", Environment: "staging", Description: "release 7", Payload: map[string]any{"version": 7},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.id = d.ID
	}
}

func reported(w *world) { w.report(1) }

func reportedOften(w *world) { w.report(35) }

func (w *world) report(n int) {
	deployed(w)
	for range n {
		s, err := w.client.Statuses.Create(w.t.Context(), w.owner, w.repo, w.id, ghdeploy.DeploymentStatusRequest{
			State: ghdeploy.StateInProgress, LogURL: "https://ci.example.com/1", Description: "copying",
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.status = s.ID
	}
}

// guarded finds the IDs of the environment's policies and rules.
func guarded(w *world) {
	ctx := w.t.Context()
	policies, err := w.client.BranchPolicies.List(ctx, w.owner, w.repo, w.environment, ghdeploy.BranchPolicyListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	rules, err := w.client.ProtectionRules.List(ctx, w.owner, w.repo, w.environment, ghdeploy.CustomProtectionRuleListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.policy, w.rule = policies.Items[0].ID, rules.Items[0].ID
	w.environmentID = w.server.Environments("octocat/example")[0].ID
}

// waiting has a workflow run that waits for the rules of the environment.
func waiting(w *world) {
	guarded(w)
	w.run = w.server.StartRun("octocat/example", ghdeploytest.Run{Actor: "somebody", Environments: []string{w.environment}}).ID
}

// approved is such a run after a review.
func approved(w *world) {
	waiting(w)
	if _, err := w.client.Reviews.Review(w.t.Context(), w.owner, w.repo, w.run, ghdeploy.ReviewRequest{
		Environments: []string{w.environment}, State: ghdeploy.ReviewApproved, Comment: "ship it",
	}); err != nil {
		w.t.Fatal(err)
	}
}

// limited has a quota that is used up until a minute later.
func limited(w *world) {
	deployed(w)
	time.Sleep(59 * time.Minute)
	w.server.SetRemaining(fullToken, 0)
}

func collect[T any](seq func(func(T, error) bool)) ([]T, error) {
	var rows []T
	for row, err := range seq {
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}
