package ghdeploytest

import (
	"net/http"

	"github.com/ghdeploy/ghdeploy"
)

// DefaultToken is the token of [Server.Client]. A server without [WithToken]
// accepts it, like any other token, as user octocat with every permission.
const DefaultToken = "ghdeploytest-token"

// Client returns a ghdeploy client for this server. It uses [Server.Transport]
// and [DefaultToken].
//
// The options are applied last. On a server with [WithToken], pass one of its
// tokens with [ghdeploy.WithToken]. Client panics if [ghdeploy.NewClient]
// refuses the options.
func (s *Server) Client(opts ...ghdeploy.Option) *ghdeploy.Client {
	all := append([]ghdeploy.Option{
		ghdeploy.WithBaseURL(BaseURL),
		ghdeploy.WithHTTPClient(&http.Client{Transport: s.Transport()}),
		ghdeploy.WithToken(DefaultToken),
	}, opts...)
	client, err := ghdeploy.NewClient(all...)
	if err != nil {
		panic("ghdeploytest: Client: ghdeploy.NewClient refuses the options: " + err.Error())
	}
	return client
}
