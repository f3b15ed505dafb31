// Package rolloutcheck runs releases against a test server that fails in every
// call, and compares the result of each with the server's record. Its test runs
// them in virtual time:
//
//	go test ./internal/rolloutcheck -run 'TestRun|TestEnsure' -runs 10000 -seed 1 -v
//
// The functions under test are parameters, so that wrong ones can be checked
// too: a check that cannot fail proves nothing.
package rolloutcheck

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

const (
	fullName = "octocat/example"
	sha      = "0123456789abcdef0123456789abcdef01234567"

	// latest is the longest time after which a request that lost its
	// connection is executed all the same. The looks end after 15 s.
	latest = 14 * time.Second
)

// Report is the result of many trials.
type Report struct {
	mu         sync.Mutex
	violations []string
	counts     map[string]int
}

// Violations returns the promises that were broken, one line each.
func (r *Report) Violations() []string { return r.violations }

// Count returns how often something was seen.
func (r *Report) Count(what string) int { return r.counts[what] }

// String returns the counts, one line each.
func (r *Report) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(r.counts)) {
		fmt.Fprintf(&b, "%7d %s\n", r.counts[what], what)
	}
	fmt.Fprintf(&b, "%7d violations\n", len(r.violations))
	return b.String()
}

func (r *Report) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[string]int)
	}
	r.counts[what]++
}

func (r *Report) violate(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.violations = append(r.violations, fmt.Sprintf(format, args...))
}

// trial is one seeded setting: a server with its faults.
type trial struct {
	report *Report
	seed   uint64
	random *rand.Rand
	server *ghdeploytest.Server
	repo   rollout.Repo
}

// newTrial draws the faults of one trial. Run it in a synctest bubble, and close
// its server.
func newTrial(report *Report, seed uint64) *trial {
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable on purpose
	opts := []ghdeploytest.Option{
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: fullName, Branches: []ghdeploytest.Branch{{Name: "main", SHA: sha}}}),
		ghdeploytest.WithListOrder(ghdeploytest.ListOrder(random.IntN(3))),
	}
	if random.IntN(4) == 0 {
		opts = append(opts, ghdeploytest.WithSecondaryLimit(4+random.IntN(20), ghdeploytest.SecondaryForm(random.IntN(4))))
	}
	t := &trial{report: report, seed: seed, random: random, server: ghdeploytest.NewServer(opts...)}
	t.repo = rollout.Repo{Owner: "octocat", Name: "example", Client: t.server.Client(
		ghdeploy.WithBaseURL(ghdeploytest.BaseURL+"api/v3/"),
		ghdeploy.WithHTTPClient(&http.Client{Transport: t.server.Transport(), Timeout: 30 * time.Second}),
	)}
	late := random.IntN(4) == 0 // writes that are executed late are all that fails
	for _, operation := range []string{
		"GET /repos/{owner}/{repo}/deployments",
		"POST /repos/{owner}/{repo}/deployments",
		"GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
		"POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
	} {
		switch write := strings.HasPrefix(operation, "POST"); {
		case !late:
			t.inject(operation, write)
		case write:
			t.server.Inject(ghdeploytest.Fault{
				Operation: operation, Probability: 0.5, Seed: t.random.Uint64(),
				Effect: ghdeploytest.ExecuteLater(t.upTo(latest)),
			})
		}
	}
	return t
}

// chances are those of a call to meet a fault. Most trials have some bad
// operations and some good ones.
var chances = []float64{0, 0, 0.1, 0.3, 0.6, 0.9}

func (t *trial) inject(operation string, write bool) {
	chance := chances[t.random.IntN(len(chances))]
	if chance == 0 {
		return
	}
	for range 1 + t.random.IntN(3) {
		fault := ghdeploytest.Fault{
			Operation:   operation,
			Probability: chance,
			Seed:        t.random.Uint64(),
			Effect:      t.effect(write),
		}
		if t.random.IntN(5) == 0 {
			fault.Latency = t.upTo(40 * time.Second)
		}
		t.server.Inject(fault)
	}
}

// effect draws one of the faults.
func (t *trial) effect(write bool) ghdeploytest.Effect {
	effects := []func() ghdeploytest.Effect{
		ghdeploytest.RefuseConnection,
		ghdeploytest.DropBefore,
		ghdeploytest.DropAfter,
		ghdeploytest.DropMidResponse,
		ghdeploytest.EmptyBody,
		ghdeploytest.HTMLBody,
		func() ghdeploytest.Effect { return ghdeploytest.TruncateBody(t.random.IntN(60)) },
		func() ghdeploytest.Effect { return ghdeploytest.SlowResponse(t.upTo(time.Minute)) },
		func() ghdeploytest.Effect { return ghdeploytest.Respond(http.StatusInternalServerError, "") },
		func() ghdeploytest.Effect { return ghdeploytest.Respond(http.StatusBadGateway, "<html></html>") },
		func() ghdeploytest.Effect {
			return ghdeploytest.Respond(http.StatusForbidden, `{"message":"You have exceeded a secondary rate limit."}`).
				WithHeader("Retry-After", fmt.Sprint(1+t.random.IntN(60)))
		},
		func() ghdeploytest.Effect {
			return ghdeploytest.Respond(http.StatusForbidden, `{"message":"Resource not accessible by integration"}`)
		},
	}
	if write { // twice as likely: it is the hardest one
		late := func() ghdeploytest.Effect { return ghdeploytest.ExecuteLater(t.upTo(latest)) }
		effects = append(effects, late, late)
	}
	return effects[t.random.IntN(len(effects))]()
}

// upTo draws a time up to d.
func (t *trial) upTo(d time.Duration) time.Duration {
	return time.Duration(1 + t.random.Int64N(int64(d)))
}

func (t *trial) violate(format string, args ...any) {
	t.report.violate("seed %d: %s", t.seed, fmt.Sprintf(format, args...))
}
