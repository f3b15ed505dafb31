package ghdeploytest

import (
	"fmt"
	"net"
	"slices"
	"time"
)

// Option sets up a [Server].
type Option func(*Server, *Seed)

// WithRepository adds a repository. The first one given replaces the default octocat/example.
func WithRepository(r Repository) Option {
	return func(_ *Server, setup *Seed) { setup.Repositories = append(setup.Repositories, r) }
}

// WithToken adds a token. From the first one on, only tokens that were added are known; any other is answered with
// 401 Bad credentials.
func WithToken(t Token) Option {
	return func(_ *Server, setup *Seed) { setup.Tokens = append(setup.Tokens, t) }
}

// WithSeed adds all that is in a seed, as [WithRepository], [WithToken], [WithUser], [WithTeam] and [WithApp] do one by
// one.
func WithSeed(seed Seed) Option {
	return func(_ *Server, setup *Seed) {
		setup.Repositories = append(setup.Repositories, seed.Repositories...)
		setup.Tokens = append(setup.Tokens, seed.Tokens...)
		setup.Users = append(setup.Users, seed.Users...)
		setup.Teams = append(setup.Teams, seed.Teams...)
		setup.Apps = append(setup.Apps, seed.Apps...)
	}
}

// WithClock gives the server the test's clock for everything it stamps and for the resets of its limits. The default
// is [time.Now], which inside testing/synctest is the bubble's clock. Latencies and delayed work run on real timers.
func WithClock(now func() time.Time) Option {
	if now == nil {
		panic("ghdeploytest: WithClock(nil); leave the option away for time.Now")
	}
	return func(s *Server, _ *Seed) { s.now = now }
}

// WithListener lets [Server.URL] serve on this listener instead of a loopback port of its own: on a port that is known
// beforehand, say. From the call of URL on, [Server.Close] closes it. Events that the server sends by itself name its
// address, also before that call.
func WithListener(ln net.Listener) Option {
	if ln == nil {
		panic("ghdeploytest: WithListener(nil); leave the option away for a loopback port")
	}
	return func(s *Server, _ *Seed) { s.given = ln }
}

// WithRequestLog calls log with each request once it is answered, or once its connection is dropped. Calls may come from
// several goroutines at the same time.
func WithRequestLog(log func(Request)) Option {
	return func(s *Server, _ *Seed) { s.requestLog = log }
}

// WithDeliveryLog calls log with each delivery to a webhook once it is over, whatever came of it. Calls may come from
// several goroutines at the same time.
func WithDeliveryLog(log func(Delivery)) Option {
	return func(s *Server, _ *Seed) { s.deliveryLog = log }
}

// WithLogSize lets [Server.Requests] and [Server.Deliveries] keep only the newest n entries each, for a server that runs
// long; [Server.Redeliver] then knows no older event. Without this option they keep all.
func WithLogSize(n int) Option {
	if n < 0 {
		panic(fmt.Sprintf("ghdeploytest: WithLogSize(%d); write at least 0, or leave the option away to keep all", n))
	}
	return func(s *Server, _ *Seed) { s.logSize = n }
}

// newest cuts a log down to what it may hold.
func newest[T any](s *Server, log []T) []T {
	if s.logSize == everything {
		return log
	}
	return slices.Delete(log, 0, max(0, len(log)-s.logSize))
}

const everything = -1

// WithoutLastLink leaves rel="last" out of every Link header, as GitHub does where it cannot count the rows.
func WithoutLastLink() Option {
	return func(s *Server, _ *Seed) { s.withoutLast = true }
}

// WithStatusCap refuses to hold more than n statuses for one deployment: the next one is answered with 422. GitHub has
// such a cap and does not document its number; without this option there is none.
func WithStatusCap(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithStatusCap(%d); write at least 1, or leave the option away for no cap", n))
	}
	return func(s *Server, _ *Seed) { s.statusCap = n }
}
