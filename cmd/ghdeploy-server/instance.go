package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// instance holds the current server. A reset replaces the server and keeps the
// address.
type instance struct {
	fresh   func(*instance) *ghdeploytest.Server
	current atomic.Pointer[ghdeploytest.Server]
	ahead   atomic.Int64 // offset of the clock from real time, in nanoseconds

	mu      sync.Mutex // held by reset and advance
	retired sync.WaitGroup
}

func newInstance(fresh func(*instance) *ghdeploytest.Server) *instance {
	i := &instance{fresh: fresh}
	i.current.Store(fresh(i))
	return i
}

func (i *instance) server() *ghdeploytest.Server { return i.current.Load() }

func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.server().ServeHTTP(w, r) }

func (i *instance) now() time.Time { return time.Now().Add(time.Duration(i.ahead.Load())) }

// reset replaces the server with one in its initial state. Requests in progress
// end without a response.
func (i *instance) reset() {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := i.server()
	i.ahead.Store(0)
	i.current.Store(i.fresh(i))
	i.retired.Go(old.Close) // waits for requests whose body is still being received
}

// maxAhead is the maximum offset of the clock. It is longer than every wait and
// fits a time.Duration.
const maxAhead = 100 * 365 * 24 * time.Hour

// advance moves the clock forward and starts the jobs whose wait is over. It
// returns false and changes nothing if the offset would exceed maxAhead.
func (i *instance) advance(d time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if d > maxAhead-time.Duration(i.ahead.Load()) {
		return false
	}
	i.ahead.Add(int64(d))
	srv := i.server()
	for _, name := range srv.Repositories() {
		_ = refused(func() { srv.Deployments(name) }) // a concurrent rename removes the name
	}
	return true
}

// close closes the current and the replaced servers. The connections must be
// closed before.
func (i *instance) close() {
	i.server().Close()
	i.retired.Wait()
}
