package ghdeploytest

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// ListOrder is the order of the lists of deployments and of statuses. GitHub
// documents no order.
type ListOrder int

const (
	// NewestFirst is the order that GitHub has been observed to use.
	NewestFirst ListOrder = iota
	// OldestFirst is the reverse of NewestFirst.
	OldestFirst
	// Shuffled is an arbitrary order. It depends only on the IDs, so it is the
	// same for every request and no row is on two pages.
	Shuffled
)

// WithListOrder sets the order of the lists of deployments and of statuses. The
// default is [NewestFirst]. Use the others to find code that takes the first
// row for the newest.
func WithListOrder(order ListOrder) Option {
	if order < NewestFirst || order > Shuffled {
		panic(fmt.Sprintf("ghdeploytest: WithListOrder(%d); write NewestFirst, OldestFirst or Shuffled", order))
	}
	return func(s *Server, _ *Seed) { s.listOrder = order }
}

// WithListLag makes the lists of deployments and of statuses show the server's
// state as of lag ago, like a replica that is behind. Rows created since then
// are missing, and rows deleted since then are still listed. A GET of a single
// deployment or status is up to date. Rows of the setup are always listed. The
// server's clock measures lag.
func WithListLag(lag time.Duration) Option {
	if lag <= 0 {
		panic(fmt.Sprintf("ghdeploytest: WithListLag(%v); write a positive duration, like 5*time.Second, or omit the option", lag))
	}
	return func(s *Server, _ *Seed) { s.listLag = lag }
}

// shows reports whether a list includes a change made at the time written.
func (s *Server) shows(written, now time.Time) bool {
	return s.listLag == 0 || written.IsZero() || now.Sub(written) >= s.listLag
}

// keepDeleted keeps a deleted deployment for lists that lag.
func (s *Server) keepDeleted(r *repository, d *deployment, now time.Time) {
	if s.listLag > 0 {
		r.dropDeleted(s, now)
		d.deleted = now
		r.deleted = append(r.deleted, d)
	}
}

// dropDeleted removes deleted deployments that no list shows any more.
func (r *repository) dropDeleted(s *Server, now time.Time) {
	r.deleted = slices.DeleteFunc(r.deleted, func(d *deployment) bool { return s.shows(d.deleted, now) })
}

// listed returns the deployments that a list shows, in its order.
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

// before returns a deployment as lists show it, without the effects of statuses
// that they do not show yet.
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

// shownStatuses returns the statuses that a list shows, oldest first.
func (s *Server) shownStatuses(d *deployment, now time.Time) []*deploymentStatus {
	n := len(d.statuses)
	for n > 0 && !s.shows(d.statuses[n-1].written, now) {
		n--
	}
	return d.statuses[:n]
}

// listedStatuses returns the statuses that a list shows, in its order.
func (s *Server) listedStatuses(d *deployment, now time.Time) []*deploymentStatus {
	return inOrder(s, slices.Clone(s.shownStatuses(d, now)), func(st *deploymentStatus) int64 { return st.id })
}

// inOrder sorts rows, given oldest first, into the order of lists.
func inOrder[T any](s *Server, rows []T, id func(T) int64) []T {
	switch s.listOrder {
	case NewestFirst:
		slices.Reverse(rows)
	case Shuffled:
		slices.SortFunc(rows, func(a, b T) int { return cmp.Compare(shuffled(id(a)), shuffled(id(b))) })
	}
	return rows
}

// shuffled maps an ID to a pseudo-random number. Different IDs have different
// numbers.
func shuffled(id int64) uint64 {
	z := uint64(id) * 0x9e3779b97f4a7c15 //nolint:gosec // only the bits count
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	return z ^ z>>27
}
