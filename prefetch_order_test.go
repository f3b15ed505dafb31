package ghdeploy_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// check replaces the check of Prefetch; see AllWithCheck.
type check = func(honest func() (ghdeploy.Mark, error)) (ghdeploy.Mark, error)

// honestCheck is the check of All.
func honestCheck(*shelf) check {
	return func(honest func() (ghdeploy.Mark, error)) (ghdeploy.Mark, error) { return honest() }
}

// noCheck sends no request and finds no change.
func noCheck(*shelf) check {
	return func(func() (ghdeploy.Mark, error)) (ghdeploy.Mark, error) { return ghdeploy.OtherMark(1), nil }
}

// firstRowCheck ignores the number of rows.
func firstRowCheck(*shelf) check {
	return func(honest func() (ghdeploy.Mark, error)) (ghdeploy.Mark, error) {
		m, err := honest()
		return ghdeploy.FirstRow(m), err
	}
}

// besideCheck makes the first check during the first window instead of before
// it.
func besideCheck(s *shelf) check {
	var first, returned ghdeploy.Mark
	ready := make(chan struct{})
	calls := int64(0)
	return func(honest func() (ghdeploy.Mark, error)) (ghdeploy.Mark, error) {
		calls++
		if calls == 1 {
			go func() {
				defer close(ready)
				for s.requests() < 3 {
					time.Sleep(time.Millisecond)
				}
				first, _ = honest()
			}()
			returned = ghdeploy.OtherMark(calls)
			return returned, nil
		}
		<-ready
		m, err := honest()
		if m == first {
			return returned, err
		}
		first, returned = m, ghdeploy.OtherMark(calls)
		return returned, err
	}
}

// In each walk one row is created at a random moment, and the server evaluates
// the requests of a window in random order.
func TestPrefetchLosesNoRow(t *testing.T) {
	const rows, pages, prefetch = 10_000, 100, 8
	newestFirst := func(*rand.Rand, int) int { return 0 }
	anywhere := func(random *rand.Rand, n int) int { return random.IntN(n) }
	tests := map[string]struct {
		check          func(*shelf) check
		place          func(random *rand.Rand, n int) int // of the row that is created
		walks, moments int
		sound          bool
	}{
		"All":                                   {honestCheck, newestFirst, 200, pages, true},
		"All on a list without an order":        {honestCheck, anywhere, 30, pages, true},
		"no check":                              {noCheck, newestFirst, 50, pages, false},
		"a check during the window":             {besideCheck, newestFirst, 50, 2 + prefetch, false},
		"the first row on one without an order": {firstRowCheck, anywhere, 50, pages, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lost, twice, again := 0, 0, 0
			for seed := range uint64(tt.walks) {
				if !tt.sound && lost == 3 {
					break // the test has found the wrong check
				}
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 0))
					s := newShelf(rows)
					s.latency = func(query) (before, after time.Duration) {
						return time.Duration(random.Int64N(int64(50 * time.Millisecond))), time.Duration(random.Int64N(int64(5 * time.Millisecond)))
					}
					moment := random.IntN(tt.moments)
					s.evolve = func(s *shelf, evaluated int) {
						if evaluated == moment {
							s.create(tt.place(random, len(s.ids)), rows+1)
						}
					}
					seen := make([]int, rows+2)
					for d, err := range ghdeploy.AllWithCheck(t.Context(), clientOn(t, s).Deployments, prefetch, tt.check(s)) {
						if err != nil {
							t.Fatalf("walk %d: %v", seed, err)
						}
						seen[d.ID]++
					}
					incomplete := false
					for id, n := range seen {
						if n > 1 {
							twice++
							t.Errorf("walk %d: row %d was yielded %d times", seed, id, n)
						}
					}
					for id := range int64(rows) {
						incomplete = incomplete || seen[id+1] == 0
					}
					if incomplete {
						lost++
					}
					if s.requests() > pages+15 {
						again++
					}
				})
			}
			t.Logf("%d walks: %d lost a row, %d read a window again", tt.walks, lost, again)
			switch {
			case tt.sound && lost > 0:
				t.Errorf("%d of %d walks lost a row", lost, tt.walks)
			case tt.sound && again == 0:
				t.Error("no walk saw a change: the test proves nothing")
			case !tt.sound && lost == 0:
				t.Error("no walk lost a row: the test does not find a wrong check")
			}
		})
	}
}
