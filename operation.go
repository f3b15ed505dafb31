package ghdeploy

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// operation is one API call before it becomes a request.
type operation struct {
	method string
	path   path
	query  any // a struct with url tags, or nil
	body   any // encoded as JSON, or nil

	// statusErrors holds the errors of statuses that have a special meaning
	// in this operation.
	statusErrors map[int]error

	// laterPage is a page after the first one. It is not cached: a walk would
	// evict everything else.
	laterPage bool

	// waited is the time that earlier requests of the same call spent waiting.
	waited time.Duration
}

// path is a path below the base URL. An element is a constant, an ID, or a
// name that the caller gave.
type path []any

// name is a path element that the caller gave.
type name struct{ kind, value string }

func repositoryPath(owner, repo string, elements ...any) path {
	return append(path{"repos", name{"owner", owner}, name{"repo", repo}}, elements...)
}

func environmentPath(owner, repo, environment string, elements ...any) path {
	return append(repositoryPath(owner, repo, "environments", name{"environment", environment}), elements...)
}

func runPath(owner, repo string, runID int64, element string) path {
	return repositoryPath(owner, repo, "actions", "runs", runID, element)
}

// escape returns the path with each element escaped on its own.
func (p path) escape() (string, error) {
	var b strings.Builder
	for _, element := range p {
		b.WriteByte('/')
		switch e := element.(type) {
		case string:
			b.WriteString(e)
		case int64:
			if e <= 0 {
				return "", invalidArgument("invalid ID %d; GitHub's IDs are positive", e)
			}
			b.WriteString(strconv.FormatInt(e, 10))
		case name:
			if err := e.validate(); err != nil {
				return "", err
			}
			b.WriteString(url.PathEscape(e.value))
		}
	}
	return b.String(), nil
}

func (n name) validate() error {
	switch {
	case n.value == "":
		return invalidArgument("the %s is empty", n.kind)
	case n.value == ".", n.value == "..":
		// A server or a proxy resolves these: a DELETE would reach another
		// path.
		return invalidArgument("the %s is %q, which a URL path cannot contain", n.kind, n.value)
	case n.kind != "environment" && strings.Contains(n.value, "/"):
		return invalidArgument("the %s %q contains a slash; pass owner and repo separately (ParseRepository splits them)", n.kind, n.value)
	}
	return nil
}
