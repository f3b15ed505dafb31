package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

var staging = ghdeploy.DeploymentRequest{Ref: mainSHA, Environment: "staging", SkipContexts: true}

func TestEnsureCreatesOnce(t *testing.T) {
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		simulate(t, func(t *testing.T, srv server) {
			for range 2 {
				srv.deploy(t) // others, without a key
			}
			first, err := srv.repo.Ensure(t.Context(), "run-7", staging)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "created", true, first.Created)
			const want = `{"ref":"` + mainSHA + `","task":"deploy","auto_merge":false,"required_contexts":[],"payload":{"ghdeploy_key":"run-7"},"environment":"staging"}`
			equal(t, "body", want, srv.sent(postDeployment)[2].Body)
			for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateFailure, ghdeploy.StateInactive} {
				srv.status(t.Context(), t, first.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: state})
				again, err := srv.repo.Ensure(t.Context(), "run-7", staging)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "deployment", first.Deployment.ID, again.Deployment.ID)
				equal(t, "created", false, again.Created)
				equal(t, "others", 0, len(again.Others))
			}
			equal(t, "posts", 3, srv.calls(postDeployment))
		}, ghdeploytest.WithListOrder(order))
	}
}

func TestEnsureMatches(t *testing.T) {
	tests := map[string]struct {
		key    string
		change func(*ghdeploy.DeploymentRequest)
		same   bool
	}{
		"the same":            {"k", func(*ghdeploy.DeploymentRequest) {}, true},
		"another case":        {"k", func(r *ghdeploy.DeploymentRequest) { r.Environment = "STAGING" }, true},
		"a SHA in upper case": {"k", func(r *ghdeploy.DeploymentRequest) { r.Ref = strings.ToUpper(mainSHA) }, true},
		"the default task":    {"k", func(r *ghdeploy.DeploymentRequest) { r.Task = "deploy" }, true},
		"another description": {"k", func(r *ghdeploy.DeploymentRequest) { r.Description = "again" }, true},
		"another payload":     {"k", func(r *ghdeploy.DeploymentRequest) { r.Payload = map[string]int{"n": 1} }, true},
		"another key":         {"K", func(*ghdeploy.DeploymentRequest) {}, false},
		"another task":        {"k", func(r *ghdeploy.DeploymentRequest) { r.Task = "migrate" }, false},
		"another environment": {"k", func(r *ghdeploy.DeploymentRequest) { r.Environment = "" }, false},
		"another SHA":         {"k", func(r *ghdeploy.DeploymentRequest) { r.Ref = strings.Repeat("a", 40) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				srv.SetBranch(repository, ghdeploytest.Branch{Name: "topic", SHA: strings.Repeat("a", 40)})
				first, err := srv.repo.Ensure(t.Context(), "k", staging)
				if err != nil {
					t.Fatal(err)
				}
				req := staging
				tt.change(&req)
				second, err := srv.repo.Ensure(t.Context(), tt.key, req)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "the same deployment", tt.same, second.Deployment.ID == first.Deployment.ID)
				equal(t, "created", !tt.same, second.Created)
			})
		})
	}
}

// A status that moves the deployment to another environment does not hide it.
func TestEnsureFindsAMovedDeployment(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		first, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil {
			t.Fatal(err)
		}
		srv.status(t.Context(), t, first.Deployment.ID, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Environment: "staging-eu"})
		again, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil || again.Created {
			t.Errorf("got %+v, %v", again, err)
		}
	})
}

func TestEnsureKeepsThePayload(t *testing.T) {
	type release struct {
		Build int    `json:"build"`
		Key   string `json:"ghdeploy_key,omitempty"`
	}
	tests := map[string]struct {
		payload any
		want    string
	}{
		"nil":             {nil, `{"ghdeploy_key":"k\"<é"}`},
		"a nil map":       {map[string]any(nil), `{"ghdeploy_key":"k\"<é"}`},
		"null":            {json.RawMessage("null"), `{"ghdeploy_key":"k\"<é"}`},
		"a struct":        {release{Build: 7}, `{"build":7,"ghdeploy_key":"k\"<é"}`},
		"another key":     {release{7, "old"}, `{"build":7,"ghdeploy_key":"k\"<é"}`},
		"a large number":  {json.RawMessage(`{"n":12345678901234567890.5, "z":[1,{}]}`), `{"ghdeploy_key":"k\"<é","n":12345678901234567890.5,"z":[1,{}]}`},
		"a Payload":       {ghdeploy.Payload(`{"a":"b"}`), `{"a":"b","ghdeploy_key":"k\"<é"}`},
		"an empty object": {struct{}{}, `{"ghdeploy_key":"k\"<é"}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				req := staging
				req.Payload = tt.payload
				if _, err := srv.repo.Ensure(t.Context(), `k"<é`, req); err != nil {
					t.Fatal(err)
				}
				var got, want any
				if err := errors.Join(json.Unmarshal(srv.Deployments(repository)[0].Payload, &got), json.Unmarshal([]byte(tt.want), &want)); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("got payload %v, want %v", got, want)
				}
				if again, err := srv.repo.Ensure(t.Context(), `k"<é`, req); err != nil || again.Created {
					t.Errorf("got %+v, %v", again, err)
				}
			})
		})
	}
}

func TestEnsureArguments(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		tests := map[string]func(key *string, req *ghdeploy.DeploymentRequest){
			"no key":        func(key *string, _ *ghdeploy.DeploymentRequest) { *key = "" },
			"invalid key":   func(key *string, _ *ghdeploy.DeploymentRequest) { *key = "\xff" },
			"a branch":      func(_ *string, req *ghdeploy.DeploymentRequest) { req.Ref = "main" },
			"a short SHA":   func(_ *string, req *ghdeploy.DeploymentRequest) { req.Ref = mainSHA[:39] },
			"no SHA":        func(_ *string, req *ghdeploy.DeploymentRequest) { req.Ref = strings.Repeat("x", 40) },
			"auto-merge":    func(_ *string, req *ghdeploy.DeploymentRequest) { req.AutoMerge = new(true) },
			"a string":      func(_ *string, req *ghdeploy.DeploymentRequest) { req.Payload = `{}` },
			"an array":      func(_ *string, req *ghdeploy.DeploymentRequest) { req.Payload = []int{1} },
			"bytes":         func(_ *string, req *ghdeploy.DeploymentRequest) { req.Payload = []byte(`{}`) },
			"a channel":     func(_ *string, req *ghdeploy.DeploymentRequest) { req.Payload = make(chan int) },
			"both contexts": func(_ *string, req *ghdeploy.DeploymentRequest) { req.RequiredContexts = []string{"ci"} },
			"an empty context": func(_ *string, req *ghdeploy.DeploymentRequest) {
				req.SkipContexts, req.RequiredContexts = false, []string{}
			},
			"a broken payload": func(_ *string, req *ghdeploy.DeploymentRequest) { req.Payload = broken{} },
		}
		for name, change := range tests {
			key, req := "k", staging
			change(&key, &req)
			got, err := srv.repo.Ensure(t.Context(), key, req)
			if !errors.Is(err, ghdeploy.ErrInvalidArgument) || got != nil {
				t.Errorf("%s: got %v, %v", name, got, err)
			}
			equal(t, name+": requests", 0, len(srv.Requests()))
		}
		_, err := rollout.Repo{Client: &ghdeploy.Client{}, Owner: "o", Name: "n"}.Ensure(t.Context(), "k", staging)
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) || !strings.Contains(err.Error(), "Deployments") {
			t.Errorf("nil service: got %v", err)
		}
	})
}

type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { return nil, errors.New("no") }

func TestEnsureSettlesAnUnknownOutcome(t *testing.T) {
	tests := map[string]struct {
		fault       ghdeploytest.Effect
		times       int
		posts       string
		deployments int
		want        error
	}{
		"executed":             {ghdeploytest.DropAfter(), 1, "0", 1, nil},
		"executed after 2 s":   {ghdeploytest.ExecuteLater(2 * time.Second), 1, "0", 1, nil},
		"executed after 14 s":  {ghdeploytest.ExecuteLater(14 * time.Second), 1, "0", 1, nil},
		"not executed":         {ghdeploytest.DropBefore(), 1, "0 15", 1, nil},
		"502 twice":            {ghdeploytest.Respond(http.StatusBadGateway, ""), 2, "0 15 30", 1, nil},
		"502 always":           {ghdeploytest.Respond(http.StatusBadGateway, ""), ghdeploytest.Always, "0 15 30", 0, ghdeploy.ErrOutcomeUnknown},
		"the response is HTML": {ghdeploytest.HTMLBody(), 1, "0", 1, nil},
		"refused":              {ghdeploytest.Respond(http.StatusConflict, `{"message":"Conflict merging main into topic."}`), 1, "0", 0, ghdeploy.ErrMergeConflict},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				start := time.Now()
				srv.inject(postDeployment, tt.fault, tt.times)
				got, err := srv.repo.Ensure(t.Context(), "k", staging)
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || (got == nil) != (err != nil) {
					t.Errorf("got %+v, %v; want %v", got, err, tt.want)
				}
				if got != nil {
					equal(t, "created", true, got.Created)
				}
				equal(t, "posts", tt.posts, srv.seconds(postDeployment, start))
				equal(t, "deployments", tt.deployments, len(srv.Deployments(repository)))
			})
		})
	}
}

// If the looks fail, the POST is not repeated.
func TestEnsureDoesNotRepeatAfterFailedLooks(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.inject(postDeployment, ghdeploytest.DropAfter(), 1)
		srv.Inject(ghdeploytest.Fault{Operation: getDeployments, Nth: 2, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(500, "")})
		got, err := srv.repo.Ensure(t.Context(), "k", staging)
		if got != nil || !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("got %v, %v", got, err)
		}
		equal(t, "posts", 1, srv.calls(postDeployment))
		srv.ClearFaults()
		again, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil || again.Created {
			t.Errorf("got %+v, %v", again, err)
		}
	})
}

// If the read after the creation fails, Ensure returns the deployment too.
func TestEnsureReturnsTheCreatedDeployment(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.Inject(ghdeploytest.Fault{Operation: getDeployments, Nth: 2, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(500, "")})
		got, err := srv.repo.Ensure(t.Context(), "k", staging)
		if got == nil || !got.Created || got.Deployment == nil || err == nil {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// Two calls that overlap create two deployments, and every later call agrees on
// the older one.
func TestEnsureOldestWins(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.Inject(ghdeploytest.Fault{Operation: postDeployment, Times: 3, Latency: time.Second})
		results := make(chan *rollout.Ensured, 3)
		for range 3 {
			go func() {
				got, err := srv.repo.Ensure(t.Context(), "k", staging)
				if err != nil {
					t.Error(err)
				}
				results <- got
			}()
		}
		created := 0
		for range 3 {
			if (<-results).Created {
				created++
			}
		}
		if created == 0 {
			t.Error("no call created the oldest deployment")
		}
		list := srv.Deployments(repository)
		equal(t, "deployments", 3, len(list))
		got, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "oldest", list[0].ID, got.Deployment.ID)
		if want := []int64{list[1].ID, list[2].ID}; !slices.Equal(got.Others, want) || got.Created {
			t.Errorf("got %v, %v; want %v", got.Others, got.Created, want)
		}
	})
}

func TestEnsureCancelled(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		srv.inject(postDeployment, ghdeploytest.ExecuteLater(12*time.Second), 1)
		start := time.Now()
		got, err := srv.repo.Ensure(ctx, "k", staging)
		if got != nil || !errors.Is(err, ghdeploy.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, %v", got, err)
		}
		equal(t, "took", 5*time.Second, time.Since(start))
		time.Sleep(15 * time.Second)
		again, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil || again.Created {
			t.Errorf("got %+v, %v", again, err)
		}
		equal(t, "deployments", 1, len(srv.Deployments(repository)))
	})
}

// A lagging list omits a new deployment, so a duplicate is created, as Ensure
// documents.
func TestEnsureOnALaggingList(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		first, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil || !first.Created {
			t.Fatalf("got %+v, %v", first, err)
		}
		time.Sleep(time.Minute)
		again, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil || again.Created || again.Deployment.ID != first.Deployment.ID {
			t.Errorf("got %+v, %v", again, err)
		}
	}, ghdeploytest.WithListLag(10*time.Second))
}

// A call that created a deployment and then finds an older one returns that.
func TestEnsureReturnsTheOlderDeployment(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.Inject(ghdeploytest.Fault{Operation: postDeployment, Latency: time.Second})
		srv.Inject(ghdeploytest.Fault{Operation: postDeployment, Nth: 2, Latency: 2 * time.Second})
		first := make(chan *rollout.Ensured)
		go func() {
			got, err := srv.repo.Ensure(t.Context(), "k", staging)
			if err != nil {
				t.Error(err)
			}
			first <- got
		}()
		time.Sleep(500 * time.Millisecond)
		second, err := srv.repo.Ensure(t.Context(), "k", staging)
		if err != nil {
			t.Fatal(err)
		}
		older, list := <-first, srv.Deployments(repository)
		if !older.Created || older.Deployment.ID != list[0].ID || len(older.Others) != 0 {
			t.Errorf("the first call got %+v", older)
		}
		if second.Created || second.Deployment.ID != list[0].ID || !slices.Equal(second.Others, []int64{list[1].ID}) {
			t.Errorf("the second call got %+v", second)
		}
	})
}

// unfiltered is a stub whose List ignores the filters.
type unfiltered struct{ ghdeploy.DeploymentsService }

func (s unfiltered) List(ctx context.Context, owner, repo string, opts ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	return s.DeploymentsService.List(ctx, owner, repo, ghdeploy.DeploymentListOptions{Page: opts.Page, PerPage: opts.PerPage})
}

func TestEnsureChecksTheFiltersItself(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.repo.Client = &ghdeploy.Client{Deployments: unfiltered{srv.repo.Client.Deployments}}
		other := strings.Repeat("b", 40)
		srv.SetBranch(repository, ghdeploytest.Branch{Name: "topic", SHA: other})
		for _, req := range []ghdeploy.DeploymentRequest{
			staging,
			{Ref: other, Environment: "staging"},
			{Ref: mainSHA, Environment: "staging", Task: "migrate"},
		} {
			if got, err := srv.repo.Ensure(t.Context(), "k", req); err != nil || !got.Created || len(got.Others) > 0 {
				t.Errorf("%+v: got %+v, %v", req, got, err)
			}
		}
	})
}
