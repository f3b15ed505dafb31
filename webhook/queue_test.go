package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// worked is a callback that takes a second and records its calls.
type worked struct {
	mu      sync.Mutex
	guids   []string
	failing map[string]bool // GUIDs that fail the next time
	running int
	most    int // maximum of running
}

func (w *worked) on(ctx context.Context, e *webhook.DeploymentEvent) error {
	w.mu.Lock()
	w.guids = append(w.guids, e.Delivery.GUID)
	w.running++
	w.most = max(w.most, w.running)
	failing := w.failing[e.Delivery.GUID]
	delete(w.failing, e.Delivery.GUID)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.running--
		w.mu.Unlock()
	}()
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if failing {
		return errors.New("it did not deploy")
	}
	return nil
}

func (w *worked) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.guids, " ")
}

func newQueue(t *testing.T, on webhook.Callbacks, opts webhook.QueueOptions) (*webhook.Queue, *webhook.Handler) {
	t.Helper()
	q, err := webhook.NewQueue(on, opts)
	if err != nil {
		t.Fatal(err)
	}
	return q, webhook.NewHandler(newVerifier(t, secret), q.Callbacks())
}

func expect(t *testing.T, h http.Handler, guid string, want int) {
	t.Helper()
	if status := deliver(t, h, "deployment", guid, body(guid)); status != want {
		t.Errorf("delivery %s: got %d, want %d", guid, status, want)
	}
}

// body is the payload of the deployment whose delivery has the GUID.
func body(guid string) string { return fmt.Sprintf(`{"deployment":{"task":%q}}`, guid) }

func shutdown(t *testing.T, q *webhook.Queue) {
	t.Helper()
	if unfinished, err := q.Shutdown(t.Context()); unfinished != nil || err != nil {
		t.Errorf("Shutdown: %v, %v", unfinished, err)
	}
}

func ignore(context.Context, *webhook.Delivery, error) {}

func TestQueueRespondsBeforeTheCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on}, webhook.QueueOptions{Workers: 2, Capacity: 3})
		start := time.Now()
		for _, guid := range []string{"1", "2", "3", "4", "5"} {
			expect(t, h, guid, http.StatusNoContent)
		}
		if time.Since(start) != 0 {
			t.Errorf("the responses took %v", time.Since(start))
		}
		shutdown(t, q)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("two workers took %v for five deliveries", took)
		}
		if w.most != 2 || len(w.guids) != 5 {
			t.Errorf("%d at once: %s", w.most, w)
		}
	})
}

func TestQueueKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on}, webhook.QueueOptions{Workers: 1})
		for _, guid := range []string{"1", "2", "3", "4"} {
			expect(t, h, guid, http.StatusNoContent)
		}
		shutdown(t, q)
		if w.String() != "1 2 3 4" {
			t.Errorf("got %s", w)
		}
	})
}

func TestFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		var reported []error
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: w.on,
			OnError:      func(_ context.Context, _ *webhook.Delivery, err error) { reported = append(reported, err) },
		}, webhook.QueueOptions{Workers: 1, Capacity: 1})
		expect(t, h, "running", http.StatusNoContent)
		expect(t, h, "waiting", http.StatusNoContent)
		expect(t, h, "too much", http.StatusServiceUnavailable)
		expect(t, h, "waiting", http.StatusNoContent) // a duplicate needs no capacity
		if len(reported) != 1 || !errors.Is(reported[0], webhook.ErrQueueFull) {
			t.Errorf("OnError got %v", reported)
		}
		if status := deliver(t, h, "star", "4", `{}`); status != http.StatusNoContent {
			t.Errorf("an event without a callback needs no capacity, got %d", status)
		}
		time.Sleep(2 * time.Second)
		expect(t, h, "too much", http.StatusNoContent) // redelivered by hand
		shutdown(t, q)
		if w.String() != "running waiting too much" {
			t.Errorf("got %s", w)
		}
	})
}

func TestQueueDropsDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &worked{failing: map[string]bool{"fails": true}}
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on, OnError: ignore}, webhook.QueueOptions{Workers: 1})
		expect(t, h, "fails", http.StatusNoContent)
		for range 2 { // queued
			expect(t, h, "good", http.StatusNoContent)
		}
		time.Sleep(3 * time.Second)
		for range 2 { // failed, and finished
			expect(t, h, "fails", http.StatusNoContent)
			expect(t, h, "good", http.StatusNoContent)
		}
		time.Sleep(3 * time.Second)
		expect(t, h, "fails", http.StatusNoContent) // finished by now
		shutdown(t, q)
		if w.String() != "fails good fails" {
			t.Errorf("got %q", w)
		}
	})
}

func TestQueueRemembersTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on}, webhook.QueueOptions{Workers: 1, Remember: 2})
		for _, guid := range []string{"1", "2", "3", "3", "2", "1", "3"} {
			expect(t, h, guid, http.StatusNoContent)
			time.Sleep(2 * time.Second)
		}
		shutdown(t, q)
		if w.String() != "1 2 3 1" {
			t.Errorf("got %s", w)
		}
	})
}

func TestQueuedWorkOutlivesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var got any
		var ended error
		q, err := webhook.NewQueue(webhook.Callbacks{
			OnDeployment: func(ctx context.Context, _ *webhook.DeploymentEvent) error {
				time.Sleep(time.Minute)
				got, ended = ctx.Value(key{}), ctx.Err()
				return nil
			},
		}, webhook.QueueOptions{})
		if err != nil {
			t.Fatal(err)
		}
		request, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "trace 7"))
		if err := q.Callbacks().OnDeployment(request, new(webhook.DeploymentEvent)); err != nil {
			t.Fatal(err)
		}
		cancel()
		shutdown(t, q)
		if got != "trace 7" || ended != nil {
			t.Errorf("got %v, %v", got, ended)
		}
	})
}

func TestShutdownReturnsUnfinishedDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		var failed []string
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: w.on,
			OnError: func(_ context.Context, d *webhook.Delivery, err error) {
				if !errors.Is(err, webhook.ErrQueueClosed) {
					t.Errorf("%s failed with %v", d.GUID, err)
				}
				failed = append(failed, d.GUID)
			},
		}, webhook.QueueOptions{Workers: 1})
		for _, guid := range []string{"1", "2", "3", "4"} {
			expect(t, h, guid, http.StatusNoContent)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		unfinished, err := q.Shutdown(ctx)
		var guids []string
		for _, d := range unfinished {
			guids = append(guids, d.GUID)
			if string(d.Raw) != body(d.GUID) || d.Event != "deployment" {
				t.Errorf("got %+v", d)
			}
		}
		if !slices.Equal(guids, []string{"2", "3", "4"}) || !errors.Is(err, context.DeadlineExceeded) ||
			err.Error() != "webhook: 3 deliveries are not finished: "+context.DeadlineExceeded.Error() {
			t.Errorf("got %v, %v", guids, err)
		}
		shutdown(t, q) // waits for the callback whose context has ended
		if w.String() != "1 2" || !slices.Equal(failed, []string{"2"}) {
			t.Errorf("worked %s, failed %v", w, failed)
		}
	})
}

// A redelivery of an unfinished delivery must not get a 204 after Shutdown has
// given up.
func TestGivenUpDeliveriesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on, OnError: ignore}, webhook.QueueOptions{Workers: 1})
		expect(t, h, "running", http.StatusNoContent)
		expect(t, h, "waiting", http.StatusNoContent)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if unfinished, err := q.Shutdown(ended); len(unfinished) != 2 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d, %v", len(unfinished), err)
		}
		expect(t, h, "waiting", http.StatusServiceUnavailable)
		synctest.Wait() // the running one has failed
		expect(t, h, "running", http.StatusServiceUnavailable)
		shutdown(t, q)
		if w.String() != "running" {
			t.Errorf("got %s", w)
		}
	})
}

func TestQueueIsClosedAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: w.on, OnError: ignore}, webhook.QueueOptions{Workers: 1})
		expect(t, h, "1", http.StatusNoContent)
		var wg sync.WaitGroup
		for range 3 { // concurrent calls
			wg.Go(func() { shutdown(t, q) })
		}
		synctest.Wait()
		expect(t, h, "2", http.StatusServiceUnavailable)
		expect(t, h, "1", http.StatusNoContent) // a duplicate of the running one
		wg.Wait()
		expect(t, h, "2", http.StatusServiceUnavailable)
		if w.String() != "1" {
			t.Errorf("got %s", w)
		}
		done, cancel := context.WithCancel(t.Context())
		cancel()
		if unfinished, err := q.Shutdown(done); unfinished != nil || err != nil {
			t.Errorf("all deliveries are finished, got %v, %v", unfinished, err)
		}
	})
}

// A callback that panics or exits fails its delivery, and the worker continues.
func TestQueueSurvivesItsCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		endings := map[string]func(){
			"panics": func() { panic("out of cheese") },
			"exits":  runtime.Goexit,
		}
		var log []string
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
				log = append(log, e.Delivery.GUID)
				if end := endings[e.Delivery.GUID]; end != nil {
					delete(endings, e.Delivery.GUID)
					end()
				}
				return nil
			},
			OnError: func(_ context.Context, d *webhook.Delivery, err error) {
				log = append(log, fmt.Sprintf("%s: %v", d.GUID, err))
			},
		}, webhook.QueueOptions{Workers: 1})
		for _, guid := range []string{"panics", "exits", "good", "panics", "exits"} {
			expect(t, h, guid, http.StatusNoContent)
			synctest.Wait()
		}
		shutdown(t, q)
		want := []string{
			"panics", "panics: webhook: the callback panicked: out of cheese",
			"exits", "exits: webhook: the callback ended its goroutine",
			"good", "panics", "exits",
		}
		if !slices.Equal(log, want) {
			t.Errorf("got %q", log)
		}
	})
}

// The worker continues after an OnError that panics or exits its goroutine, as
// t.Fatal does.
func TestQueueSurvivesOnError(t *testing.T) {
	for name, end := range map[string]func(){
		"panics": func() { panic("out of cheese") },
		"exits":  runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			silence(t)
			synctest.Test(t, func(t *testing.T) {
				w := &worked{failing: map[string]bool{"1": true, "2": true}}
				q, h := newQueue(t, webhook.Callbacks{
					OnDeployment: w.on,
					OnError:      func(context.Context, *webhook.Delivery, error) { end() },
				}, webhook.QueueOptions{Workers: 1})
				for _, guid := range []string{"1", "2", "3"} {
					expect(t, h, guid, http.StatusNoContent)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if unfinished, err := q.Shutdown(ctx); unfinished != nil || err != nil {
					t.Errorf("Shutdown: %v, %v", unfinished, err)
				}
				if w.String() != "1 2 3" {
					t.Errorf("got %s", w)
				}
			})
		})
	}
}

func TestQueueTakesEveryEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		got := make(map[string]bool)
		saw := func(d *webhook.Delivery) error {
			mu.Lock()
			defer mu.Unlock()
			got[d.Event] = true
			return nil
		}
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment:               func(_ context.Context, e *webhook.DeploymentEvent) error { return saw(e.Info()) },
			OnDeploymentStatus:         func(_ context.Context, e *webhook.DeploymentStatusEvent) error { return saw(e.Info()) },
			OnDeploymentReview:         func(_ context.Context, e *webhook.DeploymentReviewEvent) error { return saw(e.Info()) },
			OnDeploymentProtectionRule: func(_ context.Context, e *webhook.DeploymentProtectionRuleEvent) error { return saw(e.Info()) },
			OnPing:                     func(_ context.Context, e *webhook.PingEvent) error { return saw(e.Info()) },
			OnOther:                    func(_ context.Context, d *webhook.Delivery) error { return saw(d) },
		}, webhook.QueueOptions{})
		events := []string{"deployment", "deployment_status", "deployment_review", "deployment_protection_rule", "ping", "star"}
		for _, event := range events {
			deliver(t, h, event, event, `{}`)
		}
		shutdown(t, q)
		for _, event := range events {
			if !got[event] {
				t.Errorf("%s was lost", event)
			}
		}
	})
}

func TestNewQueueRefuses(t *testing.T) {
	for _, opts := range []webhook.QueueOptions{{Workers: -1}, {Capacity: -1}, {Remember: -1}} {
		if q, err := webhook.NewQueue(webhook.Callbacks{}, opts); q != nil || !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("%+v: got %v, %v", opts, q, err)
		}
	}
}

// A GUID is not signed, so a long GUID must not cost memory. 1,000 GUIDs of
// 64 KiB would take 64 MB.
func TestRememberedGUIDsAreSmall(t *testing.T) {
	q, h := newQueue(t, webhook.Callbacks{
		OnDeployment: func(context.Context, *webhook.DeploymentEvent) error { return nil },
		OnError:      ignore,
	}, webhook.QueueOptions{Capacity: 2000})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 1000 {
		expect(t, h, fmt.Sprintf("%d%s", i, strings.Repeat("x", 64<<10)), http.StatusNoContent)
	}
	shutdown(t, q)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(q)
}
