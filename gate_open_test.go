package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// busyServer serves up to admits requests at a time and refuses the others.
type busyServer struct {
	admits  int
	latency time.Duration

	mu                sync.Mutex
	closed            bool // refuse all
	active            int
	admitted, refused int
	starts            []time.Time
	succeeded         []int // requests, before each start
}

func (s *busyServer) serve(*http.Request) (*canned, error) {
	s.mu.Lock()
	s.starts = append(s.starts, time.Now())
	s.succeeded = append(s.succeeded, s.admitted)
	if s.closed || s.active == s.admits {
		s.refused++
		s.mu.Unlock()
		time.Sleep(min(s.latency, 50*time.Millisecond))
		return reply(429, tooFast, "Retry-After: 60"), nil
	}
	s.active++
	s.mu.Unlock()
	time.Sleep(s.latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	s.admitted++
	return reply(200, oneDeployment), nil
}

// crowd starts 64 callers that wait for one rate limit, and returns the number
// of failures and the time. herd opens the gate to all callers at once.
func crowd(t *testing.T, s *busyServer, policy RetryPolicy, herd bool) (failed int, took time.Duration) {
	t.Helper()
	client := inProcessClient(t, s.serve, WithToken("token-a"), WithRetry(policy))
	s.closed = true
	if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
		t.Fatal(err)
	}
	s.closed, s.refused, s.starts, s.succeeded = false, 0, nil, nil

	began, done := time.Now(), make(chan struct{})
	var mu sync.Mutex
	var callers sync.WaitGroup
	for i := range 64 {
		callers.Go(func() {
			time.Sleep(time.Duration(i) * 500 * time.Millisecond)
			if err := getOne(t.Context(), client); err != nil {
				mu.Lock()
				failed++
				mu.Unlock()
				if !errors.Is(err, ErrRateLimited) {
					t.Errorf("caller %d: %v", i, err)
				}
			}
		})
	}
	if herd {
		go func() {
			for tick := time.NewTicker(time.Second / 10); ; {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				client.core.gate.mu.Lock()
				for _, h := range client.core.gate.holds {
					h.window = math.Inf(1)
					h.lasts = 0 // no jitter
				}
				client.core.gate.mu.Unlock()
			}
		}()
	}
	callers.Wait()
	close(done)
	took = time.Since(began)
	client.core.gate.mu.Lock()
	defer client.core.gate.mu.Unlock()
	if n := len(client.core.gate.holds); failed == 0 && n != 0 {
		t.Errorf("%d holds are left", n)
	}
	return failed, took
}

// TestGateOpensGradually compares the gate with one that opens to all callers
// at once.
func TestGateOpensGradually(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 200 * time.Millisecond, time.Second, 5 * time.Second} {
		t.Run(latency.String(), func(t *testing.T) {
			var gradual, herd time.Duration
			synctest.Test(t, func(t *testing.T) {
				s := &busyServer{admits: 10, latency: latency}
				var failed int
				failed, gradual = crowd(t, s, RetryPolicy{MaxWait: 10 * time.Minute}, false)
				t.Logf("gradually: %d requests, %d refused, %d calls failed, %v", len(s.starts), s.refused, failed, gradual)
				if failed != 0 || s.admitted != 64 || s.refused >= 30 {
					t.Errorf("%d calls failed, %d succeeded, %d requests were refused; want 0, 64, fewer than 30", failed, s.admitted, s.refused)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				s := &busyServer{admits: 10, latency: latency}
				var failed int
				failed, herd = crowd(t, s, RetryPolicy{MaxWait: 10 * time.Minute}, true)
				t.Logf("all at once: %d requests, %d refused, %d calls failed, %v", len(s.starts), s.refused, failed, herd)
				if s.refused < 150 {
					t.Errorf("%d requests were refused: the test does not distinguish the two", s.refused)
				}
			})
			if gradual >= herd {
				t.Errorf("it took %v, and %v with all at once", gradual, herd)
			}
		})
	}
}

// When a hold ends, one attempt starts, and then at most two for each success.
func TestGateAdmitsTwoForEachSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &busyServer{admits: 1000, latency: 100 * time.Millisecond}
		if failed, _ := crowd(t, s, RetryPolicy{}, false); failed != 0 || len(s.starts) != 64 {
			t.Errorf("%d calls failed, %d requests, want 0 and 64", failed, len(s.starts))
		}
		for i, before := range s.succeeded {
			if i > 2*before {
				t.Errorf("request %d started after %d successes", i+1, before)
			}
		}
		if s.starts[1].Sub(s.starts[0]) < s.latency {
			t.Errorf("the second request started %v after the probe", s.starts[1].Sub(s.starts[0]))
		}
	})
}

// A call that is not admitted within MaxWait fails at its end.
func TestGateTurnEndsWithMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &busyServer{admits: 10, latency: 20 * time.Second}
		client := inProcessClient(t, s.serve, WithRetry(RetryPolicy{MaxWait: 65 * time.Second}))
		s.closed = true
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		s.closed = false
		began := time.Now()
		var callers sync.WaitGroup
		var sent, failed atomic.Int32
		for range 5 {
			callers.Go(func() {
				err := getOne(t.Context(), client)
				if err == nil {
					sent.Add(1)
					return
				}
				failed.Add(1)
				limit := limitOf(t, err)
				if took := time.Since(began); took != 65*time.Second || limit.RetryAfter != time.Second || !limit.RetryAt.Equal(time.Now().Add(time.Second)) {
					t.Errorf("after %v: %+v, want a wait of a second after 65s", took, limit)
				}
			})
		}
		callers.Wait()
		if sent.Load() != 1 || failed.Load() != 4 || len(s.starts) != 2 {
			t.Errorf("%d calls succeeded, %d failed, %d requests; want the probe alone", sent.Load(), failed.Load(), len(s.starts))
		}
	})
}

// A call is admitted if its rate limit ends together with MaxWait.
func TestGateOpensAtTheEndOfMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			if sent++; sent == 1 {
				return reply(429, tooFast, "Retry-After: 60"), nil
			}
			return reply(200, oneDeployment), nil
		}, WithRetry(RetryPolicy{MaxWait: time.Minute}))
		if err := getOne(t.Context(), client); err != nil || sent != 2 {
			t.Errorf("the limited call: %v, %d requests", err, sent)
		}
		sent = 0
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		began := time.Now()
		if err := getOne(t.Context(), client); err != nil || sent != 2 || time.Since(began) != time.Minute {
			t.Errorf("the waiting call: %v, %d requests after %v", err, sent, time.Since(began))
		}
	})
}

// A rate limit response to the probe closes the gate again. Other tokens are
// not affected.
func TestGateClosesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var starts []time.Duration
		began := time.Now()
		client := inProcessClient(t, func(r *http.Request) (*canned, error) {
			if r.Header.Get("Authorization") == "Bearer token-b" {
				return reply(200, oneDeployment), nil
			}
			mu.Lock()
			defer mu.Unlock()
			starts = append(starts, time.Since(began))
			if len(starts) <= 3 {
				return reply(429, tooFast, "Retry-After: 20"), nil
			}
			return reply(200, oneDeployment), nil
		}, WithTokenFunc(func(ctx context.Context) (string, error) { return ctx.Value(tokenOf{}).(string), nil }))
		a := context.WithValue(t.Context(), tokenOf{}, "token-a")
		if err := limited(a, client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				if err := getOne(a, client); err != nil {
					t.Error(err)
				}
			})
		}
		for range 100 {
			time.Sleep(time.Second)
			at := time.Now()
			if err := getOne(context.WithValue(t.Context(), tokenOf{}, "token-b"), client); err != nil || time.Since(at) != 0 {
				t.Fatalf("another token: %v after %v", err, time.Since(at))
			}
		}
		callers.Wait()
		if len(starts) != 11 {
			t.Fatalf("requests started at %v, want 11", starts)
		}
		for i := 1; i <= 3; i++ {
			if wait := starts[i] - starts[i-1]; wait < 20*time.Second || wait > 21*time.Second {
				t.Errorf("request %d started %v after the limit before it, want 20s", i+1, wait)
			}
		}
		if len(client.core.gate.holds) != 0 {
			t.Error("a hold is left")
		}
	})
}

type tokenOf struct{}

// The delay between probes grows if a server refuses all of them and names no
// time.
func TestGateProbesLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		var mu sync.Mutex
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			mu.Lock()
			defer mu.Unlock()
			sent++
			return reply(429, tooFast, "Retry-After: 0"), nil
		})
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		began := time.Now()
		var callers sync.WaitGroup
		for range 64 {
			callers.Go(func() {
				if err := getOne(t.Context(), client); !errors.Is(err, ErrRateLimited) {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if took := time.Since(began); sent < 5 || sent > 20 || took > 2*time.Minute {
			t.Errorf("%d requests in %v, want 5 to 20 in 2 minutes", sent, took)
		}
	})
}

func BenchmarkGateClose(b *testing.B) {
	for _, tokens := range []int{100, 10_000} {
		b.Run(fmt.Sprint(tokens), func(b *testing.B) {
			var g gate
			now := time.Now()
			limit := func(at time.Time) *RateLimitError { return &RateLimitError{RetryAt: at.Add(time.Hour)} }
			for i := range tokens {
				g.close(tokenKey{byte(i), byte(i >> 8), byte(i >> 16)}, nil, limit(now), now)
			}
			i := tokens
			for b.Loop() {
				// One token per attempt: as one hold begins, another ends.
				at := now.Add(time.Duration(i) * time.Hour / time.Duration(tokens))
				g.close(tokenKey{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}, nil, limit(at), at)
				i++
			}
			b.ReportMetric(float64(len(g.holds)), "holds")
		})
	}
}

func BenchmarkGateOpen(b *testing.B) {
	var g gate
	key := keyOf("token-a")
	b.ReportAllocs()
	for b.Loop() {
		t, _, err := g.acquire(b.Context(), key, time.Minute, nil)
		if t != nil || err != nil {
			b.Fatal(t, err)
		}
		t.succeed()
		t.release()
	}
}

// queue has the waiters of a gate, and the tickets of the admitted ones.
type queue struct {
	gate    *gate
	key     tokenKey
	waiters []*waiter
	tickets []*ticket
}

// admitted collects the new tickets and returns their number.
func (q *queue) admitted() int {
	n := 0
	for i, w := range q.waiters {
		if w == nil {
			continue
		}
		select {
		case <-w.ready:
			q.tickets = append(q.tickets, w.ticket)
			q.waiters[i] = nil
			n++
		default:
		}
	}
	return n
}

func (q *queue) succeed(n int) {
	for range n {
		q.tickets[0].succeed()
		q.tickets = q.tickets[1:]
	}
}

// close closes the gate for a second, on behalf of the first ticket.
func (q *queue) close() {
	q.gate.close(q.key, q.tickets[0], &RateLimitError{RetryAt: time.Now().Add(time.Second)}, time.Now())
	for _, t := range q.tickets {
		t.succeed() // has no effect
	}
	q.tickets = nil
	time.Sleep(time.Second)
	synctest.Wait()
}

// After a rate limit response the window restarts at one. Above half of the
// requests that were in flight it grows by one in each round trip.
func TestGateWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{gate: new(gate), tickets: []*ticket{nil}}
		q.close()
		if first, limit, _ := q.gate.enter(q.key, time.Now()); limit != nil {
			t.Fatal(limit)
		} else {
			q.tickets = []*ticket{first}
		}
		for range 200 {
			q.waiters = append(q.waiters, q.gate.join(q.key, time.Hour, time.Now()))
		}
		steps := []struct {
			succeed  int
			closed   bool
			admitted int
		}{
			{0, false, 0}, {1, false, 2}, {1, false, 2}, {3, false, 6}, {2, false, 4}, // 8 in flight
			{0, true, 1},                                                              // the threshold is 4
			{1, false, 2}, {2, false, 4}, {4, false, 4}, {1, false, 2}, {5, false, 6}, // 6 in flight
			{0, true, 1},                                // 3
			{1, false, 2}, {2, false, 3}, {3, false, 4}, // 4 in flight
			{0, true, 1}, {0, true, 1}, // 1
			{1, false, 2}, {2, false, 2},
		}
		for i, s := range steps {
			if s.closed {
				q.close()
			}
			q.succeed(s.succeed)
			if got := q.admitted(); got != s.admitted {
				t.Fatalf("step %d: %d were admitted, want %d (window %v, threshold %v)", i, got, s.admitted, q.gate.holds[q.key].window, q.gate.holds[q.key].threshold)
			}
		}
	})
}
