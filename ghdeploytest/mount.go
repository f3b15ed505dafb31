package ghdeploytest

import (
	"fmt"
	"net/url"
	"strings"
)

// WithAddress sets the address of a server that is mounted as an
// [http.Handler], like https://127.0.0.1:8443. Events that no request causes,
// such as a ping or the start of a workflow run, link to it. It does not affect
// responses, which link to the host of their request, or [Server.URL], which
// opens its own port.
func WithAddress(address string) Option {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		panic(fmt.Sprintf("ghdeploytest: WithAddress(%q); write scheme and host, like https://127.0.0.1:8443", address))
	}
	return func(s *Server, _ *Seed) { s.named = strings.TrimSuffix(address, "/") }
}

// Repositories returns the full names of the repositories in setup order.
func (s *Server) Repositories() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.state.repositories))
	for i, r := range s.state.repositories {
		names[i] = r.fullName()
	}
	return names
}
