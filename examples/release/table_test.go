package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// tableServer returns a server with the deployments of one day. One description
// tries to clear the screen.
func tableServer(t *testing.T) *ghdeploytest.Server {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	made := func(id int64, ref, environment string, states ...string) ghdeploytest.SeedDeployment {
		d := ghdeploytest.SeedDeployment{
			ID: id, Ref: ref, SHA: strings.Repeat(fmt.Sprint(id), 40), Environment: environment,
			CreatedAt: now.Add(time.Duration(id-24) * time.Hour),
		}
		for _, state := range states {
			d.Statuses = append(d.Statuses, ghdeploytest.SeedStatus{State: state, Description: "step\x1b[2J\tof " + ref})
		}
		return d
	}
	return newServer(t,
		ghdeploytest.WithClock(func() time.Time { return now }),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: repository, Deployments: []ghdeploytest.SeedDeployment{
			made(1, "v1", "production", "success"),
			made(2, "v2", "production", "in_progress", "failure"),
			made(3, "topic", "pr-7", "success", "inactive"),
			made(4, "topic", "pr-7", "in_progress"),
		}}),
	)
}

func TestTables(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
		log  string
	}{
		"live": {args: []string{"live"}, want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE             BY
pr-7         -
production   v1           1111111      1            success      2026-11-20 13:00  octocat
`},
		"live in one environment": {args: []string{"live", "-environment", "production"}, want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE             BY
production   v1           1111111      1            success      2026-11-20 13:00  octocat
`},
		"nothing live": {args: []string{"live", "-environment", "pr-7"}, want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE        BY
pr-7         -
`},
		"history": {args: []string{"history", "-n", "3"}, want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE             BY
pr-7         topic        4444444      4            in_progress  2026-11-20 16:00  octocat
pr-7         topic        3333333      3            inactive     2026-11-20 15:00  octocat
production   v2           2222222      2            failure      2026-11-20 14:00  octocat
`},
		"history of one environment": {args: []string{"history", "-environment", "production", "-ref", "v1"}, want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE             BY
production   v1           1111111      1            success      2026-11-20 13:00  octocat
`},
		"wait": {args: []string{"wait", "1"}, want: `
STATE        SINCE             DESCRIPTION
success      2026-11-20 13:00  step?[2J?of v1
`},
		"wait for another state": {args: []string{"wait", "-until", "failure,error", "2"}, want: `
STATE        SINCE             DESCRIPTION
in_progress  2026-11-20 14:00  step?[2J?of v2
failure      2026-11-20 14:00  step?[2J?of v2
`},
		"wait in vain": {args: []string{"wait", "2"}, code: exitFailed, log: "failure", want: `
STATE        SINCE             DESCRIPTION
in_progress  2026-11-20 14:00  step?[2J?of v2
failure      2026-11-20 14:00  step?[2J?of v2
`},
		"retire, tried": {args: []string{"retire", "-environment", "pr-*", "-running", "-delete", "-dry-run"}, want: `
ACTION       ENVIRONMENT  DEPLOYMENT   REF          RESULT
delete       pr-7         3            topic        dry run
delete       pr-7         4            topic        dry run
`},
		"retire": {args: []string{"retire", "-environment", "pr-7"}, want: `
ACTION       ENVIRONMENT  DEPLOYMENT   REF          RESULT
keep         pr-7         3            topic        ok
keep         pr-7         4            topic        ok
`},
		"another repository": {args: []string{"live", "-repo", "octocat/other"}, code: exitFailed, log: "404", want: `
ENVIRONMENT  REF          COMMIT       DEPLOYMENT   STATE        SINCE        BY
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, tableServer(t), binary, tt.args...)
			if code := p.end(); code != tt.code || !strings.Contains(p.errors(), tt.log) {
				t.Errorf("exit code %d, want %d\n%s", code, tt.code, p.errors())
			}
			got := regexp.MustCompile(` +\n`).ReplaceAllString(p.seen.String(), "\n")
			if diff := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// retire changes the deployments on the server, and fails if GitHub refuses.
func TestRetire(t *testing.T) {
	srv := tableServer(t)
	srv.Inject(ghdeploytest.Fault{
		Operation: "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}",
		Match:     func(r ghdeploytest.Request) bool { return strings.HasSuffix(r.Path, "/4") },
		Times:     ghdeploytest.Always,
		Effect:    ghdeploytest.Respond(422, `{"message":"Validation Failed"}`),
	})
	p := start(t, srv, binary, "retire", "-environment", "pr-7", "-running", "-delete")
	if code := p.end(); code != exitFailed || !strings.Contains(p.errors(), "Validation Failed") {
		t.Errorf("exit code %d\n%s", code, p.errors())
	}
	if got := p.seen.String(); !strings.Contains(got, "failed") {
		t.Errorf("got %s", got)
	}
	var left []int64
	for _, d := range srv.Deployments(repository) {
		left = append(left, d.ID)
	}
	if diff := cmp.Diff([]int64{1, 2, 4}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}

func TestDemo(t *testing.T) {
	srv := newServer(t)
	p := start(t, srv, binary, "-demo")
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.errors())
	}
	for _, want := range []string{
		"$ release live\n", "production   v1", "restarting\n", "staging      main", "inactive", "remove_environment  pr-7",
	} {
		if !strings.Contains(p.seen.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &p.seen)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests to the server of GITHUB_API_URL", n)
	}

	p = start(t, srv, binary, "-demo", "-environment", "staging", "sh", "-c", "exit 4")
	if code := p.end(); code != 4 || len(srv.Requests()) != 0 {
		t.Errorf("exit code %d, %d requests\n%s", code, len(srv.Requests()), p.errors())
	}
}
