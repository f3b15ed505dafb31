package ghdeploytest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestURL(t *testing.T) {
	srv := newServer(t)
	url := srv.URL()
	if !strings.HasPrefix(url, "http://127.0.0.1:") || strings.HasSuffix(url, "/") || srv.URL() != url {
		t.Fatalf("URL %q", url)
	}
	for _, prefix := range []string{"", "/api/v3"} {
		got, err := receive(http.DefaultClient.Do(newRequest(t, "POST", url+prefix+deployments, `{"ref":"main"}`)))
		if err != nil || got.status != 201 {
			t.Fatal(got, err)
		}
		if location := got.header.Get("Location"); !strings.HasPrefix(location, url+prefix+deployments+"/") {
			t.Errorf("Location %q", location)
		}
	}
}

// A mounted server builds URLs with the scheme and host of the request.
func TestServeHTTPUnderTLS(t *testing.T) {
	srv := newServer(t)
	mounted := httptest.NewTLSServer(srv)
	defer mounted.Close()
	got, err := receive(mounted.Client().Do(newRequest(t, "POST", mounted.URL+deployments, `{"ref":"main"}`)))
	if err != nil || got.header.Get("Location") != mounted.URL+first || !strings.HasPrefix(mounted.URL, "https://") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestClose(t *testing.T) {
	t.Run("ends goroutines and connections", func(t *testing.T) {
		before := runtime.NumGoroutine()
		srv := ghdeploytest.NewServer()
		client := &http.Client{Transport: &http.Transport{}}
		for range 3 {
			if got, err := receive(client.Do(newRequest(t, "GET", srv.URL()+deployments, ""))); err != nil || got.status != 200 {
				t.Fatal(got, err)
			}
		}
		srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.ExecuteLater(time.Hour)})
		_, _ = receive(client.Do(newRequest(t, "POST", srv.URL()+deployments, `{"ref":"main"}`))) // the fault drops it
		srv.Close()
		srv.Close()
		client.CloseIdleConnections()
		// Real clock: net/http's goroutines may end shortly after their
		// connection.
		for range 1000 {
			if runtime.NumGoroutine() <= before {
				break
			}
			runtime.Gosched()
			time.Sleep(time.Millisecond)
		}
		if now := runtime.NumGoroutine(); now > before {
			t.Errorf("%d goroutines after Close, %d before", now, before)
		}
		if _, err := receive(client.Do(newRequest(t, "GET", "http://"+srv.Requests()[0].Host+deployments, ""))); err == nil {
			t.Error("the port still accepts connections")
		}
	})
	t.Run("cancels delayed requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // fails if a goroutine does not end
			srv := ghdeploytest.NewServer()
			srv.Inject(ghdeploytest.Fault{Operation: create, Effect: ghdeploytest.ExecuteLater(time.Hour)})
			_, _ = try(t, srv, "POST", deployments, `{"ref":"main"}`) // the fault drops it
			srv.Close()
			if n := len(srv.Deployments("octocat/example")); n != 0 {
				t.Errorf("%d deployments", n)
			}
		})
	})
	t.Run("ends waiting requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := ghdeploytest.NewServer()
			srv.Inject(ghdeploytest.Fault{Operation: create, Latency: time.Hour})
			begin := time.Now()
			time.AfterFunc(time.Second, srv.Close)
			if _, err := try(t, srv, "POST", deployments, `{"ref":"main"}`); !errors.Is(err, io.EOF) || time.Since(begin) != time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	})
	t.Run("refuses later connections", func(t *testing.T) {
		srv := ghdeploytest.NewServer()
		srv.Close()
		if _, err := try(t, srv, "GET", deployments, ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v", err)
		}
		wantPanic(t, func() { srv.URL() }, "after Close")
	})
}

func TestSeed(t *testing.T) {
	const file = `{
		"repositories": [{
			"full_name": "octocat/example", "id": 42, "private": true, "plan": "team", "default_branch": "trunk",
			"branches": [{"name": "topic", "sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "behind": true, "statuses": [{"context": "ci", "state": "failure"}]}],
			"tags": [{"name": "v1"}]
		}],
		"tokens": [{"value": "secret", "login": "hubot", "permissions": {"deployments": "write"}, "repositories": ["octocat/example"]}]
	}`
	var seed ghdeploytest.Seed
	if err := json.Unmarshal([]byte(file), &seed); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, ghdeploytest.WithSeed(seed))
	must(t, srv, 202, "POST", "/repositories/42/deployments", `{"ref":"topic"}`)
	got := must(t, srv, 201, "POST", deployments, `{"ref":"trunk"}`)
	if !strings.Contains(got.body, `"login":"hubot"`) {
		t.Error(got.body)
	}
	must(t, srv, 201, "POST", deployments, `{"ref":"v1"}`)
	must(t, srv, 404, "GET", deployments, "", "Authorization", "")
}

// IDs that the server generates never equal given IDs, in any order of the
// setup. A seed may contain IDs that another server generated.
func TestGivenIDs(t *testing.T) {
	type env = ghdeploytest.Environment
	srv := newServer(t,
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "o/r", Environments: []env{{Name: "a", ID: 8000000002}, {Name: "b"}}}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "o/s", ID: 5000000001, Runs: []ghdeploytest.Run{
			{Environments: []string{"a"}}, {ID: 12000000001, Environments: []string{"a"}},
		}}),
		ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat"}), ghdeploytest.WithUser(ghdeploytest.User{Login: "hubot", ID: 9000000001}),
		ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "x"}), ghdeploytest.WithTeam(ghdeploytest.Team{Slug: "y", ID: 13000000001}),
		ghdeploytest.WithApp(ghdeploytest.App{Slug: "x"}), ghdeploytest.WithApp(ghdeploytest.App{Slug: "y", ID: 14000000001}))
	var ids []int64
	for _, e := range append(srv.Environments("o/r"), srv.Environments("o/s")...) {
		ids = append(ids, e.ID)
	}
	if got := fmt.Sprint(ids); got != "[8000000002 8000000003 8000000004]" {
		t.Errorf("the environments have the IDs %s", got)
	}
	must(t, srv, 200, "GET", "/repositories/5000000002", "")
	wantFields(t, must(t, srv, 200, "GET", "/repositories/5000000001", "").body, map[string]string{"full_name": `"o/s"`})
	srv.StartRun("o/s", ghdeploytest.Run{ID: 12000000003, Environments: []string{"a"}})
	if run := srv.StartRun("o/s", ghdeploytest.Run{Environments: []string{"a"}}); run.ID != 12000000004 {
		t.Errorf("the run has the ID %d", run.ID)
	}
}

func TestSetupPanics(t *testing.T) {
	type repo = ghdeploytest.Repository
	type token = ghdeploytest.Token
	with := func(r repo) []ghdeploytest.Option { return []ghdeploytest.Option{ghdeploytest.WithRepository(r)} }
	branch := func(b ghdeploytest.Branch) []ghdeploytest.Option {
		return with(repo{FullName: "o/r", Branches: []ghdeploytest.Branch{b}})
	}
	tokens := func(list ...token) []ghdeploytest.Option {
		return []ghdeploytest.Option{ghdeploytest.WithSeed(ghdeploytest.Seed{Tokens: list})}
	}
	for name, tt := range map[string]struct {
		opts  []ghdeploytest.Option
		words []string
	}{
		"no owner":              {with(repo{FullName: "example"}), []string{`"example"`, "octocat/example"}},
		"two repositories":      {append(with(repo{FullName: "o/r"}), with(repo{FullName: "O/R"})...), []string{"O/R", "twice"}},
		"two ids":               {append(with(repo{FullName: "o/r", ID: 7}), with(repo{FullName: "o/s", ID: 7})...), []string{"id 7"}},
		"plan":                  {with(repo{FullName: "o/r", Plan: "gold"}), []string{`"gold"`, "enterprise"}},
		"branch with refs":      {branch(ghdeploytest.Branch{Name: "refs/heads/main"}), []string{"refs/heads/main", "bare name"}},
		"branch SHA":            {branch(ghdeploytest.Branch{Name: "x", SHA: "abc"}), []string{`"abc"`, "40 hex digits"}},
		"default is behind":     {branch(ghdeploytest.Branch{Name: "main", Behind: true}), []string{"main", "behind itself"}},
		"two branches":          {with(repo{FullName: "o/r", Branches: []ghdeploytest.Branch{{Name: "x"}, {Name: "x"}}}), []string{`"x"`, "twice"}},
		"two tags":              {with(repo{FullName: "o/r", Tags: []ghdeploytest.Tag{{Name: "v1"}, {Name: "v1"}}}), []string{`"v1"`, "twice"}},
		"run's environment":     {with(repo{FullName: "o/r", Runs: []ghdeploytest.Run{{Environments: []string{strings.Repeat("x", 256)}}}}), []string{"Environments", "255"}},
		"tag":                   {with(repo{FullName: "o/r", Tags: []ghdeploytest.Tag{{}}}), []string{"v1.0.0"}},
		"status":                {branch(ghdeploytest.Branch{Name: "x", Statuses: []ghdeploytest.CommitStatus{{Context: "ci"}}}), []string{"ci/build"}},
		"status's state":        {branch(ghdeploytest.Branch{Name: "x", Statuses: []ghdeploytest.CommitStatus{{Context: "ci", State: "succeeded"}}}), []string{"succeeded", "success, pending"}},
		"token value":           {tokens(token{}), []string{"Value"}},
		"token twice":           {tokens(token{Value: "a"}, token{Value: "a"}), []string{"twice"}},
		"token of two":          {tokens(token{Value: "a", Login: "b", App: "c"}), []string{"one of them"}},
		"permission's singular": {tokens(token{Value: "a", Permissions: map[string]string{"deployment": "write"}}), []string{`"deployment"`, "write deployments"}},
		"permission's capitals": {tokens(token{Value: "a", Permissions: map[string]string{"Actions": "read"}}), []string{`"Actions"`, "write actions"}},
		"token permission":      {tokens(token{Value: "a", Permissions: map[string]string{"deployments": "all"}}), []string{`"all"`, "read, write or admin"}},
		"token's repository":    {tokens(token{Value: "a", Repositories: []string{"o/gone"}}), []string{"o/gone", "octocat/example"}},
	} {
		t.Run(name, func(t *testing.T) { wantPanic(t, func() { ghdeploytest.NewServer(tt.opts...) }, tt.words...) })
	}
	wantPanic(t, func() { ghdeploytest.WithClock(nil) }, "time.Now")
	wantPanic(t, func() { ghdeploytest.WithStatusCap(0) }, "at least 1")
	wantPanic(t, func() { ghdeploytest.WithRateLimit(0) }, "SetRemaining")
	wantPanic(t, func() { ghdeploytest.WithRateLimitStatus(401) }, "403 or 429")
	wantPanic(t, func() { ghdeploytest.WithSecondaryLimit(0, 0) }, "at least 1")
	wantPanic(t, func() { ghdeploytest.WithSecondaryLimit(1, 9) }, "SecondaryTextOnly")
}

func TestHelperPanics(t *testing.T) {
	srv := newServer(t)
	wantPanic(t, func() { srv.Deployments("octocat/gone") }, "octocat/gone", "octocat/example")
	wantPanic(t, func() { srv.SetCommitStatus("octocat/example", "gone", "ci", "success") }, `"gone"`, "main")
	wantPanic(t, func() { srv.SetCommitStatus("octocat/example", "main", "", "success") }, "ci/build")
	wantPanic(t, func() { srv.AddWaitingStatus("octocat/example", 1) }, "deployment 1", "Deployments")
	wantPanic(t, func() { srv.RenameRepository("octocat/example", "sample") }, `"sample"`, "owner/name")
	must(t, srv, 200, "GET", deployments, "") // no panic leaves the lock held
}

func TestRequestLog(t *testing.T) {
	clock := newClock()
	srv := newServer(t, ghdeploytest.WithClock(clock.now))
	must(t, srv, 201, "POST", "/api/v3"+deployments+"?a=1&a=2", `{"ref":"main"}`, "Authorization", "token secret", "X-Mine", "yes")
	must(t, srv, 401, "GET", "/repos/octocat/example/nothing%2Fhere", "", "Authorization", "secret") // no scheme
	must(t, srv, 200, "GET", first, "", "Authorization", "")
	log := srv.Requests()
	if len(log) != 3 {
		t.Fatalf("log %+v", log)
	}
	got := fmt.Sprintf("%s %s %s %s %v %s %s %s %d %q %s %s", log[0].Time.Format(time.TimeOnly), log[0].Method, log[0].Host, log[0].Path, log[0].Query["a"],
		log[0].Body, log[0].Operation, log[0].OperationID, log[0].Status, log[0].Fault, log[0].Header.Get("Authorization"), log[0].Header.Get("X-Mine"))
	want := `12:00:00 POST api.github.test /api/v3/repos/octocat/example/deployments [1 2] {"ref":"main"} ` +
		`POST /repos/{owner}/{repo}/deployments repos/create-deployment 201 "" token [redacted] yes`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if log[1].Operation != "" || log[1].Path != "/repos/octocat/example/nothing%2Fhere" || log[1].Header.Get("Authorization") != "[redacted]" {
		t.Errorf("log %+v", log[1])
	}
	if log[2].Operation != "GET /repos/{owner}/{repo}/deployments/{deployment_id}" || log[2].Header["Authorization"] != nil {
		t.Errorf("log %+v", log[2])
	}
}

func TestClient(t *testing.T) {
	srv := newServer(t)
	d, err := srv.Client().Deployments.Get(t.Context(), "octocat", "example", 1)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v, %v", d, err)
	}
	wantPanic(t, func() { srv.Client(nil) }, "ghdeploytest: Client")
}

// Run with -race: one lock must guard all state.
func TestConcurrentUse(t *testing.T) {
	const workers, rounds = 16, 20
	srv := newServer(t, ghdeploytest.WithRateLimit(1_000_000))
	srv.Inject(ghdeploytest.Fault{Operation: create, Probability: 0.2, Seed: 1, Effect: ghdeploytest.DropAfter()})
	srv.Inject(ghdeploytest.Fault{Operation: list, Probability: 0.2, Seed: 2, Effect: ghdeploytest.RefuseConnection()})
	srv.Inject(ghdeploytest.Fault{Operation: create, Probability: 0.1, Seed: 3, Effect: ghdeploytest.ExecuteLater(time.Millisecond)})
	socket, url := &http.Client{Transport: &http.Transport{}}, srv.URL()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				_, _ = try(t, srv, "POST", deployments, `{"ref":"main"}`) // a fault may drop it
				_, _ = receive(socket.Do(newRequest(t, "POST", url+deployments, `{"ref":"main"}`)))
				_, _ = try(t, srv, "GET", deployments, "")
				_, _ = try(t, srv, "POST", first+"/statuses", `{"state":"success"}`)
				_, _ = try(t, srv, "DELETE", fmt.Sprintf("%s/%d", deployments, 6000000001+int64(w*rounds+i)), "")
				srv.SetCommitStatus("octocat/example", "main", "ci", "success")
				srv.Deployments("octocat/example")
				srv.Requests()
			}
		})
	}
	wg.Wait()
	socket.CloseIdleConnections()
	srv.Close()
	seen := map[int64]bool{}
	for _, d := range srv.Deployments("octocat/example") {
		if seen[d.ID] {
			t.Errorf("the ID %d occurs twice", d.ID)
		}
		seen[d.ID] = true
	}
	made, removed := 0, 0
	for _, r := range srv.Requests() {
		switch {
		case r.Operation == create && r.Status == 201:
			made++
		case r.Method == http.MethodDelete && r.Status == 204:
			removed++
		}
	}
	if len(seen) != made-removed {
		t.Errorf("%d deployments; %d were created and %d deleted", len(seen), made, removed)
	}
}
