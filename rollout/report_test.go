package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

func TestReportPosts(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{
			State: ghdeploy.StateInProgress, Description: "half", LogURL: "https://ci.test/1",
			EnvironmentURL: "https://app.test", Environment: "Production", AutoInactive: new(false),
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "state", ghdeploy.StateInProgress, got.State)
		const want = `{"state":"in_progress","log_url":"https://ci.test/1","description":"half","environment_url":"https://app.test","environment":"Production","auto_inactive":false}`
		equal(t, "body", want, srv.sent(postStatus)[0].Body)
	})
}

func TestReportPostsNothingTwice(t *testing.T) {
	first := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress, Description: "half", LogURL: "https://ci.test/1", EnvironmentURL: "https://app.test"}
	tests := map[string]struct {
		change func(*ghdeploy.DeploymentStatusRequest)
		posts  int
	}{
		"equal":                    {func(*ghdeploy.DeploymentStatusRequest) {}, 0},
		"equal by the older URL":   {func(r *ghdeploy.DeploymentStatusRequest) { r.TargetURL, r.LogURL = r.LogURL, "" }, 0},
		"equal environment":        {func(r *ghdeploy.DeploymentStatusRequest) { r.Environment = "PRODUCTION" }, 0},
		"another state":            {func(r *ghdeploy.DeploymentStatusRequest) { r.State = ghdeploy.StateQueued }, 1},
		"another description":      {func(r *ghdeploy.DeploymentStatusRequest) { r.Description = "all" }, 1},
		"no description":           {func(r *ghdeploy.DeploymentStatusRequest) { r.Description = "" }, 1},
		"another log URL":          {func(r *ghdeploy.DeploymentStatusRequest) { r.LogURL += "0" }, 1},
		"another environment URL":  {func(r *ghdeploy.DeploymentStatusRequest) { r.EnvironmentURL = "" }, 1},
		"another environment":      {func(r *ghdeploy.DeploymentStatusRequest) { r.Environment = "staging" }, 1},
		"auto_inactive is unknown": {func(r *ghdeploy.DeploymentStatusRequest) { r.AutoInactive = new(false) }, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id := srv.deploy(t, ghdeploy.StateQueued)
				want, err := srv.repo.Report(t.Context(), id, first)
				if err != nil {
					t.Fatal(err)
				}
				before, req := srv.calls(postStatus), first
				tt.change(&req)
				got, err := srv.repo.Report(t.Context(), id, req)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "posts", tt.posts, srv.calls(postStatus)-before)
				equal(t, "the same status", tt.posts == 0, got.ID == want.ID)
			})
		})
	}
}

// Report posts the status if an equal one is not the newest.
func TestReportComparesWithTheNewest(t *testing.T) {
	for _, order := range []ghdeploytest.ListOrder{ghdeploytest.NewestFirst, ghdeploytest.OldestFirst, ghdeploytest.Shuffled} {
		simulate(t, func(t *testing.T, srv server) {
			id := srv.deploy(t, ghdeploy.StateQueued, ghdeploy.StateInProgress)
			if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateQueued}); err != nil {
				t.Fatal(err)
			}
			equal(t, "states", "queued in_progress queued", srv.states())
			if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateQueued}); err != nil {
				t.Fatal(err)
			}
			equal(t, "states", "queued in_progress queued", srv.states())
		}, ghdeploytest.WithListOrder(order))
	}
}

func TestReportReadsAllPages(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		for range 150 {
			srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
		}
		srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
		before := srv.calls(postStatus)
		got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
		if err != nil || got.State != ghdeploy.StateSuccess || srv.calls(postStatus) != before {
			t.Errorf("got %v, %v and %d posts", got, err, srv.calls(postStatus)-before)
		}
	}, ghdeploytest.WithListOrder(ghdeploytest.OldestFirst))
}

func TestReportDoesNotReopen(t *testing.T) {
	for _, final := range []ghdeploy.State{ghdeploy.StateSuccess, ghdeploy.StateFailure, ghdeploy.StateError, ghdeploy.StateInactive} {
		for _, state := range []ghdeploy.State{ghdeploy.StateQueued, ghdeploy.StatePending, ghdeploy.StateInProgress} {
			simulate(t, func(t *testing.T, srv server) {
				id := srv.deploy(t, final)
				got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: state})
				if !errors.Is(err, rollout.ErrAlreadyFinal) || got == nil || got.State != final {
					t.Errorf("%s on %s: got %v, %v", state, final, got, err)
				}
				equal(t, "posts", 1, srv.calls(postStatus))
			})
		}
	}
	simulate(t, func(t *testing.T, srv server) { // one final state may follow another
		id := srv.deploy(t, ghdeploy.StateSuccess)
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive}); err != nil {
			t.Error(err)
		}
		equal(t, "states", "success inactive", srv.states())
	})
}

func TestReportCutsTheDescription(t *testing.T) {
	tests := map[string]string{
		"short":                 "é",
		"exact":                 strings.Repeat("é", 140),
		"long":                  strings.Repeat("é", 141),
		"four bytes each":       strings.Repeat("𝄞", 141),
		"invalid":               "a\xff" + strings.Repeat("b", 200),
		"huge":                  strings.Repeat("x", 1<<20),
		"ends within a rune":    strings.Repeat("x", 139) + "é and more",
		"a cut rune at the end": strings.Repeat("x", 10) + "\xc3",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id := srv.deploy(t)
				for range 2 { // the second is equal after the cut
					got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess, Description: text})
					if err != nil {
						t.Fatal(err)
					}
					n := utf8.RuneCountInString(got.Description)
					if want := min(140, utf8.RuneCountInString(text)); n != want || !utf8.ValidString(got.Description) {
						t.Errorf("got %d characters, want %d: %q", n, want, got.Description)
					}
				}
				equal(t, "posts", 1, srv.calls(postStatus))
			})
		})
	}
}

func TestReportSettlesAnUnknownOutcome(t *testing.T) {
	tests := map[string]struct {
		fault  ghdeploytest.Effect
		times  int
		posts  string // seconds after the start
		looks  string
		states string
		lost   bool
	}{
		"executed":               {ghdeploytest.DropAfter(), 1, "0", "0 1", "success", false},
		"not executed":           {ghdeploytest.DropBefore(), 1, "0 15", "0 1 3 7 15", "success", false},
		"executed after 2 s":     {ghdeploytest.ExecuteLater(2 * time.Second), 1, "0", "0 1 3", "success", false},
		"executed after 14 s":    {ghdeploytest.ExecuteLater(14 * time.Second), 1, "0", "0 1 3 7 15", "success", false},
		"502 twice":              {ghdeploytest.Respond(http.StatusBadGateway, ""), 2, "0 15 30", "0 1 3 7 15 16 18 22 30", "success", false},
		"502 always":             {ghdeploytest.Respond(http.StatusBadGateway, ""), ghdeploytest.Always, "0 15 30", "0 1 3 7 15 16 18 22 30 31 33 37 45", "", true},
		"the response is HTML":   {ghdeploytest.HTMLBody(), 1, "0", "0 1", "success", false},
		"the response was empty": {ghdeploytest.EmptyBody(), 1, "0", "0 1", "success", false},
		"the response is slow":   {ghdeploytest.SlowResponse(time.Hour), 1, "0", "0 31", "success", false}, // counted from the return
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			simulate(t, func(t *testing.T, srv server) {
				id, start := srv.deploy(t), time.Now()
				srv.inject(postStatus, tt.fault, tt.times)
				got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
				equal(t, "outcome unknown", tt.lost, errors.Is(err, ghdeploy.ErrOutcomeUnknown))
				if !tt.lost && (err != nil || got.State != ghdeploy.StateSuccess) {
					t.Errorf("got %v, %v", got, err)
				}
				equal(t, "posts", tt.posts, srv.seconds(postStatus, start))
				equal(t, "looks", tt.looks, srv.seconds(getStatuses, start))
				equal(t, "states", tt.states, srv.states())
			})
		})
	}
}

// An equal status that existed before the POST does not settle its outcome.
func TestReportFindsOnlyNewStatuses(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t, ghdeploy.StateFailure, ghdeploy.StateSuccess)
		srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure}); err != nil {
			t.Fatal(err)
		}
		equal(t, "states", "failure success failure", srv.states())
	})
}

func TestReportWhileReadsFail(t *testing.T) {
	broken := func(srv server) { srv.inject(getStatuses, ghdeploytest.Respond(500, ""), ghdeploytest.Always) }
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		broken(srv)
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}); err == nil {
			t.Error("in_progress was posted although the history is unknown")
		}
		equal(t, "states", "", srv.states())
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
			t.Error(err)
		}
		equal(t, "states", "success", srv.states())
	})
	simulate(t, func(t *testing.T, srv server) { // all reads fail, and two POSTs are lost
		id := srv.deploy(t)
		broken(srv)
		srv.inject(postStatus, ghdeploytest.DropBefore(), 2)
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
			t.Error(err)
		}
		equal(t, "states", "success", srv.states())
	})
	simulate(t, func(t *testing.T, srv server) { // the reads fail after the POST
		id := srv.deploy(t)
		srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Nth: 2, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(500, "")})
		srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
		_, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
		equal(t, "outcome unknown", true, errors.Is(err, ghdeploy.ErrOutcomeUnknown))
		equal(t, "posts", 1, srv.calls(postStatus))
	})
}

// Another program reports a final status while the outcome of in_progress is
// unknown. in_progress must not be repeated.
func TestReportYieldsToAFinalStatus(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
		time.AfterFunc(5*time.Second, func() { srv.status(t.Context(), t, id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError}) })
		got, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress})
		if !errors.Is(err, rollout.ErrAlreadyFinal) || got == nil || got.State != ghdeploy.StateError {
			t.Errorf("got %v, %v", got, err)
		}
		equal(t, "states", "error", srv.states())
	})
}

func TestReportErrors(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id, ctx := srv.deploy(t), t.Context()
		ended, cancel := context.WithCancel(ctx)
		cancel()
		ok := ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}
		tests := map[string]struct {
			repo rollout.Repo
			ctx  context.Context
			id   int64
			req  ghdeploy.DeploymentStatusRequest
			want error
		}{
			"no client":       {rollout.Repo{Owner: "o", Name: "n"}, ctx, id, ok, ghdeploy.ErrInvalidArgument},
			"no service":      {rollout.Repo{Client: &ghdeploy.Client{}, Owner: "o", Name: "n"}, ctx, id, ok, ghdeploy.ErrInvalidArgument},
			"no owner":        {rollout.Repo{Client: srv.repo.Client, Name: "n"}, ctx, id, ok, ghdeploy.ErrInvalidArgument},
			"a path as owner": {rollout.Repo{Client: srv.repo.Client, Owner: "..", Name: "n"}, ctx, id, ok, ghdeploy.ErrInvalidArgument},
			"no ID":           {srv.repo, ctx, 0, ok, ghdeploy.ErrInvalidArgument},
			"negative ID":     {srv.repo, ctx, -1, ok, ghdeploy.ErrInvalidArgument},
			"no state":        {srv.repo, ctx, id, ghdeploy.DeploymentStatusRequest{}, ghdeploy.ErrInvalidArgument},
			"unknown state":   {srv.repo, ctx, id, ghdeploy.DeploymentStatusRequest{State: "done"}, ghdeploy.ErrValidation},
			"no deployment":   {srv.repo, ctx, 7, ok, ghdeploy.ErrNotFound},
			"ended context":   {srv.repo, ended, id, ok, context.Canceled},
		}
		for name, tt := range tests {
			got, err := tt.repo.Report(tt.ctx, tt.id, tt.req)
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("%s: got %v, %v; want %v", name, got, err, tt.want)
			}
		}
		equal(t, "states", "", srv.states())
	})
}

// A hanging look ends when the next one is due.
func TestReportLooksInTime(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id, start := srv.deploy(t), time.Now()
		srv.inject(postStatus, ghdeploytest.DropAfter(), 1)
		srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Nth: 2, Latency: time.Hour})
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}); err != nil {
			t.Fatal(err)
		}
		equal(t, "looks", "0 1 3", srv.seconds(getStatuses, start))
	})
}

// After a POST of unknown outcome, a refused second POST leaves it unknown.
func TestReportStaysUncertain(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t)
		srv.inject(postStatus, ghdeploytest.DropBefore(), 1)
		srv.Inject(ghdeploytest.Fault{Operation: postStatus, Nth: 2, Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message":"no"}`)})
		_, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess})
		equal(t, "forbidden", true, errors.Is(err, ghdeploy.ErrForbidden))
		equal(t, "outcome unknown", true, errors.Is(err, ghdeploy.ErrOutcomeUnknown))
	})
}

// The read before the POST fails, and the reads after it succeed.
func TestReportFindsTheNewestAfterAFailedRead(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		id := srv.deploy(t, ghdeploy.StateSuccess, ghdeploy.StateInactive)
		before := srv.calls(postStatus)
		srv.inject(getStatuses, ghdeploytest.Respond(http.StatusBadGateway, ""), 4)
		srv.inject(postStatus, ghdeploytest.ExecuteLater(5*time.Second), 1)
		if _, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}); err != nil {
			t.Fatal(err)
		}
		equal(t, "posts", 1, srv.calls(postStatus)-before)
		equal(t, "states", "success inactive success", srv.states())
	})
}

// empty is a stub that returns neither a value nor an error.
type empty struct{ ghdeploy.StatusesService }

func (empty) Create(context.Context, string, string, int64, ghdeploy.DeploymentStatusRequest) (*ghdeploy.DeploymentStatus, error) {
	return nil, nil
}

func (empty) List(context.Context, string, string, int64, ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	return &ghdeploy.Page[*ghdeploy.DeploymentStatus]{Items: []*ghdeploy.DeploymentStatus{nil}}, nil
}

type nothing struct{ empty }

func (nothing) List(context.Context, string, string, int64, ghdeploy.DeploymentStatusListOptions) (*ghdeploy.Page[*ghdeploy.DeploymentStatus], error) {
	return nil, nil
}

func TestReportOnAStub(t *testing.T) {
	for _, stub := range []ghdeploy.StatusesService{empty{}, nothing{}} {
		repo := rollout.Repo{Client: &ghdeploy.Client{Statuses: stub}, Owner: "o", Name: "n"}
		for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateSuccess} {
			if got, err := repo.Report(t.Context(), 1, ghdeploy.DeploymentStatusRequest{State: state}); got != nil || err == nil {
				t.Errorf("%T: got %v, %v", stub, got, err)
			}
		}
	}
}

// A look has its own timeout, which is not reported as the end of the caller's
// context.
func TestReportOnAHangingServer(t *testing.T) {
	simulate(t, func(t *testing.T, srv server) {
		for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateSuccess} {
			id := srv.deploy(t)
			srv.Inject(ghdeploytest.Fault{Operation: getStatuses, Nth: 2, Times: ghdeploytest.Always, Latency: time.Hour})
			srv.inject(postStatus, ghdeploytest.DropBefore(), ghdeploytest.Always)
			_, err := srv.repo.Report(t.Context(), id, ghdeploy.DeploymentStatusRequest{State: state})
			if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v; want an unknown outcome without a context error", state, err)
			}
			srv.ClearFaults()
		}
	})
}
