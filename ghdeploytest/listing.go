package ghdeploytest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ListOrder is the order of the lists of deployments and of their statuses.
// GitHub documents none; newest first is what has been seen.
type ListOrder int

const (
	// NewestFirst is what GitHub has been seen to do.
	NewestFirst ListOrder = iota
	// OldestFirst is the reverse.
	OldestFirst
	// Shuffled is an order without a meaning. It depends on the ids only, so
	// it is the same for every request, and no row is on two pages.
	Shuffled
)

// WithListOrder sets the order of the lists of deployments and of their
// statuses. The default is [NewestFirst]. A client that takes the first row for
// the newest fails under the others.
func WithListOrder(order ListOrder) Option {
	if order < NewestFirst || order > Shuffled {
		panic(fmt.Sprintf("ghdeploytest: WithListOrder(%d); write NewestFirst, OldestFirst or Shuffled", order))
	}
	return func(s *Server, _ *Seed) { s.listOrder = order }
}

// WithListLag makes the lists of deployments and of their statuses show the
// server as it was lag ago, like a replica that is behind: what was created
// since is missing, and what was deleted since is still there. A GET of a single
// deployment or status is up to date, and so is what the setup brought. The time
// is that of the server's clock.
func WithListLag(lag time.Duration) Option {
	if lag <= 0 {
		panic(fmt.Sprintf("ghdeploytest: WithListLag(%v); write how far the lists are behind, like 5*time.Second, or omit the option", lag))
	}
	return func(s *Server, _ *Seed) { s.listLag = lag }
}

// shows reports whether a list shows what was written at that time.
func (s *Server) shows(written, now time.Time) bool {
	return s.listLag == 0 || written.IsZero() || now.Sub(written) >= s.listLag
}

// bury keeps a deleted deployment for the lists that lag.
func (s *Server) keepDeleted(r *repository, d *deployment, now time.Time) {
	if s.listLag > 0 {
		r.dropDeleted(s, now)
		d.deleted = now
		r.deleted = append(r.deleted, d)
	}
}

// forget drops the deleted deployments that no list shows any more.
func (r *repository) dropDeleted(s *Server, now time.Time) {
	r.deleted = slices.DeleteFunc(r.deleted, func(d *deployment) bool { return s.shows(d.deleted, now) })
}

// listed are the deployments of a repository as a list shows them, in its order.
func (s *Server) listed(r *repository, now time.Time) []*deployment {
	if s.listLag == 0 {
		return inOrder(s, slices.Clone(r.deployments), func(d *deployment) int64 { return d.id })
	}
	r.dropDeleted(s, now)
	var rows []*deployment
	for _, d := range slices.Concat(r.deployments, r.deleted) {
		if s.shows(d.written, now) {
			rows = append(rows, s.before(d, now))
		}
	}
	slices.SortFunc(rows, func(a, b *deployment) int { return cmp.Compare(a.place, b.place) })
	return inOrder(s, rows, func(d *deployment) int64 { return d.id })
}

// before is a deployment as the lists show it: without what the newest statuses
// changed.
func (s *Server) before(d *deployment, now time.Time) *deployment {
	shown := s.shownStatuses(d, now)
	if len(shown) == len(d.statuses) {
		return d
	}
	old := *d
	old.environment, old.updatedAt = d.originalEnvironment, d.createdAt
	if len(shown) > 0 {
		last := shown[len(shown)-1]
		old.environment, old.updatedAt = last.environment, last.updatedAt
	}
	return &old
}

// shownStatuses are the statuses that a list shows, oldest first.
func (s *Server) shownStatuses(d *deployment, now time.Time) []*deploymentStatus {
	n := len(d.statuses)
	for n > 0 && !s.shows(d.statuses[n-1].written, now) {
		n--
	}
	return d.statuses[:n]
}

// listedStatuses are the statuses of a deployment in the order of lists.
func (s *Server) listedStatuses(d *deployment, now time.Time) []*deploymentStatus {
	return inOrder(s, slices.Clone(s.shownStatuses(d, now)), func(st *deploymentStatus) int64 { return st.id })
}

// inOrder brings rows, oldest first, into the order of lists.
func inOrder[T any](s *Server, rows []T, id func(T) int64) []T {
	switch s.listOrder {
	case NewestFirst:
		slices.Reverse(rows)
	case Shuffled:
		slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(shuffled(id(a)), shuffled(id(b))) })
	}
	return rows
}

// shuffled maps an id to a number without a relation to its size, and different
// ids to different numbers.
func shuffled(id int64) uint64 {
	z := uint64(id) * 0x9e3779b97f4a7c15 //nolint:gosec // only the bits count
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	return z ^ z>>27
}
