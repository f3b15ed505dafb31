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

// levels are those of a permission, and the roles of a user, in their order.
var levels = []string{"", "read", "write", "admin"}

func atLeast(held, needed string) bool {
	return slices.Index(levels, held) >= slices.Index(levels, needed)
}

// classic reports whether a token is a classic one, whose rights are its user's
// role and its scopes.
func (t *Token) classic() bool { return t.App == "" && t.Permissions == nil }

// scopes are the scopes of a classic token.
func (t *Token) scopes() []string {
	if t.Scopes == nil {
		return []string{"repo"}
	}
	return t.Scopes
}

// role is the user's role in a repository.
func (a actor) role(r *repository) string {
	if a.token.classic() && a.given(r) {
		return a.token.Role
	}
	return "read" // of a public repository: the others are not seen
}

// neededRole is the role that a permission stands for.
func neededRole(permission string) string {
	name, level, _ := strings.Cut(permission, "=")
	if name == "administration" && level != "read" {
		return "admin"
	}
	return level
}

// may reports whether the caller has a permission like deployments=write on a repository it sees.
func (a actor) may(permission string, r *repository) bool {
	name, level, _ := strings.Cut(permission, "=")
	switch {
	case a.token == nil || !a.given(r):
		return level == "read" // of a public repository: the others are not seen
	case a.token.classic():
		return atLeast(a.role(r), neededRole(permission))
	case a.token.Permissions == nil:
		return true
	case level == "read" && (name == "metadata" || !r.private):
		return true
	}
	return atLeast(a.token.Permissions[name], level)
}

// inScope reports whether the scopes of a classic token cover an operation.
func (a actor) inScope(permission string, r *repository) bool {
	if a.token == nil || !a.token.classic() {
		return true
	}
	name, level, _ := strings.Cut(permission, "=")
	has := func(scope string) bool { return slices.Contains(a.token.scopes(), scope) }
	switch {
	case has("repo"), !r.private && (level == "read" || has("public_repo")):
		return true
	}
	return name == "deployments" && has("repo_deployment")
}

// authenticate finds the token's owner.
func (s *Server) authenticate(c *call) *response {
	header := c.header.Get("Authorization")
	if header == "" {
		c.identified = true
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		known := s.state.tokens[token]
		if s.anyTokenIsOctocat && token != "" {
			known = &Token{Value: token, Login: "octocat", Role: "admin"}
		}
		if known != nil {
			c.token, c.actor, c.identified = token, actor{known}, true
			return nil
		}
	}
	c.quota = s.quotaOf("", c.now) // whose token is not known counts as nobody
	c.quota.used = min(c.quota.used+1, c.quota.limit)
	resp := ok(http.StatusUnauthorized, errorBody{Message: "Bad credentials", DocumentationURL: docsRoot, Status: "401"})
	return &resp
}

// authorize compares the caller's rights with what the operation needs.
func (s *Server) authorize(c *call) *response {
	if c.op.permission == "" {
		return nil
	}
	t := c.actor.token
	if t != nil && t.SSORequired {
		resp := c.singleSignOn()
		return &resp
	}
	permission := c.op.permission
	if c.op.reviewers && t != nil && t.classic() {
		permission = "deployments=read" // who may review is up to the environment
	}
	allowed := c.actor.may(permission, c.repo)
	inScope := c.actor.inScope(c.op.permission, c.repo)
	if allowed && inScope {
		return nil
	}
	var resp response
	switch {
	case t == nil:
		resp = c.fail(http.StatusUnauthorized, "Requires authentication", nil)
	case c.op.hides || !inScope:
		resp = c.notFound()
	case t.App != "":
		resp = c.inaccessible("integration")
	case !t.classic():
		resp = c.inaccessible("personal access token")
	case neededRole(permission) == "admin":
		resp = c.fail(http.StatusForbidden, "Must have admin rights to Repository.", nil)
	default:
		resp = c.notFound()
	}
	return &resp
}

// inaccessible refuses who lacks a permission, or has it and still may not.
func (c *call) inaccessible(by string) response {
	return c.fail(http.StatusForbidden, "Resource not accessible by "+by, nil)
}

const samlDocs = "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/"

// singleSignOn refuses a token that the organization has not authorized.
func (c *call) singleSignOn() response {
	resp := ok(http.StatusForbidden, errorBody{
		Message:          "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
		DocumentationURL: samlDocs, Status: "403",
	})
	resp.set("X-GitHub-SSO", "required; url="+c.htmlRoot()+"/orgs/"+c.repo.owner+"/sso?authorization_request=AUTHORIZATION")
	return resp
}

// setRights adds what the operation needs and what the token has. GitHub sends
// the scopes to classic tokens only.
func (c *call) setRights(resp *response) {
	if !c.identified {
		return
	}
	if c.op != nil && c.op.accepts() != "" {
		resp.set("X-Accepted-GitHub-Permissions", c.op.accepts())
	}
	if t := c.actor.token; t != nil && t.classic() {
		accepted := ""
		if c.op != nil {
			accepted = c.op.scopes()
		}
		resp.set("X-OAuth-Scopes", strings.Join(slices.Sorted(slices.Values(t.scopes())), ", "))
		resp.set("X-Accepted-OAuth-Scopes", accepted)
	}
}

// accepts is what X-Accepted-GitHub-Permissions says of an operation.
func (o *operation) accepts() string {
	if o.anyUser {
		return "allows_permissionless_access=true"
	}
	return o.permission
}

// scopes is what X-Accepted-OAuth-Scopes says of an operation. Recorded: nothing
// for the writes of deployments, both scopes for their reads.
func (o *operation) scopes() string {
	switch o.permission {
	case "deployments=read":
		return "repo, repo_deployment"
	case "deployments=write", "":
		return ""
	}
	return "repo"
}
