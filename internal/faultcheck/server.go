package faultcheck

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// server is the server of one trial, on its own port.
type server struct {
	*trial
	listener  net.Listener
	left      atomic.Int64  // attempts that still get the fault
	seen      atomic.Int64  // requests of the call's method, complete or not
	warmed    atomic.Bool   // the warm-up has its response
	closeIdle chan struct{} // closing it closes the idle connection
	serving   sync.WaitGroup
}

func newServer(t *trial) *server {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // does not block
	if err != nil {
		panic(fmt.Sprintf("faultcheck: no port: %v", err)) // the machine has no free port
	}
	s := &server{trial: t, listener: listener, closeIdle: make(chan struct{})}
	s.left.Store(int64(t.times))
	s.serving.Go(s.accept)
	return s
}

// stop returns when the client has closed every connection, so that no more
// requests can be executed.
func (s *server) stop(client *http.Transport) {
	s.listener.Close() //nolint:errcheck // it only stops listening
	gone := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(gone)
	}()
	for {
		// Real sockets: a dial in progress becomes idle later and has no event.
		client.CloseIdleConnections()
		select {
		case <-gone:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.serving.Go(func() {
			defer conn.Close()                         //nolint:errcheck // the connection has ended
			conn.SetDeadline(time.Now().Add(2 * long)) //nolint:errcheck // in case the client never closes it
			s.serve(conn)
		})
	}
}

// begun reports whether the warm-up is over.
func (s *server) begun() bool { return !s.warm || s.warmed.Load() }

// strikes counts an attempt and reports whether it gets the fault.
func (s *server) strikes() bool { return s.left.Add(-1) >= 0 }

func (s *server) serve(conn net.Conn) {
	if !s.secure() {
		s.serveHTTP1(conn, conn)
		return
	}
	config, begun := trusted.config, s.begun()
	if begun && s.fault.kind == certificate {
		config = untrusted.config
	}
	if begun && s.fault.kind == tlsFailure && s.strikes() {
		io.ReadFull(conn, make([]byte, 5)) //nolint:errcheck // wait until the handshake has begun
		return
	}
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	if s.mode == http2 {
		config.NextProtos = []string{"h2"}
	}
	secured := tls.Server(conn, config)
	if secured.Handshake() != nil { //nolint:noctx // the connection has a deadline
		return
	}
	if s.mode == http2 {
		s.serveHTTP2(conn, secured)
	} else {
		s.serveHTTP1(conn, secured)
	}
}

func (s *server) secure() bool {
	return s.mode == http2 || s.fault.kind == tlsFailure || s.fault.kind == certificate
}

func (s *server) url() string {
	scheme := "http"
	if s.secure() {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String() + "/api/v3/"
}

// transport returns a transport with its own pool.
func (s *server) transport() *http.Transport {
	dialer := &net.Dialer{}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if s.fault.kind == refused && s.begun() && s.strikes() {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSClientConfig:   &tls.Config{RootCAs: trusted.pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: s.mode == http2,
	}
}

// reset closes a connection with a TCP RST.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it is closed in any case
	}
	conn.Close() //nolint:errcheck // see above
}
