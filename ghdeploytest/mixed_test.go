package ghdeploytest_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// mixed returns the call for any number n. Calls of several workers affect the
// same objects.
func mixed(n int64) (method, path, body string) {
	env := fmt.Sprintf("%s/env%d", environments, n%5)
	d := fmt.Sprintf("%s/%d", deployments, 6000000001+n%400)
	run := fmt.Sprintf("/repos/octocat/example/actions/runs/%d", 1+n%100)
	const gated = environments + "/gated" // never deleted
	calls := [][3]string{
		{"GET", "/rate_limit", ""},
		{"GET", deployments + "?per_page=5", ""},
		{"POST", deployments, fmt.Sprintf(`{"ref":"main","environment":"Env%d"}`, n%5)},
		{"GET", d, ""},
		{"DELETE", d, ""},
		{"POST", d + "/statuses", fmt.Sprintf(`{"state":%q}`, []string{"success", "failure", "inactive"}[n%3])},
		{"GET", d + "/statuses", ""},
		{"GET", environments, ""},
		{"PUT", env, []string{custom, "{}", `{"reviewers":[{"type":"User","id":1},{"type":"Team","id":1}],"wait_timer":5}`, `{"wait_timer":0}`}[n%4]},
		{"GET", env, ""},
		{"DELETE", env, ""},
		{"POST", env + "/deployment-branch-policies", fmt.Sprintf(`{"name":"b%d"}`, n%3)},
		{"POST", gated + "/deployment-branch-policies", fmt.Sprintf(`{"name":"b%d"}`, n%30)},
		{"GET", gated + "/deployment-branch-policies", ""},
		{"GET", fmt.Sprintf("%s/deployment-branch-policies/%d", gated, 11000000001+n%100), ""},
		{"PUT", fmt.Sprintf("%s/deployment-branch-policies/%d", gated, 11000000001+n%100), fmt.Sprintf(`{"name":"b%d"}`, n%30)},
		{"DELETE", fmt.Sprintf("%s/deployment-branch-policies/%d", gated, 11000000001+n%100), ""},
		{"POST", env + "/deployment_protection_rules", fmt.Sprintf(`{"integration_id":%d}`, 1+n%2)},
		{"POST", gated + "/deployment_protection_rules", `{"integration_id":2}`},
		{"GET", gated + "/deployment_protection_rules", ""},
		{"GET", gated + "/deployment_protection_rules/apps", ""},
		{"GET", fmt.Sprintf("%s/deployment_protection_rules/%d", gated, 10000000001+n%10), ""},
		{"DELETE", fmt.Sprintf("%s/deployment_protection_rules/%d", gated, 10000000004+n%500), ""},
		{"GET", run + "/pending_deployments", ""},
		{"POST", run + "/pending_deployments", fmt.Sprintf(`{"environment_ids":[8000000001,%d],"state":%q,"comment":""}`, 8000000002+n%5, []string{"approved", "rejected"}[n%2])},
		{"POST", run + "/deployment_protection_rule", []string{`{"environment_name":"gated","state":"approved"}`, `{"environment_name":"gated","comment":"Soon"}`}[n%2]},
		{"GET", run + "/approvals", ""},
	}
	c := calls[n/7%int64(len(calls))]
	return c[0], c[1], c[2]
}

// After 10,000 calls of every kind from 64 goroutines the state is consistent,
// and after Close no goroutine remains.
func TestMixedCalls(t *testing.T) {
	const workers, calls = 64, 10_000
	before := runtime.NumGoroutine()
	srv := ghdeploytest.NewServer(ghdeploytest.WithRateLimit(1_000_000), withApps("gate", "other"), ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat", ID: 1}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "gate", App: "gate"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Environments: []ghdeploytest.Environment{{
			Name: "gated", CustomBranchPolicies: true, Reviewers: byOctocat, ProtectionRules: []string{"gate"},
		}}}))
	for id := range int64(50) {
		srv.StartRun("octocat/example", ghdeploytest.Run{ID: 1 + id, Environments: []string{"gated", "env0"}})
	}
	sockets, url := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: workers}}, srv.URL()
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for i := w; i < calls; i += workers {
				method, path, body := mixed(rng.Int64N(1_000_000))
				token := []string{"Bearer secret", "Bearer gate"}[rng.IntN(2)]
				var got result
				var err error
				if i%4 == 0 {
					got, err = receive(sockets.Do(newRequest(t, method, url+path, body, "Authorization", token)))
				} else {
					got, err = try(t, srv, method, path, body, "Authorization", token)
				}
				if err != nil || got.status >= 500 {
					t.Errorf("%s %s = %d, %v", method, path, got.status, err)
				}
				if i%100 == 0 && i < 5000 {
					srv.Environments("octocat/example")
					srv.Deployments("octocat/example")
					srv.StartRun("octocat/example", ghdeploytest.Run{ID: int64(51 + i/100), Environments: []string{"gated", "env1"}})
				}
			}
		})
	}
	wg.Wait()
	sockets.CloseIdleConnections()
	srv.Close()
	// Real clock: net/http's goroutines may end shortly after their connection.
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines after Close, %d before", now, before)
	}

	// The state must match the responses.
	count := map[string]int{}
	for _, r := range srv.Requests() {
		count[fmt.Sprint(r.Operation, " ", r.Status)]++
	}
	if n := len(srv.Requests()); n != calls {
		t.Errorf("the log has %d requests", n)
	}
	environments := srv.Environments("octocat/example")
	names, ids := map[string]bool{}, map[int64]bool{}
	for _, e := range environments {
		if names[e.Name] || ids[e.ID] {
			t.Errorf("the environment name %s or the ID %d occurs twice", e.Name, e.ID)
		}
		names[e.Name], ids[e.ID] = true, true
		patterns := map[string]bool{}
		for _, p := range e.BranchPolicies {
			if patterns[p.Name] || ids[p.ID] || !e.CustomBranchPolicies {
				t.Errorf("the environment %s has the policy %+v twice, or without custom_branch_policies", e.Name, p)
			}
			patterns[p.Name], ids[p.ID] = true, true
		}
	}
	deployed := srv.Deployments("octocat/example")
	for _, d := range deployed {
		if ids[d.ID] {
			t.Errorf("the deployment %d occurs twice", d.ID)
		}
		ids[d.ID] = true
		for i, st := range d.Statuses {
			if ids[st.ID] || i > 0 && st.ID < d.Statuses[i-1].ID {
				t.Errorf("the deployment %d has the status %d twice or not in order", d.ID, st.ID)
			}
			ids[st.ID] = true
		}
	}
	const started = 100 * 2
	if want := started + count[create+" 201"] - count["DELETE /repos/{owner}/{repo}/deployments/{deployment_id} 204"]; len(deployed) != want {
		t.Errorf("%d deployments, want %d", len(deployed), want)
	}
	reviewed := 0
	for id := range int64(100) {
		reviewed += len(srv.Reviews("octocat/example", 1+id))
	}
	const reviewing = "POST /repos/{owner}/{repo}/actions/runs/{run_id}/"
	if want := count[reviewing+"pending_deployments 200"] + count[reviewing+"deployment_protection_rule 204"]; reviewed != want {
		t.Errorf("%d reviews, want %d", reviewed, want)
	}
	for _, call := range []string{ // without successful writes the test proves nothing
		create + " 201", "DELETE /repos/{owner}/{repo}/deployments/{deployment_id} 204",
		"PUT /repos/{owner}/{repo}/environments/{environment_name} 200", "DELETE /repos/{owner}/{repo}/environments/{environment_name} 204",
		"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies 200",
		"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies 303",
		"POST /repos/{owner}/{repo}/environments/{environment_name}/deployment_protection_rules 201",
		reviewing + "pending_deployments 200", reviewing + "deployment_protection_rule 204",
	} {
		if count[call] == 0 {
			t.Errorf("no call with the result %s", call)
		}
	}
}
