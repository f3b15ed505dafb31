package ghdeploytest

import (
	"net/url"
	"slices"
	"strings"
)

// operation is an operation of GitHub's description, with the rules that the
// server needs to serve it.
type operation struct {
	id         string // GitHub's operationId
	method     string
	path       string // as in GitHub's description
	permission string // of a fine-grained token, as in X-Accepted-GitHub-Permissions; "" for none
	docs       string // page and anchor below https://docs.github.com/rest/
	body       bool   // takes a JSON object
	nullBody   bool   // also takes null
	paged      bool   // returns a list in pages
	creates    bool   // counts on the limit of creations
	free       bool   // costs nothing on the primary limit
	hides      bool   // returns 404 instead of 403
	reviewers  bool   // needs no role beyond read
	anyUser    bool   // needs a token without any permission
	handle     func(*Server, *call) response
}

// operations returns the route table. Each file adds its own operations.
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

// name returns the method and path template of an operation, which identify it
// in a Fault.
func (o *operation) name() string { return o.method + " " + o.path }

// route finds the operation of a path, given without the prefix /api/v3. It
// returns nil if there is no such operation; a trailing slash never matches.
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
		// The template with fewer parameters is more specific: .../apps before
		// .../{protection_rule_id}.
		if ok && (best == nil || len(v) < len(vars)) {
			best, vars = op, v
		}
	}
	return best, vars
}

const repoTemplate = "/repos/{owner}/{repo}"

// match matches a path against a template, or against the template below
// /repositories/{id}, the form in redirects and Link headers.
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
