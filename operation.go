package ghdeploy

import (
	"fmt"
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

// path is a path below the base URL.
type path []element

// element is a constant, a name that the caller gave, or an ID.
type element struct {
	kind string // of a name: what it names; kindID for an ID; "" for a constant
	text string
	id   int64
}

const (
	kindID = "ID"
	// maxElements is the length of the longest path.
	maxElements = 7
)

// repositoryPath returns the path of a repository, and below it the constants
// (string) and IDs (int64) of rest.
func repositoryPath(owner, repo string, rest ...any) path {
	p := append(make(path, 0, maxElements), element{text: "repos"}, element{kind: "owner", text: owner}, element{kind: "repo", text: repo})
	return p.add(rest)
}

func environmentPath(owner, repo, environment string, rest ...any) path {
	return append(repositoryPath(owner, repo, "environments"), environmentName(environment)).add(rest)
}

func environmentName(environment string) element {
	return element{kind: "environment", text: environment}
}

func runPath(owner, repo string, runID int64, element string) path {
	return repositoryPath(owner, repo, "actions", "runs", runID, element)
}

func (p path) add(rest []any) path {
	for _, e := range rest {
		switch e := e.(type) {
		case string:
			p = append(p, element{text: e})
		case int64:
			p = append(p, element{kind: kindID, id: e})
		default: // omitting it would name the parent
			panic(fmt.Sprintf("path element of type %T", e))
		}
	}
	return p
}

// below returns the URL of the path below the base URL. Each element is escaped
// on its own.
func (p path) below(base string) (string, error) {
	var space [256]byte // on the stack
	target := append(space[:0], base...)
	for _, e := range p {
		if err := e.validate(); err != nil {
			return "", err
		}
		target = append(target, '/')
		switch e.kind {
		case "":
			target = append(target, e.text...)
		case kindID:
			target = strconv.AppendInt(target, e.id, 10)
		default:
			target = append(target, url.PathEscape(e.text)...)
		}
	}
	return string(target), nil
}

func (e element) validate() error {
	switch {
	case e.kind == "":
		return nil
	case e.kind == kindID && e.id <= 0:
		return invalidArgument("invalid ID %d; GitHub's IDs are positive", e.id)
	case e.kind == kindID:
		return nil
	case e.text == "":
		return invalidArgument("the %s is empty", e.kind)
	case e.text == ".", e.text == "..":
		// A server or a proxy resolves these: a DELETE would reach another
		// path.
		return invalidArgument("the %s is %q, which a URL path cannot contain", e.kind, e.text)
	case e.kind != "environment" && strings.Contains(e.text, "/"):
		return invalidArgument("the %s %q contains a slash; pass owner and repo separately (ParseRepository splits them)", e.kind, e.text)
	}
	return nil
}
