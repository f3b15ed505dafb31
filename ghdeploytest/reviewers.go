package ghdeploytest

import (
	"fmt"
	"slices"
	"strings"
)

// User is a user account.
type User struct {
	Login string `json:"login"`
	// ID is the user's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
}

// Team is a team of the organization that owns the repositories. It can be a
// reviewer of an environment.
type Team struct {
	// Slug is the team's name in URLs. Required.
	Slug string `json:"slug"`
	// ID is the team's ID. The default is a number above 2^32.
	ID int64 `json:"id,omitempty"`
	// Name is the display name. The default is Slug.
	Name string `json:"name,omitempty"`
	// Members are the logins of the members. Each may approve for the team.
	Members []string `json:"members,omitempty"`
}

// App is a GitHub App that offers a custom deployment protection rule. It acts
// through a [Token] whose App is its slug.
type App struct {
	// Slug is the app's name in URLs. Required.
	Slug string `json:"slug"`
	// ID is the app's ID, which integration_id refers to. The default is a
	// number above 2^32.
	ID int64 `json:"id,omitempty"`
}

// WithUser adds a user. A server with at least one such user omits unknown user
// IDs when an environment's reviewers are set. Without WithUser every ID is
// accepted; the login of ID 7 is user-7.
func WithUser(u User) Option {
	return func(_ *Server, setup *Seed) { setup.Users = append(setup.Users, u) }
}

// WithTeam adds a team that can see the repositories. A server with at least
// one such team omits other teams when an environment's reviewers are set, as
// GitHub does with teams that cannot see the repository. Without WithTeam every
// ID is accepted; the slug of ID 7 is team-7.
func WithTeam(t Team) Option {
	return func(_ *Server, setup *Seed) { setup.Teams = append(setup.Teams, t) }
}

// WithApp adds an app whose protection rule can be enabled for an environment.
// The default is no apps.
func WithApp(a App) Option {
	return func(_ *Server, setup *Seed) { setup.Apps = append(setup.Apps, a) }
}

// addReviewers adds the users, teams and apps of a setup.
func (s *Server) addReviewers(setup Seed) {
	s.anyUserReviews, s.anyTeamReviews = len(setup.Users) == 0, len(setup.Teams) == 0
	st := &s.state
	for _, u := range setup.Users {
		switch {
		case u.Login == "":
			panic("ghdeploytest: User without Login; write the login, like octocat")
		case st.userIDs[strings.ToLower(u.Login)] != 0 || st.logins[u.ID] != "":
			panic(fmt.Sprintf("ghdeploytest: the user %s or the id %d was added twice", u.Login, u.ID))
		case u.ID == 0:
			u.ID = st.ids.next(userIDs)
		}
		st.userIDs[strings.ToLower(u.Login)], st.logins[u.ID] = u.ID, u.Login
	}
	for _, t := range setup.Teams {
		switch {
		case t.Slug == "":
			panic("ghdeploytest: Team without Slug; write the team's name, like release-managers")
		case st.teamBySlug(t.Slug) != nil || t.ID != 0 && st.team(t.ID) != nil:
			panic(fmt.Sprintf("ghdeploytest: the team %s or the id %d was added twice", t.Slug, t.ID))
		case t.ID == 0:
			t.ID = st.ids.next(teamIDs)
		}
		if t.Name == "" {
			t.Name = t.Slug
		}
		t.Members = slices.Clone(t.Members)
		st.teams = append(st.teams, &t)
	}
	for _, a := range setup.Apps {
		switch {
		case a.Slug == "":
			panic("ghdeploytest: App without Slug; write the app's name, like gatekeeper")
		case slices.ContainsFunc(st.apps, func(b App) bool { return b.Slug == a.Slug || b.ID == a.ID }):
			panic(fmt.Sprintf("ghdeploytest: the app %s or the id %d was added twice", a.Slug, a.ID))
		case a.ID == 0:
			a.ID = st.ids.next(appIDs)
		}
		st.apps = append(st.apps, a)
	}
}

// reviewer is a user or a team.
type reviewer struct {
	kind string // User or Team
	id   int64
}

func (st *state) team(id int64) *Team {
	for _, t := range st.teams {
		if t.ID == id {
			return t
		}
	}
	return nil
}

func (st *state) teamBySlug(slug string) *Team {
	for _, t := range st.teams {
		if t.Slug == slug {
			return t
		}
	}
	return nil
}

// appID returns the ID of an app, or of a token's app that was not set up.
func (st *state) appID(slug string) int64 {
	for _, a := range st.apps {
		if a.Slug == slug {
			return a.ID
		}
	}
	return st.userID(slug)
}

// known reports whether a reviewer exists. If any user or team is accepted, it
// adds a missing one.
func (st *state) known(r reviewer, anyUser, anyTeam bool) bool {
	switch {
	case r.kind == "User" && st.logins[r.id] == "" && anyUser:
		login := fmt.Sprintf("user-%d", r.id)
		st.userIDs[login], st.logins[r.id] = r.id, login
	case r.kind == "Team" && st.team(r.id) == nil && anyTeam:
		slug := fmt.Sprintf("team-%d", r.id)
		st.teams = append(st.teams, &Team{Slug: slug, ID: r.id, Name: slug})
	}
	return r.kind == "User" && st.logins[r.id] != "" || r.kind == "Team" && st.team(r.id) != nil
}

// reviews reports whether a user is one of the reviewers or a member of one of
// their teams.
func (st *state) reviews(login string, reviewers []reviewer) bool {
	return slices.ContainsFunc(reviewers, func(r reviewer) bool {
		if r.kind == "User" {
			return strings.EqualFold(st.logins[r.id], login)
		}
		return slices.ContainsFunc(st.team(r.id).Members, func(member string) bool { return strings.EqualFold(member, login) })
	})
}

type reviewerJSON struct {
	Type     string `json:"type"`
	Reviewer any    `json:"reviewer"` // userJSON or teamJSON
}

type teamJSON struct {
	ID                  int64   `json:"id"`
	NodeID              string  `json:"node_id"`
	Name                string  `json:"name"`
	Slug                string  `json:"slug"`
	Description         string  `json:"description"`
	Privacy             string  `json:"privacy"`
	NotificationSetting string  `json:"notification_setting"`
	Permission          string  `json:"permission"`
	URL                 string  `json:"url"`
	HTMLURL             string  `json:"html_url"`
	MembersURL          string  `json:"members_url"`
	RepositoriesURL     string  `json:"repositories_url"`
	Type                string  `json:"type"`
	OrganizationID      int64   `json:"organization_id"`
	Parent              *string `json:"parent"` // always null: teams have no parents here
}

func (s *Server) reviewersJSON(c *call, reviewers []reviewer) []reviewerJSON {
	list := []reviewerJSON{}
	for _, r := range reviewers {
		if r.kind == "User" {
			list = append(list, reviewerJSON{r.kind, s.user(c, s.state.logins[r.id])})
			continue
		}
		t := s.state.team(r.id)
		self := fmt.Sprintf("%s/teams/%d", c.base, t.ID)
		list = append(list, reviewerJSON{r.kind, teamJSON{
			ID: t.ID, NodeID: nodeID("T", s.state.userID(c.repo.owner), t.ID), Name: t.Name, Slug: t.Slug,
			Privacy: "closed", NotificationSetting: "notifications_enabled", Permission: "pull", Type: "organization",
			OrganizationID: s.state.userID(c.repo.owner), URL: self,
			HTMLURL:    fmt.Sprintf("%s/orgs/%s/teams/%s", c.htmlRoot(), c.repo.owner, t.Slug),
			MembersURL: self + "/members{/member}", RepositoriesURL: self + "/repos",
		}})
	}
	return list
}
