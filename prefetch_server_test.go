package ghdeploy_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf is a transport that serves one list of deployments, newest first, and
// evaluates each request at a time of its own.
type shelf struct {
	mu        sync.Mutex
	ids       []int64
	asked     []string // the queries, in the order of their arrival
	evaluated int
	inFlight  int
	most      int // requests in flight at the same time

	noLast  bool
	latency func() (before, after time.Duration) // around the evaluation
	evolve  func(s *shelf, evaluated int)        // before each evaluation
	answer  func(page, perPage int) *canned      // instead of the list's
}

// newShelf has the ids n down to 1 and answers after 50 ms.
func newShelf(n int) *shelf {
	s := &shelf{latency: func() (before, after time.Duration) { return 0, 50 * time.Millisecond }}
	for id := n; id > 0; id-- {
		s.ids = append(s.ids, int64(id))
	}
	return s
}

// create adds a row at place i.
func (s *shelf) create(i int, id int64) { s.ids = slices.Insert(s.ids, i, id) }

func (s *shelf) RoundTrip(r *http.Request) (*http.Response, error) {
	query := r.URL.Query()
	page, _ := strconv.Atoi(query.Get("page"))
	perPage, _ := strconv.Atoi(query.Get("per_page"))
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.RawQuery)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	before, after := s.latency()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if err := rest(r, before); err != nil {
		return nil, err
	}
	a := s.evaluate(max(page, 1), perPage)
	if err := rest(r, after); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{
		StatusCode: a.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        a.header,
		Body:          io.NopCloser(strings.NewReader(a.body)),
		ContentLength: int64(len(a.body)),
		Request:       r,
	}, nil
}

func rest(r *http.Request, d time.Duration) error {
	select {
	case <-r.Context().Done():
		return r.Context().Err()
	case <-time.After(d):
		return nil
	}
}

func (s *shelf) evaluate(page, perPage int) canned {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.evolve != nil {
		s.evolve(s, s.evaluated)
	}
	s.evaluated++
	if s.answer != nil {
		if a := s.answer(page, perPage); a != nil {
			return *a
		}
	}
	from := min((page-1)*perPage, len(s.ids))
	var rows []string
	for _, id := range s.ids[from:min(from+perPage, len(s.ids))] {
		rows = append(rows, fmt.Sprintf(`{"id":%d}`, id))
	}
	var links []string
	if last := (len(s.ids) + perPage - 1) / perPage; page < last {
		links = append(links, fmt.Sprintf(`<https://ghe.example.com/api/v3/repositories/7/deployments?page=%d>; rel="next"`, page+1))
		if !s.noLast {
			links = append(links, fmt.Sprintf(`<https://ghe.example.com/api/v3/repositories/7/deployments?page=%d>; rel="last"`, last))
		}
	}
	return answer(200, "["+strings.Join(rows, ",")+"]", "Link: "+strings.Join(links, ", "))
}

// requests are how many were sent.
func (s *shelf) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// down are the ids from..to, falling.
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
