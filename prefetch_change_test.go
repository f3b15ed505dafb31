package ghdeploy_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// A list that changes constantly takes at most twice the requests.
func TestPrefetchBusyList(t *testing.T) {
	for name, every := range map[string]int{"a row at each request": 1, "a row at each third": 3, "a row at each tenth": 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const rows, perPage = 5000, 100
				s := newShelf(rows)
				created := 0
				s.evolve = func(s *shelf, evaluated int) {
					if evaluated%every == 0 {
						created++
						s.create(0, int64(rows+created))
					}
				}
				ids, err := collect(clientOn(t, s).Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Prefetch: 8}))
				if err != nil {
					t.Fatal(err)
				}
				sorted := slices.Clone(ids)
				slices.Sort(sorted)
				same(t, "rows that are yielded twice", len(ids), len(slices.Compact(sorted)))
				sorted = slices.DeleteFunc(sorted, func(id int64) bool { return id > rows })
				slices.Reverse(sorted)
				same(t, "original rows", down(rows, 1), sorted)
				t.Logf("%d requests for %d rows", s.requests(), len(s.ids))
				// At most two requests for each page, and the checks of each
				// window.
				if pages := len(s.ids)/perPage + 1; s.requests() > 2*pages+2*(pages/8+1)+8 {
					t.Errorf("%d requests for %d pages", s.requests(), pages)
				}
			})
		})
	}
}

// After deletions a walk can skip a row, as it can without Prefetch. It repeats
// none, and it ends.
func TestPrefetchShrinkingList(t *testing.T) {
	tests := map[string]func(s *shelf){
		"all rows":          func(s *shelf) { s.ids = nil },
		"the last rows":     func(s *shelf) { s.ids = s.ids[:min(len(s.ids), 55)] },
		"the first rows":    func(s *shelf) { s.ids = s.ids[min(len(s.ids), 400):] },
		"every second row":  func(s *shelf) { s.ids = slices.DeleteFunc(s.ids, func(id int64) bool { return id%2 == 0 }) },
		"a row in a window": func(s *shelf) { s.ids = slices.DeleteFunc(s.ids, func(id int64) bool { return id == 450 }) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			for moment := range 57 {
				synctest.Test(t, func(t *testing.T) {
					s := newShelf(500)
					s.evolve = func(s *shelf, evaluated int) {
						if evaluated == moment {
							change(s)
						}
					}
					ids, err := collect(prefetching(t.Context(), t, s, 8))
					if err != nil {
						t.Fatalf("moment %d: %v", moment, err)
					}
					for i := 1; i < len(ids); i++ {
						if ids[i] >= ids[i-1] {
							t.Fatalf("moment %d: row %d came after %d", moment, ids[i], ids[i-1])
						}
					}
				})
			}
		})
	}
	// One row is deleted while a window is read. No other row is skipped.
	t.Run("one row of the window", func(t *testing.T) {
		for seed := range uint64(100) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				s := newShelf(100)
				s.latency = func(query) (before, after time.Duration) {
					return time.Duration(random.Int64N(int64(time.Second))), 0
				}
				moment := 3 + random.IntN(8) // while pages 3 to 10 are read
				s.evolve = func(s *shelf, evaluated int) {
					if evaluated == moment {
						s.ids = slices.Delete(s.ids, 35, 36)
					}
				}
				ids, err := collect(prefetching(t.Context(), t, s, 8))
				if err != nil {
					t.Fatal(err)
				}
				ids = slices.DeleteFunc(ids, func(id int64) bool { return id == 65 })
				same(t, "ids", append(down(100, 66), down(64, 1)...), ids)
			})
		}
	})
}

func TestPrefetchRateLimit(t *testing.T) {
	limited := func(s *shelf) {
		var until time.Time
		s.respond = func(query) *canned {
			now := time.Now()
			if s.evaluated == 16 { // in the second window
				until = now.Add(30 * time.Second)
			}
			if now.Before(until) {
				return reply(429, `{"message":"You have exceeded a secondary rate limit"}`, "Retry-After: 30")
			}
			return nil
		}
	}
	t.Run("the walk waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(500)
			limited(s)
			start := time.Now()
			ids, err := collect(prefetching(t.Context(), t, s, 8, ghdeploy.WithRetry(ghdeploy.RetryPolicy{})))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "ids", down(500, 1), ids)
			if took := time.Since(start); took < 30*time.Second {
				t.Errorf("the walk took %v and did not wait", took)
			}
		})
	})
	t.Run("the walk may not wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(500)
			limited(s)
			ids, err := collect(prefetching(t.Context(), t, s, 8))
			if !errors.Is(err, ghdeploy.ErrRateLimited) {
				t.Errorf("err = %v, want ErrRateLimited", err)
			}
			if n := len(ids); n != 20 && n != 100 { // the check can be limited too
				t.Errorf("%d rows, want those before the window", n)
			}
			sent := s.requests()
			time.Sleep(time.Hour)
			same(t, "requests", sent, s.requests())
		})
	})
}

// Each request is retried on its own after a transient error.
func TestPrefetchRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(500)
		s.respond = func(query) *canned {
			if s.evaluated%3 == 0 {
				return reply(502, "")
			}
			return nil
		}
		ids, err := collect(prefetching(t.Context(), t, s, 8, ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: 10})))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", down(500, 1), ids)
	})
}

// A slow loop keeps at most two windows in memory.
func TestPrefetchSlowLoop(t *testing.T) {
	for _, prefetch := range []int{2, 8, 16} {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(1000)
			most, rows := 0, 0
			for _, err := range prefetching(t.Context(), t, s, prefetch) {
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				pages := 0
				for _, q := range s.asked {
					if !q.check() {
						pages++
					}
				}
				most = max(most, pages-rows/10) // including the page of this row
				rows++
			}
			same(t, "pages in memory", 2*prefetch, most)
		})
	}
}

// A break closes no connection, because no request is in flight. All
// connections are idle then.
func TestPrefetchConnections(t *testing.T) {
	s := newShelf(500)
	s.latency = func(query) (before, after time.Duration) { return 0, 0 }
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		resp, err := s.RoundTrip(r)
		if err != nil {
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Link", resp.Header.Get("Link"))
		if _, err := io.Copy(w, resp.Body); err != nil {
			t.Error(err)
		}
	}))
	opened, closed := make(chan struct{}, 1000), make(chan struct{}, 1000)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened <- struct{}{}
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	all := prefetching(t.Context(), t, transport, 8, ghdeploy.WithBaseURL(server.URL+"/api/v3"))
	for _, rows := range []int{500, 1, 15, 25, 110, 500} {
		n := 0
		for _, err := range all {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == rows {
				break
			}
		}
		same(t, "rows", rows, n)
	}
	same(t, "connections closed by a break", 0, len(closed))
	transport.CloseIdleConnections()
	for range len(opened) {
		<-closed // a leak blocks here until the test's timeout
	}
}
