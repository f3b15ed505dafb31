package ghdeploytest

import (
	"net/http"
	"slices"
	"strings"
)

// actor is who makes a call.
type actor struct {
	token *Token // nil = anonymous
}

func (a actor) login() string {
	if a.token.App != "" {
		return a.token.App + "[bot]"
	}
	return a.token.Login
}

func (a actor) app() string { return a.token.App }

// given reports whether the token was given this repository.
func (a actor) given(r *repository) bool {
	return a.token != nil && (a.token.Repositories == nil ||
		slices.ContainsFunc(a.token.Repositories, func(name string) bool { return strings.EqualFold(name, r.fullName()) }))
}

// sees reports whether the repository exists for the caller.
func (a actor) sees(r *repository) bool { return !r.private || a.given(r) }

var levels = []string{"", "read", "write", "admin"}

// may reports whether the caller has a permission like deployments=write on a repository it sees.
func (a actor) may(permission string, r *repository) bool {
	name, level, _ := strings.Cut(permission, "=")
	if a.token == nil || !a.given(r) {
		return level == "read" // of a public repository: the others are not seen
	}
	if a.token.Permissions == nil {
		return true
	}
	held := a.token.Permissions[name]
	if level == "read" && (name == "metadata" || !r.private) {
		return true
	}
	return slices.Index(levels, held) >= slices.Index(levels, level)
}

// authenticate finds the token's owner.
func (s *Server) authenticate(c *call) *answer {
	header := c.header.Get("Authorization")
	if header == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		known := s.state.tokens[token]
		if s.anyTokenIsOctocat && token != "" {
			known = &Token{Value: token, Login: "octocat"}
		}
		if known != nil {
			c.token, c.actor = token, actor{known}
			return nil
		}
	}
	c.quota = s.quotaOf("", c.now) // whose token is not known counts as nobody
	c.quota.used = min(c.quota.used+1, c.quota.limit)
	a := ok(http.StatusUnauthorized, errorBody{Message: "Bad credentials", DocumentationURL: docsRoot, Status: "401"})
	return &a
}

// authorize holds the caller against the operation's documented permission.
func (s *Server) authorize(c *call) *answer {
	if c.op.permission == "" || c.actor.may(c.op.permission, c.repo) {
		return nil
	}
	var a answer
	switch {
	case c.actor.token == nil:
		a = c.fail(http.StatusUnauthorized, "Requires authentication", nil)
	case c.actor.token.App != "":
		a = c.fail(http.StatusForbidden, "Resource not accessible by integration", nil)
	default:
		a = c.fail(http.StatusForbidden, "Resource not accessible by personal access token", nil)
	}
	if a.status == http.StatusForbidden {
		a.set("X-Accepted-GitHub-Permissions", c.op.permission)
	}
	return &a
}
