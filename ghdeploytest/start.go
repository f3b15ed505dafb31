package ghdeploytest

import "fmt"

// TB is the part of testing.TB that [Start] needs. *testing.T, *testing.B and
// *testing.F implement it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
}

// Start returns a server for one test, made as by [NewServer]. At the end of
// the test it closes the server, and fails the test for each fault of
// [Server.Inject] that never fired. Such a fault tests nothing: its operation
// was never called, or its Match function accepted no request.
//
// A fault with Probability counts as fired from the first call that it could
// fire on. A fault that [Server.ClearFaults] removed before it fired is
// reported too.
func Start(tb TB, opts ...Option) *Server {
	tb.Helper()
	s := NewServer(opts...)
	s.keeps = true
	tb.Cleanup(func() {
		tb.Helper()
		s.Close()
		s.mu.Lock()
		unmet := s.unmetFaults()
		s.mu.Unlock()
		for _, text := range unmet {
			tb.Errorf("ghdeploytest: %s", text)
		}
	})
	return s
}

// unmetFaults describes the faults that never fired, removed ones first. The
// caller holds the lock.
func (s *Server) unmetFaults() []string {
	list := s.unmet
	for _, r := range s.rules {
		if r.drawn == 0 {
			list = append(list, r.unmet())
		}
	}
	return list
}

// unmet describes why a fault never fired.
func (r *rule) unmet() string {
	effect := r.Effect.String()
	if r.Effect.kind == noEffect {
		effect = fmt.Sprintf("Latency %v", r.Latency)
	}
	text := fmt.Sprintf("the fault %s on %s", effect, r.Operation)
	if r.Repository != "" {
		text += " of " + r.Repository
	}
	text += " never fired: "
	switch {
	case r.seen == 0:
		return text + "the server saw no such request"
	case r.calls == 0:
		return text + fmt.Sprintf("Match accepted none of %d requests", r.seen)
	default:
		return text + fmt.Sprintf("it waits for request %d, and the server saw %d", r.Nth, r.calls)
	}
}
