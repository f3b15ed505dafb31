package ghdeploytest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// BaseURL is the base URL for [Server.Transport]. Its top-level domain is
// reserved, so a request that bypasses the transport reaches no host.
const BaseURL = "https://api.github.test/"

// Server is a GitHub Deployments server in memory. Create one with [NewServer]
// or [Start]. Its methods are safe for concurrent use.
//
// A Server opens a socket only in [Server.URL], and starts goroutines only for
// a socket, for webhooks and for a delayed request. Used only through
// [Server.Transport], it works inside a testing/synctest bubble; create it
// inside the bubble.
type Server struct {
	now               func() time.Time
	operations        []operation
	withoutLast       bool
	statusCap         int
	rateLimit         int
	rateLimitStatus   int
	requestLog        func(Request)
	deliveryLog       func(Delivery)
	logSize           int
	secondaryLimit    int
	secondaryForm     SecondaryForm
	pointsLimit       int
	pointsForm        SecondaryForm
	anyTokenIsOctocat bool
	anyUserReviews    bool
	anyTeamReviews    bool
	bodyLimit         int
	environmentPUT    EnvironmentPUT
	activeDeployment  ActiveDeployment
	onlyDeployment    OnlyDeployment
	listOrder         ListOrder
	listLag           time.Duration
	unknownKeys       []string

	// mu guards everything below. A request is executed as a whole under mu.
	mu    sync.Mutex
	state state
	quota map[string]*bucket // by token; "" for anonymous callers
	rules []*rule
	unmet []string // cleared faults that never fired, kept for Start
	keeps bool     // record unmet; set by Start
	log   []*Request
	hooks hooks
	calls int64 // counts request IDs

	closed   bool
	active   int           // running requests, delayed work and connections
	idle     chan struct{} // made by Close, closed when active reaches 0
	sleepers map[*context.CancelFunc]struct{}
	given    net.Listener // from WithListener
	named    string       // from WithAddress
	listener *http.Server
	address  string
}

// NewServer returns a running server. Without [WithRepository] it has one
// public repository, octocat/example, with the branch main. Without [WithToken]
// it accepts every token as user octocat with every permission.
//
// NewServer panics if the setup is invalid.
func NewServer(opts ...Option) *Server {
	s := &Server{
		now:             time.Now,
		operations:      operations(),
		rateLimit:       5000,
		rateLimitStatus: http.StatusForbidden,
		logSize:         everything,
		bodyLimit:       defaultBodyLimit,
		state:           newState(),
		quota:           map[string]*bucket{},
		sleepers:        map[*context.CancelFunc]struct{}{},
	}
	var setup Seed
	for _, opt := range opts {
		opt(s, &setup)
	}
	s.seed(setup)
	s.startRuns(setup)
	return s
}

// startRuns adds the webhooks of the setup, and then starts its runs, so that
// their events are delivered.
func (s *Server) startRuns(setup Seed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.hooks.setup {
		s.addWebhook(w)
	}
	for _, r := range setup.Repositories {
		for _, run := range r.Runs {
			s.startRun(s.state.find(r.FullName), run)
		}
	}
}

// URL returns the address of the server without a trailing slash, like
// http://127.0.0.1:40001. The first call opens a loopback port, or uses the
// listener of [WithListener]. The API is at this address and, as on GitHub
// Enterprise Server, at URL()+"/api/v3".
//
// A socket does not work inside testing/synctest; use [Server.Transport] there.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != "" {
		return s.address
	}
	if s.closed {
		panic("ghdeploytest: URL was called after Close; call it before")
	}
	ln := s.given
	if ln == nil {
		var lc net.ListenConfig
		var err error
		if ln, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			panic("ghdeploytest: cannot open a loopback port: " + err.Error() + "; use Transport, which needs no port")
		}
	}
	s.listener = &http.Server{Handler: s, ConnState: s.countConnection, ReadHeaderTimeout: time.Minute}
	s.address = "http://" + ln.Addr().String()
	s.active++
	server := s.listener // Close sets s.listener to nil
	go func() {
		defer s.end()
		_ = server.Serve(ln) // always returns ErrServerClosed
	}()
	return s.address
}

// countConnection makes Close wait for the goroutine of a connection.
func (s *Server) countConnection(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.mu.Lock()
		s.active++
		s.mu.Unlock()
	case http.StateClosed, http.StateHijacked:
		s.end()
	}
}

// Close stops the server. It ends waiting requests and deliveries, cancels
// delayed requests, closes the port and its connections, and waits for every
// goroutine of the server. A second call does nothing. Methods that return
// data, such as [Server.Requests], still work after Close.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for cancel := range s.sleepers {
		(*cancel)()
	}
	listener := s.listener
	s.listener = nil
	s.mu.Unlock()

	if listener != nil {
		_ = listener.Close() // an error is about a socket that is closed anyway
	}

	s.mu.Lock()
	if s.active == 0 {
		s.mu.Unlock()
		return
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	<-idle
}

// begin counts work that Close waits for. It returns false on a closed server.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.active++
	return true
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if s.active == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

var errClosed = errors.New("ghdeploytest: the server is closed")

// sleep waits for d, or until ctx ends or the server closes. It selects only on
// channels of its caller's bubble, so that testing/synctest can advance the
// clock.
func (s *Server) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	s.sleepers[&cancel] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.sleepers, &cancel)
		s.mu.Unlock()
	}()

	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-wait.Done():
		if err := ctx.Err(); err != nil {
			return err
		}
		return errClosed
	}
}

// later runs work after d on its own goroutine, unless the server closes first.
func (s *Server) later(d time.Duration, work func()) {
	if !s.begin() {
		return
	}
	go func() {
		defer s.end()
		if s.sleep(context.Background(), d) == nil {
			work()
		}
	}()
}

// ServeHTTP serves one request, so that the server can be mounted in another
// HTTP server; set its address with [WithAddress]. For a fault that breaks the
// connection it panics with [http.ErrAbortHandler], which makes net/http end
// the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.end()

	c := s.newCall(r)
	if c.plan.is(refuseConnection) {
		panic(http.ErrAbortHandler) // a socket cannot refuse an accepted connection; nothing was read or executed
	}
	if err := s.takeBody(c, r.Body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	if !c.drawn {
		if c.plan, _ = s.draw(c, true); c.plan.is(refuseConnection) {
			panic(http.ErrAbortHandler)
		}
	}

	resp := s.exchange(r.Context(), c)
	if resp.ending == noResponse {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.status)
	if r.Method == http.MethodHead {
		return
	}
	if resp.ending == cutResponse {
		w.Write(resp.body[:resp.cutAt])           // an error means that the client has gone
		_ = http.NewResponseController(w).Flush() // the client receives this part before the connection ends
		panic(http.ErrAbortHandler)
	}
	w.Write(resp.body) // an error means that the client has gone
}
