package ghdeploytest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Seed is the initial data of a server. Its JSON form is the seed file of
// cmd/ghdeploy-server.
type Seed struct {
	Repositories []Repository `json:"repositories,omitempty"`
	Tokens       []Token      `json:"tokens,omitempty"`
	Users        []User       `json:"users,omitempty"`
	Teams        []Team       `json:"teams,omitempty"`
	Apps         []App        `json:"apps,omitempty"`
}

// Repository is a repository to start with.
type Repository struct {
	// FullName is owner/name, like octocat/example. Required.
	FullName string `json:"full_name"`
	// ID is the repository's ID. The default is a number above 2^32 that
	// depends only on the order of the setup.
	ID int64 `json:"id,omitempty"`
	// Private hides the repository from anonymous callers and from tokens that
	// have no access to it.
	Private bool `json:"private,omitempty"`
	// Plan is the owner's billing plan: free, pro, team or enterprise. The
	// default is free.
	Plan string `json:"plan,omitempty"`
	// DefaultBranch is the branch that auto_merge merges into other branches.
	// The default is main. The server adds it if Branches does not contain it.
	DefaultBranch string   `json:"default_branch,omitempty"`
	Branches      []Branch `json:"branches,omitempty"`
	Tags          []Tag    `json:"tags,omitempty"`
	// Commits are commits that no branch or tag points to.
	Commits []Commit `json:"commits,omitempty"`
	// Environments exist from the start. A deployment adds its environment.
	Environments []Environment `json:"environments,omitempty"`
	// Deployments are the existing deployments, in any order. The server sorts
	// them by CreatedAt, and keeps the given order among equal times.
	Deployments []SeedDeployment `json:"deployments,omitempty"`
	// Runs are started as by [Server.StartRun], after the webhooks of
	// [WithWebhook] are added.
	Runs []Run `json:"runs,omitempty"`
}

// Branch is a branch of a [Repository].
type Branch struct {
	// Name is the branch's name without refs/heads/. Required.
	Name string `json:"name"`
	// SHA is the head commit: 40 hex digits in lower case. The default is
	// computed from the names of the repository and the branch.
	SHA string `json:"sha,omitempty"`
	// Behind means that the default branch has commits that this branch lacks,
	// so auto_merge creates a merge commit.
	Behind bool `json:"behind,omitempty"`
	// Conflict means that the default branch cannot be merged into this branch.
	// It implies Behind.
	Conflict bool `json:"conflict,omitempty"`
	// Statuses are the commit statuses on SHA.
	Statuses []CommitStatus `json:"statuses,omitempty"`
}

// Tag is a tag of a [Repository].
type Tag struct {
	// Name is the tag's name without refs/tags/. Required.
	Name string `json:"name"`
	// SHA is the commit that the tag points to, as in [Branch].
	SHA string `json:"sha,omitempty"`
	// Behind means that the default branch has commits that this tag lacks.
	// GitHub cannot merge into a tag, so auto_merge ends in a conflict.
	Behind bool `json:"behind,omitempty"`
	// Statuses are the commit statuses on SHA.
	Statuses []CommitStatus `json:"statuses,omitempty"`
}

// CommitStatus is the newest commit status of a context, or a check run of that
// name. A commit may have both, as two entries.
type CommitStatus struct {
	Context string `json:"context"`
	// State is a state of a commit status (success, pending, failure, error),
	// or a status or conclusion of a check run, such as in_progress or skipped.
	// Only success lets a deployment pass.
	State string `json:"state"`
}

// Token is a token that the server accepts.
type Token struct {
	// Value is the token as the client sends it. Required.
	Value string `json:"value"`
	// Login is the user of the token. The default is octocat. Cannot be
	// combined with App.
	Login string `json:"login,omitempty"`
	// App is the slug of a GitHub App. It makes this an installation token. The
	// creator of its deployments is SLUG[bot], and performed_via_github_app is
	// the app.
	App string `json:"app,omitempty"`
	// Permissions are the repository permissions of a fine-grained token or of
	// an installation token: GitHub's names with read, write or admin, like
	// {"deployments": "write"}. Every token can read metadata. Nil means a
	// classic token or, with App, an installation token with every permission.
	Permissions map[string]string `json:"permissions,omitempty"`
	// Role is the user's role in Repositories, for a classic token: read, write
	// or admin. The default is admin. In any other public repository the role
	// is read. Cannot be combined with App and Permissions.
	Role string `json:"role,omitempty"`
	// Scopes are the scopes of a classic token. Nil means repo; an empty list
	// means no scope. The server evaluates repo, public_repo and
	// repo_deployment. Cannot be combined with App and Permissions.
	Scopes []string `json:"scopes,omitzero"`
	// SSORequired means that the organization enforces SAML single sign-on and
	// has not authorized the token. Every request to a repository then gets a
	// 403 with X-GitHub-SSO. Cannot be combined with App.
	SSORequired bool `json:"sso_required,omitempty"`
	// Repositories are the full names of the repositories that the token has
	// access to. Nil means all.
	Repositories []string `json:"repositories,omitempty"`
}

const defaultRepository = "octocat/example"

// seed adds the setup to the empty server. It panics on an invalid setup.
func (s *Server) seed(setup Seed) {
	if len(setup.Repositories) == 0 {
		setup.Repositories = []Repository{{FullName: defaultRepository}}
	}
	s.state.ids.reserve(setup)
	s.addReviewers(setup)
	for _, r := range setup.Repositories {
		s.addRepository(r)
	}
	s.anyTokenIsOctocat = len(setup.Tokens) == 0
	for _, t := range setup.Tokens {
		s.addToken(t)
	}
}

func (s *Server) addRepository(r Repository) {
	owner, name, ok := strings.Cut(r.FullName, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		panic(fmt.Sprintf("ghdeploytest: Repository{FullName: %q}; write owner/name, like octocat/example", r.FullName))
	}
	if s.state.find(r.FullName) != nil {
		panic(fmt.Sprintf("ghdeploytest: the repository %s was added twice; names that differ only in case are the same", r.FullName))
	}
	if r.ID == 0 {
		r.ID = s.state.ids.next(repositoryIDs)
	}
	if s.state.byID[r.ID] != nil {
		panic(fmt.Sprintf("ghdeploytest: two repositories have the id %d; omit ID to get a new one", r.ID))
	}
	if r.Plan == "" {
		r.Plan = "free"
	}
	if !slices.Contains([]string{"free", "pro", "team", "enterprise"}, r.Plan) {
		panic(fmt.Sprintf("ghdeploytest: Repository{Plan: %q}; write free, pro, team or enterprise", r.Plan))
	}
	if r.DefaultBranch == "" {
		r.DefaultBranch = "main"
	}
	repo := &repository{
		id: r.ID, owner: owner, name: name, private: r.Private, plan: r.Plan, defaultBranch: r.DefaultBranch,
		createdAt: s.now(), statuses: map[string][]CommitStatus{},
		commitBySHA: map[string]*branch{}, byID: map[int64]*deployment{}, byName: map[string]*environment{},
	}
	if !slices.ContainsFunc(r.Branches, func(b Branch) bool { return b.Name == r.DefaultBranch }) {
		r.Branches = append([]Branch{{Name: r.DefaultBranch}}, r.Branches...)
	}
	for _, b := range r.Branches {
		if repo.branch(b.Name) != nil {
			panic(fmt.Sprintf("ghdeploytest: %s has the branch %q twice", r.FullName, b.Name))
		}
		repo.setBranch(b)
	}
	for _, t := range r.Tags {
		repo.addTag(t)
	}
	for _, c := range r.Commits {
		repo.addCommit(c)
	}
	s.state.add(repo)
	for _, e := range r.Environments {
		s.addEnvironment(repo, e)
	}
	s.addHistory(repo, r.Deployments)
}

func (r *repository) setBranch(b Branch) {
	if b.Name == "" || strings.HasPrefix(b.Name, "refs/") {
		panic(fmt.Sprintf("ghdeploytest: Branch{Name: %q}; write the bare name, like main", b.Name))
	}
	if (b.Behind || b.Conflict) && b.Name == r.defaultBranch {
		panic(fmt.Sprintf("ghdeploytest: %s is the default branch and cannot be behind itself; set Behind or Conflict on another branch", b.Name))
	}
	sha := checkSHA(b.SHA, r.fullName(), "heads", b.Name)
	r.checkStatuses(sha, b.Statuses)
	next := branch{name: b.Name, sha: sha, behind: b.Behind || b.Conflict, conflict: b.Conflict}
	if old := r.branch(b.Name); old != nil {
		r.keepHead(old, next.sha)
		*old = next
		return
	}
	r.branches = append(r.branches, &next)
}

func (r *repository) addTag(t Tag) {
	if t.Name == "" || strings.HasPrefix(t.Name, "refs/") {
		panic(fmt.Sprintf("ghdeploytest: Tag{Name: %q}; write the bare name, like v1.0.0", t.Name))
	}
	if slices.ContainsFunc(r.tags, func(other *branch) bool { return other.name == t.Name }) {
		panic(fmt.Sprintf("ghdeploytest: %s has the tag %q twice", r.fullName(), t.Name))
	}
	sha := checkSHA(t.SHA, r.fullName(), "tags", t.Name)
	r.checkStatuses(sha, t.Statuses)
	r.tags = append(r.tags, &branch{name: t.Name, sha: sha, behind: t.Behind, conflict: t.Behind})
}

// commitStates are the states of commit statuses, and the statuses and
// conclusions of check runs.
var commitStates = []string{
	"success", "pending", "failure", "error",
	"queued", "in_progress", "waiting", "requested",
	"action_required", "cancelled", "neutral", "skipped", "stale", "startup_failure", "timed_out",
}

func (r *repository) checkStatuses(sha string, statuses []CommitStatus) {
	for _, c := range statuses {
		if c.Context == "" || c.State == "" {
			panic(fmt.Sprintf("ghdeploytest: CommitStatus%+v; write Context and State, like {Context: \"ci/build\", State: \"success\"}", c))
		}
		if !slices.Contains(commitStates, c.State) {
			panic(fmt.Sprintf("ghdeploytest: CommitStatus%+v; write one of GitHub's states: %s", c, strings.Join(commitStates, ", ")))
		}
	}
	r.setStatuses(sha, statuses)
}

func checkSHA(sha string, parts ...string) string {
	if sha == "" {
		return makeSHA(parts...)
	}
	if len(sha) != 40 || strings.Trim(sha, "0123456789abcdef") != "" {
		panic(fmt.Sprintf("ghdeploytest: the SHA %q; write 40 hex digits in lower case, or omit it to get a computed one", sha))
	}
	return sha
}

// closestPermission returns the permission that a misspelt name stands for: one
// that differs only in case or in a final s. It returns any other name
// unchanged.
func closestPermission(name string, operations []operation) string {
	plain := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), "s") }
	for _, op := range operations {
		if needed, _, _ := strings.Cut(op.permission, "="); needed != "" && plain(needed) == plain(name) {
			return needed
		}
	}
	return name
}

func (s *Server) addToken(t Token) {
	switch {
	case t.Value == "":
		panic("ghdeploytest: Token without Value; write the token that the client will send")
	case t.App != "" && t.Login != "":
		panic(fmt.Sprintf("ghdeploytest: Token{App: %q, Login: %q}; an installation token acts as its app, write one of them", t.App, t.Login))
	case s.state.tokens[t.Value] != nil:
		panic("ghdeploytest: a token was added twice; give each Token its own Value")
	}
	t.checkClassic()
	for name, level := range t.Permissions {
		if right := closestPermission(name, s.operations); right != name {
			panic(fmt.Sprintf("ghdeploytest: Token{Permissions: {%q: %q}}; write %s", name, level, right))
		}
		if level != "read" && level != "write" && level != "admin" {
			panic(fmt.Sprintf("ghdeploytest: Token{Permissions: {%q: %q}}; write read, write or admin", name, level))
		}
	}
	for _, name := range t.Repositories {
		if s.state.find(name) == nil {
			panic(fmt.Sprintf("ghdeploytest: a Token names the repository %q, which does not exist; there are: %s", name, s.state.names()))
		}
	}
	if t.Login == "" && t.App == "" {
		t.Login = "octocat"
	}
	if t.classic() {
		t.Role = cmp.Or(t.Role, "admin")
	}
	t.Repositories = slices.Clone(t.Repositories) // RenameRepository changes them
	s.state.tokens[t.Value] = &t
}

// checkClassic panics if a token that is not classic has a role or scopes.
func (t Token) checkClassic() {
	switch {
	case t.Role != "" && !t.classic():
		panic(fmt.Sprintf("ghdeploytest: Token{Role: %q} with App or Permissions; only a classic token has its user's role, write Permissions instead", t.Role))
	case !slices.Contains(levels, t.Role):
		panic(fmt.Sprintf("ghdeploytest: Token{Role: %q}; write read, write or admin", t.Role))
	case t.Scopes != nil && !t.classic():
		panic(fmt.Sprintf("ghdeploytest: Token{Scopes: %q} with App or Permissions; only a classic token has scopes, write Permissions instead", t.Scopes))
	case slices.ContainsFunc(t.Scopes, func(scope string) bool { return scope == "" || strings.ContainsAny(scope, ", ") }):
		panic(fmt.Sprintf("ghdeploytest: Token{Scopes: %q}; write each scope as a text of its own, like repo", t.Scopes))
	case t.SSORequired && t.App != "":
		panic("ghdeploytest: Token{SSORequired: true} with App; an installation token needs no single sign-on")
	}
}
