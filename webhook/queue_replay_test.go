package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// A replay has a new GUID and the same payload.
func TestQueueDropsReplays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		var duplicates []string
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on}, webhook.QueueOptions{
			Workers:     1,
			OnDuplicate: func(_ context.Context, d *webhook.Delivery) { duplicates = append(duplicates, d.GUID) },
		})
		replay := func(guid, task string) {
			t.Helper()
			if status := deliver(t, h, "deployment", guid, to("staging", task)); status != http.StatusNoContent {
				t.Errorf("%s: got %d", guid, status)
			}
			synctest.Wait()
		}
		replay("1", "running")
		replay("2", "waiting")
		replay("3", "running")
		replay("4", "waiting")
		replay("", "waiting")
		time.Sleep(3 * time.Second)
		replay("5", "running") // finished by now
		replay("6", "waiting")
		replay("2", "other") // the GUID of another delivery
		shutdown(t, q)
		if j.String() != "+running -running +waiting -waiting" {
			t.Errorf("got %s", j)
		}
		if want := []string{"3", "4", "", "5", "6", "2"}; !slices.Equal(duplicates, want) {
			t.Errorf("OnDuplicate got %q", duplicates)
		}
	})
}

func TestEventsAreDistinguishedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		saw := func(d *webhook.Delivery) error { got = append(got, d.Event+" "+d.GUID); return nil }
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment:       func(_ context.Context, e *webhook.DeploymentEvent) error { return saw(e.Info()) },
			OnDeploymentStatus: func(_ context.Context, e *webhook.DeploymentStatusEvent) error { return saw(e.Info()) },
			OnOther:            func(_ context.Context, d *webhook.Delivery) error { return saw(d) },
		}, webhook.QueueOptions{Workers: 1})
		for range 2 {
			for _, event := range []string{"deployment", "deployment_status", "repository_dispatch"} {
				deliver(t, h, event, "1", `{"deployment":{"id":1}}`) // one GUID, several events
			}
		}
		// GitHub sends the same payload for each dispatch with the same values.
		deliver(t, h, "repository_dispatch", "2", `{"deployment":{"id":1}}`)
		shutdown(t, q)
		want := []string{"deployment 1", "deployment_status 1", "repository_dispatch 1", "repository_dispatch 2"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

func TestQueueForgetsTheOldestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on}, webhook.QueueOptions{Remember: 2})
		for guid, task := range []string{"a", "b", "c", "c", "b", "a", "c"} { // each under its own GUID
			deliver(t, h, "deployment", fmt.Sprint(guid), to("staging", task))
			time.Sleep(2 * time.Second)
		}
		shutdown(t, q)
		if j.String() != "+a -a +b -b +c -c +a -a" {
			t.Errorf("got %s", j)
		}
	})
}

// A duplicate got a 204. If the run of the first delivery fails, the delivery
// is processed once more.
func TestADuplicateOfAFailureIsProcessed(t *testing.T) {
	for name, guid := range map[string]string{"redelivery": "a1", "replay": "another"} {
		for when, wait := range map[string]bool{"of a running one": false, "of a waiting one": true} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					j := &journal{end: map[string]func() error{"a1": func() error { return errors.New("no") }}}
					var failed []string
					q, h := newQueue(t, webhook.Callbacks{
						OnDeployment: j.on,
						OnError:      func(_ context.Context, d *webhook.Delivery, _ error) { failed = append(failed, d.GUID) },
					}, webhook.QueueOptions{Workers: 1})
					want := "+a1 -a1 +a1 -a1 +a2 -a2" // before the deliveries that arrived later
					if wait {
						send(t, h, "a", "a0", http.StatusNoContent)
						want = "+a0 -a0 " + want
					}
					send(t, h, "a", "a1", http.StatusNoContent)
					send(t, h, "a", "a2", http.StatusNoContent)
					for range 3 { // one more run serves all of them
						deliver(t, h, "deployment", guid, to("a", "a1"))
					}
					time.Sleep(10 * time.Second)
					deliver(t, h, "deployment", "a1", to("a", "a1")) // finished, and known by both GUIDs
					deliver(t, h, "deployment", "a third", to("a", "a1"))
					stats := q.Stats()
					shutdown(t, q)
					if j.String() != want || !slices.Equal(failed, []string{"a1"}) {
						t.Errorf("got %s, failed %q", j, failed)
					}
					if stats.Duplicates != 5 || stats.Failed != 1 || stats.Running != 0 || stats.Waiting != 0 {
						t.Errorf("got %+v", stats)
					}
				})
			})
		}
	}
}

// After two failed runs the delivery is forgotten.
func TestADuplicateThatFailsIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: func(context.Context, *webhook.DeploymentEvent) error {
				time.Sleep(time.Second)
				if runs.Add(1) < 3 {
					return errors.New("no")
				}
				return nil
			},
			OnError: ignore,
		}, webhook.QueueOptions{})
		for range 2 {
			send(t, h, "a", "a1", http.StatusNoContent)
		}
		time.Sleep(time.Minute)
		if runs.Load() != 2 {
			t.Errorf("%d runs", runs.Load())
		}
		send(t, h, "a", "a1", http.StatusNoContent)
		shutdown(t, q)
		if runs.Load() != 3 {
			t.Errorf("%d runs", runs.Load())
		}
	})
}

// A duplicate that is dropped during the second run causes a third run, and a
// failed delivery is forgotten under each of its GUIDs.
func TestADuplicateDuringTheSecondRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: func(context.Context, *webhook.DeploymentEvent) error {
				time.Sleep(time.Second)
				if runs.Add(1) < 5 {
					return errors.New("no")
				}
				return nil
			},
			OnError: ignore,
		}, webhook.QueueOptions{})
		post := func(guid string, want int32) {
			t.Helper()
			if status := deliver(t, h, "deployment", guid, to("a", "a1")); status != http.StatusNoContent {
				t.Errorf("%s: got %d", guid, status)
			}
			synctest.Wait()
			if got := runs.Load(); got != want {
				t.Errorf("%s: after %d runs, want %d", guid, got, want)
			}
		}
		post("1", 0)
		post("2", 0)
		time.Sleep(1500 * time.Millisecond)
		post("3", 1) // in the second run
		time.Sleep(time.Minute)
		for n, guid := range []string{"1", "1"} {
			post(guid, int32(3+n))
			time.Sleep(time.Minute)
		}
		shutdown(t, q)
		if runs.Load() != 5 {
			t.Errorf("%d runs", runs.Load())
		}
	})
}

// After Shutdown has given up, a duplicate starts no run and gets a 503.
func TestADuplicateOfAGivenUpDeliveryIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(worked)
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: func(ctx context.Context, e *webhook.DeploymentEvent) error {
				err := w.on(ctx, e)
				time.Sleep(time.Second) // to clean up
				return err
			},
			OnError: ignore,
		}, webhook.QueueOptions{})
		expect(t, h, "1", http.StatusNoContent)
		synctest.Wait()
		expect(t, h, "1", http.StatusNoContent) // dropped as a duplicate
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if unfinished, err := q.Shutdown(ended); len(unfinished) != 1 || !errors.Is(err, context.Canceled) {
			t.Errorf("got %d, %v", len(unfinished), err)
		}
		expect(t, h, "1", http.StatusServiceUnavailable) // still runs, and will fail
		shutdown(t, q)
		if w.String() != "1" {
			t.Errorf("got %s", w)
		}
	})
}

func TestOnDuplicateThatPanicsIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported []string
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: j.on,
			OnError: func(_ context.Context, d *webhook.Delivery, err error) {
				reported = append(reported, d.GUID+" "+err.Error())
			},
		}, webhook.QueueOptions{OnDuplicate: func(context.Context, *webhook.Delivery) { panic("out of cheese") }})
		send(t, h, "a", "a1", http.StatusNoContent)
		send(t, h, "a", "a1", http.StatusNoContent)
		shutdown(t, q)
		if strings.Join(reported, ",") != "a1 webhook: the callback panicked: out of cheese" || j.String() != "+a1 -a1" {
			t.Errorf("OnError got %q, runs %s", reported, j)
		}
	})
}

func TestQueueStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{end: map[string]func() error{"a2": func() error { return errors.New("no") }}}
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on, OnError: ignore}, webhook.QueueOptions{Workers: 2, Capacity: 2})
		check := func(want webhook.QueueStats) {
			t.Helper()
			if got := q.Stats(); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		}
		check(webhook.QueueStats{})
		send(t, h, "a", "a1", http.StatusNoContent)
		time.Sleep(100 * time.Millisecond)
		send(t, h, "b", "b1", http.StatusNoContent)
		send(t, h, "a", "a2", http.StatusNoContent)
		send(t, h, "c", "c1", http.StatusNoContent)
		send(t, h, "d", "d1", http.StatusServiceUnavailable)
		send(t, h, "a", "a1", http.StatusNoContent)
		check(webhook.QueueStats{Waiting: 2, Running: 2, OldestAge: 100 * time.Millisecond, Duplicates: 1, Refused: 1})
		time.Sleep(950 * time.Millisecond) // a1 is finished, a2 runs
		check(webhook.QueueStats{Waiting: 1, Running: 2, OldestAge: 950 * time.Millisecond, Finished: 1, Duplicates: 1, Refused: 1})
		time.Sleep(100 * time.Millisecond) // b1 is finished, c1 runs
		check(webhook.QueueStats{Running: 2, OldestAge: 1050 * time.Millisecond, Finished: 2, Duplicates: 1, Refused: 1})
		shutdown(t, q)
		check(webhook.QueueStats{Finished: 3, Failed: 1, Duplicates: 1, Refused: 1})
		send(t, h, "e", "e1", http.StatusServiceUnavailable)
		check(webhook.QueueStats{Finished: 3, Failed: 1, Duplicates: 1, Refused: 2})
	})
}
