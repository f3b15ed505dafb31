package ghdeploy

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/sha256"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

const (
	// maxJitter bounds the random delay of an attempt while the gate opens.
	maxJitter = 500 * time.Millisecond
	// ticketLife is how long an attempt can keep its place in the gate.
	ticketLife = 30 * time.Second
	// probation is how long after its end a hold still opens gradually.
	probation = time.Minute
	// turnWait is the RetryAfter of a call that did not get its turn.
	turnWait = time.Second
)

// gate delays attempts while a rate limit lasts. Each token has its own hold,
// because each token has its own quota.
//
// The gate opens gradually, like the congestion window of TCP (RFC 5681): it
// admits one probe, then two attempts for each success. After another rate
// limit response it closes again, and the next opening slows down at half the
// number of attempts that were under way. A success that leaves no call waiting
// opens the gate completely and removes the hold.
type gate struct {
	retry RetryPolicy // its backoff is the shortest hold, whatever the server says

	held  atomic.Int64 // len(holds); an open gate is passed without the lock
	mu    sync.Mutex
	holds map[tokenKey]*hold
	ends  holdHeap
}

// tokenKey identifies a token without keeping it in memory.
type tokenKey [sha256.Size]byte

func keyOf(token string) tokenKey { return sha256.Sum256([]byte(token)) }

// hold is the state of one token after a rate limit response.
type hold struct {
	gate *gate
	key  tokenKey

	limit    RateLimitError // no attempt starts before limit.RetryAt
	lasts    time.Duration  // from the rate limit response to limit.RetryAt
	refusals int            // refused probes since the last success

	round     int     // a ticket of an earlier round has no effect
	window    float64 // at most this many attempts at the same time
	threshold float64 // beyond this the window grows by one a round trip
	admitted  int     // tickets of this round that were not returned

	waiters []*waiter // sorted by compareWaiters
	joined  uint64    // waiters so far
	opening *time.Timer

	forgetAt time.Time
	index    int // in gate.ends
}

// ticket is the right to make one attempt while the gate opens. A nil ticket is
// the right to make one while it is open.
type ticket struct {
	hold     *hold
	round    int
	returned bool
	expiry   *time.Timer
}

// waiter is a call that waits for a ticket.
type waiter struct {
	hold   *hold
	ready  chan struct{} // closed when ticket is set
	ticket *ticket
	giveUp time.Time // when its MaxWait ends
	number uint64
}

// compareWaiters sorts the waiter whose time ends first to the front.
func compareWaiters(a, b *waiter) int {
	return cmp.Or(a.giveUp.Compare(b.giveUp), cmp.Compare(a.number, b.number))
}

// acquire returns the right to make one attempt under this token, and how long
// it waited for it. It waits at most maxWait and only if the context lasts
// until the hold ends; otherwise it returns a [*RateLimitError] at once. It
// calls waiting before it waits. The caller must release the ticket.
func (g *gate) acquire(ctx context.Context, key tokenKey, maxWait time.Duration, waiting func(*RateLimitError)) (*ticket, time.Duration, error) {
	began := time.Now()
	t, limit, left := g.enter(key, began)
	if t == nil && limit == nil {
		return nil, 0, nil
	}
	if limit != nil {
		if left > maxWait || !withinDeadline(ctx, left, began) {
			return nil, 0, limit
		}
		waiting(limit)
		var err error
		if t, err = g.wait(ctx, key, maxWait); err != nil || t == nil {
			return nil, time.Since(began), err
		}
	}
	if err := t.delay(ctx, maxWait-time.Since(began)); err != nil {
		t.release()
		return nil, time.Since(began), err
	}
	return t, time.Since(began), nil
}

// enter returns a ticket if an attempt may start now, else the limit and how
// long it still lasts. It returns nothing if the gate is open.
func (g *gate) enter(key tokenKey, now time.Time) (*ticket, *RateLimitError, time.Duration) {
	if g.held.Load() == 0 {
		return nil, nil, 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expire(now)
	h := g.holds[key]
	switch {
	case h == nil:
		return nil, nil, 0
	case len(h.waiters) == 0 && h.free(now):
		return h.issue(), nil, 0
	}
	return nil, h.limitFor(now), max(h.limit.RetryAt.Sub(now), 0)
}

// wait waits for a ticket. A nil ticket without an error is an open gate.
func (g *gate) wait(ctx context.Context, key tokenKey, maxWait time.Duration) (*ticket, error) {
	w := g.join(key, maxWait, time.Now())
	if w == nil {
		return nil, nil //nolint:nilnil // an open gate has no ticket
	}
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case <-w.ready:
		return w.ticket, nil
	case <-ctx.Done():
		t, _ := g.leave(w, time.Now())
		t.release()
		return nil, contexts.Error(ctx)
	case <-timer.C:
		if t, limit := g.leave(w, time.Now()); t == nil {
			return nil, limit
		}
		return w.ticket, nil
	}
}

// join adds a waiter. It returns nil if the gate is open.
func (g *gate) join(key tokenKey, maxWait time.Duration, now time.Time) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.holds[key]
	if h == nil {
		return nil
	}
	h.joined++
	w := &waiter{hold: h, ready: make(chan struct{}), giveUp: now.Add(maxWait), number: h.joined}
	i, _ := slices.BinarySearchFunc(h.waiters, w, compareWaiters)
	h.waiters = slices.Insert(h.waiters, i, w)
	h.admit(now)
	return w
}

// leave removes a waiter whose time or context ended. It returns the ticket of
// one that was admitted, or can be admitted now, else the limit.
func (g *gate) leave(w *waiter, now time.Time) (*ticket, *RateLimitError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := w.hold
	if w.ticket == nil && h.free(now) {
		w.ticket = h.issue()
	}
	if i, found := slices.BinarySearchFunc(h.waiters, w, compareWaiters); found {
		h.waiters = slices.Delete(h.waiters, i, i+1)
		h.admit(now)
	}
	if w.ticket != nil {
		return w.ticket, nil
	}
	return nil, h.limitFor(now)
}

// close lets no attempt under this token start until the limit ends. t is the
// ticket of the attempt that the server refused.
func (g *gate) close(key tokenKey, t *ticket, limit *RateLimitError, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expire(now)
	h := g.holds[key]
	if h == nil {
		h = g.add(key)
	}
	if t.current() {
		h.refusals++
		h.threshold = max(float64(h.admitted)/2, 1)
	}
	at := now.Add(g.retry.backoff(h.refusals+1, 0))
	if limit.RetryAt.After(at) {
		at = limit.RetryAt
	}
	if at.After(h.limit.RetryAt) {
		h.limit = *limit
		h.limit.RetryAt = at
		h.lasts = at.Sub(now)
	}
	h.round++
	h.window, h.admitted = 1, 0
	h.forgetAt = h.limit.RetryAt.Add(probation)
	heap.Fix(&g.ends, h.index)
	h.admit(now)
}

func (g *gate) add(key tokenKey) *hold {
	h := &hold{gate: g, key: key, threshold: math.Inf(1)}
	if g.holds == nil {
		g.holds = make(map[tokenKey]*hold)
	}
	g.holds[key] = h
	g.held.Add(1)
	heap.Push(&g.ends, h)
	return h
}

// remove opens the gate of a hold without waiters completely.
func (g *gate) remove(h *hold) {
	delete(g.holds, h.key)
	g.held.Add(-1)
	heap.Remove(&g.ends, h.index)
	h.round++
}

// expire removes the holds that ended and that nobody uses.
func (g *gate) expire(now time.Time) {
	for len(g.ends) > 0 && !g.ends[0].forgetAt.After(now) {
		h := g.ends[0]
		if len(h.waiters) == 0 && h.admitted == 0 {
			g.remove(h)
			continue
		}
		h.forgetAt = now.Add(probation)
		heap.Fix(&g.ends, h.index)
	}
}

// limitFor returns the limit of the hold. RetryAfter counts from now.
func (h *hold) limitFor(now time.Time) *RateLimitError {
	limit := h.limit
	limit.RetryAfter = limit.RetryAt.Sub(now)
	if limit.RetryAfter <= 0 {
		limit.RetryAfter, limit.RetryAt = turnWait, now.Add(turnWait)
	}
	return &limit
}

// free reports whether one more attempt may start.
func (h *hold) free(now time.Time) bool {
	return !now.Before(h.limit.RetryAt) && float64(h.admitted)+1 <= h.window
}

// admit gives tickets to the waiters that may start now.
func (h *hold) admit(now time.Time) {
	for len(h.waiters) > 0 && h.free(now) {
		w := h.waiters[0]
		h.waiters = slices.Delete(h.waiters, 0, 1)
		w.ticket = h.issue()
		close(w.ready)
	}
	left := h.limit.RetryAt.Sub(now)
	switch {
	case len(h.waiters) == 0 || left <= 0:
		if h.opening != nil {
			h.opening.Stop()
		}
	case h.opening == nil:
		h.opening = time.AfterFunc(left, h.open)
	default:
		h.opening.Reset(left)
	}
}

// open is called when the hold ends.
func (h *hold) open() {
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	h.admit(time.Now())
}

func (h *hold) issue() *ticket {
	h.admitted++
	t := &ticket{hold: h, round: h.round}
	t.expiry = time.AfterFunc(ticketLife, t.release)
	return t
}

// delay waits a random time, so that the attempts of many clients and those
// that one success admits do not start together.
func (t *ticket) delay(ctx context.Context, maxWait time.Duration) error {
	t.hold.gate.mu.Lock()
	d := time.Duration(jitter() * float64(min(t.hold.lasts/4, maxJitter)))
	t.hold.gate.mu.Unlock()
	if d > maxWait || !withinDeadline(ctx, d, time.Now()) {
		return contexts.Error(ctx)
	}
	return contexts.Sleep(ctx, d)
}

// admits reports whether the ticket permits an attempt under this token: the
// gate may have closed since it was issued.
func (t *ticket) admits(key tokenKey) bool {
	if t == nil {
		return false
	}
	t.hold.gate.mu.Lock()
	defer t.hold.gate.mu.Unlock()
	return t.hold.key == key && t.current()
}

// current reports whether the ticket was issued in this round and not returned.
func (t *ticket) current() bool {
	return t != nil && !t.returned && t.round == t.hold.round
}

// release returns the ticket. The next waiter gets its place. It may be called
// more than once.
func (t *ticket) release() { t.giveBack(false) }

// succeed returns the ticket of an attempt that the rate limit let through.
func (t *ticket) succeed() { t.giveBack(true) }

func (t *ticket) giveBack(success bool) {
	if t == nil {
		return
	}
	h := t.hold
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	current := t.current()
	t.returned = true
	t.expiry.Stop()
	if !current {
		return
	}
	h.admitted--
	if success {
		h.refusals = 0
		if h.window < h.threshold {
			h.window++
		} else {
			h.window += 1 / h.window
		}
		if len(h.waiters) == 0 {
			h.gate.remove(h)
			return
		}
	}
	h.admit(time.Now())
}

// holdHeap sorts the holds by the time when they can be removed.
type holdHeap []*hold

func (s holdHeap) Len() int           { return len(s) }
func (s holdHeap) Less(i, j int) bool { return s[i].forgetAt.Before(s[j].forgetAt) }
func (s holdHeap) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push implements [heap.Interface].
func (s *holdHeap) Push(x any) {
	h := x.(*hold)
	h.index = len(*s)
	*s = append(*s, h)
}

// Pop implements [heap.Interface].
func (s *holdHeap) Pop() any {
	last := len(*s) - 1
	h := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return h
}
