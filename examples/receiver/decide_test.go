package main

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy"
)

func TestDecide(t *testing.T) {
	const (
		progress = "Deploying by receiver"
		alone    = `[{"id":7,"created_at":"2026-04-01T12:00:00Z"}]`
	)
	deploys := decision{deploy: true, reason: "untouched, and the newest of its environment"}
	for _, test := range []struct {
		name        string
		statuses    string
		environment string
		want        decision
	}{
		{"untouched", `[]`, alone, deploys},
		{"the list of deployments lags", `[]`, `[]`, deploys},
		{"queued", `[{"id":1,"state":"queued"},{"id":2,"state":"queued"}]`, alone, deploys},
		{
			"an older one", `[]`, `[{"id":6,"created_at":"2026-04-01T12:00:00Z"},{"id":8,"created_at":"2026-04-01T11:00:00Z"}]`,
			deploys,
		},
		{
			"a newer one", `[]`, `[{"id":3,"created_at":"2026-04-01T12:00:01Z"}]`,
			decision{report: "inactive", reason: "superseded by deployment 3"},
		},
		{
			"a newer one of the same second, and queued", `[{"id":1,"state":"queued"}]`, `[{"id":8,"created_at":"2026-04-01T12:00:00Z"}]`,
			decision{report: "inactive", reason: "superseded by deployment 8"},
		},
		{
			"the newest of several", `[]`,
			`[{"id":8,"created_at":"2026-04-01T12:00:01Z"},{"id":10,"created_at":"2026-04-01T12:00:03Z"},{"id":9,"created_at":"2026-04-01T12:00:02Z"}]`,
			decision{report: "inactive", reason: "superseded by deployment 10"},
		},
		{"pending", `[{"id":1,"state":"pending"}]`, alone, decision{reason: `it has the status pending ""`}},
		{"waiting for a protection rule", `[{"id":1,"state":"waiting"}]`, alone, decision{reason: `it has the status waiting ""`}},
		{"an unknown state", `[{"id":1,"state":"paused"}]`, alone, decision{reason: `it has the status paused ""`}},
		{"success", `[{"id":1,"state":"success"}]`, alone, decision{reason: `it has the status success ""`}},
		{"failure", `[{"id":1,"state":"failure","description":"see the log"}]`, alone, decision{reason: `it has the status failure "see the log"`}},
		{"error", `[{"id":1,"state":"error"}]`, alone, decision{reason: `it has the status error ""`}},
		{"inactive", `[{"id":1,"state":"inactive"}]`, alone, decision{reason: `it has the status inactive ""`}},
		{
			"final under its own name", `[{"id":1,"state":"success","description":"Deploying by receiver"}]`, alone,
			decision{reason: `it has the status success "Deploying by receiver"`},
		},
		{
			"deployed by another", `[{"id":1,"state":"in_progress","description":"Deploying by receiver 2"}]`, alone,
			decision{reason: `it has the status in_progress "Deploying by receiver 2"`},
		},
		{
			"taken over by another",
			`[{"id":2,"state":"in_progress"},{"id":1,"state":"in_progress","description":"Deploying by receiver"}]`, alone,
			decision{reason: `it has the status in_progress ""`},
		},
		{
			"queued after a run of another", `[{"id":2,"state":"queued"},{"id":1,"state":"in_progress"}]`, alone,
			decision{reason: `it has the status in_progress ""`},
		},
		{
			"interrupted", `[{"id":2,"state":"in_progress","description":"Deploying by receiver"},{"id":1,"state":"queued"}]`, alone,
			decision{report: "error", reason: "its run was interrupted"},
		},
		{
			"interrupted, and not the newest", `[{"id":2,"state":"in_progress","description":"Deploying by receiver"}]`,
			`[{"id":8,"created_at":"2026-04-01T12:00:01Z"}]`,
			decision{report: "error", reason: "its run was interrupted"},
		},
		{
			"in_progress came after the outcome",
			`[{"id":1,"state":"failure","created_at":"2026-04-01T12:00:01Z"},
			  {"id":2,"state":"success","created_at":"2026-04-01T12:00:02Z"},
			  {"id":3,"state":"in_progress","description":"Deploying by receiver","created_at":"2026-04-01T12:00:02Z"}]`, alone,
			decision{report: "success", reason: "it was success before its in_progress arrived"},
		},
		{
			"the time goes before the ID",
			`[{"id":9,"state":"in_progress","description":"Deploying by receiver","created_at":"2026-04-01T12:00:01Z"},
			  {"id":1,"state":"success","created_at":"2026-04-01T12:00:02Z"}]`, alone,
			decision{reason: `it has the status success ""`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := parse[ghdeploy.Deployment](t, `{"id":7,"created_at":"2026-04-01T12:00:00Z"}`)
			statuses := parse[[]*ghdeploy.DeploymentStatus](t, test.statuses)
			environment := parse[[]*ghdeploy.Deployment](t, test.environment)
			for range 2 { // in both orders
				got := decide(d, statuses, environment, progress)
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(decision{})); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				slices.Reverse(statuses)
				slices.Reverse(environment)
			}
		})
	}
}

func parse[T any](t *testing.T, text string) T {
	t.Helper()
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}
