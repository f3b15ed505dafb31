package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// The Go of docs/concepts.md, so that it compiles and runs. TestDocuments
// compares the two.

func onDeployment(
	client *ghdeploy.Client, deploy func(sha string) error,
) webhook.Callbacks {
	return webhook.Callbacks{OnDeployment: func(
		ctx context.Context, e *webhook.DeploymentEvent,
	) error {
		owner, repo := e.OwnerRepo()
		report := func(state ghdeploy.State) error {
			_, err := client.Statuses.Create(ctx, owner, repo, e.Deployment.ID,
				ghdeploy.DeploymentStatusRequest{State: state})
			return err
		}
		if err := report(ghdeploy.StateInProgress); err != nil {
			return err
		}
		if err := deploy(e.Deployment.SHA); err != nil {
			return errors.Join(err, report(ghdeploy.StateFailure))
		}
		return report(ghdeploy.StateSuccess)
	}}
}

func deployChecked(
	ctx context.Context, client *ghdeploy.Client, ref string, contexts []string,
) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example",
		ghdeploy.DeploymentRequest{
			Ref:              ref,
			RequiredContexts: contexts, // nil: every context
			AutoMerge:        new(false),
		})

	var conflict *ghdeploy.ConflictError
	if errors.As(err, &conflict) && conflict.Reason == ghdeploy.ConflictChecks {
		return fmt.Errorf("not yet deployed: %v", conflict.Failing())
	}
	return err
}

func deployMerged(
	ctx context.Context, client *ghdeploy.Client, ref string, checks []string,
) (*ghdeploy.Deployment, error) {
	req := ghdeploy.DeploymentRequest{
		Ref:              ref,
		Environment:      "staging",
		RequiredContexts: checks,
	}
	for {
		d, err := client.Deployments.Create(ctx, "octocat", "example", req)

		var conflict *ghdeploy.ConflictError
		switch {
		case errors.Is(err, ghdeploy.ErrMergedBranch):
			// 202: GitHub merged the default branch; no deployment.
		case errors.As(err, &conflict) &&
			conflict.Reason == ghdeploy.ConflictChecks && !hasFailed(conflict):
			// 409: the checks of the merge commit are not complete yet.
		default:
			return d, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(10 * time.Second):
		}
	}
}

func hasFailed(conflict *ghdeploy.ConflictError) bool {
	return slices.ContainsFunc(conflict.Failing(),
		func(c ghdeploy.ContextState) bool {
			switch c.State {
			case "pending", "queued", "in_progress", "waiting", "requested":
				return false // it can still succeed
			}
			return true
		})
}

func succeed(
	ctx context.Context, client *ghdeploy.Client, id int64, keepOthers bool,
) error {
	_, err := client.Statuses.Create(ctx, "octocat", "example", id,
		ghdeploy.DeploymentStatusRequest{
			State:        ghdeploy.StateSuccess,
			AutoInactive: new(!keepOthers), // nil: true
		})
	return err
}

func openPreview(
	ctx context.Context, client *ghdeploy.Client, branch, environment string,
) (*ghdeploy.Deployment, error) {
	return client.Deployments.Create(ctx, "octocat", "example",
		ghdeploy.DeploymentRequest{
			Ref:                  branch,
			Environment:          environment, // such as pr-7
			TransientEnvironment: true,
			AutoMerge:            new(false),
		})
}

func closePreview(
	ctx context.Context, client *ghdeploy.Client, id int64,
) error {
	_, err := client.Statuses.Create(ctx, "octocat", "example", id,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
	return err
}

func remove(ctx context.Context, client *ghdeploy.Client, id int64) error {
	err := client.Deployments.Delete(ctx, "octocat", "example", id)
	if !errors.Is(err, ghdeploy.ErrActiveDeployment) {
		return err
	}
	_, err = client.Statuses.Create(ctx, "octocat", "example", id,
		ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
	if err != nil {
		return err
	}
	return client.Deployments.Delete(ctx, "octocat", "example", id)
}

// conceptServer starts a server and returns a client of it.
func conceptServer(t *testing.T, r ghdeploytest.Repository, opts ...ghdeploytest.Option) (*ghdeploytest.Server, *ghdeploy.Client) {
	t.Helper()
	r.FullName = "octocat/example"
	server := ghdeploytest.NewServer(append(opts, ghdeploytest.WithRepository(r))...)
	t.Cleanup(server.Close)
	client := server.Client()
	return server, client
}

// conceptStates returns the states of each deployment, oldest first.
func conceptStates(server *ghdeploytest.Server) map[int64]string {
	all := make(map[int64]string)
	for _, d := range server.Deployments("octocat/example") {
		var names []string
		for _, s := range d.Statuses {
			names = append(names, s.State)
		}
		all[d.ID] = strings.Join(names, " ")
	}
	return all
}

// conceptSeed returns deployments with the IDs 1, 2, ... and one status each.
// The state "" is no status.
func conceptSeed(environment string, states ...string) []ghdeploytest.SeedDeployment {
	var all []ghdeploytest.SeedDeployment
	for i, state := range states {
		d := ghdeploytest.SeedDeployment{ID: int64(i + 1), Environment: environment}
		if state != "" {
			d.Statuses = []ghdeploytest.SeedStatus{{State: state}}
		}
		all = append(all, d)
	}
	return all
}

func TestConceptSequence(t *testing.T) {
	for name, failure := range map[string]error{"success": nil, "failure": errors.New("no space left")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var deployed []string
				verifier, err := webhook.NewVerifier("secret")
				if err != nil {
					t.Fatal(err)
				}
				var receiver http.Handler // once ready is closed
				ready := make(chan struct{})
				server, client := conceptServer(t, ghdeploytest.Repository{}, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
					Secret: "secret",
					Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						<-ready
						receiver.ServeHTTP(w, r)
					}),
				}))
				on := onDeployment(client, func(sha string) error {
					deployed = append(deployed, sha)
					return failure
				})
				var events []string // what the tooling sees
				on.OnDeploymentStatus = func(_ context.Context, e *webhook.DeploymentStatusEvent) error {
					events = append(events, string(e.DeploymentStatus.State))
					return nil
				}
				on.OnError = func(_ context.Context, _ *webhook.Delivery, err error) {
					if !errors.Is(err, failure) {
						t.Error(err)
					}
				}
				receiver = webhook.NewHandler(verifier, on)
				close(ready)
				d, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				same(t, "deployed", []string{d.SHA}, deployed)
				same(t, "statuses", map[int64]string{d.ID: "in_progress " + name}, conceptStates(server))
				same(t, "events", []string{"in_progress", name}, events)
			})
		})
	}
}

func TestConceptRequest(t *testing.T) {
	server, client := conceptServer(t, ghdeploytest.Repository{Commits: []ghdeploytest.Commit{{SHA: strings.Repeat("a", 40)}}})
	d, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	if err != nil || d.Task != "deploy" || d.Environment != "production" || d.TransientEnvironment || !d.ProductionEnvironment {
		t.Errorf("%+v, %v", d, err)
	}
	if d, err = client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "aaaaaaa", Environment: "qa"}); err != nil || d.ProductionEnvironment {
		t.Errorf("%+v, %v", d, err)
	}
	var names []string
	for _, e := range server.Environments("octocat/example") {
		names = append(names, e.Name)
	}
	same(t, "environments", []string{"production", "qa"}, names)
	_, err = client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "gone"})
	if e := (*ghdeploy.Error)(nil); !errors.As(err, &e) || e.StatusCode != http.StatusUnprocessableEntity || !errors.Is(err, ghdeploy.ErrRefNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestConceptStates(t *testing.T) {
	server, client := conceptServer(t, ghdeploytest.Repository{Deployments: conceptSeed("staging", "")}, ghdeploytest.WithStatusCap(8))
	add := func(state ghdeploy.State, description string) error {
		_, err := client.Statuses.Create(t.Context(), "octocat", "example", 1, ghdeploy.DeploymentStatusRequest{State: state, Description: description})
		return err
	}
	// Any order: the usual one from its end.
	for _, state := range []ghdeploy.State{"inactive", "success", "error", "failure", "in_progress", "pending", "queued"} {
		if err := add(state, strings.Repeat("d", 140)); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	server.AddWaitingStatus("octocat/example", 1)
	same(t, "states", map[int64]string{1: "inactive success error failure in_progress pending queued waiting"}, conceptStates(server))
	for _, tt := range []struct {
		state       ghdeploy.State
		description string
		want        error
	}{
		{"waiting", "", ghdeploy.ErrValidation},
		{"success", strings.Repeat("d", 141), ghdeploy.ErrValidation},
		{"success", "", ghdeploy.ErrTooManyStatuses},
	} {
		if err := add(tt.state, tt.description); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.state, err, tt.want)
		}
	}
}

func TestConceptRequiredContexts(t *testing.T) {
	checks := []ghdeploytest.CommitStatus{{Context: "build", State: "success"}, {Context: "lint", State: "failure"}}
	server, client := conceptServer(t, ghdeploytest.Repository{Branches: []ghdeploytest.Branch{{Name: "topic", Statuses: checks}}})
	for _, tt := range []struct {
		contexts []string
		want     string // "" is a deployment
	}{
		{nil, "not yet deployed: [{lint failure}]"},
		{[]string{"build", "test"}, "not yet deployed: [{test pending}]"},
		{[]string{"build"}, ""},
	} {
		err := deployChecked(t.Context(), client, "topic", tt.contexts)
		if got := fmt.Sprint(err); err == nil && tt.want != "" || err != nil && got != tt.want {
			t.Errorf("%q: %s, want %q", tt.contexts, got, tt.want)
		}
	}
	if err := deployChecked(t.Context(), client, "topic", []string{}); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
		t.Errorf("an empty list: %v", err)
	}
	skip := ghdeploy.DeploymentRequest{Ref: "topic", SkipContexts: true}
	if _, err := client.Deployments.Create(t.Context(), "octocat", "example", skip); err != nil {
		t.Error(err)
	}
	server.SetCommitStatus("octocat/example", "topic", "lint", "success")
	if err := deployChecked(t.Context(), client, "topic", nil); err != nil {
		t.Error(err)
	}
	if err := deployChecked(t.Context(), client, "main", nil); err != nil { // without contexts
		t.Error(err)
	}
	if n := len(server.Requests()); n != 6 {
		t.Errorf("%d requests, want 6: none for the empty list", n)
	}
}

func TestConceptAutoMerge(t *testing.T) {
	tag, commit := strings.Repeat("a", 40), strings.Repeat("b", 40)
	server, client := conceptServer(t, ghdeploytest.Repository{
		Branches: []ghdeploytest.Branch{
			{Name: "fresh"},
			{Name: "behind", Behind: true, Statuses: []ghdeploytest.CommitStatus{{Context: "build", State: "success"}}},
			{Name: "clash", Conflict: true},
		},
		Tags:    []ghdeploytest.Tag{{Name: "v1", SHA: tag, Behind: true}},
		Commits: []ghdeploytest.Commit{{SHA: commit, Behind: true}},
	})
	create := func(ref string, autoMerge *bool) (int, error) {
		_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: ref, AutoMerge: autoMerge})
		if e := (*ghdeploy.Error)(nil); errors.As(err, &e) {
			return e.StatusCode, err
		}
		return 0, err
	}
	for _, tt := range []struct {
		ref    string
		status int
		want   error
	}{
		{"fresh", 0, nil},
		{"behind", 202, ghdeploy.ErrMergedBranch},
		{"clash", 409, ghdeploy.ErrMergeConflict},
		{"v1", 409, ghdeploy.ErrMergeConflict},
		{commit, 409, ghdeploy.ErrMergeConflict},
	} {
		if _, err := create(tt.ref, new(false)); err != nil {
			t.Errorf("%s without auto-merge: %v", tt.ref, err)
		}
		if status, err := create(tt.ref, nil); status != tt.status || !errors.Is(err, tt.want) {
			t.Errorf("%s: %d, %v, want %d, %v", tt.ref, status, err, tt.status, tt.want)
		}
	}
	// The merge commit has no contexts, so the second request succeeds.
	made := len(server.Deployments("octocat/example"))
	if _, err := create("behind", nil); err != nil || len(server.Deployments("octocat/example")) != made+1 {
		t.Errorf("the second request: %v", err)
	}
}

// A topic branch is not deployed if its merge commit fails its check.
func TestDeployMergedDeploysNothingUnchecked(t *testing.T) {
	for name, tt := range map[string]struct {
		states []string // of the check "ci" on the merge commit, one after each wait
		want   error    // nil: deployed
	}{
		"green at last": {[]string{"", "pending", "success"}, nil},
		"red":           {[]string{"", "pending", "failure"}, ghdeploy.ErrChecksFailed},
		"red at once":   {[]string{"failure"}, ghdeploy.ErrChecksFailed},
		"cancelled":     {[]string{"queued", "in_progress", "cancelled"}, ghdeploy.ErrChecksFailed},
		"never checked": {[]string{""}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
					FullName: "octocat/example",
					Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true, Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "success"}}}},
				}))
				defer server.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var checks sync.WaitGroup
				defer checks.Wait()
				checks.Go(func() {
					time.Sleep(5 * time.Second) // after the first 202
					for _, state := range tt.states {
						if state != "" {
							server.SetCommitStatus("octocat/example", "topic", "ci", state)
						}
						time.Sleep(10 * time.Second)
					}
				})
				d, err := deployMerged(ctx, server.Client(), "topic", []string{"ci"})
				made := server.Deployments("octocat/example")
				if !errors.Is(err, tt.want) || errors.Is(err, context.DeadlineExceeded) != errors.Is(tt.want, context.DeadlineExceeded) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
				if deployed := d != nil; deployed != (tt.want == nil) || deployed && (len(made) != 1 || d.ID != made[0].ID) || !deployed && len(made) != 0 {
					t.Errorf("%v; %d deployments", d, len(made))
				}
			})
		})
	}
}

func TestConceptInactive(t *testing.T) {
	for name, tt := range map[string]struct {
		keep bool
		want map[int64]string
	}{
		"rule": {false, map[int64]string{1: "success inactive", 2: "failure", 3: "success", 4: "success", 5: "success", 6: "success", 7: "success"}},
		"no":   {true, map[int64]string{1: "success", 2: "failure", 3: "success", 4: "success", 5: "success", 6: "success", 7: "success"}},
	} {
		t.Run(name, func(t *testing.T) {
			deployments := conceptSeed("staging", "success", "failure", "success", "success", "success", "", "success")
			deployments[2].Environment = "qa"
			deployments[3].TransientEnvironment = true
			deployments[4].ProductionEnvironment = new(true)
			// 6 succeeds; 7 is later.
			server, client := conceptServer(t, ghdeploytest.Repository{Deployments: deployments})
			if err := succeed(t.Context(), client, 6, tt.keep); err != nil {
				t.Fatal(err)
			}
			same(t, "states", tt.want, conceptStates(server))
			if by := server.Deployments("octocat/example")[0].Inactive(); (by == nil) != tt.keep || by != nil && by.AutoInactiveBy != 6 {
				t.Errorf("made inactive by %+v", by)
			}
		})
	}
}

func TestConceptTransientAndProduction(t *testing.T) {
	server, client := conceptServer(t, ghdeploytest.Repository{})
	d, err := openPreview(t.Context(), client, "main", "pr-7")
	if err != nil || !d.TransientEnvironment || d.ProductionEnvironment {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := succeed(t.Context(), client, d.ID, false); err != nil {
		t.Fatal(err)
	}
	if err := closePreview(t.Context(), client, d.ID); err != nil {
		t.Fatal(err)
	}
	same(t, "states", map[int64]string{d.ID: "success inactive"}, conceptStates(server))
	req := ghdeploy.DeploymentRequest{Ref: "main", Environment: "prod-eu", ProductionEnvironment: new(true)}
	if d, err := client.Deployments.Create(t.Context(), "octocat", "example", req); err != nil || !d.ProductionEnvironment {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestConceptDelete(t *testing.T) {
	for name, tt := range map[string]struct {
		states  []string // of the deployments of one environment
		id      int64
		refused bool // by the first request
		opts    []ghdeploytest.Option
	}{
		"active":                          {states: []string{"failure", "success"}, id: 2, refused: true},
		"a newer one is active":           {states: []string{"success", "success"}, id: 1},
		"failed":                          {states: []string{"success", "failure"}, id: 2},
		"the only one":                    {states: []string{"success"}, id: 1},
		"no status":                       {states: []string{"success", ""}, id: 2},
		"no status, other reading":        {states: []string{"success", ""}, id: 2, refused: true, opts: []ghdeploytest.Option{ghdeploytest.WithActiveDeployment(ghdeploytest.ActiveWithoutStatus)}},
		"the only one of its environment": {states: []string{"success", "success"}, id: 2, opts: []ghdeploytest.Option{ghdeploytest.WithOnlyDeployment(ghdeploytest.OnlyInEnvironment)}},
	} {
		t.Run(name, func(t *testing.T) {
			deployments := conceptSeed("staging", tt.states...)
			if strings.HasSuffix(name, "environment") {
				deployments[0].Environment = "qa"
			}
			server, client := conceptServer(t, ghdeploytest.Repository{Deployments: deployments}, tt.opts...)
			if err := remove(t.Context(), client, tt.id); err != nil {
				t.Fatal(err)
			}
			left := conceptStates(server)
			if _, ok := left[tt.id]; ok || len(left) != len(tt.states)-1 {
				t.Errorf("left: %v", left)
			}
			if refused := len(server.Requests()) == 3; refused != tt.refused {
				t.Errorf("%d requests", len(server.Requests()))
			}
		})
	}
	_, client := conceptServer(t, ghdeploytest.Repository{})
	if err := remove(t.Context(), client, 1); !errors.Is(err, ghdeploy.ErrNotFound) {
		t.Errorf("a missing one: %v", err)
	}
}

func TestConceptTokens(t *testing.T) {
	_, client := conceptServer(t, ghdeploytest.Repository{}, ghdeploytest.WithToken(ghdeploytest.Token{
		Value: ghdeploytest.DefaultToken, Permissions: map[string]string{"deployments": "read"},
	}))
	_, err := client.Deployments.Create(t.Context(), "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	if e := (*ghdeploy.Error)(nil); !errors.As(err, &e) || !errors.Is(err, ghdeploy.ErrForbidden) || e.AcceptedPermissions != "deployments=write" {
		t.Errorf("got %v", err)
	}
}
