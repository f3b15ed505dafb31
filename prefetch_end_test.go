package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// After a loop ends early no request is sent, and none is in flight while its
// body runs. synctest fails if a goroutine is left.
func TestPrefetchLoopEnds(t *testing.T) {
	ends := map[string]func(stop func() bool, s *shelf, t *testing.T){
		"break": func(stop func() bool, s *shelf, t *testing.T) {
			for _, err := range prefetching(t.Context(), t, s, 8) {
				if err != nil {
					t.Error(err)
				}
				if s.idle(t); stop() {
					break
				}
			}
		},
		"panic": func(stop func() bool, s *shelf, t *testing.T) {
			defer func() { same(t, "recovered", any("boom"), recover()) }()
			for _, err := range prefetching(t.Context(), t, s, 8) {
				if s.idle(t); err != nil || stop() {
					panic("boom")
				}
			}
		},
		"exit of the goroutine": func(stop func() bool, s *shelf, t *testing.T) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, err := range prefetching(t.Context(), t, s, 8) {
					if s.idle(t); err != nil || stop() {
						runtime.Goexit()
					}
				}
			}()
			<-done
		},
		"a context that the body cancels": func(stop func() bool, s *shelf, t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var err error
			for _, err = range prefetching(ctx, t, s, 8) {
				if s.idle(t); stop() {
					cancel()
				}
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("err = %v, want context.Canceled", err)
			}
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			// The first and last rows of pages 1, 2, 3, 10, 11, 18 and 19.
			for _, row := range []int{1, 10, 11, 20, 21, 100, 101, 180, 181} {
				synctest.Test(t, func(t *testing.T) {
					s := newShelf(500)
					rows, sent := 0, 0
					end(func() bool {
						if rows++; rows == row {
							sent = s.requests()
						}
						return rows == row
					}, s, t)
					time.Sleep(time.Hour)
					s.idle(t)
					if s.requests() != sent {
						t.Errorf("row %d: %d requests after the end", row, s.requests()-sent)
					}
				})
			}
		})
	}
}

// The context of the walk ends its requests.
func TestPrefetchContextEnds(t *testing.T) {
	for name, after := range map[string]time.Duration{
		"page 1": 25 * time.Millisecond, "page 2": 75 * time.Millisecond,
		"the first window": 125 * time.Millisecond, "the second one": 175 * time.Millisecond,
		"the last check": 425 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(500)
				ctx, cancel := context.WithTimeout(t.Context(), after)
				defer cancel()
				start := time.Now()
				ids, err := collect(prefetching(ctx, t, s, 8))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("err = %v, want context.DeadlineExceeded", err)
				}
				same(t, "time", after, time.Since(start))
				same(t, "ids", down(500, 501-len(ids)), ids)
				sent := s.requests()
				time.Sleep(time.Hour)
				same(t, "requests", sent, s.requests())
			})
		})
	}
}

// An error is yielded once, after the rows of the complete windows before it.
func TestPrefetchError(t *testing.T) {
	page := func(n int) func(query) bool { return func(q query) bool { return q.page == n && !q.check() } }
	tests := map[string]struct {
		fails    func(q query) bool
		rows     int // yielded before the error
		requests int
	}{
		"page 1":                            {page(1), 0, 1},
		"page 2":                            {page(2), 10, 3},
		"the first page of a window":        {page(3), 20, 11},
		"a page of a window":                {page(6), 20, 11},
		"the last page of a window":         {page(10), 20, 11},
		"a page of the second window":       {page(14), 100, 20},
		"the last page":                     {page(50), 420 + 70 - 70, 57 - 1},
		"all pages of a window":             {func(q query) bool { return q.page > 10 }, 100, 20},
		"the first check":                   {query.check, 10, 3},
		"a check and a page read with it":   {func(q query) bool { return q.page == 12 || q.check() && q.late(125) }, 20, 20},
		"the check after the first window":  {func(q query) bool { return q.check() && q.late(125) }, 20, 20},
		"the check after the second window": {func(q query) bool { return q.check() && q.late(175) }, 100, 29},
		"the last check":                    {func(q query) bool { return q.check() && q.late(375) }, 420, 57},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(500)
				s.respond = func(q query) *canned {
					if tt.fails(q) {
						return reply(404, `{"message":"Not Found"}`)
					}
					return nil
				}
				errs := 0
				var ids []int64
				for d, err := range prefetching(t.Context(), t, s, 8) {
					if err == nil {
						ids = append(ids, d.ID)
						continue
					}
					if errs++; d != nil || !errors.Is(err, ghdeploy.ErrNotFound) {
						t.Errorf("yielded %v, %v, want ErrNotFound", d, err)
					}
				}
				same(t, "errors", 1, errs)
				same(t, "ids", down(500, 501-tt.rows), ids)
				time.Sleep(time.Hour)
				same(t, "requests", tt.requests, s.requests())
			})
		})
	}
}

// An error ends the walk, also if the window before it has to be read again.
func TestPrefetchErrorAfterChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(500)
		s.evolve = func(s *shelf, evaluated int) {
			if evaluated == 6 {
				s.create(0, 501)
			}
		}
		s.respond = func(q query) *canned {
			if q.page == 14 {
				return reply(404, `{"message":"Not Found"}`)
			}
			return nil
		}
		ids, err := collect(prefetching(t.Context(), t, s, 8))
		if !errors.Is(err, ghdeploy.ErrNotFound) {
			t.Errorf("err = %v, want ErrNotFound", err)
		}
		same(t, "ids", down(500, 481), ids)
		same(t, "requests", 20, s.requests())
	})
}

// A failed page cancels the pages after it, and not those before it.
func TestPrefetchErrorCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(500)
		s.latency = func(q query) (before, after time.Duration) {
			switch {
			case q.page > 6:
				return time.Hour, 0
			case q.page == 6: // fails before page 4
				return 0, time.Second
			}
			return 0, time.Duration(q.page) * time.Second
		}
		s.respond = func(q query) *canned {
			if q.page == 4 || q.page == 6 {
				return reply(403+q.page/6, `{"message":"no"}`) // page 4: 403, page 6: 404
			}
			return nil
		}
		start := time.Now()
		ids, err := collect(prefetching(t.Context(), t, s, 8))
		if !errors.Is(err, ghdeploy.ErrForbidden) {
			t.Errorf("err = %v, want ErrForbidden of the first failed page", err)
		}
		same(t, "ids", down(500, 481), ids)
		same(t, "time", (1+2+4)*time.Second, time.Since(start))
	})
}

// A failed check cancels the pages that are read with it.
func TestPrefetchCheckErrorCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(500)
		s.latency = func(q query) (before, after time.Duration) {
			if q.page > 10 {
				return time.Hour, 0
			}
			return 0, time.Second
		}
		s.respond = func(q query) *canned {
			if q.check() && q.late(2500) {
				return reply(403, `{"message":"no"}`)
			}
			return nil
		}
		start := time.Now()
		ids, err := collect(prefetching(t.Context(), t, s, 8))
		if !errors.Is(err, ghdeploy.ErrForbidden) {
			t.Errorf("err = %v, want ErrForbidden", err)
		}
		same(t, "ids", down(500, 481), ids)
		same(t, "time", 4*time.Second, time.Since(start))
	})
}

// Responses for pages past the end are ignored.
func TestPrefetchPastTheEnd(t *testing.T) {
	for name, a := range map[string]*canned{
		"an empty page": reply(200, `[]`), "an error": reply(422, `{"message":"pagination is limited"}`),
		"a broken connection": {Err: errors.New("reset")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(45)
				s.noLast = true
				s.respond = func(q query) *canned {
					if q.page > 5 {
						return a
					}
					return nil
				}
				ids, err := collect(prefetching(t.Context(), t, s, 8))
				if err != nil {
					t.Fatal(err)
				}
				same(t, "ids", down(45, 1), ids)
			})
		})
	}
}

// If the checks return no row, the pages are read one by one.
func TestPrefetchEmptyChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(500)
		s.respond = func(q query) *canned {
			if q.check() {
				return reply(200, `[]`)
			}
			return nil
		}
		start := time.Now()
		ids, err := collect(prefetching(t.Context(), t, s, 8))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "ids", down(500, 1), ids)
		if took := time.Since(start); took < 50*50*time.Millisecond {
			t.Errorf("50 pages took %v: pages without a check were yielded", took)
		}
	})
}

// A page without a valid next page keeps its rows and ends the range.
func TestPrefetchBrokenNextPage(t *testing.T) {
	for page, link := range map[int]string{
		1: `<?page=1>; rel="next"`, 2: `<?after=x>; rel="next"`, 3: `<?page=0>; rel="next"`,
		5: `<?page=5>; rel="next"`, 10: `<?page=9999999999>; rel="next"`, 14: `<?page=3>; rel="next"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(500)
			s.respond = func(q query) *canned {
				if q.page == page && !q.check() {
					return reply(200, `[{"id":7}]`, "Link: "+link)
				}
				return nil
			}
			ids, err := collect(prefetching(t.Context(), t, s, 8))
			if !errors.Is(err, ghdeploy.ErrPagination) {
				t.Errorf("page %d: err = %v, want ErrPagination", page, err)
			}
			same(t, "ids", append(down(500, 511-10*page), 7), ids)
		})
	}
	t.Run("page numbers that skip", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			const most = 1<<31 - 1
			links := map[int]string{1: "<?page=2>", 2: "<?page=3>", 3: "<?page=5>", 5: "<?page=6>", 6: "<?page=90>", 90: "<?page=2147483647>"}
			for page, link := range links {
				links[page] = "Link: " + link + `; rel="next"`
			}
			s := newShelf(500)
			s.respond = func(q query) *canned {
				a := reply(200, `[{"id":1}]`)
				if !q.check() {
					a = reply(200, fmt.Sprintf(`[{"id":%d}]`, q.page), links[q.page])
				}
				return a
			}
			ids, err := collect(prefetching(t.Context(), t, s, 8))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "ids", []int64{1, 2, 3, 5, 6, 90, most}, ids)
			for _, q := range s.asked {
				if q.page < 1 || q.page > most {
					t.Errorf("page %d was requested", q.page)
				}
			}
		})
	})
	t.Run("pages without a new row", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(5000)
			s.respond = func(q query) *canned {
				if q.page < 15 || q.check() {
					return nil
				}
				return reply(200, `[]`, fmt.Sprintf(`Link: <?page=%d>; rel="next"`, q.page+1))
			}
			ids, err := collect(prefetching(t.Context(), t, s, 8))
			if !errors.Is(err, ghdeploy.ErrPagination) {
				t.Errorf("err = %v, want ErrPagination", err)
			}
			same(t, "ids", down(5000, 5001-140), ids)
		})
	})
}

// A panic of the caller's transport reaches the caller's goroutine.
func TestPrefetchTransportPanics(t *testing.T) {
	for name, meets := range map[string]func(q query) bool{
		"page 1": func(q query) bool { return q.page == 1 && !q.check() }, "a page of a window": func(q query) bool { return q.page == 5 },
		"the first check": query.check,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(500)
				s.respond = func(q query) *canned {
					if meets(q) {
						panic("boom")
					}
					return nil
				}
				defer func() { same(t, "recovered", any("boom"), recover()) }()
				_, err := collect(prefetching(t.Context(), t, s, 8))
				t.Errorf("the walk ended with %v, want a panic", err)
			})
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(500)
				s.respond = func(q query) *canned {
					if meets(q) {
						runtime.Goexit()
					}
					return nil
				}
				ended, exited := false, make(chan struct{})
				go func() {
					defer close(exited)
					_, _ = collect(prefetching(t.Context(), t, s, 8))
					ended = true
				}()
				<-exited
				if ended {
					t.Error("the loop went on after its transport had exited")
				}
			})
		})
	}
}
