package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"
)

const secret = "the secret of the load"

// load describes one round.
type load struct {
	rate, workers, capacity int
	environments            int // a delivery's ID decides its environment
	duration                time.Duration
	slow                    time.Duration // one callback of ten takes this long
	seed                    uint64

	// With shutdown, the queue is shut down after half of the responses, while
	// deliveries arrive, within grace; 0 is without a deadline.
	shutdown bool
	grace    time.Duration
	stuck    int // after so many runs, a run ends only when it is cancelled; 0: never

	faults faults
}

// kind is the kind of a delivery.
type kind int

const (
	genuine   kind = iota // a new event
	duplicate             // an earlier event under its GUID
	replay                // an earlier event under a new GUID
	forged                // a wrong signature; half have the GUID of the next event
	kinds
)

func (k kind) String() string { return [kinds]string{"genuine", "duplicate", "replay", "forged"}[k] }

// delivery is one request: the event with the ID, under a GUID.
type delivery struct {
	kind kind
	id   int64
	guid string
}

func guidOf(id int64) string { return fmt.Sprintf("%08x-d4dd-11ee-99f2-1d75829a10e7", id) }

// size returns the number of deliveries to send.
func (l load) size() int { return int(float64(l.rate) * l.duration.Seconds()) }

// mixture returns the deliveries to send: of 20, 16 are genuine, 1 is a
// duplicate, 1 a replay and 2 are forged.
func (l load) mixture() []delivery {
	random := rand.New(rand.NewPCG(l.seed, 0)) //nolint:gosec // the mixture must be reproducible; it is not secret
	all := make([]delivery, l.size())
	newest := int64(0)
	for i := range all {
		earlier := newest // half of the repetitions follow immediately, while the first one still runs
		if newest > 1 && random.IntN(2) == 0 {
			earlier = 1 + random.Int64N(newest)
		}
		switch draw := random.IntN(20); {
		case draw == 0 && newest > 0:
			all[i] = delivery{duplicate, earlier, guidOf(earlier)}
		case draw == 1 && newest > 0:
			all[i] = delivery{replay, earlier, fmt.Sprintf("replay-%d", i)}
		case draw == 2:
			all[i] = delivery{forged, newest + 1, guidOf(newest + 1)}
		case draw == 3:
			all[i] = delivery{forged, newest + 1, fmt.Sprintf("forged-%d", i)}
		default:
			newest++
			all[i] = delivery{genuine, newest, guidOf(newest)}
		}
	}
	return all
}

// payload returns a payload of about the size of GitHub's. Payloads differ only
// in the ID and the environment.
func (l load) payload(id int64) string {
	return fmt.Sprintf(`{"action":"created","deployment":{"id":%d,"ref":"main","environment":"%d","description":%q},`+
		`"repository":{"name":"shop","full_name":"acme/shop","owner":{"login":"acme"}}}`,
		id, l.environmentOf(id), strings.Repeat("x", 8000))
}

func (l load) environmentOf(id int64) int { return int(id % int64(l.environments)) }

// run sends the load to a receiver and shuts the receiver down. It returns the
// figures of the sender and of the receiver.
func (l load) run(ctx context.Context) (*figures, error) {
	before := runtime.NumGoroutine()
	f := newFigures(l)
	r, err := startReceiver(ctx, l, f)
	if err != nil {
		return nil, err
	}
	s := newSender(l, r.url, f)
	stopped := make(chan error, 1)
	if l.shutdown {
		go func() {
			select {
			case <-f.half:
			case <-ctx.Done():
			}
			stopped <- r.shutdownQueue(ctx, l.grace)
		}()
	}
	s.send(ctx)
	if l.shutdown {
		err = <-stopped
	} else {
		s.redeliver(ctx, r.queue)
		err = r.shutdownQueue(ctx, 0)
	}
	s.close()
	if closing := r.close(ctx); err == nil {
		err = closing
	}
	f.stats = r.queue.Stats()
	f.goroutines = leftGoroutines(before)
	return f, err
}

// leftGoroutines returns the number of additional goroutines. It waits up to 3
// s for goroutines that are about to end.
func leftGoroutines(before int) int {
	for range 300 {
		if runtime.NumGoroutine() <= before {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return runtime.NumGoroutine() - before
}
