package ghdeploy

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxPerPage is GitHub's maximum: it reduces a larger per_page without an
// error.
const maxPerPage = 100

// defaultPerPage is the number of rows without per_page.
const defaultPerPage = 30

// brokenNextPage is the NextPage of a page whose next page cannot be requested.
const brokenNextPage = -1

// Page is one page of a list. A page number is 0 if the response has none: the
// last page has no NextPage, and GitHub sometimes omits LastPage.
//
// NextPage is -1 if the response names a next page whose number is missing or
// does not grow. A List with that Page is an [ErrInvalidArgument], and a range
// over all pages ends with [ErrPagination].
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
type Page[T any] struct {
	Items []T

	FirstPage int
	PrevPage  int
	NextPage  int
	LastPage  int

	Total int  // rows of all pages; 0 if the response does not count them
	Rate  Rate // the quota that this response reported
}

// Pages ranges over the items of a list's pages, from page first on (0 is the
// first page too). list fetches one page. It is what every All of this package
// is made of, and one line of it makes the All of a stub:
//
//	return ghdeploy.Pages(opts.Page, func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) { ... })
//
// An error is yielded once, with a zero T, and ends the range. A break stops
// the fetching at once, and a second range starts over. A page number that
// does not grow, and pages that go on without a new row, are [ErrPagination].
//
// A row that is created during the range moves others to a later page: Pages
// remembers the last 1,000 IDs and yields a row of this package's types once. A
// row that is deleted during the range moves others to an earlier page, and
// these are skipped. Do not delete while you range: collect the rows first, or
// use Retire of package rollout.
func Pages[T any](first int, list func(page int) (*Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		w := walk[T]{yield: yield}
		for page := first; ; {
			p, err := list(page)
			if err == nil && p == nil {
				err = brokenPages("page %d is nil", page)
			}
			if err != nil {
				w.fail(err)
				return
			}
			if !w.page(page, p) {
				return
			}
			page = p.NextPage
		}
	}
}

// walk yields the rows of one range over pages.
type walk[T any] struct {
	yield  func(T, error) bool
	seen   recent
	barren int // consecutive pages without a new item
}

// page yields the new rows of a page. It reports whether the range goes on.
func (w *walk[T]) page(number int, p *Page[T]) bool {
	w.barren++
	for _, item := range p.Items {
		if w.seen.before(item) {
			continue
		}
		w.barren = 0
		if !w.yield(item, nil) {
			return false
		}
	}
	switch {
	case p.NextPage == 0:
		return false
	case !grows(number, p.NextPage):
		w.fail(brokenPages("page %d names no valid next page", max(number, 1)))
		return false
	case w.barren == maxBarren:
		w.fail(brokenPages("%d pages without a new row", w.barren))
		return false
	}
	return true
}

func (w *walk[T]) fail(err error) {
	var none T
	w.yield(none, err)
}

// maxBarren bounds the number of consecutive pages without a new row. Each such
// page needs a hundred rows that were created between two requests.
const maxBarren = 10

func brokenPages(format string, args ...any) error {
	return &Error{Err: fmt.Errorf("%w: "+format, append([]any{ErrPagination}, args...)...)}
}

// grows reports whether the next page number is greater than this one.
func grows(page, next int) bool { return next > max(page, 1) }

// recent holds the last IDs of a walk.
type recent struct {
	ids   map[int64]struct{}
	order []int64
	next  int
}

const remembered = 1000

// idOf returns the ID of a row, 0 if it has no ID.
func idOf(item any) int64 {
	if r, ok := item.(row); ok {
		return r.rowID()
	}
	return 0
}

// before reports whether the row is among the recent ones, and adds it. A row
// without an ID never is.
func (r *recent) before(item any) bool {
	id := idOf(item)
	if _, ok := r.ids[id]; ok {
		return true
	}
	if id == 0 {
		return false
	}
	if r.ids == nil {
		r.ids = make(map[int64]struct{})
	}
	if len(r.order) < remembered {
		r.order = append(r.order, id)
	} else {
		delete(r.ids, r.order[r.next])
		r.order[r.next] = id
		r.next = (r.next + 1) % remembered
	}
	r.ids[id] = struct{}{}
	return false
}

// paging holds the fields that the options of all lists share.
type paging struct{ page, perPage int }

func (p paging) validate() error {
	switch {
	case p.page < 0:
		return invalidArgument("Page is %d; pages are counted from 1", p.page)
	case p.perPage < 0 || p.perPage > maxPerPage:
		return invalidArgument("PerPage is %d; GitHub's pages hold 1 to %d rows", p.perPage, maxPerPage)
	}
	return nil
}

// list is a GET of one page of rows.
func list[R any](ctx context.Context, c *core, path path, opts any, p paging) (*Page[R], error) {
	return listWrapped[R](ctx, c, path, "", opts, p)
}

// listWrapped is a GET of one page of rows that come as an array under key in
// an object. An empty key means that the response is the array.
func listWrapped[R any](ctx context.Context, c *core, path path, key string, opts any, p paging) (*Page[R], error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	resp, err := c.call(ctx, operation{method: http.MethodGet, path: path, query: opts, laterPage: p.page > 1})
	if err != nil {
		return nil, err
	}
	page := &Page[R]{Rate: resp.rate}
	if key == "" {
		page.Items, err = decodeRows[R](resp)
	} else {
		page.Items, page.Total, err = decodeWrapped[R](resp, key)
	}
	if err != nil {
		return nil, err
	}
	page.setLinks(resp.header, p.page)
	if page.NextPage != 0 || len(page.Items) < cmp.Or(p.perPage, defaultPerPage) {
		resp.keep()
	} // otherwise rows can be added behind this page, and a 304 would hide them
	resp.release()
	return page, nil
}

// setLinks sets the numbers of the pages around page number. A URL of the
// response is never followed; only its page number is used.
func (p *Page[T]) setLinks(header http.Header, number int) {
	links := parseLinks(header.Values("Link"))
	p.FirstPage = links["first"]
	p.PrevPage = links["prev"]
	p.LastPage = links["last"]
	p.NextPage = links["next"]
	if next, ok := links["next"]; ok && !grows(number, next) {
		p.NextPage = brokenNextPage
	}
}

// parseLinks returns the page number of each relation in Link headers, 0 for
// one whose URL has no page. It accepts the forms that GitHub and
// go-github-mock send: absolute URLs, "?page=2" alone, relations in any order,
// unknown relations, and a stray comma.
func parseLinks(headers []string) map[string]int {
	links := make(map[string]int)
	for _, header := range headers {
		for rest := header; ; {
			_, after, ok := strings.Cut(rest, "<")
			if !ok {
				break
			}
			target, params, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			params, rest = cutUnquoted(params, ',')
			for _, rel := range strings.Fields(strings.ToLower(linkParam(params, "rel"))) {
				if _, ok := links[rel]; !ok {
					links[rel] = pageOf(target)
				}
			}
		}
	}
	return links
}

// linkParam returns the value of a link's parameter, "" if it is missing.
func linkParam(params, name string) string {
	for param := ""; params != ""; {
		param, params = cutUnquoted(params, ';')
		key, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// cutUnquoted splits s at the first sep outside quotes: a title may contain it.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++ // what follows is no quote
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// pageOf returns the page number in a link's URL, 0 without one.
func pageOf(target string) int {
	u, err := url.Parse(target)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(u.Query().Get("page"), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int(n)
}
