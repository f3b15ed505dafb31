package ghdeploy

// TeamType is the type of a team's owner. GitHub may send one that is not
// listed here; it is kept as it was sent.
type TeamType string

// The types of teams.
const (
	TeamOfEnterprise   TeamType = "enterprise"
	TeamOfOrganization TeamType = "organization"
)

// TeamAccessSource is the source of a team's access to a repository. GitHub may
// send one that is not listed here; it is kept as it was sent.
type TeamAccessSource string

// The sources of a team's access.
const (
	AccessDirect           TeamAccessSource = "direct"
	AccessFromOrganization TeamAccessSource = "organization"
	AccessFromEnterprise   TeamAccessSource = "enterprise"
)

// Team is a group of people with the same rights. A team's Parent has fewer
// fields: no permissions and no Parent.
//
// GitHub docs: https://docs.github.com/rest/teams/teams
type Team struct {
	ID                  int64            `json:"id"`
	NodeID              string           `json:"node_id"`
	Name                string           `json:"name"`
	Slug                string           `json:"slug"` // the name as in URLs
	Description         string           `json:"description"`
	Type                TeamType         `json:"type"`
	Privacy             string           `json:"privacy"`              // "closed", "secret"
	NotificationSetting string           `json:"notification_setting"` // "notifications_enabled", "notifications_disabled"
	Permission          string           `json:"permission"`           // "pull", "push", "admin", ...
	Permissions         TeamPermissions  `json:"permissions"`
	AccessSource        TeamAccessSource `json:"access_source"`
	Parent              *Team            `json:"parent"` // nil: none
	OrganizationID      int64            `json:"organization_id"`
	EnterpriseID        int64            `json:"enterprise_id"`
	LDAPDN              string           `json:"ldap_dn"` // of a parent, on GitHub Enterprise Server
	URL                 string           `json:"url"`
	HTMLURL             string           `json:"html_url"`
	MembersURL          string           `json:"members_url"`
	RepositoriesURL     string           `json:"repositories_url"`
}

// TeamPermissions is what a team may do in a repository.
type TeamPermissions struct {
	Pull     bool `json:"pull"`
	Triage   bool `json:"triage"`
	Push     bool `json:"push"`
	Maintain bool `json:"maintain"`
	Admin    bool `json:"admin"`
}
