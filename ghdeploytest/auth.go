package ghdeploytest

import (
	"net/http"
	"slices"
	"strings"
)

// actor is the caller of a request.
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

// given reports whether the token has access to this repository.
func (a actor) given(r *repository) bool {
	return a.token != nil && (a.token.Repositories == nil ||
		slices.ContainsFunc(a.token.Repositories, func(name string) bool { return strings.EqualFold(name, r.fullName()) }))
}

// sees reports whether the repository is visible to the caller.
func (a actor) sees(r *repository) bool { return !r.private || a.given(r) }

// levels are the permission levels and the user roles, lowest first.
var levels = []string{"", "read", "write", "admin"}

func atLeast(held, needed string) bool {
	return slices.Index(levels, held) >= slices.Index(levels, needed)
}

// classic reports whether the token is a classic one. The rights of a classic
// token are its user's role and its scopes.
func (t *Token) classic() bool { return t.App == "" && t.Permissions == nil }

// scopes returns the scopes of a classic token.
func (t *Token) scopes() []string {
	if t.Scopes == nil {
		return []string{"repo"}
	}
	return t.Scopes
}

// role returns the user's role in a repository.
func (a actor) role(r *repository) string {
	if a.token.classic() && a.given(r) {
		return a.token.Role
	}
	return "read" // a public repository: sees has excluded private ones
}

// neededRole returns the role that a classic token needs for a permission.
func neededRole(permission string) string {
	name, level, _ := strings.Cut(permission, "=")
	if name == "administration" && level != "read" {
		return "admin"
	}
	return level
}

// may reports whether the caller has a permission, such as deployments=write,
// on a repository that is visible to it.
func (a actor) may(permission string, r *repository) bool {
	name, level, _ := strings.Cut(permission, "=")
	switch {
	case a.token == nil || !a.given(r):
		return level == "read" // a public repository: sees has excluded private ones
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

// authenticate identifies the caller by its token.
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
	c.quota = s.quotaOf("", c.now) // an unknown token counts as anonymous
	c.quota.used = min(c.quota.used+1, c.quota.limit)
	resp := ok(http.StatusUnauthorized, errorBody{Message: "Bad credentials", DocumentationURL: docsRoot, Status: "401"})
	return &resp
}

// authorize checks that the caller has the permission that the operation needs.
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
		permission = "deployments=read" // the environment decides who may review
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

// inaccessible is the 403 for a fine-grained or installation token.
func (c *call) inaccessible(by string) response {
	return c.fail(http.StatusForbidden, "Resource not accessible by "+by, nil)
}

const samlDocs = "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/"

// singleSignOn is the 403 for a token that the organization has not authorized.
func (c *call) singleSignOn() response {
	resp := ok(http.StatusForbidden, errorBody{
		Message:          "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.",
		DocumentationURL: samlDocs, Status: "403",
	})
	resp.set("X-GitHub-SSO", "required; url="+c.htmlRoot()+"/orgs/"+c.repo.owner+"/sso?authorization_request=AUTHORIZATION")
	return resp
}

// setRights sets the headers that name the needed permissions and the token's
// scopes. GitHub sends scopes to classic tokens only.
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

// accepts returns the value of X-Accepted-GitHub-Permissions.
func (o *operation) accepts() string {
	if o.anyUser {
		return "allows_permissionless_access=true"
	}
	return o.permission
}

// scopes returns the value of X-Accepted-OAuth-Scopes. Recorded: both scopes
// for reads of deployments, empty for writes.
func (o *operation) scopes() string {
	switch o.permission {
	case "deployments=read":
		return "repo, repo_deployment"
	case "deployments=write", "":
		return ""
	}
	return "repo"
}
