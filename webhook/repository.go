package webhook

import (
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// Repository is the repository of a webhook payload. Depending on the event,
// GitHub omits many of these keys or sends null; the fields are then zero.
//
// GitHub docs: https://docs.github.com/rest/repos/repos
type Repository struct {
	ID            int64          `json:"id"`
	NodeID        string         `json:"node_id"`
	Name          string         `json:"name"`
	FullName      string         `json:"full_name"` // such as octocat/example
	Owner         *ghdeploy.User `json:"owner"`
	Organization  *ghdeploy.User `json:"organization"` // nil if a user owns it
	Description   string         `json:"description"`
	Private       bool           `json:"private"`
	Visibility    string         `json:"visibility"` // "public", "private", "internal"
	DefaultBranch string         `json:"default_branch"`
	MasterBranch  string         `json:"master_branch"`

	Fork               bool            `json:"fork"`
	Archived           bool            `json:"archived"`
	Disabled           bool            `json:"disabled"`
	IsTemplate         bool            `json:"is_template"`
	TemplateRepository *Repository     `json:"template_repository"` // the template of this repository
	License            *License        `json:"license"`
	Language           string          `json:"language"`
	Topics             []string        `json:"topics"`
	Homepage           string          `json:"homepage"`
	CustomProperties   map[string]any  `json:"custom_properties"` // the values are strings and lists of strings
	Permissions        map[string]bool `json:"permissions"`       // the recipient's permissions, such as "push"

	URL       string `json:"url"`
	HTMLURL   string `json:"html_url"`
	CloneURL  string `json:"clone_url"`
	GitURL    string `json:"git_url"`
	SSHURL    string `json:"ssh_url"`
	SVNURL    string `json:"svn_url"`
	MirrorURL string `json:"mirror_url"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	PushedAt  time.Time `json:"pushed_at"`
	StarredAt string    `json:"starred_at"`

	Size             int `json:"size"` // in kilobytes
	Forks            int `json:"forks"`
	ForksCount       int `json:"forks_count"`
	OpenIssues       int `json:"open_issues"`
	OpenIssuesCount  int `json:"open_issues_count"`
	Watchers         int `json:"watchers"`
	WatchersCount    int `json:"watchers_count"`
	StargazersCount  int `json:"stargazers_count"`
	SubscribersCount int `json:"subscribers_count"`
	NetworkCount     int `json:"network_count"`

	HasDiscussions bool `json:"has_discussions"`
	HasDownloads   bool `json:"has_downloads"`
	HasIssues      bool `json:"has_issues"`
	HasPages       bool `json:"has_pages"`
	HasProjects    bool `json:"has_projects"`
	HasWiki        bool `json:"has_wiki"`

	AllowForking              bool                   `json:"allow_forking"`
	AllowMergeCommit          bool                   `json:"allow_merge_commit"`
	AllowSquashMerge          bool                   `json:"allow_squash_merge"`
	AllowRebaseMerge          bool                   `json:"allow_rebase_merge"`
	AllowAutoMerge            bool                   `json:"allow_auto_merge"`
	AllowUpdateBranch         bool                   `json:"allow_update_branch"`
	DeleteBranchOnMerge       bool                   `json:"delete_branch_on_merge"`
	MergeCommitTitle          string                 `json:"merge_commit_title"`
	MergeCommitMessage        string                 `json:"merge_commit_message"`
	SquashMergeCommitTitle    string                 `json:"squash_merge_commit_title"`
	SquashMergeCommitMessage  string                 `json:"squash_merge_commit_message"`
	UseSquashPRTitleAsDefault bool                   `json:"use_squash_pr_title_as_default"`
	WebCommitSignoffRequired  bool                   `json:"web_commit_signoff_required"`
	AnonymousAccessEnabled    bool                   `json:"anonymous_access_enabled"`
	TempCloneToken            string                 `json:"temp_clone_token"`
	CodeSearchIndexStatus     *CodeSearchIndexStatus `json:"code_search_index_status"`

	ArchiveURL       string `json:"archive_url"`
	AssigneesURL     string `json:"assignees_url"`
	BlobsURL         string `json:"blobs_url"`
	BranchesURL      string `json:"branches_url"`
	CollaboratorsURL string `json:"collaborators_url"`
	CommentsURL      string `json:"comments_url"`
	CommitsURL       string `json:"commits_url"`
	CompareURL       string `json:"compare_url"`
	ContentsURL      string `json:"contents_url"`
	ContributorsURL  string `json:"contributors_url"`
	DeploymentsURL   string `json:"deployments_url"`
	DownloadsURL     string `json:"downloads_url"`
	EventsURL        string `json:"events_url"`
	ForksURL         string `json:"forks_url"`
	GitCommitsURL    string `json:"git_commits_url"`
	GitRefsURL       string `json:"git_refs_url"`
	GitTagsURL       string `json:"git_tags_url"`
	HooksURL         string `json:"hooks_url"`
	IssueCommentURL  string `json:"issue_comment_url"`
	IssueEventsURL   string `json:"issue_events_url"`
	IssuesURL        string `json:"issues_url"`
	KeysURL          string `json:"keys_url"`
	LabelsURL        string `json:"labels_url"`
	LanguagesURL     string `json:"languages_url"`
	MergesURL        string `json:"merges_url"`
	MilestonesURL    string `json:"milestones_url"`
	NotificationsURL string `json:"notifications_url"`
	PullsURL         string `json:"pulls_url"`
	ReleasesURL      string `json:"releases_url"`
	StargazersURL    string `json:"stargazers_url"`
	StatusesURL      string `json:"statuses_url"`
	SubscribersURL   string `json:"subscribers_url"`
	SubscriptionURL  string `json:"subscription_url"`
	TagsURL          string `json:"tags_url"`
	TeamsURL         string `json:"teams_url"`
	TreesURL         string `json:"trees_url"`
}

// License is the license of a [Repository].
type License struct {
	Key     string `json:"key"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	SPDXID  string `json:"spdx_id"`
	NodeID  string `json:"node_id"`
	HTMLURL string `json:"html_url"`
}

// CodeSearchIndexStatus is the state of a [Repository] in the code search
// index.
type CodeSearchIndexStatus struct {
	LexicalSearchOK  bool   `json:"lexical_search_ok"`
	LexicalCommitSHA string `json:"lexical_commit_sha"`
}

// Organization is the organization that owns the repository.
//
// GitHub docs: https://docs.github.com/rest/orgs/orgs
type Organization struct {
	Login            string `json:"login"`
	ID               int64  `json:"id"`
	NodeID           string `json:"node_id"`
	URL              string `json:"url"`
	ReposURL         string `json:"repos_url"`
	EventsURL        string `json:"events_url"`
	HooksURL         string `json:"hooks_url"`
	IssuesURL        string `json:"issues_url"`
	MembersURL       string `json:"members_url"`
	PublicMembersURL string `json:"public_members_url"`
	AvatarURL        string `json:"avatar_url"`
	Description      string `json:"description"`
}

// Enterprise is the enterprise that the repository belongs to.
type Enterprise struct {
	Description string    `json:"description"`
	HTMLURL     string    `json:"html_url"`
	WebsiteURL  string    `json:"website_url"`
	ID          int64     `json:"id"`
	NodeID      string    `json:"node_id"`
	Name        string    `json:"name"`
	Slug        string    `json:"slug"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	AvatarURL   string    `json:"avatar_url"`
}

// Installation is the installation of the GitHub App that owns the webhook. Use
// its ID to request an installation access token.
//
// GitHub docs: https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
type Installation struct {
	ID     int64  `json:"id"`
	NodeID string `json:"node_id"`
}
