package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// to returns the payload of a deployment to an environment.
func to(environment, task string) string {
	return fmt.Sprintf(`{"deployment":{"environment":%q,"task":%q},"repository":{"full_name":"acme/shop"}}`, environment, task)
}

// journal is a callback that takes a second. It records when a task begins and
// ends.
type journal struct {
	mu    sync.Mutex
	lines []string
	end   map[string]func() error
}

func (j *journal) on(_ context.Context, e *webhook.DeploymentEvent) error {
	j.add("+" + e.Deployment.Task)
	time.Sleep(time.Second)
	if end := j.add("-" + e.Deployment.Task); end != nil {
		return end()
	}
	return nil
}

// add appends the line. For the first end of a task it returns the task's
// function in end.
func (j *journal) add(line string) func() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	task, ended := strings.CutPrefix(line, "-")
	if !ended {
		return nil
	}
	defer delete(j.end, task)
	return j.end[task]
}

func (j *journal) String() string { return strings.Join(j.lines, " ") }

func send(t *testing.T, h http.Handler, environment, task string, want int) {
	t.Helper()
	if status := deliver(t, h, "deployment", task, to(environment, task)); status != want {
		t.Errorf("%s: got %d, want %d", task, status, want)
	}
	synctest.Wait() // so that concurrent callbacks start in the order of the calls
}

func TestQueueProcessesAKeyInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on}, webhook.QueueOptions{Workers: 8})
		start := time.Now()
		for _, task := range []string{"a1", "a2", "b1", "a3", "B2"} {
			send(t, h, map[byte]string{'a': "staging", 'b': "production", 'B': "PRODUCTION"}[task[0]], task, http.StatusNoContent)
		}
		shutdown(t, q)
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		running, last := map[string]bool{}, map[string]string{}
		for _, line := range j.lines {
			key := strings.ToLower(line[1:2])
			if begins := line[0] == '+'; begins == running[key] || begins && line[2:] <= last[key] {
				t.Errorf("%s: %s", line, j)
			}
			running[key] = line[0] == '+'
			if running[key] {
				last[key] = line[2:]
			}
		}
		if !strings.HasPrefix(j.String(), "+a1 +b1 ") || len(j.lines) != 10 {
			t.Errorf("got %s", j)
		}
	})
}

// A delivery that waits for its key occupies no worker, and begins before
// deliveries that arrived later.
func TestABlockedKeyDelaysNoOtherKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on}, webhook.QueueOptions{Workers: 2})
		for _, task := range []string{"a1", "a2", "b1", "c1", "d1"} {
			send(t, h, task[:1], task, http.StatusNoContent)
		}
		shutdown(t, q)
		if begun := slices.DeleteFunc(slices.Clone(j.lines), func(line string) bool { return line[0] == '-' }); !slices.Equal(begun[:2], []string{"+a1", "+b1"}) ||
			!slices.Contains(begun[2:4], "+a2") || !slices.Contains(begun[2:4], "+c1") || begun[4] != "+d1" {
			t.Errorf("got %s", j)
		}
	})
}

func TestCapacityCountsDeliveriesThatWaitForTheirKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on, OnError: ignore}, webhook.QueueOptions{Workers: 2, Capacity: 1})
		send(t, h, "a", "a1", http.StatusNoContent)
		send(t, h, "a", "a2", http.StatusNoContent)
		send(t, h, "a", "a3", http.StatusServiceUnavailable)
		send(t, h, "b", "b1", http.StatusNoContent) // a worker is free
		send(t, h, "c", "c1", http.StatusServiceUnavailable)
		shutdown(t, q)
		if len(j.lines) != 6 {
			t.Errorf("got %s", j)
		}
	})
}

// After a delivery fails, the next one of its key begins.
func TestAFailureReleasesItsKey(t *testing.T) {
	for name, end := range map[string]func() error{
		"error": func() error { return errors.New("no") },
		"panic": func() error { panic("out of cheese") },
		"exit":  func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &journal{end: map[string]func() error{"a1": end}}
				q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on, OnError: ignore}, webhook.QueueOptions{})
				send(t, h, "a", "a1", http.StatusNoContent)
				send(t, h, "a", "a2", http.StatusNoContent)
				shutdown(t, q)
				if j.String() != "+a1 -a1 +a2 -a2" {
					t.Errorf("got %s", j)
				}
			})
		})
	}
}

func TestQueueUsesTheCallersKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on}, webhook.QueueOptions{
			Key: func(e webhook.Event) string { // the first letter of the task; "" for x
				return strings.Trim(e.(*webhook.DeploymentEvent).Deployment.Task[:1], "x")
			},
		})
		start := time.Now()
		for _, task := range []string{"a1", "x1", "x2", "a2"} {
			send(t, h, "staging", task, http.StatusNoContent)
		}
		shutdown(t, q)
		if took := time.Since(start); took != 2*time.Second || !strings.HasPrefix(j.String(), "+a1 +x1 +x2 -") ||
			slices.Index(j.lines, "-a1") > slices.Index(j.lines, "+a2") {
			t.Errorf("took %v: %s", took, j)
		}
	})
}

// If Key panics, the delivery is not accepted and can be redelivered.
func TestAKeyThatPanicsFailsTheDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, calls := new(journal), 0
		var reported error
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: j.on,
			OnError:      func(_ context.Context, _ *webhook.Delivery, err error) { reported = err },
		}, webhook.QueueOptions{Key: func(webhook.Event) string {
			if calls++; calls == 1 {
				panic("out of cheese")
			}
			return "a"
		}})
		send(t, h, "a", "a1", http.StatusInternalServerError)
		if panicked := (*webhook.PanicError)(nil); !errors.As(reported, &panicked) {
			t.Errorf("OnError got %v", reported)
		}
		send(t, h, "a", "a1", http.StatusNoContent)
		shutdown(t, q)
		if j.String() != "+a1 -a1" {
			t.Errorf("got %s", j)
		}
	})
}

// Shutdown lists the waiting deliveries in the order of their arrival, even if
// they wait for different keys.
func TestShutdownListsWaitingDeliveriesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := new(journal)
		q, h := newQueue(t, webhook.Callbacks{OnDeployment: j.on, OnError: ignore}, webhook.QueueOptions{Workers: 2})
		for _, task := range []string{"a1", "b1", "a2", "c1", "b2", "c2", "a3"} {
			send(t, h, task[:1], task, http.StatusNoContent)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		unfinished, err := q.Shutdown(ended)
		var guids []string
		for _, d := range unfinished {
			guids = append(guids, d.GUID)
		}
		if got := strings.Join(guids, " "); got != "a1 b1 a2 c1 b2 c2 a3" || !errors.Is(err, context.Canceled) {
			t.Errorf("got %s, %v", got, err)
		}
		shutdown(t, q)
		if len(j.lines) != 4 {
			t.Errorf("got %s", j)
		}
	})
}

// Many keys and many workers, with failures: each key keeps its order.
func TestManyKeysKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		got := make(map[string][]int)
		var running, most int
		q, h := newQueue(t, webhook.Callbacks{
			OnDeployment: func(_ context.Context, e *webhook.DeploymentEvent) error {
				n, err := strconv.Atoi(e.Deployment.Task)
				if err != nil {
					return err
				}
				mu.Lock()
				running++
				most = max(most, running)
				got[e.Deployment.Environment] = append(got[e.Deployment.Environment], n)
				mu.Unlock()
				time.Sleep(time.Duration(1+n%7) * time.Millisecond)
				mu.Lock()
				running--
				mu.Unlock()
				if n%5 == 0 {
					return errors.New("no")
				}
				return nil
			},
			OnError: ignore,
		}, webhook.QueueOptions{Workers: 5, Capacity: 1000})
		for n := range 500 {
			send(t, h, fmt.Sprintf("e%d", n%13), fmt.Sprint(n), http.StatusNoContent)
		}
		shutdown(t, q)
		total := 0
		for environment, numbers := range got {
			total += len(numbers)
			if !slices.IsSorted(numbers) {
				t.Errorf("%s: %v", environment, numbers)
			}
		}
		if total != 500 || most != 5 {
			t.Errorf("%d deliveries, %d at once", total, most)
		}
	})
}
