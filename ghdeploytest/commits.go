package ghdeploytest

import (
	"fmt"
	"slices"
	"strings"
)

// Commit describes a commit that no branch or tag points to. A deployment can
// name it by its SHA, or by the first seven or more digits.
//
// The server adds commits by itself: the former heads of a branch that
// [Server.SetBranch] or an auto-merge moved, and the commits in
// [Repository.Deployments].
type Commit struct {
	// SHA is the commit's SHA: 40 hex digits in lower case. Required.
	SHA string `json:"sha"`
	// Behind means that the default branch has commits that this commit lacks.
	// GitHub cannot merge into a bare commit, so auto_merge ends in a conflict.
	Behind bool `json:"behind,omitempty"`
	// Statuses are the commit statuses on SHA.
	Statuses []CommitStatus `json:"statuses,omitempty"`
}

func (r *repository) addCommit(c Commit) {
	if c.SHA == "" {
		panic("ghdeploytest: Commit without SHA; write 40 hex digits in lower case")
	}
	sha := checkSHA(c.SHA)
	if r.commitBySHA[sha] != nil {
		panic(fmt.Sprintf("ghdeploytest: %s has the commit %s twice", r.fullName(), sha))
	}
	r.checkStatuses(sha, c.Statuses)
	r.keepCommit(sha, c.Behind)
}

// keepCommit makes a commit deployable. The first call for a SHA decides
// whether it is behind the default branch.
func (r *repository) keepCommit(sha string, behind bool) {
	if r.commitBySHA[sha] == nil {
		c := &branch{name: sha, sha: sha, behind: behind, conflict: behind}
		r.commits = append(r.commits, c)
		r.commitBySHA[sha] = c
	}
}

// keepHead keeps the current head of a branch as a commit when the branch moves
// to next. A former head of the default branch is behind.
func (r *repository) keepHead(b *branch, next string) {
	if b.sha != next {
		r.keepCommit(b.sha, b.behind || b.name == r.defaultBranch)
	}
}

// resolve finds a ref: a branch, a tag, or a commit.
func (r *repository) resolve(ref string) (b *branch, isBranch bool) {
	if b := r.branch(strings.TrimPrefix(ref, "refs/heads/")); b != nil {
		return b, true
	}
	for _, t := range r.tags {
		if t.name == strings.TrimPrefix(ref, "refs/tags/") {
			return t, false
		}
	}
	sha := strings.ToLower(ref)
	if len(sha) < 7 {
		return nil, false
	}
	for _, b := range slices.Concat(r.branches, r.tags) {
		if strings.HasPrefix(b.sha, sha) {
			return b, false
		}
	}
	if c := r.commitBySHA[sha]; c != nil {
		return c, false
	}
	for _, c := range r.commits {
		if strings.HasPrefix(c.sha, sha) {
			return c, false
		}
	}
	return nil, false
}
