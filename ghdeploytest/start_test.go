package ghdeploytest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

var _ ghdeploytest.TB = testing.TB(nil)

// tb is a test that records its failures. end runs its cleanups.
type tb struct {
	failures []string
	cleanups []func()
}

func (*tb) Helper()            {}
func (b *tb) Cleanup(f func()) { b.cleanups = append(b.cleanups, f) }
func (b *tb) Errorf(format string, args ...any) {
	b.failures = append(b.failures, fmt.Sprintf(format, args...))
}

func (b *tb) end() []string {
	for _, f := range b.cleanups {
		f()
	}
	return b.failures
}

func TestStart(t *testing.T) {
	bad := ghdeploytest.Respond(502, "")
	for _, tt := range []struct {
		name string
		run  func(t *testing.T, srv *ghdeploytest.Server)
		want []string
	}{
		{"no faults", func(*testing.T, *ghdeploytest.Server) {}, nil},
		{"fired", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Times: 3, Effect: bad})
			must(t, srv, 502, "GET", deployments, "")
		}, nil},
		{"no request", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: create, Effect: bad})
			must(t, srv, 200, "GET", deployments, "")
		}, []string{"ghdeploytest: the fault Respond(502) on POST /repos/{owner}/{repo}/deployments never fired: the server saw no such request"}},
		{"another repository", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Repository: "octocat/other", Effect: bad})
			must(t, srv, 200, "GET", deployments, "")
		}, []string{"ghdeploytest: the fault Respond(502) on GET /repos/{owner}/{repo}/deployments of octocat/other never fired: the server saw no such request"}},
		{"no match", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Latency: 5, Match: func(ghdeploytest.Request) bool { return false }})
			must(t, srv, 200, "GET", deployments, "")
			must(t, srv, 200, "GET", deployments, "")
		}, []string{"ghdeploytest: the fault Latency 5ns on GET /repos/{owner}/{repo}/deployments never fired: Match accepted none of 2 requests"}},
		{"too few requests", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Nth: 3, Effect: bad})
			must(t, srv, 200, "GET", deployments, "")
		}, []string{"ghdeploytest: the fault Respond(502) on GET /repos/{owner}/{repo}/deployments never fired: it waits for request 3, and the server saw 1"}},
		{"probability below 1", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Probability: 1e-9, Effect: bad})
			must(t, srv, 200, "GET", deployments, "")
		}, nil},
		{"probability 1", func(_ *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: list, Probability: 1, Effect: bad})
		}, []string{"ghdeploytest: the fault Respond(502) on GET /repos/{owner}/{repo}/deployments never fired: the server saw no such request"}},
		{"cleared", func(t *testing.T, srv *ghdeploytest.Server) {
			srv.Inject(ghdeploytest.Fault{Operation: create, Effect: bad})
			srv.Inject(ghdeploytest.Fault{Operation: list, Effect: bad})
			must(t, srv, 502, "GET", deployments, "")
			srv.ClearFaults()
			srv.ClearFaults()
			srv.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Nth: 9, Effect: bad})
			must(t, srv, 200, "GET", deployments, "")
		}, []string{
			"ghdeploytest: the fault Respond(502) on POST /repos/{owner}/{repo}/deployments never fired: the server saw no such request",
			"ghdeploytest: the fault Respond(502) on * never fired: it waits for request 9, and the server saw 1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := new(tb)
			srv := ghdeploytest.Start(b,
				ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}),
				ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/other"}))
			tt.run(t, srv)
			if diff := cmp.Diff(tt.want, b.end()); diff != "" {
				t.Error(diff)
			}
			if _, err := try(t, srv, "GET", deployments, ""); err == nil {
				t.Error("the server still serves after the end of the test")
			}
		})
	}
}

func TestFaultRepository(t *testing.T) {
	srv := newServer(t,
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", ID: 41}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/other"}))
	srv.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Repository: "Octocat/Example", Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(502, "")})
	must(t, srv, 200, "GET", "/repos/octocat/other/deployments", "")
	must(t, srv, 200, "GET", "/rate_limit", "")
	must(t, srv, 404, "GET", "/repos/octocat/none/deployments", "")
	must(t, srv, 502, "GET", deployments, "")
	must(t, srv, 502, "GET", "/repos/OCTOCAT/example/deployments", "")
	must(t, srv, 502, "GET", "/repositories/41/deployments", "")
	srv.RenameRepository("octocat/example", "octocat/renamed")
	must(t, srv, 502, "GET", "/repos/octocat/renamed/deployments", "")
	must(t, srv, 502, "GET", deployments, "") // the former name
	if got := srv.Faults(); len(got) != 1 || got[0].Seen != 5 || got[0].Fired != 5 {
		t.Errorf("faults %+v", got)
	}
	wantPanic(t, func() {
		srv.Inject(ghdeploytest.Fault{Operation: list, Repository: "octocat/none", Effect: ghdeploytest.DropAfter()})
	}, `"octocat/none"`, "octocat/renamed, octocat/other")
}

// Match gets the body and the headers without the credential, over both
// transports.
func TestFaultMatch(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			srv := newServer(t)
			rt, base := way.dial(t, srv)
			var mu sync.Mutex
			var saw []ghdeploytest.Request
			srv.Inject(ghdeploytest.Fault{Operation: create, Times: 2, Effect: ghdeploytest.Respond(502, ""), Match: func(r ghdeploytest.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				saw = append(saw, r)
				r.Header.Set("X-Changed", "yes") // changes a copy
				r.Query.Set("changed", "yes")
				_ = srv.Requests() // no lock is held
				return strings.Contains(r.Body, `"production"`)
			}})
			send := func(environment string) int {
				t.Helper()
				got, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments+"?q=1", fmt.Sprintf(`{"ref":"main","environment":%q}`, environment))))
				if err != nil {
					t.Fatal(err)
				}
				return got.status
			}
			var got []int
			for _, environment := range []string{"qa", "production", "qa", "production", "production"} {
				got = append(got, send(environment))
			}
			if diff := cmp.Diff([]int{201, 502, 201, 502, 201}, got); diff != "" {
				t.Error(diff)
			}
			if f := srv.Faults()[0]; f.Seen != 5 || f.Matched != 3 || f.Fired != 2 {
				t.Errorf("seen %d, matched %d, fired %d", f.Seen, f.Matched, f.Fired)
			}
			first := saw[0]
			if first.Method != http.MethodPost || first.Path != deployments || first.Query.Get("q") != "1" || first.Operation != create ||
				first.Header.Get("Authorization") != "Bearer [redacted]" || first.Time.IsZero() {
				t.Errorf("Match got %+v", first)
			}
			if log := srv.Requests()[0]; log.Header.Get("X-Changed") != "" || log.Query.Get("changed") != "" {
				t.Errorf("Match changed the log: %+v", log)
			}
		})
	}
}

// A connection that is refused because of the body is neither logged nor
// executed.
func TestFaultMatchRefusesConnection(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			srv := newServer(t)
			rt, base := way.dial(t, srv)
			srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.RefuseConnection(), Match: func(r ghdeploytest.Request) bool { return r.Body != "" }})
			if _, err := receive(rt.RoundTrip(newRequest(t, "POST", base+deployments, `{"ref":"main"}`))); err == nil {
				t.Error("no error")
			}
			if n, log := len(srv.Deployments("octocat/example")), srv.Requests(); n != 0 || len(log) != 0 {
				t.Errorf("%d deployments, log %v", n, log)
			}
		})
	}
}

// The first injected effect applies, also if only the second fault needs the
// body.
func TestFaultMatchKeepsTheOrder(t *testing.T) {
	srv := newServer(t)
	every := func(ghdeploytest.Request) bool { return true }
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.Respond(503, ""), Match: every})
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.RefuseConnection()})
	must(t, srv, 503, "POST", deployments, `{"ref":"main"}`)
	srv.ClearFaults()
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.Respond(503, "")})
	srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.Respond(502, ""), Match: every})
	must(t, srv, 503, "POST", deployments, `{"ref":"main"}`)
}

// A panic in Match leaves neither a lock nor a pending request behind.
func TestFaultMatchPanics(t *testing.T) {
	srv := newServer(t)
	srv.Inject(ghdeploytest.Fault{Operation: list, Effect: ghdeploytest.Respond(502, ""), Match: func(ghdeploytest.Request) bool { panic("predicate") }})
	wantPanic(t, func() { _, _ = try(t, srv, "GET", deployments, "") }, "predicate")
	srv.ClearFaults()
	must(t, srv, 200, "GET", deployments, "")
	srv.Close() // waits for every request
}

func TestStepRun(t *testing.T) {
	const name = "octocat/example"
	var events []string
	srv := newServer(t,
		ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: name, Environments: []ghdeploytest.Environment{{Name: "gated", Reviewers: byOctocat}}}),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Events: []string{"deployment_status"}, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}))
	states := func() (list []string) {
		for _, d := range srv.Deployments(name) {
			list = append(list, d.State())
		}
		return list
	}
	step := func(id int64, result string, stepped bool, want ...string) {
		t.Helper()
		if got := srv.StepRun(name, id, result); got != stepped {
			t.Errorf("StepRun = %v", got)
		}
		if diff := cmp.Diff(want, states()); diff != "" {
			t.Error(diff)
		}
	}
	one := srv.StartRun(name, ghdeploytest.Run{Environments: []string{"gated", "qa"}})
	step(one.ID, "success", true, "in_progress", "success")
	step(one.ID, "failure", true, "failure", "success")
	step(one.ID, "success", false, "failure", "success")
	two := srv.StartRun(name, ghdeploytest.Run{Environments: []string{"qa"}})
	step(two.ID, "success", true, "failure", "inactive", "success") // auto_inactive
	three := srv.StartRun(name, ghdeploytest.Run{Environments: []string{"gated"}})
	must(t, srv, 204, "DELETE", fmt.Sprintf("%s/%d", deployments, one.Deployments[0]), "")
	step(three.ID, "error", true, "inactive", "success", "in_progress")
	step(three.ID, "error", true, "inactive", "success", "error")

	if err := srv.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, d := range srv.Deliveries() {
		if d.Event == "deployment_status" {
			_, state, _ := strings.Cut(d.Payload, `"state":"`)
			state, _, _ = strings.Cut(state, `"`)
			events = append(events, state)
		}
	}
	if got := strings.Join(events, " "); !strings.Contains(got, "success") || !strings.HasSuffix(got, "in_progress error") || strings.Contains(got, "inactive") {
		t.Errorf("events %s", got)
	}

	wantPanic(t, func() { srv.StepRun(name, 7, "success") }, "the run 7", name)
	wantPanic(t, func() { srv.StepRun(name, one.ID, "cancelled") }, `"cancelled"`, "success, failure, error")
	wantPanic(t, func() { srv.StepRun("o/r", one.ID, "success") }, "no such repository")
}
