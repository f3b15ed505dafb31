package ghdeploy_test

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// shelf is a transport that serves one list, newest first. It evaluates each
// request after the latency of that request.
type shelf struct {
	ghdeploy.RoundTripFunc
	mu        sync.Mutex
	ids       []int64
	asked     []query // in order of arrival
	evaluated int
	inFlight  int
	most      int // maximum number of requests in flight

	noLast  bool
	latency func(q query) (before, after time.Duration) // around the evaluation
	evolve  func(s *shelf, evaluated int)               // before each evaluation
	respond func(q query) *canned                       // nil: the page of the list
}

// query is the query of a request, and the time of its arrival.
type query struct {
	page, perPage int
	raw           string
	at            time.Time
}

// late reports whether the request arrived more than ms milliseconds after the
// start of the synctest bubble, midnight UTC 2000-01-01.
func (q query) late(ms int) bool {
	return q.at.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) > time.Duration(ms)*time.Millisecond
}

// check reports whether the request is a check of All.
func (q query) check() bool { return q.perPage == 1 }

// newShelf returns a shelf with the IDs n down to 1 and a latency of 50 ms.
func newShelf(n int) *shelf {
	s := &shelf{latency: func(query) (before, after time.Duration) { return 0, 50 * time.Millisecond }}
	s.RoundTripFunc = s.serve
	for id := n; id > 0; id-- {
		s.ids = append(s.ids, int64(id))
	}
	return s
}

// create inserts a row at index i.
func (s *shelf) create(i int, id int64) { s.ids = slices.Insert(s.ids, i, id) }

func (s *shelf) serve(r *http.Request) (*http.Response, error) {
	values := r.URL.Query()
	q := query{raw: r.URL.RawQuery, at: time.Now()}
	q.page, _ = strconv.Atoi(values.Get("page"))
	q.perPage, _ = strconv.Atoi(values.Get("per_page"))
	q.page = max(q.page, 1)
	s.mu.Lock()
	s.asked = append(s.asked, q)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	before, after := s.latency(q)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if err := rest(r, before); err != nil {
		return nil, err
	}
	a := s.evaluate(q, rowsKey(r.URL.Path))
	if err := rest(r, after); err != nil {
		return nil, err
	}
	if a.Err != nil {
		return nil, a.Err
	}
	// Like GitHub, whose 304 has no Link header.
	etag := fmt.Sprintf(`"%08x-%d"`, crc32.ChecksumIEEE([]byte(a.Body)), len(a.Body))
	if a.Status == 200 && r.Header.Get("If-None-Match") == etag {
		return reply(304, "", "ETag: "+etag).Response(r)
	}
	resp, err := a.Response(r)
	if err == nil {
		resp.Header.Set("ETag", etag)
	}
	return resp, err
}

// rest waits for d. A timer of no length would make Go 1.26's race detector
// crash: goroutines of one bubble that fire such timers share its race context.
func rest(r *http.Request, d time.Duration) error {
	if d <= 0 {
		return r.Context().Err()
	}
	select {
	case <-r.Context().Done():
		return r.Context().Err()
	case <-time.After(d):
		return nil
	}
}

// rowsKey returns the key of the array in a list that is an object.
func rowsKey(path string) string {
	switch {
	case strings.HasSuffix(path, "/environments"):
		return "environments"
	case strings.HasSuffix(path, "/deployment-branch-policies"):
		return "branch_policies"
	case strings.HasSuffix(path, "/apps"):
		return "available_custom_deployment_protection_rule_integrations"
	}
	return ""
}

func (s *shelf) evaluate(q query, key string) *canned {
	page, perPage := q.page, q.perPage
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.evolve != nil {
		s.evolve(s, s.evaluated)
	}
	s.evaluated++
	if s.respond != nil {
		if a := s.respond(q); a != nil {
			return a
		}
	}
	from := min((page-1)*perPage, len(s.ids))
	rows := []byte("[")
	for i, id := range s.ids[from:min(from+perPage, len(s.ids))] {
		if i > 0 {
			rows = append(rows, ',')
		}
		rows = append(strconv.AppendInt(append(rows, `{"id":`...), id, 10), '}')
	}
	body := string(rows) + "]"
	var links []string
	if last := (len(s.ids) + perPage - 1) / perPage; page < last {
		links = append(links, fmt.Sprintf(`<https://ghe.example.com/api/v3/repositories/7/deployments?page=%d>; rel="next"`, page+1))
		if !s.noLast {
			links = append(links, fmt.Sprintf(`<https://ghe.example.com/api/v3/repositories/7/deployments?page=%d>; rel="last"`, last))
		}
	}
	if key != "" {
		body = fmt.Sprintf(`{"total_count":%d,%q:%s}`, len(s.ids), key, body)
	}
	return reply(200, body, "Link: "+strings.Join(links, ", "))
}

// requests returns the number of requests.
func (s *shelf) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// steps groups the requests by time of arrival, each group sorted.
func (s *shelf) steps() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all [][]string
	for i, q := range s.asked {
		if i == 0 || !q.at.Equal(s.asked[i-1].at) {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], q.raw)
	}
	var out []string
	for _, step := range all {
		slices.Sort(step)
		out = append(out, strings.Join(step, " "))
	}
	return out
}

// down returns the IDs from..to, descending.
func down(from, to int) []int64 {
	var ids []int64
	for id := from; id >= to; id-- {
		ids = append(ids, int64(id))
	}
	return ids
}

// idle fails the test if requests are in flight.
func (s *shelf) idle(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight != 0 {
		t.Errorf("%d requests are in flight, want 0", s.inFlight)
	}
}
