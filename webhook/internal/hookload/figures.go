package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// figures holds the counts of the sender and of the receiver.
type figures struct {
	mu     sync.Mutex
	load   load
	events map[int64]*event

	half     chan struct{} // closed after half of the responses, when load.stuck is reached
	shutdown chan struct{} // closed before Shutdown is called

	// At the sender.
	took       time.Duration // time to send the mixture
	requests   [kinds]int
	statuses   [kinds]map[int]int
	latencies  []time.Duration
	errors     []string
	guids      map[string]int64 // the ID that was sent under a GUID, with a valid signature
	ended      int              // requests
	accepted   [][]int64        // by environment: IDs in the order of their first 2xx response
	again      int              // redeliveries by hand
	goroutines int              // additional goroutines at the end

	// At the receiver.
	begun      [][]int64 // by environment: IDs in the order of their first run
	running    []int     // by environment
	started    int       // runs
	stuck      int       // runs that end only when they are cancelled
	overlaps   int       // runs concurrent with another run of the environment
	mismatches int       // runs of an event under the GUID of another event
	strange    int       // runs under a GUID that was not sent
	failures   int
	duplicates int            // calls of OnDuplicate
	refused    map[string]int // calls of OnError, by error
	stats      webhook.QueueStats

	// After Shutdown has given up.
	gaveUp    bool
	listings  int
	unknown   int // listed, but not sent
	late      int // began later, but not listed
	wrongList int // listed, but finished before Shutdown was called
}

// event counts the acknowledgements and runs of one event.
type event struct {
	acks, runs, finished int
	unasked              bool // ran more often than it was acknowledged
	interrupted          bool // Shutdown cancelled its run
	before               bool // finished before Shutdown was called
	listed               bool // returned by Shutdown
}

var errFirstTime = errors.New("it fails the first time")

func newFigures(l load) *figures {
	f := &figures{
		half: make(chan struct{}), shutdown: make(chan struct{}),
		load: l, events: make(map[int64]*event), guids: make(map[string]int64), refused: make(map[string]int),
		accepted: make([][]int64, l.environments), begun: make([][]int64, l.environments), running: make([]int, l.environments),
	}
	for k := range f.statuses {
		f.statuses[k] = make(map[int]int)
	}
	f.look() // half of 1 is 0
	return f
}

// of returns the event with an ID. It is called with the lock held.
func (f *figures) of(id int64) *event {
	if f.events[id] == nil {
		f.events[id] = new(event)
	}
	return f.events[id]
}

// look closes half if its time has come. It is called with the lock held.
func (f *figures) look() {
	select {
	case <-f.half:
	default:
		if f.ended >= f.load.size()/2 && (f.load.stuck == 0 || f.stuck == f.load.workers) {
			close(f.half)
		}
	}
}

// work is the callback. One of 10 is slow, and one of 100 fails the first time.
func (f *figures) work(ctx context.Context, guid string, id int64) error {
	environment := f.load.environmentOf(id)
	f.mu.Lock()
	e := f.of(id)
	f.started++
	stuck := f.load.stuck > 0 && f.started > f.load.stuck
	if stuck {
		f.stuck++
		f.look()
	}
	if e.runs++; e.runs == 1 {
		f.begun[environment] = append(f.begun[environment], id)
	}
	first := e.runs == 1
	if f.running[environment]++; f.running[environment] > 1 {
		f.overlaps++
	}
	switch known, ok := f.guids[guid]; {
	case !ok:
		f.strange++
	case known != id:
		f.mismatches++
	}
	if f.gaveUp && !e.listed {
		f.late++
	}
	f.mu.Unlock()

	if f.load.faults.hold != nil {
		f.load.faults.hold(ctx, id)
	}
	ends := time.After(time.Millisecond)
	switch {
	case stuck:
		ends = nil
	case id%10 == 0:
		ends = time.After(f.load.slow)
	}
	var interrupted error
	select {
	case <-ends:
	case <-ctx.Done():
		interrupted = context.Cause(ctx)
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	f.running[environment]--
	switch {
	case interrupted != nil:
		e.interrupted = true
		return interrupted
	case id%100 == 7 && first:
		f.failures++
		return errFirstTime
	}
	e.finished++
	return nil
}

// dropped counts the calls of OnDuplicate.
func (f *figures) dropped() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.duplicates++
}

// failed counts the calls of OnError.
func (f *figures) failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, reason := range map[string]error{
		"bad signature": webhook.ErrBadSignature, "queue full": webhook.ErrQueueFull,
		"queue closed": webhook.ErrQueueClosed, "callback": errFirstTime,
	} {
		if errors.Is(err, reason) {
			f.refused[name]++
			return
		}
	}
	f.refused[err.Error()]++
}

// sending is called before a delivery is sent, sent after its response.
func (f *figures) sending(d delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.kind != forged {
		f.of(d.id)
		f.guids[d.guid] = d.id
	}
}

func (f *figures) sent(d delivery, r reply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests[d.kind]++
	f.ended++
	f.look()
	if r.err != nil {
		f.errors = append(f.errors, r.err.Error())
		return
	}
	f.statuses[d.kind][r.status]++
	f.latencies = append(f.latencies, r.took)
	if d.kind == forged || r.status/100 != 2 {
		return
	}
	e, environment := f.of(d.id), f.load.environmentOf(d.id)
	if e.acks++; e.acks == 1 {
		f.accepted[environment] = append(f.accepted[environment], d.id)
	}
}

// idle marks the events with more runs than acknowledgements. It is called when
// the queue is empty and no request is in flight.
func (f *figures) idle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		e.unasked = e.unasked || e.runs > e.acks
	}
}

// unfinished returns the refused and the failed deliveries, for redelivery. It
// omits deliveries that were acknowledged but not run: these are lost.
func (f *figures) unfinished() (again []delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, e := range f.events {
		if e.finished == 0 && e.acks == e.runs {
			again = append(again, delivery{genuine, id, guidOf(id)})
		}
	}
	f.again += len(again)
	return again
}

// stopping is called before Shutdown, listed after it has given up.
func (f *figures) stopping() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.shutdown)
	for _, e := range f.events {
		e.before = e.finished > 0
	}
}

func (f *figures) listed(unfinished []*webhook.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gaveUp = true
	f.listings = len(unfinished)
	for _, d := range unfinished {
		id, ok := f.guids[d.GUID]
		if !ok {
			f.unknown++
			continue
		}
		e := f.of(id)
		e.listed = true
		if e.before {
			f.wrongList++
		}
	}
}

func (f *figures) rate() float64 {
	n := 0
	for _, count := range f.requests {
		n += count
	}
	return float64(n-f.again) / f.took.Seconds()
}

// String returns the report of the measurement.
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
	runs, finished := 0, 0
	for _, e := range f.events {
		runs += e.runs
		finished += min(e.finished, 1)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "events     %d in %d environments, sent in %v: %.0f deliveries/s; %d redelivered by hand\n",
		len(f.events), f.load.environments, f.took.Round(time.Millisecond), f.rate(), f.again)
	for k := range kinds {
		fmt.Fprintf(&b, "%-10s %d, by status %v\n", k, f.requests[k], f.statuses[k])
	}
	fmt.Fprintf(&b, "responses  in %v (median), %v (99 of 100), %v (longest)\n", quantile(0.5), quantile(0.99), quantile(1))
	fmt.Fprintf(&b, "callbacks  %d runs, %d failed; %d events finished\n", runs, f.failures, finished)
	fmt.Fprintf(&b, "OnError    %v, OnDuplicate %d\n", f.refused, f.duplicates)
	if f.gaveUp {
		fmt.Fprintf(&b, "shutdown   gave up and listed %d\n", f.listings)
	}
	fmt.Fprintf(&b, "left       %d goroutines", f.goroutines)
	return b.String()
}
