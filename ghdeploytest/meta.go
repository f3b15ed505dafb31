package ghdeploytest

import (
	"net/http"
)

// metaOperations are the operations outside the Deployments API that its
// clients use.
func metaOperations() []operation {
	return []operation{
		{
			id: "rate-limit/get", method: "GET", path: "/rate_limit",
			docs: "rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
			free: true, handle: (*Server).getRateLimit,
		},
		{
			id: "users/get-authenticated", method: "GET", path: "/user",
			docs:    "users/users#get-the-authenticated-user",
			anyUser: true, handle: (*Server).getUser,
		},
		{
			id: "repos/get", method: "GET", path: "/repos/{owner}/{repo}",
			permission: "metadata=read", docs: "repos/repos#get-a-repository",
			handle: (*Server).getRepository,
		},
	}
}

type rateJSON struct {
	Limit     int   `json:"limit"`
	Used      int   `json:"used"`
	Remaining int   `json:"remaining"`
	Reset     int64 `json:"reset"`
}

func (s *Server) getRateLimit(c *call) response {
	b := c.quota
	core := rateJSON{b.limit, b.used, b.remaining(), b.reset.Unix()}
	// No operation of this server spends the other resources.
	other := func(limit int) rateJSON { return rateJSON{limit, 0, limit, b.reset.Unix()} }
	resources := map[string]rateJSON{
		"core": core, "search": other(30), "graphql": other(5000), "code_search": other(10),
		"source_import": other(100), "integration_manifest": other(5000), "actions_runner_registration": other(10000),
		"scim": other(15000), "code_scanning_autofix": other(10),
	}
	if c.base == c.root { // not in the description of GitHub Enterprise Server
		resources["dependency_snapshots"] = other(100)
	}
	body := map[string]any{"resources": resources}
	if c.apiVersion == apiVersions[0] {
		body["rate"] = core // not in version 2026-03-10
	}
	return ok(http.StatusOK, body)
}

// ownUserJSON is the user as GET /user returns it.
type ownUserJSON struct {
	userJSON
	Name              *string `json:"name"`
	Company           *string `json:"company"`
	Blog              string  `json:"blog"`
	Location          *string `json:"location"`
	Email             *string `json:"email"`
	Hireable          *bool   `json:"hireable"`
	Bio               *string `json:"bio"`
	TwitterUsername   *string `json:"twitter_username"`
	NotificationEmail *string `json:"notification_email"`
	PublicRepos       int     `json:"public_repos"`
	PublicGists       int     `json:"public_gists"`
	Followers         int     `json:"followers"`
	Following         int     `json:"following"`
	CreatedAt         string  `json:"created_at"`
	UpdatedAt         string  `json:"updated_at"`
}

func (s *Server) getUser(c *call) response {
	switch {
	case c.actor.token == nil:
		return c.fail(http.StatusUnauthorized, "Requires authentication", nil)
	case c.actor.app() != "":
		return c.inaccessible("integration")
	}
	since := timestamp(s.state.repositories[0].createdAt)
	return ok(http.StatusOK, ownUserJSON{userJSON: s.user(c, c.actor.login()), CreatedAt: since, UpdatedAt: since})
}

// repositoryURLs are the paths below a repository, by JSON member.
var repositoryURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}",
	"comments_url": "/comments{/number}", "commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}",
	"contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
	"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}",
	"git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks",
	"issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}",
	"languages_url": "/languages", "merges_url": "/merges", "milestones_url": "/milestones{/number}",
	"notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
	"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}",
}

func (s *Server) getRepository(c *call) response { return ok(http.StatusOK, s.repositoryJSON(c)) }

func (s *Server) repositoryJSON(c *call) map[string]any {
	r := c.repo
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	html := c.htmlRoot() + "/" + r.fullName()
	created := timestamp(r.createdAt)
	body := map[string]any{
		"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.fullName(), "owner": s.user(c, r.owner),
		"private": r.private, "visibility": visibility, "default_branch": r.defaultBranch,
		"description": nil, "homepage": nil, "language": nil, "license": nil, "mirror_url": nil,
		"url": c.repoURL(""), "html_url": html, "svn_url": html, "clone_url": html + ".git",
		"git_url": "git://github.com/" + r.fullName() + ".git", "ssh_url": "git@github.com:" + r.fullName() + ".git",
		"created_at": created, "updated_at": created, "pushed_at": created,
		"fork": false, "archived": false, "disabled": false, "is_template": false, "topics": []string{},
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
		"allow_forking": true, "web_commit_signoff_required": false,
		"size": 0, "forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
		"open_issues": 0, "open_issues_count": 0, "network_count": 0, "subscribers_count": 0,
	}
	for name, suffix := range repositoryURLs {
		body[name] = c.repoURL(suffix)
	}
	if c.apiVersion == apiVersions[0] {
		body["has_downloads"] = true // not in version 2026-03-10
	}
	if c.actor.token != nil {
		body["permissions"] = map[string]bool{
			"pull": true, "push": c.actor.may("deployments=write", r), "admin": c.actor.may("administration=write", r),
			"maintain": c.actor.may("administration=write", r), "triage": c.actor.may("deployments=write", r),
		}
	}
	return body
}
