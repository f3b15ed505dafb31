package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// scene makes the test server return a recorded error: it sends the recorded or
// quoted request in the state that the row's cause names.
type scene struct {
	source, cause string // parts of the row's, as in refusals
	options       []ghdeploytest.Option
	repo          ghdeploytest.Repository // FullName is always octocat/example
	token         string                  // "" is an anonymous request
	method, path  string                  // the path after the repository
	body          string                  // used if the row has no body; $REF is the ref in its message

	words string // why the server's message differs from the recorded one
}

const (
	wrongToken  = "ghp_nobodys"
	writerToken = "ghp_writer" // a classic token without admin rights
)

var scenes = []scene{
	{
		source: "hubot-deploy#54", cause: "NO deployment", method: "POST", path: "/deployments", body: `{"ref": "master"}`, token: fullToken,
		repo: ghdeploytest.Repository{DefaultBranch: "develop", Branches: []ghdeploytest.Branch{{Name: "master", Behind: true}}},
	},
	{
		source: "github_deployment_create", cause: "merged the default branch", method: "POST", path: "/deployments", body: `{"ref": "topic"}`, token: fullToken,
		repo: ghdeploytest.Repository{DefaultBranch: "master", Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}}},
	},
	{
		source: "github_deployment_create", cause: "merge conflict", method: "POST", path: "/deployments", body: `{"ref": "topic"}`, token: fullToken,
		repo: ghdeploytest.Repository{DefaultBranch: "master", Branches: []ghdeploytest.Branch{{Name: "topic", Conflict: true}}},
	},
	{
		source: "github_deployment_create", cause: "not all successful", method: "POST", path: "/deployments", body: `{"ref": "master"}`, token: fullToken,
		repo:  checked("master", "failure", "success"),
		words: "written by hand for a test, without the full stop of real messages",
	},
	{source: "github_deployment_create", cause: "bad token", method: "POST", path: "/deployments", body: `{"ref": "main"}`, token: wrongToken},
	{
		source: "slashdeploy#15", cause: "required context failed", method: "POST", path: "/deployments", body: `{"ref": "master"}`, token: fullToken,
		repo: checked("master", "success", "failure"),
	},
	{
		source: "ghup#135", cause: "contexts not shown", method: "POST", path: "/deployments", body: `{"ref": "$REF"}`, token: fullToken,
		repo: checked("master", "failure"),
	},
	{
		source: "website#130", cause: "required contexts failed", method: "POST", path: "/deployments", token: fullToken, // the row has a body
		repo: checked("master", "failure"),
	},
	{
		source: "deployment-action#1", cause: "auto_merge conflict", method: "POST", path: "/deployments", body: `{"ref": "refs/heads/master"}`, token: fullToken,
		repo: ghdeploytest.Repository{DefaultBranch: "develop", Branches: []ghdeploytest.Branch{{Name: "master", Conflict: true}}},
	},
	{
		source: "backstage#28977", cause: "plan-gated", method: "PUT", path: "/environments/production", body: `{"wait_timer": 0}`, token: fullToken,
		repo: ghdeploytest.Repository{Private: true, Plan: "team"},
	},
	{
		source: "github#2457", cause: "newer body field", method: "PUT", path: "/environments/PRODUCTION", body: `{"prevent_self_review": false}`, token: fullToken,
		options: []ghdeploytest.Option{ghdeploytest.WithUnknownKeys("prevent_self_review")},
	},
	{source: "podman-desktop#13298", cause: "deployments: write", method: "POST", path: "/deployments", body: `{"ref": "main"}`, token: appToken},
	{
		source: "azure-dev", cause: "without admin", method: "PUT", path: "/environments/copilot", body: `{}`, token: writerToken,
	},
	{
		source: "deployment-action#78", cause: "without credentials", method: "GET", path: "/deployments/7/statuses", token: anonymous,
		repo: ghdeploytest.Repository{Private: true},
	},
	{
		source: "github#2608", cause: "branch policy", method: "POST", path: "/environments/production/deployment-branch-policies", body: `{"name": "release/*"}`, token: fullToken,
		repo: ghdeploytest.Repository{Environments: []ghdeploytest.Environment{{Name: "production"}}},
	},
	{source: "knarr", cause: "does not exist", method: "GET", path: "/environments/release", token: fullToken},
}

// checked returns a repository whose default branch has these commit statuses.
func checked(branch string, states ...string) ghdeploytest.Repository {
	var statuses []ghdeploytest.CommitStatus
	for i, state := range states {
		statuses = append(statuses, ghdeploytest.CommitStatus{Context: fmt.Sprint("ci/", i), State: state})
	}
	return ghdeploytest.Repository{DefaultBranch: branch, Branches: []ghdeploytest.Branch{{Name: branch, Statuses: statuses}}}
}

// failedRef matches the ref in the message of a 409.
var failedRef = regexp.MustCompile(`checks failed for ([0-9a-f]{40})\.`)

// elsewhere lists recorded errors that no scene covers, with the reason.
var elsewhere = []struct{ cause, reason string }{
	{"secondary", "not an operation of ours; the drives with WithSecondaryLimit have all three forms"},
	{"unicorn", "an HTML page instead of a response: a fault that a test injects, not a rule of the server"},
	{"request understood but refused", "not an operation of ours"},
	{"sub-resource absent", "not an operation of ours"},
	{"invalid, expired or revoked token", "not an operation of ours"},
	{"method refused", "not an operation of ours"},
	{"repository renamed", "a PATCH of the repository, which the server does not have; the drives test the redirects"},
}

// TestServerReplaysErrors compares the server's errors with the recorded ones.
// Many were quoted in part: the server may send more keys.
func TestServerReplaysErrors(t *testing.T) {
	rows := readRows(t, "errors.jsonl")
	count, reasons := make(map[string]int), make(map[string]int)
	used := make([]bool, len(scenes))
	for _, r := range rows {
		i := slices.IndexFunc(scenes, func(s scene) bool {
			return strings.Contains(r.Source, s.source) && strings.Contains(r.Cause, s.cause)
		})
		if i < 0 {
			j := slices.IndexFunc(elsewhere, func(e struct{ cause, reason string }) bool { return strings.Contains(r.Cause, e.cause) })
			if j < 0 {
				t.Errorf("%s (%s): no scene, and elsewhere has no reason", r, r.Cause)
				continue
			}
			count["without a scene"]++
			reasons[elsewhere[j].reason]++
			continue
		}
		used[i] = true
		count["same status and shape"]++
		t.Run(r.String(), func(t *testing.T) { scenes[i].play(t, r) })
	}
	for i, s := range scenes {
		if !used[i] {
			t.Errorf("scenes lists %s (%s), but no row matches", s.source, s.cause)
		}
	}
	report(t, len(rows), count, reasons)
}

func (sc *scene) play(t *testing.T, r *row) {
	repo, body := sc.repo, []byte(sc.body)
	repo.FullName = "octocat/example"
	if len(r.requestKeys(t)) > 0 {
		body = r.Request.Body
	}
	if match := failedRef.FindSubmatch(r.responseBody()); match != nil { // the commit of the checked branch
		repo.Branches = slices.Clone(repo.Branches)
		repo.Branches[0].SHA = string(match[1])
		body = bytes.ReplaceAll(body, []byte("$REF"), match[1])
	}
	server := ghdeploytest.NewServer(append([]ghdeploytest.Option{
		ghdeploytest.WithRepository(repo),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: fullToken}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: readerToken, Permissions: map[string]string{"deployments": "write"}}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: writerToken, Role: "write"}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: appToken, App: "shipit", Permissions: map[string]string{"deployments": "read"}}),
	}, sc.options...)...)
	t.Cleanup(server.Close)
	s := &stage{world: &world{t: t, server: server}}
	status, got := s.send(sc.method, "/repos/octocat/example"+sc.path, body, sc.token)
	if status != r.Response.Status {
		t.Fatalf("the server returns %d: %s", status, got)
	}
	if sc.method != r.Request.Method {
		t.Errorf("the scene sends %s, want %s", sc.method, r.Request.Method)
	}
	if len(r.responseBody()) == 0 {
		return // the body was not recorded
	}
	for _, d := range shapes("error", parse(t, r.responseBody()), parse(t, got)) {
		if d.what != added {
			t.Error(d)
		}
	}
	var recorded, returned struct {
		Message string `json:"message"`
	}
	for data, v := range map[*[]byte]any{new(r.responseBody()): &recorded, &got: &returned} {
		if err := json.Unmarshal(*data, v); err != nil {
			t.Fatal(err)
		}
	}
	if same := recorded.Message == returned.Message; same != (sc.words == "") {
		t.Errorf("the server's message is %q, the recorded one %q (reason: %q)", returned.Message, recorded.Message, sc.words)
	}
}

// TestServerRenames compares the server's redirect of a renamed repository with
// the recorded one.
func TestServerRenames(t *testing.T) {
	found := 0
	for _, r := range readRows(t, "transport.jsonl") {
		if r.Response.Status != http.StatusMovedPermanently || !strings.HasPrefix(r.path(), "/repos/") {
			continue
		}
		found++
		_, vars, _ := operationOf(r)
		fullName := vars["owner"] + "/" + vars["repo"]
		server := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: fullName}))
		server.RenameRepository(fullName, vars["owner"]+"/renamed")
		s := &stage{world: &world{t: t, server: server}}
		status, got := s.send(r.Request.Method, r.Request.Path, nil, fullToken)
		if status != r.Response.Status {
			t.Errorf("%s: the server returns %d", r, status)
		}
		for _, d := range shapes("redirect", parse(t, r.responseBody()), parse(t, got)) {
			t.Errorf("%s: %s", r, d)
		}
		server.Close()
	}
	if found == 0 {
		t.Error("no redirect was recorded")
	}
}
