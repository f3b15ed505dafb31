package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// small is a small version of the program's load. Its queue also gets full.
func small() load {
	return load{
		rate: 1000, workers: 8, capacity: 16, environments: 40, duration: 400 * time.Millisecond,
		slow: 250 * time.Millisecond, seed: 1,
	}
}

// shutDown shuts the queue down under load. With a deadline, all workers are
// busy until then and deliveries wait.
func (l load) shutDown(grace time.Duration) load {
	l.shutdown, l.grace, l.capacity = true, grace, 1000
	if grace > 0 {
		l.workers, l.stuck = 2, 20
	}
	return l
}

// run runs a load on the real clock, because it uses real connections.
func run(t *testing.T, l load) *figures {
	t.Helper()
	// Only a broken receiver reaches this deadline.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f, err := l.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + f.String())
	return f
}

// wait waits until a channel is closed.
func wait(ctx context.Context, until <-chan struct{}) {
	select {
	case <-until:
	case <-ctx.Done():
	}
}

func TestLoad(t *testing.T) {
	l := small()
	refused := make(chan struct{})
	first := sync.OnceFunc(func() { close(refused) })
	l.faults.handler = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := &captured{ResponseWriter: w}
			if next.ServeHTTP(c, r); c.status == http.StatusServiceUnavailable {
				first()
			}
			w.WriteHeader(c.status)
		})
	}
	l.faults.hold = func(ctx context.Context, id int64) { // until the queue is full
		if id%10 == 0 {
			wait(ctx, refused)
		}
	}
	f := run(t, l)
	for _, v := range f.violations() {
		t.Error(v)
	}
	if f.requests[genuine] < 250 || f.requests[duplicate] < 10 || f.requests[replay] < 10 || f.requests[forged] < 10 {
		t.Error("a kind of delivery is too rare in the mixture")
	}
	if f.failures == 0 || f.duplicates == 0 || f.statuses[genuine][http.StatusServiceUnavailable] == 0 || f.again == 0 {
		t.Error("no callback failed, or no delivery was dropped, refused or redelivered")
	}
}

func TestShutdownUnderLoad(t *testing.T) {
	for name, grace := range map[string]time.Duration{"without a deadline": 0, "with a deadline": 20 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			f := run(t, small().shutDown(grace))
			for _, v := range f.violations() {
				t.Error(v)
			}
			if f.refused["queue closed"] == 0 || f.gaveUp != (grace > 0) || f.gaveUp && f.listings <= f.load.workers {
				t.Error("the queue was not shut down under load")
			}
		})
	}
}

// Each fault breaks the receiver in one way. A fault can cause several
// violations; the one in want must be among them.
func TestFaultsAreNoticed(t *testing.T) {
	nth := func(n int64, fault func(http.Handler, http.ResponseWriter, *http.Request)) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			var met sync.Map // a redelivery meets no fault
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				id := number(r)
				if _, before := met.LoadOrStore(id, true); before || id%n != 3 {
					next.ServeHTTP(w, r)
					return
				}
				fault(next, w, r)
			})
		}
	}
	var late sync.Map // requests by the ID of the event
	passed := make(chan struct{})
	pass := sync.OnceFunc(func() { close(passed) })
	var finished atomic.Int64
	stop := make(chan struct{})
	defer close(stop)
	tests := []struct {
		name     string
		want     string
		faults   faults
		shutdown time.Duration // with this grace; 0: no shutdown, -1: without a deadline
	}{
		{
			name: "acknowledged and dropped",
			want: "events were acknowledged or redelivered, and lost",
			faults: faults{handler: nth(20, func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNoContent)
			})},
		},
		{
			name:     "acknowledged and dropped, shut down",
			want:     "events were acknowledged or redelivered, and lost",
			shutdown: -1,
			faults: faults{handler: nth(20, func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNoContent)
			})},
		},
		{
			name: "finished twice",
			want: "events were finished twice",
			faults: faults{options: func(o *webhook.QueueOptions) { // forgets at once
				o.Remember = 1
			}},
		},
		{
			name: "no order",
			want: "runs overlapped another run of their environment",
			faults: faults{
				options: func(o *webhook.QueueOptions) {
					o.Key = func(webhook.Event) string { return "" }
				},
				hold: func(ctx context.Context, id int64) {
					switch id {
					case 3: // until the next event of the environment runs
						wait(ctx, passed)
					case 43:
						pass()
					}
				},
			},
		},
		{
			name: "late into the queue",
			want: "environments were not processed in the order of arrival",
			// The next event of the environment passes the late one.
			faults: faults{handler: func(next http.Handler) http.Handler {
				passing := nth(80, func(_ http.Handler, w http.ResponseWriter, r *http.Request) {
					late.Store(number(r), copied(r))
					w.WriteHeader(http.StatusNoContent)
				})(next)
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					before := number(r) - 40
					passing.ServeHTTP(w, r)
					if again, ok := late.LoadAndDelete(before); ok {
						next.ServeHTTP(new(quiet), again.(*http.Request))
					}
				})
			}},
		},
		{
			name: "under another GUID",
			want: "events were processed under the GUID of another event",
			faults: faults{callback: func(e *webhook.DeploymentEvent) *webhook.DeploymentEvent {
				if e.Deployment.ID%20 == 4 {
					e.Delivery.GUID = guidOf(e.Deployment.ID - 1)
				}
				return e
			}},
		},
		{
			name: "another event",
			want: "events were processed under the GUID of another event",
			faults: faults{callback: func(e *webhook.DeploymentEvent) *webhook.DeploymentEvent {
				if e.Deployment.ID%20 == 4 {
					e.Deployment.ID--
				}
				return e
			}},
		},
		{
			name: "under an unknown GUID",
			want: "events were processed under a GUID that was not sent",
			faults: faults{callback: func(e *webhook.DeploymentEvent) *webhook.DeploymentEvent {
				if e.Deployment.ID%20 == 4 {
					e.Delivery.GUID = ""
				}
				return e
			}},
		},
		{
			name: "503 but queued",
			want: "events were processed or listed without an acknowledgement",
			faults: faults{handler: nth(5, func(next http.Handler, w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(new(quiet), r)
				w.WriteHeader(http.StatusServiceUnavailable)
			})},
		},
		{
			name:     "503 but queued, shut down",
			want:     "events were processed or listed without an acknowledgement",
			shutdown: 20 * time.Millisecond,
			faults: faults{handler: nth(5, func(next http.Handler, w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(new(quiet), r)
				w.WriteHeader(http.StatusServiceUnavailable)
			})},
		},
		{
			name:     "a waiting one is not listed",
			want:     "events were acknowledged, not finished, and not listed by Shutdown",
			shutdown: 20 * time.Millisecond,
			faults: faults{unfinished: func(list []*webhook.Delivery) []*webhook.Delivery {
				return list[:len(list)-1]
			}},
		},
		{
			name:     "a running one is not listed",
			want:     "events were acknowledged, not finished, and not listed by Shutdown",
			shutdown: 20 * time.Millisecond,
			faults: faults{unfinished: func(list []*webhook.Delivery) []*webhook.Delivery {
				return list[2:] // the workers'
			}},
		},
		{
			name:     "an unknown one is listed",
			want:     "deliveries were listed by Shutdown but not sent",
			shutdown: 20 * time.Millisecond,
			faults: faults{unfinished: func(list []*webhook.Delivery) []*webhook.Delivery {
				return append(list, &webhook.Delivery{GUID: "unknown"})
			}},
		},
		{
			name:     "a finished one is listed",
			want:     "events were listed by Shutdown although they were finished",
			shutdown: 20 * time.Millisecond,
			faults: faults{
				hold: func(_ context.Context, id int64) {
					if id%100 != 7 { // these fail the first time
						finished.CompareAndSwap(0, id)
					}
				},
				unfinished: func(list []*webhook.Delivery) []*webhook.Delivery {
					return append(list, &webhook.Delivery{GUID: guidOf(finished.Load())})
				},
			},
		},
		{
			name: "a forged one is accepted",
			want: "forged deliveries got another response than 401",
			faults: faults{handler: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					c := &captured{ResponseWriter: w}
					if next.ServeHTTP(c, r); c.status == http.StatusUnauthorized {
						c.status = http.StatusNoContent
					}
					w.WriteHeader(c.status)
				})
			}},
		},
		{
			name: "another status",
			want: "deliveries got a 500",
			faults: faults{handler: nth(20, func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
			})},
		},
		{
			name: "no response",
			want: "requests got no response",
			faults: faults{handler: nth(20, func(http.Handler, http.ResponseWriter, *http.Request) {
				panic(http.ErrAbortHandler)
			})},
		},
		{
			name: "goroutines are left",
			want: "goroutines are left",
			faults: faults{options: func(*webhook.QueueOptions) {
				// More than the goroutines that may still end from the previous
				// test.
				for range 100 {
					go func() { <-stop }()
				}
			}},
		},
		{
			name:   "wrong counts",
			want:   "Stats().Duplicates is",
			faults: faults{options: func(o *webhook.QueueOptions) { o.OnDuplicate = nil }},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := small()
			l.duration, l.slow, l.capacity = 250*time.Millisecond, 50*time.Millisecond, 1000
			if tt.shutdown != 0 {
				l = l.shutDown(max(tt.shutdown, 0))
			}
			l.faults = tt.faults
			f := run(t, l)
			if v := f.violations(); !slices.ContainsFunc(v, named(tt.want)) {
				t.Errorf("got %q", v)
			}
		})
	}
}

// Only a broken queue starts a run after Shutdown has given up, so this test
// calls the figures directly.
func TestALateRunIsNoticed(t *testing.T) {
	f := newFigures(small())
	d := delivery{genuine, 1, guidOf(1)}
	f.sending(d)
	f.sent(d, reply{status: http.StatusNoContent})
	f.stopping()
	f.listed(nil)
	if err := f.work(t.Context(), d.guid, d.id); err != nil {
		t.Fatal(err)
	}
	if v := f.violations(); !slices.ContainsFunc(v, named("events began after Shutdown had given up")) {
		t.Errorf("got %q", v)
	}
}

// Redelivering an acknowledged delivery would hide that it was lost.
func TestOnlyFailedDeliveriesAreRedelivered(t *testing.T) {
	f := newFigures(small())
	for id, status := range map[int64]int{1: 204, 2: 503, 7: 204, 4: 204} {
		d := delivery{genuine, id, guidOf(id)}
		f.sending(d)
		f.sent(d, reply{status: status})
	}
	if err := f.work(t.Context(), guidOf(7), 7); !errors.Is(err, errFirstTime) {
		t.Fatal("it did not fail")
	}
	if err := f.work(t.Context(), guidOf(4), 4); err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, d := range f.unfinished() {
		ids = append(ids, d.id)
	}
	if slices.Sort(ids); !slices.Equal(ids, []int64{2, 7}) {
		t.Errorf("got %v", ids)
	}
}
