package ghdeploytest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const oldSHA = "00000000000000000000000000000000000000aa"

// The seed is JSON, as in a seed file.
func TestSeedHistory(t *testing.T) {
	var seed ghdeploytest.Seed
	if err := json.Unmarshal([]byte(`{"repositories": [{"full_name": "octocat/example", "deployments": [
		{"id": 9, "ref": "release", "sha": "`+oldSHA+`", "task": "migrate", "payload": {"n": 1}, "environment": "staging",
			"description": "Second", "creator": "hubot", "transient_environment": true, "production_environment": true,
			"created_at": "2026-03-02T10:00:00Z", "statuses": [
				{"id": 5, "state": "queued"},
				{"state": "success", "description": "Done", "environment": "qa", "log_url": "https://ci.example/1",
					"environment_url": "https://qa.example", "creator": "ci[bot]", "created_at": "2026-03-02T10:05:00Z"}]},
		{"created_at": "2026-03-01T10:00:00Z"}
	]}]}`), &seed); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, ghdeploytest.WithSeed(seed), ghdeploytest.WithClock(newClock().now))

	got := must(t, srv, 200, "GET", deployments, "")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Used": "1"})
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(got.body), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	wantFields(t, string(rows[0]), map[string]string{
		"id": "9", "ref": `"release"`, "sha": `"` + oldSHA + `"`, "task": `"migrate"`, "payload": `{"n":1}`,
		"original_environment": `"staging"`, "environment": `"qa"`, "description": `"Second"`,
		"transient_environment": "true", "production_environment": "true",
		"created_at": `"2026-03-02T10:00:00Z"`, "updated_at": `"2026-03-02T10:05:00Z"`,
	})
	wantFields(t, string(rows[1]), map[string]string{
		"id": "6000000001", "ref": `"main"`, "task": `"deploy"`, "payload": "{}", "environment": `"production"`,
		"production_environment": "true", "description": "null", "created_at": `"2026-03-01T10:00:00Z"`,
	})
	got = must(t, srv, 200, "GET", deployments+"/9/statuses", "")
	if err := json.Unmarshal([]byte(got.body), &rows); err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	wantFields(t, string(rows[0]), map[string]string{
		"id": "7000000001", "state": `"success"`, "description": `"Done"`, "environment": `"qa"`,
		"log_url": `"https://ci.example/1"`, "target_url": `"https://ci.example/1"`, "environment_url": `"https://qa.example"`,
		"created_at": `"2026-03-02T10:05:00Z"`,
	})
	wantFields(t, string(rows[1]), map[string]string{"id": "5", "state": `"queued"`, "environment": `"staging"`, "created_at": `"2026-03-02T10:00:00Z"`})
	if view := srv.Deployments("octocat/example")[1]; view.Creator != "hubot" || view.Statuses[0].Creator != "hubot" || view.Statuses[1].Creator != "ci[bot]" {
		t.Errorf("%+v", view)
	}
	for _, name := range []string{"production", "staging", "qa"} {
		must(t, srv, 200, "GET", environments+"/"+name, "")
	}

	// GitHub's rules apply to seeded deployments too.
	must(t, srv, 201, "POST", deployments, `{"ref":"`+oldSHA+`","auto_merge":false}`)
	must(t, srv, 409, "POST", deployments, `{"ref":"`+oldSHA+`"}`)
	must(t, srv, 422, "DELETE", deployments+"/9", "")
	must(t, srv, 201, "POST", deployments+"/9/statuses", `{"state":"failure"}`)
	must(t, srv, 204, "DELETE", deployments+"/9", "")
}

// The server derives nothing from seeded statuses: two successes stay active.
func TestSeedHistoryIsTakenLiterally(t *testing.T) {
	success := []ghdeploytest.SeedStatus{{State: "success"}}
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Deployments: []ghdeploytest.SeedDeployment{
		{Environment: "staging", Statuses: success}, {Environment: "staging", Statuses: success, ProductionEnvironment: new(true)},
	}}))
	list := srv.Deployments("octocat/example")
	if list[0].State() != "success" || list[1].State() != "success" || list[0].ProductionEnvironment || !list[1].ProductionEnvironment {
		t.Errorf("%+v", list)
	}
}

// Times decide the order of seeded deployments; IDs do not. A success makes
// only the earlier deployments inactive.
func TestSeedHistoryOrder(t *testing.T) {
	clock := newClock()
	at := func(id, hour int64, state string) ghdeploytest.SeedDeployment {
		return ghdeploytest.SeedDeployment{
			ID: id, Environment: "staging", CreatedAt: clock.Add(-time.Duration(hour) * time.Hour),
			Statuses: []ghdeploytest.SeedStatus{{State: state}},
		}
	}
	srv := newServer(t, ghdeploytest.WithClock(clock.now), ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName:    "octocat/example",
		Deployments: []ghdeploytest.SeedDeployment{at(7_000_000_000, 3, "success"), at(20, 1, "success"), at(30, 2, "failure")},
	}))
	if got := listed(t, must(t, srv, 200, "GET", deployments, "").body); got != "20 30 7000000000" {
		t.Error(got)
	}
	must(t, srv, 201, "POST", deployments+"/20/statuses", `{"state":"success"}`)
	view := srv.Deployments("octocat/example")
	if got := view[0].Inactive(); got == nil || got.AutoInactiveBy != 20 || !got.CreatedAt.Equal(clock.Time) {
		t.Errorf("%+v", got)
	}
	if view[1].Inactive() != nil || view[2].Inactive() != nil {
		t.Errorf("%+v", view)
	}
}

// listed returns the complete IDs of a list in its order.
func listed(t testing.TB, body string) string {
	t.Helper()
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal([]byte(body), &rows); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = fmt.Sprint(row.ID)
	}
	return strings.Join(list, " ")
}

func TestSeedHistoryRefusals(t *testing.T) {
	clock := newClock()
	for name, tt := range map[string]struct {
		list  []ghdeploytest.SeedDeployment
		words []string
	}{
		"id twice":          {[]ghdeploytest.SeedDeployment{{ID: 1}, {ID: 1}}, []string{`Deployments[1]`, "id 1"}},
		"negative id":       {[]ghdeploytest.SeedDeployment{{ID: -1}}, []string{"id -1"}},
		"unknown ref":       {[]ghdeploytest.SeedDeployment{{Ref: "gone"}}, []string{`"gone"`, "SHA"}},
		"invalid SHA":       {[]ghdeploytest.SeedDeployment{{SHA: "abc"}}, []string{`"abc"`, "40 hex digits"}},
		"payload list":      {[]ghdeploytest.SeedDeployment{{Payload: []byte(`[1]`)}}, []string{"[1]", "JSON object"}},
		"payload cut off":   {[]ghdeploytest.SeedDeployment{{Payload: []byte(`{"a":`)}}, []string{`{"a":`}},
		"created tomorrow":  {[]ghdeploytest.SeedDeployment{{CreatedAt: clock.Add(time.Second)}}, []string{"CreatedAt 2026-04-01T12:00:01Z"}},
		"long environment":  {[]ghdeploytest.SeedDeployment{{Environment: strings.Repeat("é", 256)}}, []string{"maximum is 255 characters"}},
		"state":             {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{State: "done"}}}}, []string{`Statuses[0]`, `"done"`, "in_progress"}},
		"no state":          {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{}}}}, []string{`Statuses[0]`, `""`}},
		"status id twice":   {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{ID: 3, State: "error"}}}, {Statuses: []ghdeploytest.SeedStatus{{ID: 3, State: "error"}}}}, []string{"Deployments[1]", "id 3"}},
		"long description":  {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{State: "error", Description: strings.Repeat("é", 141)}}}}, []string{"141 characters"}},
		"status too early":  {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{State: "error", CreatedAt: clock.Add(-time.Second)}}}}, []string{"Statuses[0] of 2026-04-01T11:59:59Z"}},
		"status tomorrow":   {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{State: "error", CreatedAt: clock.Add(time.Hour)}}}}, []string{"Statuses[0] of 2026-04-01T13:00:00Z"}},
		"status's long env": {[]ghdeploytest.SeedDeployment{{Statuses: []ghdeploytest.SeedStatus{{State: "error", Environment: strings.Repeat("e", 256)}}}}, []string{"maximum is 255 characters"}},
	} {
		t.Run(name, func(t *testing.T) {
			wantPanic(t, func() {
				ghdeploytest.NewServer(ghdeploytest.WithClock(clock.now), ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Deployments: tt.list}))
			}, tt.words...)
		})
	}
}

func manyDeployments(n int) ghdeploytest.Repository {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	repo := ghdeploytest.Repository{FullName: "octocat/example"}
	for i := range n {
		repo.Deployments = append(repo.Deployments, ghdeploytest.SeedDeployment{
			ID: int64(1 + i), SHA: fmt.Sprintf("%040x", i), Environment: fmt.Sprintf("pr-%d", i), CreatedAt: start.Add(time.Duration(i) * time.Second),
			Statuses: []ghdeploytest.SeedStatus{{State: "in_progress"}, {State: "success"}, {State: "inactive"}},
		})
	}
	return repo
}

// 10,000 seeded deployments to 10,000 environments use no quota.
func TestLongHistory(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(manyDeployments(10_000)))
	got := must(t, srv, 200, "GET", deployments+"?per_page=2&page=5000", "")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Used": "1"})
	if list := listed(t, got.body); list != "2 1" {
		t.Error(list)
	}
	must(t, srv, 201, "POST", deployments, `{"ref":"`+fmt.Sprintf("%040x", 1234)+`","auto_merge":false}`)
}

func BenchmarkLongHistory(b *testing.B) {
	repo := manyDeployments(10_000)
	for b.Loop() {
		ghdeploytest.NewServer(ghdeploytest.WithRepository(repo)).Close()
	}
}
