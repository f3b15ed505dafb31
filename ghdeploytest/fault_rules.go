package ghdeploytest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// rule is an injected fault and its counters.
type rule struct {
	Fault
	repo  *repository // of Fault.Repository; nil for every repository
	seen  int         // calls of the operation to the repository
	calls int         // those of seen that Match accepted
	drawn int         // those of calls that Nth and Times select
	hits  int         // those of drawn on which the fault fired
	rng   *rand.Rand
}

// plan is what the faults do to one call: the sum of their latencies, and the
// effect of the first fault that has one.
type plan struct {
	latency time.Duration
	effect  *Effect
	name    string
}

func (p plan) is(kind effectKind) bool { return p.effect != nil && p.effect.kind == kind }

// InjectedFault is an injected fault with its counters since [Server.Inject].
type InjectedFault struct {
	Fault
	// Seen counts the calls of the operation to the repository, Matched the
	// calls among them that [Fault.Match] accepted, and Fired the calls among
	// those on which the fault fired.
	Seen, Matched, Fired int
}

// Faults returns the injected faults in the order of their injection. It
// includes those that cannot fire any more. [Server.ClearFaults] empties the
// list.
func (s *Server) Faults() []InjectedFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]InjectedFault, len(s.rules))
	for i, r := range s.rules {
		list[i] = InjectedFault{Fault: r.Fault, Seen: r.seen, Matched: r.calls, Fired: r.hits}
	}
	return list
}

// Inject adds a fault. Several faults can apply to one call: the effect of the
// first one injected is used, and the latencies add up.
//
// Inject panics if the fault is invalid: for an operation or a repository that
// does not exist, and for [EndlessLink] or [LoopingLink] on an operation
// without pages. The message names the operations to choose from.
func (s *Server) Inject(f Fault) {
	known := f.Operation == AnyOperation
	var names []string // of the operations that the effect can apply to
	for i := range s.operations {
		op := &s.operations[i]
		if f.Effect.ofLists() && !op.paged {
			continue
		}
		names = append(names, op.name())
		known = known || op.name() == f.Operation
	}
	switch {
	case !known:
		panic(fmt.Sprintf("ghdeploytest: Fault{Operation: %q} with %v; write one of:\n\t%s\n\tor AnyOperation", f.Operation, f.Effect, strings.Join(names, "\n\t")))
	case f.Nth < 0 || f.Times < Always:
		panic(fmt.Sprintf("ghdeploytest: Fault{Nth: %d, Times: %d}; count calls from 1, and write Always for every call", f.Nth, f.Times))
	case f.Latency < 0:
		panic(fmt.Sprintf("ghdeploytest: Fault{Latency: %v}; write the delay, like 3*time.Second", f.Latency))
	case !(f.Probability >= 0 && f.Probability <= 1): // this form refuses NaN too
		panic(fmt.Sprintf("ghdeploytest: Fault{Probability: %v}; write a number between 0 and 1", f.Probability))
	case f.Effect.kind == noEffect && f.Latency == 0:
		panic("ghdeploytest: Fault without Effect and Latency; write one of them, like Effect: ghdeploytest.DropAfter()")
	}
	f.Nth = max(f.Nth, 1)
	if f.Times == 0 {
		f.Times = 1
		if f.Probability > 0 {
			f.Times = Always
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &rule{Fault: f, rng: rand.New(rand.NewPCG(f.Seed, 0))} //nolint:gosec // repeatable on purpose
	if f.Repository != "" {
		r.repo = s.mustFind("Fault.Repository", f.Repository)
	}
	s.rules = append(s.rules, r)
}

// ClearFaults removes all faults. [Start] still reports those that never fired.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keeps {
		s.unmet = s.unmetFaults()
	}
	s.rules = nil
}

// meets reports whether a fault is for the operation and the repository of a
// call. The caller holds the lock.
func (r *rule) meets(s *Server, c *call) bool {
	if r.Operation != AnyOperation && (c.op == nil || c.op.name() != r.Operation) {
		return false
	}
	return r.repo == nil || r.repo == s.addressed(c)
}

// addressed returns the repository in the path, by its name, a former name or
// its ID.
func (s *Server) addressed(c *call) *repository {
	if c.vars["repository_id"] != "" {
		return s.state.byID[c.id("repository_id")]
	}
	name := c.vars["owner"] + "/" + c.vars["repo"]
	if r := s.state.find(name); r != nil {
		return r
	}
	return s.state.renamed[strings.ToLower(name)]
}

// draw counts a call on every fault and returns what the faults do to it. If a
// Match function needs the body and it is not read yet, draw counts nothing and
// returns false.
func (s *Server) draw(c *call, read bool) (p plan, ok bool) {
	var about []*rule
	s.mu.Lock()
	predicates := false
	for _, r := range s.rules {
		if r.meets(s, c) {
			about = append(about, r)
			predicates = predicates || r.Match != nil
		}
	}
	now := s.now()
	s.mu.Unlock()
	if predicates && !read {
		return plan{}, false
	}
	accepts := make([]bool, len(about))
	for i, r := range about { // without the lock: Match may call the server
		accepts[i] = r.Match == nil || r.Match(c.seen(now))
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range about {
		r.seen++
		if !accepts[i] {
			continue
		}
		r.calls++
		if r.calls < r.Nth || r.Times != Always && r.hits >= r.Times {
			continue
		}
		r.drawn++
		if r.Probability > 0 && r.rng.Float64() >= r.Probability {
			continue
		}
		r.hits++
		p.latency += r.Latency
		if p.effect == nil && r.Effect.kind != noEffect {
			p.effect = &r.Effect
		}
	}
	if p.latency > 0 {
		p.name = "Latency"
	}
	if p.effect != nil {
		p.name = p.effect.name
	}
	return p, true
}

// seen is the call as Match gets it, a new copy each time.
func (c *call) seen(now time.Time) Request {
	r := c.request()
	r.Time = now
	return *r
}
