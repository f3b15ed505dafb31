package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// figures is what was seen, from both ends.
type figures struct {
	mu sync.Mutex

	// At the sender.
	began      time.Time
	took       time.Duration // to send the load
	requests   map[kind]int
	statuses   map[kind]map[int]int
	latencies  []time.Duration
	errors     []string
	genuine    map[string]delivery // all that must be worked, by GUID
	accepted   map[string]bool     // GUIDs that got a 2xx with a good signature
	again      int                 // redeliveries by hand
	goroutines int                 // left at the end

	// At the receiver.
	begun    map[string]int // how often a callback was called
	finished map[string]int // how often one returned nil
	running  map[string]bool
	overlaps int // two callbacks for one GUID at once
	strange  int // a callback for what nobody sent
	slow     int
	failed   int
	refused  map[string]int // what OnError was told
}

var errFirstTime = errors.New("it fails the first time")

func newFigures() *figures {
	return &figures{
		requests: make(map[kind]int),
		statuses: map[kind]map[int]int{genuine: {}, duplicate: {}, forged: {}},
		genuine:  make(map[string]delivery),
		accepted: make(map[string]bool),
		begun:    make(map[string]int),
		finished: make(map[string]int),
		running:  make(map[string]bool),
		refused:  make(map[string]int),
	}
}

// work is the callback: one of 10 is slow, one of 100 fails the first time.
func (f *figures) work(ctx context.Context, guid string, id int64) error {
	f.mu.Lock()
	f.begun[guid]++
	first := f.begun[guid] == 1
	if f.running[guid] {
		f.overlaps++
	}
	f.running[guid] = true
	if strings.HasPrefix(guid, "forged") {
		f.strange++
	}
	f.mu.Unlock()

	takes := time.Millisecond
	if id%10 == 0 {
		takes = 250 * time.Millisecond
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, guid)
	if takes > time.Millisecond {
		f.slow++
	}
	if id%100 == 7 && first {
		f.failed++
		return errFirstTime
	}
	f.finished[guid]++
	return nil
}

// told counts what OnError gets.
func (f *figures) told(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, reason := range map[string]error{
		"bad signature": webhook.ErrBadSignature, "queue full": webhook.ErrQueueFull, "callback": errFirstTime,
	} {
		if errors.Is(err, reason) {
			f.refused[name]++
			return
		}
	}
	f.refused[err.Error()]++
}

func (f *figures) sent(d delivery, r reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[d.kind]++
	if d.kind == genuine {
		f.genuine[d.guid] = d
	}
	f.answered(d, r)
}

func (f *figures) resent(d delivery, r reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.again++
	f.answered(d, r)
}

func (f *figures) answered(d delivery, r reply) {
	if r.err != nil {
		f.errors = append(f.errors, r.err.Error())
		return
	}
	f.statuses[d.kind][r.status]++
	f.latencies = append(f.latencies, r.took)
	if d.kind != forged && r.status/100 == 2 {
		f.accepted[d.guid] = true
	}
}

// unworked is what was refused or failed, and is to be redelivered by hand, and
// the number of those that were accepted and are still to be worked.
func (f *figures) unworked() (again []delivery, waiting int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for guid, d := range f.genuine {
		failed := f.begun[guid] > 0 && !f.running[guid]
		switch {
		case f.finished[guid] > 0:
		case failed || !f.accepted[guid]:
			again = append(again, d)
		default:
			waiting++
		}
	}
	return again, waiting
}

func (f *figures) rate() float64 {
	n := 0
	for _, count := range f.requests {
		n += count
	}
	return float64(n) / f.took.Seconds()
}

// violations is what must not be.
func (f *figures) violations() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var v []string
	add := func(n int, what string) {
		if n != 0 {
			v = append(v, fmt.Sprintf("%d %s", n, what))
		}
	}
	lost, twice := 0, 0
	for guid := range f.genuine {
		switch f.finished[guid] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	add(lost, "deliveries were lost")
	add(twice, "deliveries were worked twice")
	add(f.overlaps, "deliveries were worked twice at once")
	add(f.strange, "forged deliveries were worked")
	add(len(f.finished)-len(f.genuine)+lost, "deliveries were worked that nobody sent")
	add(f.requests[forged]-f.statuses[forged][http.StatusUnauthorized], "forged deliveries got another answer than 401")
	add(len(f.errors), "requests got no answer, such as "+strings.Join(f.errors[:min(1, len(f.errors))], ""))
	add(f.goroutines, "goroutines are left")
	for _, k := range []kind{genuine, duplicate} {
		for status, n := range f.statuses[k] {
			if status != http.StatusNoContent && status != http.StatusServiceUnavailable {
				add(n, fmt.Sprintf("deliveries were answered with %d", status))
			}
		}
	}
	return v
}

// String is what was measured.
func (f *figures) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.latencies)
	quantile := func(q float64) time.Duration {
		if len(f.latencies) == 0 {
			return 0
		}
		return f.latencies[int(q*float64(len(f.latencies)-1))].Round(10 * time.Microsecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "sent       %d genuine, %d duplicates, %d forged in %v: %.0f/s; %d by hand at the end\n",
		f.requests[genuine], f.requests[duplicate], f.requests[forged], f.took.Round(time.Millisecond), f.rate(), f.again)
	fmt.Fprintf(&b, "answers    genuine %v, duplicates %v, forged %v\n", f.statuses[genuine], f.statuses[duplicate], f.statuses[forged])
	fmt.Fprintf(&b, "answered   in %v (median), %v (99 of 100), %v (longest)\n", quantile(0.5), quantile(0.99), quantile(1))
	fmt.Fprintf(&b, "worked     %d, of these %d slow; %d failed the first time\n", len(f.finished), f.slow, f.failed)
	fmt.Fprintf(&b, "OnError    %v\n", f.refused)
	fmt.Fprintf(&b, "left       %d goroutines", f.goroutines)
	return b.String()
}
