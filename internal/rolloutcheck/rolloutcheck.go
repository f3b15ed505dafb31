// Package rolloutcheck runs releases against a test server with faults in every
// request, and compares each result with the server's record. Its tests run in
// virtual time:
//
//	go test ./internal/rolloutcheck -run 'TestRun|TestEnsure' -runs 10000 -seed 1 -v
//
// The functions under test are parameters, so that the tests can also check
// that wrong functions are found.
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

	// latest is the maximum delay of a request that is executed after its
	// connection was lost. rollout looks for the result for 15 s.
	latest = 14 * time.Second
)

// Report is the result of many trials.
type Report struct {
	mu         sync.Mutex
	violations []string
	counts     map[string]int
}

// Violations returns the broken rules, one line each.
func (r *Report) Violations() []string { return r.violations }

// Count returns a count of the trials by its name.
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

// trial is a server with faults that depend on the seed.
type trial struct {
	report *Report
	seed   uint64
	random *rand.Rand
	server *ghdeploytest.Server
	repo   rollout.Repo
}

// newTrial chooses the faults of one trial. Call it in a synctest bubble, and
// close its server.
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
	late := random.IntN(4) == 0 // the only faults are writes that are executed late
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

// chances are the possible probabilities of an operation's faults. Most trials
// have operations with faults and operations without.
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

// effect returns a random effect.
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
	if write { // twice as likely, because it is the hardest case
		late := func() ghdeploytest.Effect { return ghdeploytest.ExecuteLater(t.upTo(latest)) }
		effects = append(effects, late, late)
	}
	return effects[t.random.IntN(len(effects))]()
}

// upTo returns a random time of at most d.
func (t *trial) upTo(d time.Duration) time.Duration {
	return time.Duration(1 + t.random.Int64N(int64(d)))
}

func (t *trial) violate(format string, args ...any) {
	t.report.violate("seed %d: %s", t.seed, fmt.Sprintf(format, args...))
}
