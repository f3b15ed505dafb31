package ghdeploytest

import (
	"net/http"

	"github.com/ghdeploy/ghdeploy"
)

// DefaultToken is what [Server.Client] sends. A server without [WithToken] takes it, as any other, for the all-powerful
// user octocat.
const DefaultToken = "ghdeploytest-token"

// Client returns a client of this server over [Server.Transport], with [DefaultToken]. The options come on top: on a
// server that knows its tokens give one of them with [ghdeploy.WithToken]. Options that do not fit together panic.
func (s *Server) Client(opts ...ghdeploy.Option) *ghdeploy.Client {
	all := append([]ghdeploy.Option{
		ghdeploy.WithBaseURL(BaseURL),
		ghdeploy.WithHTTPClient(&http.Client{Transport: s.Transport()}),
		ghdeploy.WithToken(DefaultToken),
	}, opts...)
	client, err := ghdeploy.NewClient(all...)
	if err != nil {
		panic("ghdeploytest: Client with options that ghdeploy.NewClient refuses: " + err.Error())
	}
	return client
}
