package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

var (
	release   = ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"}
	errDeploy = errors.New("the deploy failed")
)

func succeed(context.Context, *rollout.Running) error { return nil }
func fail(context.Context, *rollout.Running) error    { return errDeploy }

// bodies returns the bodies of the posted statuses, one per line.
func (s server) bodies() string {
	var lines []string
	for _, r := range s.sent(postStatus) {
		lines = append(lines, r.Body)
	}
	return strings.Join(lines, "\n")
}

func TestRunReports(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		called := false
		d, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(ctx context.Context, running *rollout.Running) error {
			called = true
			equal(t, "context", true, ctx == t.Context())
			equal(t, "states", "in_progress", srv.states())
			equal(t, "deployment", srv.Deployments(repository)[0].ID, running.Deployment().ID)
			return nil
		})
		if err != nil || d == nil || !called {
			t.Fatalf("got %v, %v", d, err)
		}
		create := regexp.MustCompile(`^\{"ref":"main","auto_merge":false,"payload":\{"ghdeploy_key":"[A-Z2-7]{26}"\},"environment":"staging"\}$`)
		if body := srv.sent(postDeployment)[0].Body; !create.MatchString(body) {
			t.Errorf("got the body %s", body)
		}
		equal(t, "bodies", `{"state":"in_progress"}`+"\n"+`{"state":"success"}`, srv.bodies())
		equal(t, "requests", 3, len(srv.Requests()))
	})
}

func TestRunFinalState(t *testing.T) {
	tests := map[string]struct {
		opts   rollout.RunOptions
		end    bool // the context ends first
		deploy func(context.Context, *rollout.Running) error
		want   string
		err    error
	}{
		"success":                {rollout.RunOptions{}, false, succeed, "success", nil},
		"failure":                {rollout.RunOptions{}, false, fail, "failure", errDeploy},
		"cancelled":              {rollout.RunOptions{}, true, fail, "error", errDeploy},
		"cancelled as failure":   {rollout.RunOptions{Cancelled: ghdeploy.StateFailure}, true, fail, "failure", errDeploy},
		"cancelled as inactive":  {rollout.RunOptions{Cancelled: ghdeploy.StateInactive}, true, fail, "inactive", errDeploy},
		"success after the end":  {rollout.RunOptions{}, true, succeed, "success", nil},
		"failure with Cancelled": {rollout.RunOptions{Cancelled: ghdeploy.StateInactive}, false, fail, "failure", errDeploy},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				d, err := srv.repo.Run(ctx, release, tt.opts, func(ctx context.Context, running *rollout.Running) error {
					if tt.end {
						cancel()
					}
					return tt.deploy(ctx, running)
				})
				if err != tt.err || d == nil { //nolint:errorlint // the identical error
					t.Errorf("got %v, %v; want %v", d, err, tt.err)
				}
				equal(t, "states", "in_progress "+tt.want, srv.states())
			})
		})
	}
}

func TestRunPanics(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		defer func() {
			equal(t, "panic", any("boom"), recover())
			equal(t, "states", "in_progress error", srv.states())
		}()
		_, _ = srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error { panic("boom") })
		t.Error("Run returned")
	})
	simulate(t, func(t *testing.T, srv server) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = srv.repo.Run(t.Context(), release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
				runtime.Goexit()
				return nil
			})
			t.Error("Run returned")
		}()
		<-ended
		equal(t, "states", "in_progress error", srv.states())
	})
	simulate(t, func(t *testing.T, srv server) { // in Superseded
		defer func() {
			equal(t, "panic", any("boom"), recover())
			equal(t, "states of the older", "in_progress error", history(srv.Deployments(repository)[0]))
		}()
		_, _ = srv.repo.Run(t.Context(), release, rollout.RunOptions{
			Superseded: func(*ghdeploy.Deployment) error { panic("boom") },
		}, func(ctx context.Context, _ *rollout.Running) error {
			_, err := srv.repo.Client.Deployments.Create(ctx, "octocat", "example", release)
			return err
		})
		t.Error("Run returned")
	})
}

// A panic of the transport reaches the goroutine that called Run.
func TestRunTransportPanics(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		repo := srv.repo
		statuses := repo.Client.Statuses
		repo.Client = &ghdeploy.Client{Deployments: repo.Client.Deployments, Statuses: panicking{statuses}}
		defer func() {
			equal(t, "panic", any("boom"), recover())
			equal(t, "states", "in_progress success", srv.states())
		}()
		_, _ = repo.Run(t.Context(), release, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
			running.Progress("half")
			time.Sleep(time.Minute)
			return nil
		})
		t.Error("Run returned")
	})
}

type panicking struct{ ghdeploy.StatusesService }

func (panicking) List(context.Context, string, string, int64, ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	panic("boom")
}

func TestRunDoesNotStart(t *testing.T) {
	refused := ghdeploytest.Respond(http.StatusForbidden, `{"message":"Resource not accessible by integration"}`)
	tests := map[string]struct {
		prepare func(srv server, cancel context.CancelFunc)
		states  string
		want    error
	}{
		"in_progress is refused": {func(srv server, _ context.CancelFunc) { srv.inject(postStatus, refused, 1) }, "error", ghdeploy.ErrForbidden},
		"in_progress is lost": {
			func(srv server, _ context.CancelFunc) { srv.inject(postStatus, ghdeploytest.DropBefore(), 3) },
			"error", ghdeploy.ErrOutcomeUnknown,
		},
		"in_progress is lost twice": {
			func(srv server, _ context.CancelFunc) { srv.inject(postStatus, ghdeploytest.DropBefore(), 2) },
			"in_progress success", nil,
		},
		"the context ends before": {
			func(srv server, cancel context.CancelFunc) {
				srv.inject(postDeployment, ghdeploytest.SlowResponse(5*time.Second), 1)
				time.AfterFunc(time.Second, cancel)
			}, "error", context.Canceled,
		},
		"the context ends during it": {
			func(srv server, cancel context.CancelFunc) {
				srv.Inject(ghdeploytest.Fault{Operation: postStatus, Latency: 5 * time.Second})
				time.AfterFunc(time.Second, cancel)
			}, "error", context.Canceled,
		},
		"the context ends after it": {
			func(srv server, cancel context.CancelFunc) {
				srv.inject(postStatus, ghdeploytest.SlowResponse(5*time.Second), 1)
				time.AfterFunc(time.Second, cancel)
			}, "in_progress error", context.Canceled,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				tt.prepare(srv, cancel)
				called := false
				d, err := srv.repo.Run(ctx, release, rollout.RunOptions{}, func(context.Context, *rollout.Running) error {
					called = true
					return nil
				})
				time.Sleep(time.Minute)
				equal(t, "called", tt.want == nil, called)
				equal(t, "states", tt.states, srv.states())
				if d == nil {
					t.Error("got no deployment")
				}
				if tt.want == nil {
					if err != nil {
						t.Error(err)
					}
					return
				}
				failed, ok := errors.AsType[*rollout.ReportError](err)
				if !ok || !errors.Is(err, tt.want) || failed.State != ghdeploy.StateInProgress || failed.Deployment != d {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestRunLogURL(t *testing.T) {
	actions := map[string]string{"GITHUB_SERVER_URL": "https://octocorp.ghe.com/", "GITHUB_REPOSITORY": "octo/app", "GITHUB_RUN_ID": "17"}
	tests := map[string]struct {
		unset string
		opts  rollout.RunOptions
		want  string
	}{
		"the workflow run":  {"", rollout.RunOptions{}, "https://octocorp.ghe.com/octo/app/actions/runs/17"},
		"the option":        {"", rollout.RunOptions{LogURL: "https://ci.test/1"}, "https://ci.test/1"},
		"no server":         {"GITHUB_SERVER_URL", rollout.RunOptions{}, ""},
		"no repository":     {"GITHUB_REPOSITORY", rollout.RunOptions{}, ""},
		"no run":            {"GITHUB_RUN_ID", rollout.RunOptions{}, ""},
		"not in a workflow": {"GITHUB_RUN_ID", rollout.RunOptions{LogURL: "https://ci.test/2"}, "https://ci.test/2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				for key, value := range actions {
					if key != tt.unset {
						t.Setenv(key, value)
					}
				}
				if _, err := srv.repo.Run(t.Context(), release, tt.opts, succeed); err != nil {
					t.Fatal(err)
				}
				for _, st := range srv.Deployments(repository)[0].Statuses {
					equal(t, "log URL of "+st.State, tt.want, st.LogURL)
				}
			})
		})
	}
}

func TestRunKeepEarlier(t *testing.T) {
	for _, keep := range []bool{false, true} {
		simulate(t, func(t *testing.T, srv server) {
			for range 2 {
				if _, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{KeepEarlier: keep}, succeed); err != nil {
					t.Fatal(err)
				}
			}
			want := "in_progress success inactive"
			if keep {
				want = "in_progress success"
				equal(t, "body", `{"state":"success","auto_inactive":false}`, srv.sent(postStatus)[1].Body)
			}
			equal(t, "states of the older", want, history(srv.Deployments(repository)[0]))
		})
	}
}

func TestRunArguments(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		tests := map[string]struct {
			repo   rollout.Repo
			req    ghdeploy.DeploymentRequest
			opts   rollout.RunOptions
			deploy func(context.Context, *rollout.Running) error
		}{
			"no function":           {srv.repo, release, rollout.RunOptions{}, nil},
			"cancelled as success":  {srv.repo, release, rollout.RunOptions{Cancelled: ghdeploy.StateSuccess}, succeed},
			"cancelled as queued":   {srv.repo, release, rollout.RunOptions{Cancelled: ghdeploy.StateQueued}, succeed},
			"negative grace":        {srv.repo, release, rollout.RunOptions{Grace: -1}, succeed},
			"negative finish":       {srv.repo, release, rollout.RunOptions{Finish: -1}, succeed},
			"auto-merge":            {srv.repo, ghdeploy.DeploymentRequest{Ref: "main", AutoMerge: new(true)}, rollout.RunOptions{}, succeed},
			"no ref":                {srv.repo, ghdeploy.DeploymentRequest{}, rollout.RunOptions{}, succeed},
			"bytes as payload":      {srv.repo, ghdeploy.DeploymentRequest{Ref: "main", Payload: []byte("{}")}, rollout.RunOptions{}, succeed},
			"no client":             {rollout.Repo{Owner: "o", Name: "n"}, release, rollout.RunOptions{}, succeed},
			"no deployment service": {rollout.Repo{Client: &ghdeploy.Client{Statuses: srv.repo.Client.Statuses}, Owner: "o", Name: "n"}, release, rollout.RunOptions{}, succeed},
			"no status service":     {rollout.Repo{Client: &ghdeploy.Client{Deployments: srv.repo.Client.Deployments}, Owner: "o", Name: "n"}, release, rollout.RunOptions{}, succeed},
		}
		for name, tt := range tests {
			d, err := tt.repo.Run(t.Context(), tt.req, tt.opts, tt.deploy)
			if d != nil || !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				t.Errorf("%s: got %v, %v", name, d, err)
			}
		}
		equal(t, "requests", 0, len(srv.Requests()))
	})
}

// Many concurrent releases share one Repo.
func TestRunConcurrently(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		const n = 16
		errs := make(chan error, n)
		for i := range n {
			go func() {
				req := ghdeploy.DeploymentRequest{Ref: "main", Environment: fmt.Sprint("pr-", i)}
				_, err := srv.repo.Run(t.Context(), req, rollout.RunOptions{}, func(_ context.Context, running *rollout.Running) error {
					for range 60 {
						running.Progress(fmt.Sprint(i, " at ", time.Now()))
						running.SetEnvironmentURL(fmt.Sprintf("https://pr-%d.test", i))
						time.Sleep(time.Second)
					}
					return nil
				})
				errs <- err
			}()
		}
		for range n {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for _, d := range srv.Deployments(repository) {
			equal(t, "states of "+d.Environment, "in_progress in_progress in_progress in_progress in_progress in_progress success", history(d))
			last := d.Statuses[len(d.Statuses)-1]
			equal(t, "URL of "+d.Environment, "https://"+d.Environment+".test", last.EnvironmentURL)
		}
	})
}

// In a workflow, the job that calls Run is a check that cannot succeed before
// Run returns. The error names SkipContexts.
func TestRunNamesSkipContexts(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		srv.SetCommitStatus("octocat/example", "main", "release", "pending")
		d, err := srv.repo.Run(t.Context(), release, rollout.RunOptions{}, succeed)
		if d != nil || !errors.Is(err, ghdeploy.ErrChecksFailed) || !strings.Contains(err.Error(), "SkipContexts") {
			t.Errorf("got %v, %v", d, err)
		}
	})
}
