package ghdeploytest

import (
	"fmt"
	"net/url"
	"strings"
)

// WithAddress names the address of a server that is mounted as an [http.Handler], like https://127.0.0.1:8443. Events
// that the server sends by itself, such as a ping or the start of a workflow run, link to it. A response links to the
// host that its request named, and [Server.URL] opens a port of its own; neither depends on this option.
func WithAddress(address string) Option {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		panic(fmt.Sprintf("ghdeploytest: WithAddress(%q); write scheme and host, like https://127.0.0.1:8443", address))
	}
	return func(s *Server, _ *Seed) { s.named = strings.TrimSuffix(address, "/") }
}

// Repositories returns the full names of the repositories, in the order of their setup.
func (s *Server) Repositories() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.state.repositories))
	for i, r := range s.state.repositories {
		names[i] = r.fullName()
	}
	return names
}
