package ghdeploytest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// BaseURL is the address under which [Server.Transport] is known in process. It lies in a reserved top-level domain,
// so that a request which misses the transport cannot reach anybody.
const BaseURL = "https://api.github.test/"

// Server is a GitHub Deployments server in memory. Make one with [NewServer]; its methods may be called from many
// goroutines.
//
// A Server has no socket until [Server.URL] asks for one, and no goroutine but while it delivers to a webhook, so one
// that is used only through [Server.Transport] runs inside a testing/synctest bubble. Make it inside the bubble.
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

	// mu is the one lock over everything below: a request is executed under it as a whole, so no state is ever
	// seen half-changed.
	mu    sync.Mutex
	state state
	quota map[string]*bucket // by token; "" is the anonymous caller
	rules []*rule
	unmet []string // cleared faults that never fired, kept for Start
	keeps bool     // Start made the server: it keeps unmet
	log   []*Request
	hooks hooks
	calls int64 // numbers the request ids

	closed   bool
	active   int           // requests, delayed work and connections that still run
	idle     chan struct{} // made by Close, closed when active reaches 0
	sleepers map[*context.CancelFunc]struct{}
	given    net.Listener // of WithListener
	named    string       // of WithAddress
	listener *http.Server
	address  string
}

// NewServer returns a server that is ready to answer. Without [WithRepository] it holds the public repository
// octocat/example with the branch main; without [WithToken] it takes any token as the all-powerful user octocat.
//
// Setup that cannot be meant panics at once, as net/http/httptest does: a test has no use for that error.
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

// startRuns adds the webhooks of the setup, and then starts its runs, so that their events are delivered.
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

// URL returns the address of the server on a loopback port, like http://127.0.0.1:40001, without a trailing slash.
// The first call opens the port, or takes the one of [WithListener]. The API answers under it and, as on GitHub Enterprise Server, under URL()+"/api/v3".
//
// A socket's goroutines cannot run inside testing/synctest; use [Server.Transport] there.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != "" {
		return s.address
	}
	if s.closed {
		panic("ghdeploytest: URL was called after Close; ask for it while the server runs")
	}
	ln := s.given
	if ln == nil {
		var lc net.ListenConfig
		var err error
		if ln, err = lc.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			panic("ghdeploytest: no loopback port can be opened: " + err.Error() + "; use Transport, which needs none")
		}
	}
	s.listener = &http.Server{Handler: s, ConnState: s.countConnection, ReadHeaderTimeout: time.Minute}
	s.address = "http://" + ln.Addr().String()
	s.active++
	server := s.listener // Close takes it away
	go func() {
		defer s.end()
		_ = server.Serve(ln) // always ends with ErrServerClosed
	}()
	return s.address
}

// countConnection keeps a connection's goroutine in the count that Close waits for.
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

// Close stops the server: it ends waiting requests and deliveries, forgets delayed work that has not started, closes the
// port and its connections, and returns when every goroutine of the server is done. Calling it again does nothing. What the
// server saw and holds can still be asked for.
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
		_ = listener.Close() // only repeats errors of closing sockets
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

// begin counts something that Close must wait for; it reports false on a closed server.
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

// sleep waits for d, or until ctx ends or the server closes. The wait hangs on channels made by the caller only, so
// that a synctest bubble can tell that it is blocked for good and move its clock.
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

// later runs work after d on a goroutine of its own, unless the server closes first.
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

// ServeHTTP answers one request, so that the server can be mounted anywhere; [WithAddress] then names its address. Where a fault breaks the connection it
// panics with [http.ErrAbortHandler], which net/http turns into just that.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.end()

	c := s.newCall(r)
	if c.plan.is(refuseConnection) {
		panic(http.ErrAbortHandler) // a socket cannot refuse what it has accepted; nothing was read or executed
	}
	if err := s.takeBody(c, r.Body); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
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
		w.Write(resp.body[:resp.cutAt])           // an error here means that the client is gone
		_ = http.NewResponseController(w).Flush() // so that the client sees the part before the end
		panic(http.ErrAbortHandler)
	}
	w.Write(resp.body) // as above
}
