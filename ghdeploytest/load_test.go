package ghdeploytest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// load runs 64 clients against one server with faults and webhooks. The header
// of each call has its number, which relates a broken response to its fault.
type load struct {
	srv     *ghdeploytest.Server
	url     string
	sockets *http.Client
	more    func(calls int64) bool // reports whether to make another call

	calls   atomic.Int64
	met     sync.Map // call number to fault, for calls in progress
	broken  atomic.Int64
	refused atomic.Int64 // calls that the server did not log

	mu       sync.Mutex
	outcomes map[string]int
}

const callHeader = "X-Call"

// expected are the statuses of the calls of mixed. Any other is a server error.
var expected = []int{200, 201, 202, 204, 303, 403, 404, 409, 422}

// one makes a call and checks its outcome.
func (l *load) one(t *testing.T, rng *rand.Rand, method, path, body string) {
	number := strconv.FormatInt(l.calls.Add(1), 10)
	token := []string{"Bearer secret", "Bearer gate"}[rng.IntN(2)]
	l.met.Store(number, "not logged")
	var got result
	var err error
	if rng.IntN(4) == 0 {
		got, err = receive(l.sockets.Do(newRequest(t, method, l.url+path, body, "Authorization", token, callHeader, number)))
	} else {
		got, err = try(t, l.srv, method, path, body, "Authorization", token, callHeader, number)
	}
	met, _ := l.met.LoadAndDelete(number)
	fault, _ := met.(string)
	outcome := method + " " + strconv.Itoa(got.status)
	switch {
	case fault == "not logged":
		l.refused.Add(1)
		outcome = "refused"
		if err == nil {
			t.Errorf("%s %s = %d, but the call is not in the log", method, path, got.status)
		}
	case fault != "" && fault != "Latency":
		l.broken.Add(1)
		outcome = fault
	case err != nil:
		t.Errorf("%s %s without a fault: %v", method, path, err)
	case !slices.Contains(expected, got.status):
		t.Errorf("%s %s = %d: %.200s", method, path, got.status, got.body)
	case got.body != "" && !json.Valid([]byte(got.body)):
		t.Errorf("%s %s = %d, not JSON: %.200s", method, path, got.status, got.body)
	}
	l.mu.Lock()
	l.outcomes[outcome]++
	l.mu.Unlock()
}

// work makes calls of every kind. It deletes deployments, so that the server's
// state stays small.
func (l *load) work(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for l.more(l.calls.Load()) {
		method, path, body := mixed(rng.Int64N(1_000_000))
		l.one(t, rng, method, path, body)
		if rng.IntN(50) == 0 {
			l.clean(t, rng)
		}
	}
}

// clean deletes deployments and reads the server's state.
func (l *load) clean(t *testing.T, rng *rand.Rand) {
	const maximum = 500
	list := l.srv.Deployments("octocat/example")
	for range min(100, len(list)-maximum) {
		path := fmt.Sprintf("%s/%d", deployments, list[rng.IntN(len(list))].ID)
		l.one(t, rng, "POST", path+"/statuses", `{"state":"inactive"}`)
		l.one(t, rng, "DELETE", path, "")
	}
	l.srv.Environments("octocat/example")
	if n := len(l.srv.Requests()); n > loadLog {
		t.Errorf("the log has %d requests", n)
	}
	if deliveries := l.srv.Deliveries(); len(deliveries) > loadLog {
		t.Errorf("the log has %d deliveries", len(deliveries))
	}
	l.srv.StepRun("octocat/example", 1+rng.Int64N(50), "success")
	l.srv.SetRemaining("secret", 1_000_000)
}

const loadLog = 500

// TestLoad runs 64 clients with calls of every kind. Only a fault may break a
// response, and WithLogSize must bound the memory. GHDEPLOY_LOAD=1m runs it for
// a minute instead of 3,200 calls.
func TestLoad(t *testing.T) {
	const clients = 64
	more := func(calls int64) bool { return calls < 3_200 }
	if text := os.Getenv("GHDEPLOY_LOAD"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("GHDEPLOY_LOAD: %v", err)
		}
		end := time.Now().Add(d)
		more = func(int64) bool { return time.Now().Before(end) }
	}
	before := runtime.NumGoroutine()
	l := &load{outcomes: map[string]int{}, more: more, sockets: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	var received, failures atomic.Int64
	receiver := func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Errorf("a delivery has an incomplete body: %v", err)
		}
		if received.Add(1)%100 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
	socket := httptest.NewServer(http.HandlerFunc(receiver))
	l.srv = ghdeploytest.Start(t,
		ghdeploytest.WithRateLimit(1_000_000), ghdeploytest.WithLogSize(loadLog), withApps("gate", "other"),
		ghdeploytest.WithUser(ghdeploytest.User{Login: "octocat", ID: 1}),
		ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"}), ghdeploytest.WithToken(ghdeploytest.Token{Value: "gate", App: "gate"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example", Environments: []ghdeploytest.Environment{{
			Name: "gated", CustomBranchPolicies: true, Reviewers: byOctocat, ProtectionRules: []string{"gate"},
		}}}),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: http.HandlerFunc(receiver), Secret: "secret"}),
		ghdeploytest.WithWebhook(ghdeploytest.Webhook{URL: socket.URL, App: "gate"}),
		ghdeploytest.WithRequestLog(func(r ghdeploytest.Request) {
			if number := r.Header.Get(callHeader); r.Fault != "" {
				l.met.CompareAndSwap(number, "not logged", r.Fault)
			} else {
				l.met.CompareAndSwap(number, "not logged", "")
			}
		}),
		ghdeploytest.WithDeliveryLog(func(d ghdeploytest.Delivery) {
			if !d.OK() {
				failures.Add(1)
			}
			if d.Err != nil {
				t.Errorf("%s was not delivered: %v", d.Event, d.Err)
			}
		}))
	for id := range int64(50) {
		l.srv.StartRun("octocat/example", ghdeploytest.Run{ID: 1 + id, Environments: []string{"gated", "env0"}})
	}
	for i, effect := range []ghdeploytest.Effect{
		ghdeploytest.RefuseConnection(), ghdeploytest.DropBefore(), ghdeploytest.DropAfter(), ghdeploytest.DropMidResponse(),
		ghdeploytest.ExecuteLater(time.Millisecond), ghdeploytest.SlowResponse(time.Millisecond), ghdeploytest.TruncateBody(9),
		ghdeploytest.Respond(502, "<html>busy</html>"), ghdeploytest.HTMLBody(),
	} {
		l.srv.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Probability: 0.01, Seed: uint64(i), Effect: effect})
	}
	l.srv.Inject(ghdeploytest.Fault{
		Operation: create, Repository: "octocat/example", Probability: 0.1, Effect: ghdeploytest.Respond(503, ""),
		Match: func(r ghdeploytest.Request) bool { return strings.Contains(r.Body, `"Env1"`) },
	})
	l.srv.Inject(ghdeploytest.Fault{Operation: list, Probability: 0.1, Latency: time.Millisecond})
	l.url = l.srv.URL()

	var wg sync.WaitGroup
	for w := range clients {
		wg.Go(func() { l.work(t, uint64(w)) })
	}
	heap := sample(&wg)
	if err := l.srv.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	var fired, refusals int
	for _, f := range l.srv.Faults() {
		fired += f.Fired
		if f.Effect.String() == ghdeploytest.RefuseConnection().String() {
			refusals = f.Fired
		}
	}
	if int(l.refused.Load()) != refusals {
		t.Errorf("%d calls are not in the log, but the server refused %d connections", l.refused.Load(), refusals)
	}
	if received.Load() == 0 || failures.Load() == 0 || l.broken.Load() == 0 {
		t.Errorf("%d deliveries, %d failed; %d calls broken by faults; want all above 0", received.Load(), failures.Load(), l.broken.Load())
	}
	t.Logf("%d calls, %d broken by faults, %d faults fired, %d deliveries", l.calls.Load(), l.broken.Load()+l.refused.Load(), fired, received.Load())
	for _, outcome := range slices.Sorted(maps.Keys(l.outcomes)) {
		t.Logf("%8d  %s", l.outcomes[outcome], outcome)
	}

	// The heap must not grow with the number of calls.
	heap = append(heap, liveHeap())
	t.Logf("heap in MiB: %d", heap)
	if last := heap[len(heap)-1]; last > 40 {
		t.Errorf("the heap has %d MiB after %d calls, want at most 40", last, l.calls.Load())
	}

	l.sockets.CloseIdleConnections()
	l.srv.Close()
	socket.Close()
	// Real clock: net/http's goroutines may end shortly after their connection.
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines after Close, %d before", now, before)
	}
}

// sample measures the heap every few seconds until the work is done. Real
// clock: the clients use sockets, which testing/synctest does not support.
func sample(wg *sync.WaitGroup) (heap []uint64) {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			heap = append(heap, liveHeap())
		case <-done:
			return heap
		}
	}
}

// liveHeap returns the size of the live heap in MiB.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc >> 20
}
