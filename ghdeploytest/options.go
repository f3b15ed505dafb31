package ghdeploytest

import (
	"fmt"
	"net"
	"slices"
	"time"
)

// Option configures a [Server].
type Option func(*Server, *Seed)

// WithRepository adds a repository. A server with at least one such repository
// does not have the default octocat/example.
func WithRepository(r Repository) Option {
	return func(_ *Server, setup *Seed) { setup.Repositories = append(setup.Repositories, r) }
}

// WithToken adds a token. A server with at least one such token refuses any
// other with 401 "Bad credentials".
func WithToken(t Token) Option {
	return func(_ *Server, setup *Seed) { setup.Tokens = append(setup.Tokens, t) }
}

// WithSeed adds the contents of a seed. It equals one [WithRepository],
// [WithToken], [WithUser], [WithTeam] or [WithApp] for each entry.
func WithSeed(seed Seed) Option {
	return func(_ *Server, setup *Seed) {
		setup.Repositories = append(setup.Repositories, seed.Repositories...)
		setup.Tokens = append(setup.Tokens, seed.Tokens...)
		setup.Users = append(setup.Users, seed.Users...)
		setup.Teams = append(setup.Teams, seed.Teams...)
		setup.Apps = append(setup.Apps, seed.Apps...)
	}
}

// WithClock sets the clock for timestamps and for the resets of the limits. The
// default is [time.Now], which inside testing/synctest is the bubble's clock.
// Latencies and delays use real timers, not this clock.
func WithClock(now func() time.Time) Option {
	if now == nil {
		panic("ghdeploytest: WithClock(nil); omit the option for time.Now")
	}
	return func(s *Server, _ *Seed) { s.now = now }
}

// WithListener makes [Server.URL] serve on this listener instead of a new
// loopback port, for example on a fixed port. [Server.Close] closes the
// listener if URL was called. Events that no request causes link to its
// address, even before URL is called.
func WithListener(ln net.Listener) Option {
	if ln == nil {
		panic("ghdeploytest: WithListener(nil); omit the option for a loopback port")
	}
	return func(s *Server, _ *Seed) { s.given = ln }
}

// WithRequestLog calls log with each request when its response is ready or its
// connection is dropped. Calls may come from several goroutines at the same
// time.
func WithRequestLog(log func(Request)) Option {
	return func(s *Server, _ *Seed) { s.requestLog = log }
}

// WithDeliveryLog calls log with each delivery to a webhook when it has
// succeeded or failed. Calls may come from several goroutines at the same time.
func WithDeliveryLog(log func(Delivery)) Option {
	return func(s *Server, _ *Seed) { s.deliveryLog = log }
}

// WithLogSize makes [Server.Requests] and [Server.Deliveries] keep only the
// newest n entries each, for a server that runs long. [Server.Redeliver] can
// then send only the events in that log. The default keeps all entries.
func WithLogSize(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("ghdeploytest: WithLogSize(%d); write at least 0, or omit the option to keep all", n))
	}
	return func(s *Server, _ *Seed) { s.logSize = n }
}

// newest cuts a log down to its maximum length.
func newest[T any](s *Server, log []T) []T {
	if s.logSize == everything {
		return log
	}
	return slices.Delete(log, 0, max(0, len(log)-s.logSize))
}

const everything = -1

// WithoutLastLink omits rel="last" from every Link header, as GitHub does where
// it cannot count the rows.
func WithoutLastLink() Option {
	return func(s *Server, _ *Seed) { s.withoutLast = true }
}

// WithStatusCap sets the maximum number of statuses of a deployment. A further
// one is refused with 422. GitHub has such a maximum and does not document its
// number. The default is no maximum.
func WithStatusCap(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithStatusCap(%d); write at least 1, or omit the option for no maximum", n))
	}
	return func(s *Server, _ *Seed) { s.statusCap = n }
}
