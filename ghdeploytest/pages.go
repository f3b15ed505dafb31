package ghdeploytest

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

const (
	defaultPerPage = 30
	maxPerPage     = 100
)

// number parses a page parameter. An invalid one counts as absent. The bound
// keeps the number of the next page within 32 bits.
func number(query url.Values, name string, absent int) int {
	n, err := strconv.ParseInt(query.Get(name), 10, 64)
	if err != nil || n < 1 {
		return absent
	}
	return int(min(n, math.MaxInt32-1))
}

// page returns one page of the rows and sets the Link header.
func page[T any](s *Server, c *call, rows []T, resp *response) []T {
	query := c.url.Query()
	per := min(number(query, "per_page", defaultPerPage), maxPerPage)
	this := number(query, "page", 1)
	last := max(1, (len(rows)+per-1)/per)

	var links []string
	link := func(page int, rel string) {
		links = append(links, fmt.Sprintf("<%s>; rel=%q", c.pageURL(page), rel))
	}
	switch e := c.plan.effect; {
	case e != nil && e.kind == endlessLink:
		link(this+1, "next")
	case e != nil && e.kind == loopingLink:
		link(this, "next")
	default:
		if this > 1 {
			link(min(this-1, last), "prev")
		}
		if this < last {
			link(this+1, "next")
			if !s.withoutLast {
				link(last, "last")
			}
		}
		if this > 1 {
			link(1, "first")
		}
	}
	if len(links) > 0 {
		resp.set("Link", strings.Join(links, ", "))
	}
	from := min((this-1)*per, len(rows))
	if this > last { // also where (this-1)*per overflows an int
		from = len(rows)
	}
	return rows[from:min(from+per, len(rows))]
}

// pageURL returns the address of another page: with the repository's ID, the
// query as sent, and page in its old place or at the end.
func (c *call) pageURL(page int) string {
	_, below, _ := strings.Cut(strings.TrimPrefix(c.op.path, repoTemplate), "/")
	elements := strings.Split(below, "/")
	for i, element := range elements {
		if strings.HasPrefix(element, "{") {
			elements[i] = url.PathEscape(c.vars[strings.Trim(element, "{}")])
		}
	}
	var query []string
	set := fmt.Sprintf("page=%d", page)
	found := false
	for pair := range strings.SplitSeq(c.url.RawQuery, "&") {
		if name, _, _ := strings.Cut(pair, "="); name == "page" {
			pair, found = set, true
		}
		if pair != "" {
			query = append(query, pair)
		}
	}
	if !found {
		query = append(query, set)
	}
	return fmt.Sprintf("%s/repositories/%d/%s?%s", c.base, c.repo.id, strings.Join(elements, "/"), strings.Join(query, "&"))
}
