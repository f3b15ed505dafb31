package ghdeploy

import (
	"cmp"
	"context"
	"iter"
	"math"
	"runtime"
	"sync"
)

// maxPrefetch bounds the pages that a range requests at the same time. It holds
// at most two windows of them: the one that the loop reads, and the next one.
const maxPrefetch = 16

// all ranges over the rows of a list, from page p.page on.
func all[T any](ctx context.Context, p paging, prefetch int, list func(ctx context.Context, page, perPage int) (*Page[T], error)) iter.Seq2[T, error] {
	p.perPage = cmp.Or(p.perPage, maxPerPage)
	switch {
	case prefetch < 0 || prefetch > maxPrefetch:
		err := invalidArgument("Prefetch is %d; All requests 0 to %d pages at the same time", prefetch, maxPrefetch)
		return func(yield func(T, error) bool) { (&walk[T]{yield: yield}).fail(err) }
	case prefetch <= 1:
		return Pages(p.page, func(page int) (*Page[T], error) { return list(ctx, page, p.perPage) })
	}
	return newPrefetcher(p.perPage, prefetch, list).rows(ctx, p.page)
}

func newPrefetcher[T any](perPage, size int, list func(ctx context.Context, page, perPage int) (*Page[T], error)) *prefetcher[T] {
	return &prefetcher[T]{
		size:  size,
		list:  func(ctx context.Context, page int) (*Page[T], error) { return list(ctx, page, perPage) },
		check: func(ctx context.Context) (mark, error) { return markOf(list(ctx, 2, 1)) },
	}
}

// mark tells two states of a list apart. A check reads it from a page of one
// row, where LastPage is the number of rows. It reads the second page, which is
// never cached: GitHub's 304 confirms the rows of a page and not its LastPage.
type mark struct {
	id          int64
	last, total int
}

func markOf[T any](p *Page[T], err error) (mark, error) {
	if err != nil {
		return mark{}, err
	}
	m := mark{last: p.LastPage, total: p.Total}
	if len(p.Items) > 0 {
		m.id = idOf(p.Items[0])
	}
	return m, nil
}

// confirms reports whether two checks found the same list.
func (m mark) confirms(before mark) bool { return m.id != 0 && m == before }

// prefetcher reads a list in windows of pages. The pages of a window are
// requested at the same time, so GitHub can evaluate them in any order. If it
// evaluates page 4, then creates a row, then evaluates page 3, the last row of
// page 3 has moved to page 4 and is on neither. So a window of two or more
// pages is yielded only if a check after its last response equals the base, a
// check that completed before the first window's first request. Otherwise its
// pages are read again, one after the other, and beside the last of them a new
// base.
type prefetcher[T any] struct {
	size  int // pages of a window
	list  func(ctx context.Context, page int) (*Page[T], error)
	check func(ctx context.Context) (mark, error)
}

// window is a run of pages, each the next page of the one before it.
type window[T any] struct {
	first int
	pages []*Page[T]
	err   error // of the page that comes next
}

// rows reads window k+1, and beside it the check after window k, then yields
// window k. No request is in flight while the loop body runs.
func (f *prefetcher[T]) rows(ctx context.Context, first int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var (
			out   = walk[T]{yield: yield}
			base  *mark      // nil: read one page after the other
			alone = 2        // pages to read before there is a new base
			held  *window[T] // read, and not checked yet
			ended bool       // the held window is the last one
			busy  bool       // the last window that was checked had changed
			next  = first
			last  = math.MaxInt32
		)
		for {
			size := 1
			switch {
			case held != nil && (ended || busy):
				size = 0 // only the check
			case base != nil:
				size = max(1, min(f.size, last-next+1))
			}
			// A window of two pages and its check take as long as two pages.
			checks := held != nil || base == nil && alone <= 1 && last-next > 2
			w := &window[T]{first: next}
			now, err := f.read(ctx, w, size, checks)
			switch {
			case err != nil:
				out.fail(err)
				return
			case held == nil:
			case now.confirms(*base):
				if !out.window(held) {
					return
				}
				held, busy = nil, false
			case w.err == nil:
				next, alone = held.first, len(held.pages)
				base, held, busy = nil, nil, true
				continue
			}
			if w.err != nil {
				out.fail(w.err)
				return
			}
			if size == 0 {
				continue
			}
			if base == nil && checks {
				base = &now
			}
			alone--
			tail := w.pages[len(w.pages)-1]
			ended = !grows(w.number(len(w.pages)-1), tail.NextPage)
			next, last = tail.NextPage, cmp.Or(tail.LastPage, math.MaxInt32)
			switch {
			case len(w.pages) > 1:
				held = w
			case !out.window(w): // no row can move within one page
				return
			}
		}
	}
}

// read requests size pages at the same time and, if checks is true, the mark;
// the error is that of the mark. Pages that are no next page of another one are
// dropped: a server may refuse a page past the end of the list.
func (f *prefetcher[T]) read(ctx context.Context, w *window[T], size int, checks bool) (now mark, err error) {
	var (
		pages = make([]*Page[T], size)
		errs  = make([]error, size)
		stops = make([]context.CancelFunc, size)
		calls = make([]func(), size, size+1)
	)
	stop := func(from int) {
		for _, stop := range stops[from:] {
			stop()
		}
	}
	defer stop(0)
	for i := range size {
		ctx, cancel := context.WithCancel(ctx)
		stops[i] = cancel
		calls[i] = func() {
			defer func() {
				if pages[i] == nil { // also after a panic
					stop(i + 1)
				}
			}()
			pages[i], errs[i] = f.list(ctx, w.first+i)
		}
	}
	if checks {
		calls = append(calls, func() {
			if now, err = f.check(ctx); err != nil {
				stop(0)
			}
		})
	}
	together(calls)
	for i := 0; i < size; i = w.number(len(w.pages)) - w.first {
		if w.err = errs[i]; w.err != nil {
			break
		}
		w.pages = append(w.pages, pages[i])
		if !grows(w.first+i, pages[i].NextPage) {
			break
		}
	}
	return now, err
}

// number is the number of page i of the window.
func (w *window[T]) number(i int) int {
	if i == 0 {
		return w.first
	}
	return w.pages[i-1].NextPage
}

// window yields the rows of a window and reports whether the walk goes on. The
// pages can be freed one by one.
func (w *walk[T]) window(from *window[T]) bool {
	number := from.first
	for i, p := range from.pages {
		from.pages[i] = nil
		if !w.page(number, p) {
			return false
		}
		number = p.NextPage
	}
	return true
}

// together makes the calls at the same time and returns when all have ended.
// If one panics or exits its goroutine, together does so on the caller's.
func together(calls []func()) {
	if len(calls) == 1 {
		calls[0]()
		return
	}
	var wg sync.WaitGroup
	ends := make([]func(), len(calls))
	for i, call := range calls {
		wg.Go(func() {
			ends[i] = runtime.Goexit
			defer func() {
				if v := recover(); v != nil {
					ends[i] = func() { panic(v) }
				}
			}()
			call()
			ends[i] = nil
		})
	}
	wg.Wait()
	for _, end := range ends {
		if end != nil {
			end()
		}
	}
}
