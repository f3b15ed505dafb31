package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// drive is one call. Both clients make it on a server in the same state. Each
// exchange is compared with GitHub's description.
type drive struct {
	operation string // as in the description
	name      string
	status    int // of the response

	options []ghdeploytest.Option // of the server, added to those of newWorld
	token   *string               // of the caller; nil is fullToken
	version string                // API version; "" is that of the description
	prepare func(w *world)        // sets up the state; not compared

	// ours and theirs make the call and return the decoded value. If one is
	// nil, alone has the reason, or notOurs for operations that are not ours.
	ours   func(ctx context.Context, c *ghdeploy.Client, w *world) (any, error)
	theirs func(ctx context.Context, c *github.Client, w *world) (any, error)

	alone string

	// refused means that the oracle must find the request invalid.
	refused bool
}

// The methods below complete an entry of the table.

func (d drive) as(token string) drive                     { d.token = &token; return d }
func (d drive) with(options ...ghdeploytest.Option) drive { d.options = options; return d }
func (d drive) after(prepare func(w *world)) drive        { d.prepare = prepare; return d }
func (d drive) toBeRefused() drive                        { d.refused = true; return d }

func (d *drive) String() string { return fmt.Sprintf("%s/%d %s", d.operation, d.status, d.name) }

// world is a server, and the names and IDs that a call needs.
type world struct {
	t      *testing.T
	server *ghdeploytest.Server
	client *ghdeploy.Client // for prepare; not compared

	owner, repo        string
	deployment, status int64
	environment        string
	environmentID      int64
	policy, rule, run  int64
}

const (
	fullToken   = "ghp_everything"
	readerToken = "github_pat_reader"
	appToken    = "ghs_installation"
	anonymous   = "" // no token
)

// IDs of the world, all above 32 bits.
const (
	reviewerID = 1<<32 + 1
	teamID     = 1<<32 + 2
	appID      = 1<<32 + 3
	otherAppID = 1<<32 + 4
)

// runTo returns a workflow run that deploys to an environment. Its actor may
// not review it.
func runTo(environment string) ghdeploytest.Run {
	return ghdeploytest.Run{Actor: "somebody", Environments: []string{environment}}
}

// clock is the time in every world, so that equal calls get equal responses.
var clock = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func newWorld(t *testing.T, d *drive) *world {
	t.Helper()
	server := ghdeploytest.NewServer(append([]ghdeploytest.Option{
		ghdeploytest.WithClock(func() time.Time { return clock }),
		ghdeploytest.WithRepository(ghdeploytest.Repository{
			FullName: "octocat/example",
			Branches: []ghdeploytest.Branch{
				{Name: "ready"},
				{Name: "behind", Behind: true},
				{Name: "conflicting", Conflict: true},
				{Name: "red", Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "failure"}, {Context: "lint", State: "success"}}},
			},
			Tags: []ghdeploytest.Tag{{Name: "v1.0.0"}},
			Environments: []ghdeploytest.Environment{
				{
					Name: "guarded", WaitTimer: 30, PreventSelfReview: true, ProtectionRules: []string{"shipit"},
					Reviewers:      []ghdeploytest.Reviewer{{User: "octocat"}, {Team: "ops"}},
					BranchPolicies: []ghdeploytest.BranchPolicy{{Name: "release/*"}, {Name: "v*", Type: "tag"}},
				},
				{Name: "locked", ProtectedBranches: true},
				{Name: "qa/eu 1"},
			},
		}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/hidden", Private: true}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/team", Private: true, Plan: "team"}),
		ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat", ID: reviewerID}),
		ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "ops", ID: teamID, Members: []string{"octocat"}}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "shipit", ID: appID}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "gatekeeper", ID: otherAppID}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: fullToken}),
		ghdeploytest.WithToken(ghdeploytest.Token{
			Value: readerToken, Login: "reader", Permissions: map[string]string{"deployments": "read"},
			Repositories: []string{"octocat/example"},
		}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: appToken, App: "shipit", Permissions: map[string]string{"deployments": "write"}}),
	}, d.options...)...)
	t.Cleanup(server.Close)
	w := &world{t: t, server: server, owner: "octocat", repo: "example", environment: "production"}
	w.client = w.ours(server.Transport(), fullToken, &described[0])
	if d.prepare != nil {
		d.prepare(w)
	}
	return w
}

// base returns the base URL of the product.
func base(d *description) string {
	if d.prefix != "" {
		return "https://ghe.example.test" + d.prefix
	}
	return strings.TrimSuffix(ghdeploytest.BaseURL, "/")
}

func (w *world) ours(transport http.RoundTripper, token string, d *description) *ghdeploy.Client {
	w.t.Helper()
	opts := []ghdeploy.Option{
		ghdeploy.WithBaseURL(base(d)),
		ghdeploy.WithHTTPClient(&http.Client{Transport: transport}),
		ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 1, MaxWait: -1}),
		ghdeploy.WithAPIVersion(ghdeploy.APIVersion(d.version)),
	}
	if token != anonymous {
		opts = append(opts, ghdeploy.WithToken(token))
	}
	client, err := ghdeploy.NewClient(opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *world) theirs(transport http.RoundTripper, token string, d *description) *github.Client {
	w.t.Helper()
	root := base(d) + "/"
	// go-github always requests one version; its own option applies only to
	// requests that a caller builds.
	opts := []github.ClientOptionsFunc{
		github.WithHTTPClient(&http.Client{Transport: withVersion{transport, d.version}}),
		github.WithURLs(&root, &root),
	}
	if token != anonymous {
		opts = append(opts, github.WithAuthToken(token))
	}
	client, err := github.NewClient(opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

type withVersion struct {
	next    http.RoundTripper
	version string
}

func (v withVersion) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-GitHub-Api-Version", v.version)
	return v.next.RoundTrip(req)
}

// deploy creates a deployment of the branch ready, and remembers it.
func (w *world) deploy(req ghdeploy.DeploymentRequest) *ghdeploy.Deployment {
	w.t.Helper()
	if req.Ref == "" {
		req.Ref = "ready"
	}
	d, err := w.client.Deployments.Create(w.t.Context(), w.owner, w.repo, req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.deployment = d.ID
	return d
}

// sha is the commit of the remembered deployment.
func (w *world) sha() string {
	for _, d := range w.server.Deployments(w.owner + "/" + w.repo) {
		if d.ID == w.deployment {
			return d.SHA
		}
	}
	return ""
}

// report gives the deployment a status, and remembers it.
func (w *world) report(req ghdeploy.DeploymentStatusRequest) {
	w.t.Helper()
	s, err := w.client.Statuses.Create(w.t.Context(), w.owner, w.repo, w.deployment, req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.status = s.ID
}

// TestDescriptions calls every operation of the server with both clients, and
// compares the exchanges with each of GitHub's descriptions.
func TestDescriptions(t *testing.T) {
	all := descriptions(t)
	applied := newApplied()
	for i := range all {
		d := &all[i]
		t.Run(d.name, func(t *testing.T) {
			driven := make(map[string]bool)
			exchanges := 0
			for i := range drives {
				drive := &drives[i]
				t.Run(drive.String(), func(t *testing.T) {
					applied.calls[d.name]++
					exchanges += runDrive(t, drive, d, applied)
				})
				if drive.status < 300 && drive.ours != nil || notOurs[drive.operation] != "" {
					driven[drive.operation] = true
				}
			}
			t.Logf("%d calls by two clients, %d exchanges, %d operations", len(drives), exchanges, len(driven))
			if applied.calls[d.name] == len(drives) { // not with -run
				checkCoverage(t, d, driven)
			}
		})
	}
	applied.report(t, all)
}

// runDrive makes one call with each client. It returns the number of exchanges.
func runDrive(t *testing.T, drive *drive, d *description, applied *applied) int {
	token := fullToken
	if drive.token != nil {
		token = *drive.token
	}
	if drive.version != "" {
		other := *d
		other.version = drive.version
		d = &other
	}
	results := make(map[string]any)
	exchanges := 0
	call := func(client string, do func(w *world, o *oracle) (any, error)) {
		w := newWorld(t, drive)
		o := &oracle{description: *d, next: w.server.Transport()}
		got, err := do(w, o)
		switch status := drive.status; {
		case status < 300 && status != http.StatusAccepted:
			if err != nil {
				t.Errorf("%s: %v", client, err)
			}
			results[client] = got
		case status >= 400 || status == http.StatusAccepted:
			if err == nil {
				t.Errorf("%s: no error", client)
			}
		}
		if client == "ghdeploy" {
			checkSentinel(t, drive.status, err)
		}
		exchanges += len(o.seen)
		checkExchanges(t, client, drive, d, o, applied)
	}
	if drive.ours != nil {
		call("ghdeploy", func(w *world, o *oracle) (any, error) {
			return drive.ours(t.Context(), w.ours(o, token, d), w)
		})
	}
	if drive.theirs != nil {
		call("go-github", func(w *world, o *oracle) (any, error) {
			return drive.theirs(t.Context(), w.theirs(o, token, d), w)
		})
	}
	if both := drive.ours != nil && drive.theirs != nil; both == (drive.alone != "" || notOurs[drive.operation] != "") {
		t.Error("one client makes no call and no reason is given, or both do and one is given")
	}
	// Our client must decode everything that go-github decodes.
	if ours, theirs := results["ghdeploy"], results["go-github"]; ours != nil && theirs != nil {
		for _, what := range lost("", encoded(t, theirs), encoded(t, ours), func(string) bool { return false }) {
			t.Errorf("go-github has decoded more: %s", what)
		}
	}
	return exchanges
}

// means lists the sentinels of our client for each status. An error must match
// one of them.
var means = map[int][]error{
	http.StatusAccepted:            {ghdeploy.ErrMergedBranch},
	http.StatusSeeOther:            {ghdeploy.ErrAlreadyExists},
	http.StatusBadRequest:          {nil},
	http.StatusUnauthorized:        {ghdeploy.ErrUnauthorized},
	http.StatusForbidden:           {ghdeploy.ErrForbidden, ghdeploy.ErrRateLimited},
	http.StatusNotFound:            {ghdeploy.ErrNotFound},
	http.StatusConflict:            {ghdeploy.ErrMergeConflict, ghdeploy.ErrChecksFailed},
	http.StatusUnprocessableEntity: {ghdeploy.ErrValidation},
	http.StatusTooManyRequests:     {ghdeploy.ErrRateLimited},
}

func checkSentinel(t *testing.T, status int, err error) {
	t.Helper()
	want, ok := means[status]
	var e *ghdeploy.Error
	switch {
	case !ok: // a success, or a redirect that was followed
	case !errors.As(err, &e) || e.StatusCode != status:
		t.Errorf("ghdeploy: %v (%T) is not an Error with the status %d", err, err, status)
	case !slices.ContainsFunc(want, func(is error) bool { return is == nil || errors.Is(err, is) }):
		t.Errorf("ghdeploy: %v is %q, want one of %v", err, isAll(err), want)
	}
}

// checkExchanges checks that the call reached its operation and status, and
// that all findings are listed exceptions.
func checkExchanges(t *testing.T, client string, drive *drive, d *description, o *oracle, applied *applied) {
	t.Helper()
	met := slices.ContainsFunc(o.seen, func(e exchange) bool { return e.operation == drive.operation && e.status == drive.status })
	if !met {
		t.Errorf("%s: the exchanges are %v, without %s -> %d", client, o.seen, drive.operation, drive.status)
	}
	refused := false
	for _, e := range o.seen {
		for _, f := range e.findings {
			switch {
			case drive.refused && f.status == 0 && f.operation == drive.operation:
				refused = true
			case !applied.allows(d.name, f):
				t.Errorf("%s: %s", client, f)
			}
		}
	}
	if drive.refused && !refused {
		t.Errorf("%s: the request is valid, but should be refused", client)
	}
}

// checkCoverage fails if a described operation was not called.
func checkCoverage(t *testing.T, d *description, driven map[string]bool) {
	t.Helper()
	operations := make(map[string]bool)
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			operations[method+" "+path] = true
		}
	}
	for _, operation := range slices.Sorted(maps.Keys(operations)) {
		if !driven[operation] {
			t.Errorf("%s is described but not called", operation)
		}
	}
	for operation := range driven {
		if !operations[operation] {
			t.Errorf("%s is called but not described", operation)
		}
	}
}
