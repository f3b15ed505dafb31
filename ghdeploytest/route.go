package ghdeploytest

import (
	"net/url"
	"slices"
	"strings"
)

// operation is one row of the route table: an operation of GitHub's description and what this server needs to know to
// serve it.
type operation struct {
	id         string // GitHub's operationId
	method     string
	path       string // as in GitHub's description, with its parameter names
	permission string // what a fine-grained token needs, as X-Accepted-GitHub-Permissions spells it; "" = nothing
	docs       string // page and anchor below https://docs.github.com/rest/
	body       bool   // it takes a JSON object
	nullBody   bool   // or null
	paged      bool   // it answers a list in pages
	creates    bool   // it counts as content creation for the secondary limit
	free       bool   // it costs nothing on the primary limit
	hides      bool   // 404 for who may not
	reviewers  bool   // a user needs no role in the repository beyond reading it
	anyUser    bool   // every token may
	handle     func(*Server, *call) response
}

// operations is the route table. Each area keeps its rows beside its handlers.
func operations() []operation {
	return slices.Concat(
		metaOperations(),
		deploymentOperations(),
		statusOperations(),
		environmentOperations(),
		branchPolicyOperations(),
		protectionRuleOperations(),
		reviewOperations(),
	)
}

// name is how tests call an operation: its method and path template.
func (o *operation) name() string { return o.method + " " + o.path }

// route finds the operation of a path, which is already freed from a /api/v3 prefix. It returns nil where GitHub has
// none, which includes every path with a trailing slash.
func (s *Server) route(method, escapedPath string) (*operation, map[string]string) {
	path := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for i, element := range path {
		decoded, err := url.PathUnescape(element)
		if err != nil {
			return nil, nil
		}
		path[i] = decoded
	}
	if method == "HEAD" {
		method = "GET"
	}
	var best *operation
	var vars map[string]string
	for i := range s.operations {
		op := &s.operations[i]
		if op.method != method {
			continue
		}
		v, ok := match(op.path, path)
		// The path with fewer parameters is the more exact one: .../apps before .../{protection_rule_id}.
		if ok && (best == nil || len(v) < len(vars)) {
			best, vars = op, v
		}
	}
	return best, vars
}

const repoTemplate = "/repos/{owner}/{repo}"

// match compares a path with a template, and with the same template below /repositories/{id}, the form in which GitHub
// writes redirects and Link headers.
func match(template string, path []string) (map[string]string, bool) {
	if rest, ok := strings.CutPrefix(template, repoTemplate); ok && path[0] == "repositories" {
		template = "/repositories/{repository_id}" + rest
	}
	want := strings.Split(strings.TrimPrefix(template, "/"), "/")
	if len(want) != len(path) {
		return nil, false
	}
	vars := map[string]string{}
	for i, w := range want {
		if strings.HasPrefix(w, "{") {
			if path[i] == "" {
				return nil, false
			}
			vars[strings.Trim(w, "{}")] = path[i]
		} else if w != path[i] {
			return nil, false
		}
	}
	return vars, true
}
