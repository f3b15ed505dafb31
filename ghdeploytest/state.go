package ghdeploytest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// state is the server's data, guarded by Server.mu.
type state struct {
	ids          counters
	repositories []*repository
	byID         map[int64]*repository
	renamed      map[string]*repository // by former full name, in lower case
	tokens       map[string]*Token
	userIDs      map[string]int64 // by login, in lower case
	logins       map[int64]string // by id
	teams        []*Team
	apps         []App
}

type repository struct {
	id            int64
	owner, name   string
	private       bool
	plan          string
	defaultBranch string
	createdAt     time.Time
	branches      []*branch
	tags          []*branch
	commits       []*branch                 // former heads, commits of deployments, and Repository.Commits
	commitBySHA   map[string]*branch        // the same, by SHA
	statuses      map[string][]CommitStatus // by SHA
	deployments   []*deployment             // oldest first
	byID          map[int64]*deployment     // the same, by ID
	deleted       []*deployment             // those that a list with a lag still shows
	environments  []*environment            // oldest first
	byName        map[string]*environment   // the same, by withoutCase
	runs          []*run                    // oldest first
	created       int                       // number of deployments so far
	merges        int                       // number of auto-merges, for the SHA of the next
}

type branch struct {
	name, sha        string
	behind, conflict bool
}

type deployment struct {
	id                    int64
	sha, ref, task        string
	payload               json.RawMessage
	originalEnvironment   string
	environment           string
	description           *string
	creator               string // login
	app                   string // slug, "" for none
	transient, production bool
	createdAt, updatedAt  time.Time
	statuses              []*deploymentStatus // oldest first

	place   int       // position by age in its repository
	written time.Time // time of the request that created it; zero for the setup
	deleted time.Time
}

type deploymentStatus struct {
	id                                int64
	state, description, environment   string
	targetURL, logURL, environmentURL string
	creator, app                      string
	createdAt, updatedAt              time.Time

	written        time.Time // as in deployment
	autoInactiveBy int64     // the deployment whose success added it; 0 for none
}

// The kinds of IDs, each with its first number. As GitHub's, they are above
// 2^32, so a client that stores them in 32 bits fails.
const (
	repositoryIDs  = 5_000_000_000
	deploymentIDs  = 6_000_000_000
	statusIDs      = 7_000_000_000
	environmentIDs = 8_000_000_000
	userIDs        = 9_000_000_000
	ruleIDs        = 10_000_000_000 // of built-in and custom rules
	policyIDs      = 11_000_000_000
	runIDs         = 12_000_000_000
	teamIDs        = 13_000_000_000
	appIDs         = 14_000_000_000
)

// counters assign IDs. Each kind has its own counter, so a test can predict
// them.
type counters struct {
	last  map[int64]int64 // by kind
	given map[int64]bool  // IDs in the setup
}

// next returns the next free ID of a kind.
func (c counters) next(kind int64) int64 {
	for {
		c.last[kind]++
		if id := kind + c.last[kind]; !c.given[id] {
			return id
		}
	}
}

// reserve marks the IDs of a setup as in use.
func (c counters) reserve(setup Seed) {
	for _, r := range setup.Repositories {
		c.given[r.ID] = true
		for _, e := range r.Environments {
			c.given[e.ID] = true
		}
		for _, run := range r.Runs {
			c.given[run.ID] = true
		}
		for _, d := range r.Deployments {
			c.given[d.ID] = true
			for _, st := range d.Statuses {
				c.given[st.ID] = true
			}
		}
	}
	for _, u := range setup.Users {
		c.given[u.ID] = true
	}
	for _, t := range setup.Teams {
		c.given[t.ID] = true
	}
	for _, a := range setup.Apps {
		c.given[a.ID] = true
	}
}

func newState() state {
	return state{
		ids:     counters{last: map[int64]int64{}, given: map[int64]bool{}},
		byID:    map[int64]*repository{},
		renamed: map[string]*repository{},
		tokens:  map[string]*Token{},
		userIDs: map[string]int64{},
		logins:  map[int64]string{},
	}
}

func (st *state) add(r *repository) {
	st.repositories = append(st.repositories, r)
	st.byID[r.id] = r
}

// find ignores case, as GitHub does.
func (st *state) find(fullName string) *repository {
	for _, r := range st.repositories {
		if strings.EqualFold(r.fullName(), fullName) {
			return r
		}
	}
	return nil
}

func (st *state) names() string {
	var names []string
	for _, r := range st.repositories {
		names = append(names, r.fullName())
	}
	return strings.Join(names, ", ")
}

func (st *state) userID(login string) int64 {
	key := strings.ToLower(login)
	if st.userIDs[key] == 0 {
		id := st.ids.next(userIDs)
		st.userIDs[key], st.logins[id] = id, login
	}
	return st.userIDs[key]
}

func (r *repository) fullName() string { return r.owner + "/" + r.name }

func (r *repository) branch(name string) *branch {
	for _, b := range r.branches {
		if b.name == name {
			return b
		}
	}
	return nil
}

// setStatuses replaces the statuses of the contexts in list. A context may have
// two entries: a status and a check run can share a name.
func (r *repository) setStatuses(sha string, list []CommitStatus) {
	kept := slices.DeleteFunc(r.statuses[sha], func(old CommitStatus) bool {
		return slices.ContainsFunc(list, func(c CommitStatus) bool { return c.Context == old.Context })
	})
	r.statuses[sha] = append(kept, list...)
}

// deployment finds a deployment by its id.
func (r *repository) deployment(id int64) *deployment { return r.byID[id] }

// append adds the newest deployment.
func (r *repository) append(d *deployment) {
	r.created++
	d.place = r.created
	r.deployments = append(r.deployments, d)
	r.byID[d.id] = d
}

// remove deletes a deployment.
func (r *repository) remove(d *deployment) {
	r.deployments = slices.DeleteFunc(r.deployments, func(other *deployment) bool { return other == d })
	delete(r.byID, d.id)
}

// environment finds an environment by its name, ignoring case.
func (r *repository) environment(name string) *environment { return r.byName[withoutCase(name)] }

// withoutCase returns the same key for names that strings.EqualFold treats as
// equal.
func withoutCase(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// ensureEnvironment finds or creates an environment, as a deployment or a
// status does.
func (s *Server) ensureEnvironment(r *repository, name string, now time.Time) *environment {
	if e := r.environment(name); e != nil {
		return e
	}
	e := &environment{id: s.state.ids.next(environmentIDs), name: name, createdAt: now, updatedAt: now, protection: unprotected()}
	r.environments = append(r.environments, e)
	r.byName[withoutCase(name)] = e
	return e
}

// latest returns the state of the newest status, "" for none.
func (d *deployment) latest() string {
	if len(d.statuses) == 0 {
		return ""
	}
	return d.statuses[len(d.statuses)-1].state
}

// makeSHA computes a SHA from names, the same in every run.
func makeSHA(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:20])
}

// nodeID returns a node ID in GitHub's form: a prefix for the kind, and the IDs
// in base64.
func nodeID(prefix string, ids ...int64) string {
	raw := []byte{0x92}
	for _, id := range ids {
		raw, _ = binary.Append(append(raw, 0xcf), binary.BigEndian, id) // an int64 always fits
	}
	return fmt.Sprintf("%s_%s", prefix, base64.RawURLEncoding.EncodeToString(raw))
}
