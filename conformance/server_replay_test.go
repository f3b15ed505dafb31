package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// stage is a server in the state of a recorded request. path is the recorded
// path with the server's own IDs.
type stage struct {
	*world
	path string
}

// TestServerReplaysExchanges sends each recorded request to the test server, in
// the state that the recorded response shows, and compares the responses'
// shapes.
func TestServerReplaysExchanges(t *testing.T) {
	rows := readRows(t, "exchanges.jsonl")
	count, reasons := make(map[string]int), make(map[string]int)
	used := make([]int, len(tolerances))
	for _, r := range rows {
		operation, vars, _ := operationOf(r)
		do, ours := calls[operation]
		if !ours {
			count["not ours; listed in TestReplayExchanges"]++
			continue
		}
		s := setStage(t, r, operation, vars)
		if s == nil {
			t.Errorf("%s: setStage does not support this operation", r)
			continue
		}
		count["same status and shape"]++
		status, got := s.send(r.Request.Method, s.path, r.Request.Body, fullToken)
		if status != r.Response.Status {
			t.Errorf("%s: the server returns %d: %s", r, status, got)
			continue
		}
		if len(r.responseBody()) == 0 && len(got) == 0 {
			continue
		}
		for _, d := range shapes(do.of, parse(t, r.responseBody()), parse(t, got)) {
			i := slices.IndexFunc(tolerances, func(tol tolerance) bool { return tol.is(d, r) })
			if i < 0 {
				t.Errorf("%s: %s", r, d)
				continue
			}
			used[i]++
			reasons["tolerated: "+d.String()]++
		}
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("this tolerance is unused: %+v", tolerances[i])
		}
	}
	report(t, len(rows), count, reasons)
}

// difference is a difference between the shapes of two responses.
type difference struct{ path, what string }

func (d difference) String() string { return d.path + ": " + d.what }

const (
	added   = "not in the recorded response"
	missed  = "not in the server's response"
	another = "recorded as " // followed by both types
)

// shapes compares keys and types. Elements of lists are compared in their
// order, and equal differences are merged.
func shapes(path string, recorded, got any) []difference {
	if a, b := kind(recorded), kind(got); a != b {
		return []difference{{path, another + a + ", returned as " + b}}
	}
	found := make(map[difference]bool)
	switch recorded := recorded.(type) {
	case map[string]any:
		if strings.HasSuffix(path, ".payload") {
			return nil // chosen by the caller
		}
		object := got.(map[string]any)
		for key, value := range recorded {
			here := path + "." + key
			if other, ok := object[key]; ok {
				for _, d := range shapes(here, value, other) {
					found[d] = true
				}
			} else {
				found[difference{here, missed}] = true
			}
		}
		for key := range object {
			if _, ok := recorded[key]; !ok {
				found[difference{path + "." + key, added}] = true
			}
		}
	case []any:
		list := got.([]any)
		if len(list) != len(recorded) {
			return []difference{{path, fmt.Sprintf("recorded with %d elements, returned with %d", len(recorded), len(list))}}
		}
		for i, value := range recorded {
			for _, d := range shapes(path, value, list[i]) {
				found[d] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b difference) int { return strings.Compare(a.String(), b.String()) })
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}

// tolerance is an expected difference, because GitHub's responses have changed
// since the recording. until is the last year of the older form; 0 is no end.
type tolerance struct {
	path, what string
	until      int
	reason     string
}

func (tol *tolerance) is(d difference, r *row) bool {
	return tol.path == d.path && strings.HasPrefix(d.what, tol.what) && (tol.until == 0 || r.year() > 0 && r.year() <= tol.until)
}

// year returns the year of the recording, 0 if it is unknown.
func (r *row) year() int {
	at, err := http.ParseTime(r.RecordedAt)
	if err != nil {
		return 0
	}
	return at.Year()
}

var tolerances = []tolerance{
	{"deployment.ref", added, 2014, "added in 2014"},
	{"deployment.task", added, 2014, "added in 2014"},
	{"deployment.environment", added, 2014, "added in 2014"},
	{"deployment.repository_url", added, 2014, "added in 2014"},
	{"deployment.node_id", added, 2018, "added by 2020"},
	{"deployment.original_environment", added, 2018, "added by 2020"},
	{"deployment.performed_via_github_app", added, 2018, "added by 2020"},
	{"deployment.creator.node_id", added, 2018, "added by 2020"},
	{"deployment.transient_environment", added, 2020, "first a preview, for all since after 2020"},
	{"deployment.production_environment", added, 2020, "first a preview, for all since after 2020"},
	{"deployment.payload", another + "a string, returned as an object", 2014, "the preview of 2014 returned an object as a string of JSON"},
	{"deployment.payload", another + "null, returned as an object", 2014, "the preview of 2014 returned null without a payload; since then it is {}"},
	{"deployment.creator.user_view_type", added, 2023, "added after 2023"},
	{"status.creator.user_view_type", added, 0, "added after 2023; one recording of that year has no date"},
	{"status.deployment_url", added, 2014, "added in 2014"},
	{"status.repository_url", added, 2014, "added in 2014"},
	{"status.node_id", added, 2018, "added by 2023"},
	{"status.environment", added, 2018, "added by 2023"},
	{"status.environment_url", added, 2018, "added by 2023"},
	{"status.log_url", added, 2018, "added by 2023"},
	{"status.performed_via_github_app", added, 2018, "added by 2023"},
	{"status.creator.node_id", added, 2018, "added by 2023"},
	{"status.description", another + "null, returned as a string", 2014, "no description was null in 2014; since then it is an empty string"},
	{"status.payload", missed, 2014, "the payload of the deployment; removed after 2014"},
}

// send sends a request without a client.
func (s *stage) send(method, path string, body []byte, token string) (int, []byte) {
	s.t.Helper()
	if text := string(bytes.TrimSpace(body)); text == "null" || text == `""` {
		body = nil
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, strings.TrimSuffix(ghdeploytest.BaseURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != anonymous {
		req.Header.Set("Authorization", "token "+token)
	}
	resp, err := s.server.Transport().RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, body
}

// shown returns the objects of a recorded response, oldest first: lists return
// the newest first.
func shown(t *testing.T, r *row) []map[string]any {
	t.Helper()
	if len(r.responseBody()) == 0 {
		return nil
	}
	var objects []map[string]any
	switch v := parse(t, r.responseBody()).(type) {
	case []any:
		for _, element := range slices.Backward(v) {
			objects = append(objects, element.(map[string]any))
		}
	case map[string]any:
		environments, ok := v["environments"].([]any)
		if !ok {
			return []map[string]any{v}
		}
		for _, e := range environments {
			objects = append(objects, e.(map[string]any))
		}
	}
	return objects
}

func textOf(object map[string]any, key, absent string) string {
	if text, ok := object[key].(string); ok && text != "" {
		return text
	}
	return absent
}

// oldRef is the branch for recorded responses without a ref.
const oldRef = "old-branch"

// setStage creates the server for a recorded exchange, or returns nil.
func setStage(t *testing.T, r *row, operation string, vars map[string]string) *stage {
	t.Helper()
	objects := shown(t, r)
	repo := ghdeploytest.Repository{FullName: vars["owner"] + "/" + vars["repo"], DefaultBranch: "master"}
	if rest, ok := strings.CutPrefix(r.path(), "/repositories/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		repo.ID, _ = strconv.ParseInt(id, 10, 64)
		for _, object := range objects {
			parts := strings.Split(textOf(object, "url", ""), "/")
			repo.FullName = parts[4] + "/" + parts[5]
		}
	}
	branches := map[string]bool{"master": true}
	branch := func(name string) string {
		if !branches[name] {
			repo.Branches = append(repo.Branches, ghdeploytest.Branch{Name: name})
			branches[name] = true
		}
		return name
	}
	branch(oldRef)
	branch(textOf(r.requestKeys(t), "ref", oldRef))
	_, onEnvironment := vars["environment_name"]
	onEnvironment = onEnvironment || strings.HasSuffix(operation, "/environments")
	for _, object := range objects {
		if !onEnvironment {
			branch(textOf(object, "ref", oldRef))
			continue
		}
		policy, _ := object["deployment_branch_policy"].(map[string]any)
		e := ghdeploytest.Environment{
			Name: textOf(object, "name", ""), AdminsCannotBypass: object["can_admins_bypass"] == false,
			ProtectedBranches: policy["protected_branches"] == true, CustomBranchPolicies: policy["custom_branch_policies"] == true,
		}
		if r.Request.Method == http.MethodGet {
			repo.Environments = append(repo.Environments, e)
		}
	}
	if operation == "DELETE /repos/{owner}/{repo}/environments/{environment_name}" {
		repo.Environments = append(repo.Environments, ghdeploytest.Environment{Name: vars["environment_name"]})
	}

	server := ghdeploytest.NewServer(ghdeploytest.WithRepository(repo))
	t.Cleanup(server.Close)
	w := &world{t: t, server: server}
	w.owner, w.repo, _ = strings.Cut(repo.FullName, "/")
	w.client = w.ours(server.Transport(), fullToken, &described[0])
	s := &stage{world: w, path: r.Request.Path}

	switch operation {
	case "GET /repos/{owner}/{repo}/deployments":
		if strings.Contains(r.header("Link"), `rel="next"`) {
			w.deploy(ghdeploy.DeploymentRequest{Ref: oldRef})
		}
		for _, object := range objects {
			w.deployLike(object)
		}
	case "GET /repos/{owner}/{repo}/deployments/{deployment_id}":
		w.deployLike(objects[0])
	case "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}",
		"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses":
		w.deploy(ghdeploy.DeploymentRequest{Ref: oldRef})
	case "GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
		"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}":
		w.deploy(ghdeploy.DeploymentRequest{Ref: oldRef})
		for _, object := range objects {
			w.report(ghdeploy.DeploymentStatusRequest{
				State: ghdeploy.State(textOf(object, "state", "")), Description: textOf(object, "description", ""),
				TargetURL: textOf(object, "target_url", ""), LogURL: textOf(object, "log_url", ""),
				Environment: textOf(object, "environment", ""), EnvironmentURL: textOf(object, "environment_url", ""),
			})
		}
	case "POST /repos/{owner}/{repo}/deployments",
		"GET /repos/{owner}/{repo}/environments",
		"GET /repos/{owner}/{repo}/environments/{environment_name}",
		"PUT /repos/{owner}/{repo}/environments/{environment_name}",
		"DELETE /repos/{owner}/{repo}/environments/{environment_name}":
	default:
		return nil
	}
	s.path = strings.Replace(s.path, "/deployments/"+vars["deployment_id"], fmt.Sprint("/deployments/", w.deployment), 1)
	s.path = strings.Replace(s.path, "/statuses/"+vars["status_id"], fmt.Sprint("/statuses/", w.status), 1)
	return s
}

// deployLike creates a deployment with the values of a recorded one.
func (w *world) deployLike(object map[string]any) {
	w.t.Helper()
	w.deploy(ghdeploy.DeploymentRequest{
		Ref: textOf(object, "ref", oldRef), Task: textOf(object, "task", ""), Payload: object["payload"],
		Environment: textOf(object, "environment", ""), Description: textOf(object, "description", ""),
	})
}
