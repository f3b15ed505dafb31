package ghdeploytest

import (
	"strings"
	"testing"
)

// The IDs are those of GitHub's description, the permissions those of the
// permission table in GitHub's documentation.
func TestRouteTable(t *testing.T) {
	want := map[string]string{
		"GET /rate_limit":                                                            "rate-limit/get ",
		"GET /repos/{owner}/{repo}":                                                  "repos/get metadata=read",
		"GET /repos/{owner}/{repo}/deployments":                                      "repos/list-deployments deployments=read",
		"POST /repos/{owner}/{repo}/deployments":                                     "repos/create-deployment deployments=write",
		"GET /repos/{owner}/{repo}/deployments/{deployment_id}":                      "repos/get-deployment deployments=read",
		"DELETE /repos/{owner}/{repo}/deployments/{deployment_id}":                   "repos/delete-deployment deployments=write",
		"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses":             "repos/list-deployment-statuses deployments=read",
		"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses":            "repos/create-deployment-status deployments=write",
		"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses/{status_id}": "repos/get-deployment-status deployments=read",
	}
	got := map[string]string{}
	for _, op := range operations() {
		if op.handle == nil || op.docs == "" || got[op.name()] != "" {
			t.Errorf("%s: no handler, no docs, or two rows in the table", op.name())
		}
		got[op.name()] = op.id + " " + op.permission
		if (op.method == "POST" || op.method == "PUT") != op.body {
			t.Errorf("%s: body %v", op.name(), op.body)
		}
	}
	for name, row := range want {
		if got[name] != row {
			t.Errorf("%s: %q, want %q", name, got[name], row)
		}
	}
}

// Every operation of a repository has a route by name and by ID, and none with
// a trailing slash.
func TestEveryOperationIsReached(t *testing.T) {
	s := NewServer()
	defer s.Close()
	fill := strings.NewReplacer("{owner}", "octocat", "{repo}", "example", "{environment_name}", "a%2Fb")
	for _, op := range operations() {
		path := fill.Replace(op.path)
		for strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + "7" + after
		}
		paths := []string{path}
		if rest, ok := strings.CutPrefix(path, "/repos/octocat/example"); ok {
			paths = append(paths, "/repositories/5000000001"+rest)
		}
		for _, p := range paths {
			if found, _ := s.route(op.method, p); found == nil || found.id != op.id {
				t.Errorf("%s %s is routed to %+v, want %s", op.method, p, found, op.id)
			}
			if found, _ := s.route(op.method, p+"/"); found != nil {
				t.Errorf("%s %s/ is routed to %s, want no route", op.method, p, found.id)
			}
		}
	}
	for _, p := range []string{"", "/", "/repos//example/deployments", "/repos/octocat/%zz/deployments"} {
		if found, _ := s.route("GET", p); found != nil {
			t.Errorf("%q is routed to %s, want no route", p, found.id)
		}
	}
}

func TestMatch(t *testing.T) {
	split := func(p string) []string { return strings.Split(strings.TrimPrefix(p, "/"), "/") }
	vars, ok := match("/repos/{owner}/{repo}/environments/{environment_name}", []string{"repositories", "42", "environments", "prod/eu"})
	if !ok || vars["repository_id"] != "42" || vars["environment_name"] != "prod/eu" {
		t.Errorf("%v, %v", vars, ok)
	}
	if _, ok := match("/repos/{owner}/{repo}", split("/repos/octocat")); ok {
		t.Error("an incomplete path matches")
	}
}
