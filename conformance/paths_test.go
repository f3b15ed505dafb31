package conformance

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// template is a path of GitHub's description, such as
// /repos/{owner}/{repo}/deployments/{deployment_id}.
type template string

// match compares an escaped path element by element, so that a name with %2F is
// one element. ok reports whether the path matches.
func (t template) match(path string) (vars map[string]string, ok bool) {
	want, got := strings.Split(string(t), "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	vars = make(map[string]string)
	for i, element := range want {
		name, isVar := strings.CutPrefix(element, "{")
		if !isVar {
			if element != got[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil || value == "" {
			return nil, false
		}
		vars[strings.TrimSuffix(name, "}")] = value
	}
	return vars, true
}

// best returns the matching template with the fewest variables: .../apps is not
// a rule with the ID "apps".
func best(templates []string, path string) (found string, vars map[string]string) {
	for _, t := range slices.SortedFunc(slices.Values(templates), func(a, b string) int {
		return strings.Count(a, "{") - strings.Count(b, "{")
	}) {
		if vars, ok := template(t).match(path); ok {
			return t, vars
		}
	}
	return "", nil
}

func TestBest(t *testing.T) {
	templates := []string{"/e/{name}/rules/{id}", "/e/{name}/rules/apps", "/e/{name}"}
	for path, want := range map[string]string{
		"/e/a%2Fb":        "/e/{name}",
		"/e/a/rules/apps": "/e/{name}/rules/apps",
		"/e/a/rules/7":    "/e/{name}/rules/{id}",
		"/e/a/rules/7/":   "",
		"/e//rules/7":     "",
		"/f/a":            "",
	} {
		got, vars := best(templates, path)
		if got != want {
			t.Errorf("%s matches %q, want %q", path, got, want)
		}
		if path == "/e/a%2Fb" && vars["name"] != "a/b" {
			t.Errorf("%s names %q, want a/b", path, vars["name"])
		}
	}
}
