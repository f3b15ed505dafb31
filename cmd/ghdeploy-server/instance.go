package main

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// instance is the server that runs. A reset replaces it by a new one under the same address.
type instance struct {
	fresh   func(*instance) *ghdeploytest.Server
	current atomic.Pointer[ghdeploytest.Server]
	ahead   atomic.Int64 // how far the clock is ahead of real time, in nanoseconds

	mu      sync.Mutex // of reset and advance
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

// reset starts over, as the program did. Requests that are under way end without a response.
func (i *instance) reset() {
	i.mu.Lock()
	defer i.mu.Unlock()
	old := i.server()
	i.ahead.Store(0)
	i.current.Store(i.fresh(i))
	i.retired.Go(old.Close) // waits for requests whose body is still on its way
}

// maxAhead bounds how far the clock can be ahead: far enough for every wait, and within what a time can hold.
const maxAhead = 100 * 365 * 24 * time.Hour

// advance moves the clock and lets the jobs go on whose time has come. It reports false past maxAhead.
func (i *instance) advance(d time.Duration) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if d > maxAhead-time.Duration(i.ahead.Load()) {
		return false
	}
	i.ahead.Add(int64(d))
	srv := i.server()
	for _, name := range srv.Repositories() {
		_ = refused(func() { srv.Deployments(name) }) // a rename may come in between
	}
	return true
}

// close ends the server and those before it. The connections must have ended.
func (i *instance) close() {
	i.server().Close()
	i.retired.Wait()
}
