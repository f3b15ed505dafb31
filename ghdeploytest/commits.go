package ghdeploytest

import (
	"fmt"
	"slices"
	"strings"
)

// Commit describes a commit that no branch or tag points to. A deployment can
// name it by its SHA, or by the first seven or more digits.
//
// The server adds commits by itself: those that a branch pointed to before
// [Server.SetBranch] or an auto-merge moved it, and those of
// [Repository.Deployments].
type Commit struct {
	// SHA is 40 hex digits in lower case. Required.
	SHA string `json:"sha"`
	// Behind says that the default branch has commits which this one lacks.
	// Nothing can be merged into a bare commit, so auto_merge then ends in a
	// conflict.
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

// keepCommit lets deployments name a commit from now on; the first mention
// decides whether it is behind the default branch.
func (r *repository) keepCommit(sha string, behind bool) {
	if r.commitBySHA[sha] == nil {
		c := &branch{name: sha, sha: sha, behind: behind, conflict: behind}
		r.commits = append(r.commits, c)
		r.commitBySHA[sha] = c
	}
}

// leave keeps the commit that a branch is about to move away from. The new
// head of the default branch, or the merge, is what the old head lacks.
func (r *repository) keepHead(b *branch, next string) {
	if b.sha != next {
		r.keepCommit(b.sha, b.behind || b.name == r.defaultBranch)
	}
}

// resolve finds what a ref names: a branch, a tag, or a commit.
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
