package ghdeploy

import (
	"maps"
	"slices"
	"time"
)

// User is an account on GitHub: a person, an organization or a bot. The login
// of an app's bot ends in "[bot]".
//
// GitHub docs: https://docs.github.com/rest/users/users
type User struct {
	Login             string `json:"login"`
	ID                int64  `json:"id"`
	NodeID            string `json:"node_id"`
	Type              string `json:"type"` // "User", "Organization", "Bot"
	Name              string `json:"name"`
	Email             string `json:"email"`
	SiteAdmin         bool   `json:"site_admin"`
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
	StarredAt         string `json:"starred_at"`
	UserViewType      string `json:"user_view_type"`
	Deleted           bool   `json:"deleted"` // documented for webhook events only
}

// String returns the login. For a nil User, which GitHub sends where the
// account was deleted, it returns "ghost", as GitHub's pages show it.
func (u *User) String() string {
	if u == nil {
		return "ghost"
	}
	return u.Login
}

// GitHubApp is the GitHub App that created an object.
//
// GitHub docs: https://docs.github.com/rest/apps/apps
type GitHubApp struct {
	ID                 int64             `json:"id"`
	Slug               string            `json:"slug"`
	NodeID             string            `json:"node_id"`
	ClientID           string            `json:"client_id"`
	Owner              *AppOwner         `json:"owner"`
	Name               string            `json:"name"`
	Description        string            `json:"description"`
	ExternalURL        string            `json:"external_url"`
	HTMLURL            string            `json:"html_url"`
	CreatedAt          time.Time         `json:"created_at"`
	UpdatedAt          time.Time         `json:"updated_at"`
	Permissions        map[string]string `json:"permissions"` // permission to "read" or "write"
	Events             []string          `json:"events"`
	InstallationsCount int               `json:"installations_count"` // only in the app's own requests
}

// AppOwner is the owner of a GitHub App: a user, an organization or an
// enterprise. For an enterprise Login is empty and Slug is set. Only an
// enterprise has the fields below User.
type AppOwner struct {
	User
	Slug        string    `json:"slug"`
	Description string    `json:"description"`
	WebsiteURL  string    `json:"website_url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

func (u *User) clone() User { return *u }

func (a *GitHubApp) clone() GitHubApp {
	c := *a
	if a.Owner != nil {
		owner := *a.Owner
		c.Owner = &owner
	}
	c.Permissions = maps.Clone(a.Permissions)
	c.Events = slices.Clone(a.Events)
	return c
}
