package webhook

import (
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// PullRequest is a pull request whose deployment waits for a protection rule.
//
// GitHub docs: https://docs.github.com/rest/pulls/pulls
type PullRequest struct {
	ID                int64          `json:"id"`
	NodeID            string         `json:"node_id"`
	Number            int            `json:"number"`
	State             string         `json:"state"` // "open", "closed"
	Draft             bool           `json:"draft"`
	Locked            bool           `json:"locked"`
	ActiveLockReason  string         `json:"active_lock_reason"`
	Title             string         `json:"title"`
	Body              string         `json:"body"`
	User              *ghdeploy.User `json:"user"`
	AuthorAssociation string         `json:"author_association"`

	Head                Branch `json:"head"`
	Base                Branch `json:"base"`
	Commits             int    `json:"commits"`
	Additions           int    `json:"additions"`
	Deletions           int    `json:"deletions"`
	ChangedFiles        int    `json:"changed_files"`
	MaintainerCanModify bool   `json:"maintainer_can_modify"`

	Merged         bool           `json:"merged"`
	MergedBy       *ghdeploy.User `json:"merged_by"`
	MergeCommitSHA string         `json:"merge_commit_sha"`
	Mergeable      *bool          `json:"mergeable"`  // nil while GitHub computes it
	Rebaseable     *bool          `json:"rebaseable"` // nil while GitHub computes it
	MergeableState string         `json:"mergeable_state"`
	AutoMerge      *AutoMerge     `json:"auto_merge"` // nil if auto-merge is off

	Labels             []Label          `json:"labels"`
	Milestone          *Milestone       `json:"milestone"`
	Assignee           *ghdeploy.User   `json:"assignee"`
	Assignees          []*ghdeploy.User `json:"assignees"`
	RequestedReviewers []*ghdeploy.User `json:"requested_reviewers"`
	RequestedTeams     []ghdeploy.Team  `json:"requested_teams"`
	Comments           int              `json:"comments"`
	ReviewComments     int              `json:"review_comments"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ClosedAt  time.Time `json:"closed_at"`
	MergedAt  time.Time `json:"merged_at"`

	URL               string          `json:"url"`
	HTMLURL           string          `json:"html_url"`
	DiffURL           string          `json:"diff_url"`
	PatchURL          string          `json:"patch_url"`
	IssueURL          string          `json:"issue_url"`
	CommitsURL        string          `json:"commits_url"`
	ReviewCommentsURL string          `json:"review_comments_url"`
	ReviewCommentURL  string          `json:"review_comment_url"`
	CommentsURL       string          `json:"comments_url"`
	StatusesURL       string          `json:"statuses_url"`
	Links             map[string]Link `json:"_links"` // by name, such as "self"
}

// Branch is one end of a [PullRequest].
type Branch struct {
	Label string         `json:"label"` // such as octocat:topic
	Ref   string         `json:"ref"`
	SHA   string         `json:"sha"`
	Repo  *Repository    `json:"repo"` // nil if it was deleted
	User  *ghdeploy.User `json:"user"`
}

// Link is a link in [PullRequest].Links.
type Link struct {
	Href string `json:"href"`
}

// Label is a label of a [PullRequest].
type Label struct {
	ID          int64  `json:"id"`
	NodeID      string `json:"node_id"`
	URL         string `json:"url"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Color       string `json:"color"`
	Default     bool   `json:"default"`
}

// Milestone is the milestone of a [PullRequest].
type Milestone struct {
	URL          string         `json:"url"`
	HTMLURL      string         `json:"html_url"`
	LabelsURL    string         `json:"labels_url"`
	ID           int64          `json:"id"`
	NodeID       string         `json:"node_id"`
	Number       int            `json:"number"`
	State        string         `json:"state"`
	Title        string         `json:"title"`
	Description  string         `json:"description"`
	Creator      *ghdeploy.User `json:"creator"`
	OpenIssues   int            `json:"open_issues"`
	ClosedIssues int            `json:"closed_issues"`
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	ClosedAt     time.Time      `json:"closed_at"`
	DueOn        time.Time      `json:"due_on"`
}

// AutoMerge is the auto-merge setting of a [PullRequest].
type AutoMerge struct {
	EnabledBy     *ghdeploy.User `json:"enabled_by"`
	MergeMethod   string         `json:"merge_method"`
	CommitTitle   string         `json:"commit_title"`
	CommitMessage string         `json:"commit_message"`
}
