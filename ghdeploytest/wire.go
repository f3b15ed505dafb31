package ghdeploytest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The JSON of the responses. These structs are not the client's, so that a
// misspelt name cannot pass on both sides.

type userJSON struct {
	Login             string `json:"login"`
	ID                int64  `json:"id"`
	NodeID            string `json:"node_id"`
	AvatarURL         string `json:"avatar_url"`
	GravatarID        string `json:"gravatar_id"`
	URL               string `json:"url"`
	HTMLURL           string `json:"html_url"`
	FollowersURL      string `json:"followers_url"`
	FollowingURL      string `json:"following_url"`
	GistsURL          string `json:"gists_url"`
	StarredURL        string `json:"starred_url"`
	SubscriptionsURL  string `json:"subscriptions_url"`
	OrganizationsURL  string `json:"organizations_url"`
	ReposURL          string `json:"repos_url"`
	EventsURL         string `json:"events_url"`
	ReceivedEventsURL string `json:"received_events_url"`
	Type              string `json:"type"`
	UserViewType      string `json:"user_view_type"`
	SiteAdmin         bool   `json:"site_admin"`
}

type appJSON struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	NodeID      string            `json:"node_id"`
	ClientID    string            `json:"client_id"`
	Owner       userJSON          `json:"owner"`
	Name        string            `json:"name"`
	Description *string           `json:"description"`
	ExternalURL string            `json:"external_url"`
	HTMLURL     string            `json:"html_url"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

type deploymentJSON struct {
	URL                   string          `json:"url"`
	ID                    int64           `json:"id"`
	NodeID                string          `json:"node_id"`
	Task                  string          `json:"task"`
	OriginalEnvironment   string          `json:"original_environment"`
	Environment           string          `json:"environment"`
	Description           *string         `json:"description"`
	CreatedAt             string          `json:"created_at"`
	UpdatedAt             string          `json:"updated_at"`
	StatusesURL           string          `json:"statuses_url"`
	RepositoryURL         string          `json:"repository_url"`
	Creator               userJSON        `json:"creator"`
	SHA                   string          `json:"sha"`
	Ref                   string          `json:"ref"`
	Payload               json.RawMessage `json:"payload"`
	TransientEnvironment  bool            `json:"transient_environment"`
	ProductionEnvironment bool            `json:"production_environment"`
	PerformedViaGitHubApp *appJSON        `json:"performed_via_github_app"`
}

type statusJSON struct {
	URL                   string   `json:"url"`
	ID                    int64    `json:"id"`
	NodeID                string   `json:"node_id"`
	State                 string   `json:"state"`
	Creator               userJSON `json:"creator"`
	Description           string   `json:"description"`
	Environment           string   `json:"environment"`
	TargetURL             string   `json:"target_url"`
	CreatedAt             string   `json:"created_at"`
	UpdatedAt             string   `json:"updated_at"`
	DeploymentURL         string   `json:"deployment_url"`
	RepositoryURL         string   `json:"repository_url"`
	EnvironmentURL        string   `json:"environment_url"`
	LogURL                string   `json:"log_url"`
	PerformedViaGitHubApp *appJSON `json:"performed_via_github_app"`
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// user returns a user, or the bot of an app.
func (s *Server) user(c *call, login string) userJSON {
	id := s.state.userID(login)
	// GitHub escapes the brackets of a bot; net/url does not.
	name := strings.NewReplacer("[", "%5B", "]", "%5D").Replace(url.PathEscape(login))
	api := c.base + "/users/" + name
	kind, node, html := "User", nodeID("U", id), c.htmlRoot()+"/"+name
	if slug, ok := strings.CutSuffix(login, "[bot]"); ok {
		kind, node, html = "Bot", nodeID("BOT", id), c.htmlRoot()+"/apps/"+slug
	}
	return userJSON{
		Login: login, ID: id, NodeID: node, Type: kind, UserViewType: "public", URL: api, HTMLURL: html,
		AvatarURL:         fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id),
		FollowersURL:      api + "/followers",
		FollowingURL:      api + "/following{/other_user}",
		GistsURL:          api + "/gists{/gist_id}",
		StarredURL:        api + "/starred{/owner}{/repo}",
		SubscriptionsURL:  api + "/subscriptions",
		OrganizationsURL:  api + "/orgs",
		ReposURL:          api + "/repos",
		EventsURL:         api + "/events{/privacy}",
		ReceivedEventsURL: api + "/received_events",
	}
}

// app returns the GitHub App that created an object, nil for none.
func (s *Server) app(c *call, slug string) *appJSON {
	if slug == "" {
		return nil
	}
	id := s.state.appID(slug)
	permissions := map[string]string{"metadata": "read"}
	for _, t := range s.state.tokens {
		if t.App == slug {
			for name, level := range t.Permissions {
				permissions[name] = level
			}
		}
	}
	return &appJSON{
		ID: id, Slug: slug, NodeID: nodeID("A", id), ClientID: fmt.Sprintf("Iv1.%016x", id),
		Owner: s.user(c, c.repo.owner), Name: slug,
		ExternalURL: "https://" + slug + ".example", HTMLURL: c.htmlRoot() + "/apps/" + slug,
		CreatedAt: timestamp(c.repo.createdAt), UpdatedAt: timestamp(c.repo.createdAt),
		Permissions: permissions, Events: []string{"deployment", "deployment_status"},
	}
}

func (s *Server) deploymentJSON(c *call, d *deployment) deploymentJSON {
	self := c.repoURL(fmt.Sprintf("/deployments/%d", d.id))
	return deploymentJSON{
		URL: self, ID: d.id, NodeID: nodeID("DE", c.repo.id, d.id), Task: d.task,
		OriginalEnvironment: d.originalEnvironment, Environment: d.environment, Description: d.description,
		CreatedAt: timestamp(d.createdAt), UpdatedAt: timestamp(d.updatedAt),
		StatusesURL: self + "/statuses", RepositoryURL: c.repoURL(""),
		Creator: s.user(c, d.creator), SHA: d.sha, Ref: d.ref, Payload: d.payload,
		TransientEnvironment: d.transient, ProductionEnvironment: d.production, PerformedViaGitHubApp: s.app(c, d.app),
	}
}

func (s *Server) statusJSON(c *call, d *deployment, st *deploymentStatus) statusJSON {
	parent := c.repoURL(fmt.Sprintf("/deployments/%d", d.id))
	return statusJSON{
		URL: fmt.Sprintf("%s/statuses/%d", parent, st.id), ID: st.id, NodeID: nodeID("DES", c.repo.id, st.id),
		State: st.state, Creator: s.user(c, st.creator), Description: st.description, Environment: st.environment,
		TargetURL: st.targetURL, CreatedAt: timestamp(st.createdAt), UpdatedAt: timestamp(st.updatedAt),
		DeploymentURL: parent, RepositoryURL: c.repoURL(""), EnvironmentURL: st.environmentURL, LogURL: st.logURL,
		PerformedViaGitHubApp: s.app(c, st.app),
	}
}
