package faultcheck

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// server is what one trial talks to. It has a port of its own, so that it
// knows the trial before the request says so.
type server struct {
	*trial
	listener  net.Listener
	left      atomic.Int64  // attempts that still meet the fault
	seen      atomic.Int64  // creates that began to arrive
	warmed    atomic.Bool   // the first request has been answered
	closeIdle chan struct{} // closed: drop the connection that is idle
	serving   sync.WaitGroup
}

func newServer(t *trial) *server {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once, or never
	if err != nil {
		panic(fmt.Sprintf("faultcheck: no port: %v", err)) // the machine has run out of them
	}
	s := &server{trial: t, listener: listener, closeIdle: make(chan struct{})}
	s.left.Store(int64(t.times))
	s.serving.Go(s.accept)
	return s
}

// stop waits until nothing more can be carried out: until the client has let
// go of every connection.
func (s *server) stop(client *http.Client) {
	s.listener.Close() //nolint:errcheck // it only stops listening
	gone := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(gone)
	}()
	for {
		// One that was still being dialled becomes idle later.
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
			defer conn.Close()                         //nolint:errcheck // nothing is left to lose
			conn.SetDeadline(time.Now().Add(2 * long)) //nolint:errcheck // a bound, should the client never leave
			s.serve(conn)
		})
	}
}

// begun tells whether what comes is the create, and not the warming up.
func (s *server) begun() bool { return !s.warm || s.warmed.Load() }

// strikes tells whether this attempt meets the fault, and counts it.
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
		io.ReadFull(conn, make([]byte, 5)) //nolint:errcheck // the handshake has begun
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

// client is a client with a pool of its own.
func (s *server) client() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout: s.timeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if s.fault.kind == refused && s.begun() && s.strikes() {
					return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
				}
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:   &tls.Config{RootCAs: trusted.pool, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: s.mode == http2,
		},
	}
}

// answer is what a create is answered with, whole.
type answer struct {
	status     int
	body       string
	retryAfter string
}

// respond does the work, or does not, and returns the whole answer; strike
// tells whether the fault happens.
func (s *server) respond(body []byte, strike bool) (answer, error) {
	var request struct {
		Payload struct{ Nonce string }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return answer{}, fmt.Errorf("the create did not arrive whole: %w", err)
	}
	nonce := request.Payload.Nonce
	if nonce != s.nonce {
		return answer{}, errors.New("the nonce is another's")
	}
	done := s.fault.done == always || s.fault.done == either && s.done
	if !strike || done && (s.fault.kind != slow || s.early) {
		id := s.truth.carryOut(nonce)
		whole := answer{status: http.StatusCreated, body: fmt.Sprintf(`{"id":%d,"ref":"main","task":"deploy","payload":{"nonce":%q}}`, id, nonce)}
		if !strike || s.fault.kind != serverError && s.fault.kind != empty && s.fault.kind != emptyObject && s.fault.kind != html {
			return whole, nil
		}
	}
	a := answer{status: s.fault.status}
	switch s.fault.kind {
	case serverError:
		a.body = `{"message":"Server Error"}`
		if s.early {
			a.body = "<html><body>Unicorn!</body></html>"
		}
	case limited:
		a.body, a.retryAfter = `{"message":"You have exceeded a secondary rate limit."}`, "0"
	case emptyObject:
		a.body = "{}"
	case html:
		a.body = "<html><body>Welcome to the hotel's network</body></html>"
	}
	return a, nil
}

// late does the work that a slow server does when nobody waits any more.
func (s *server) late() {
	if s.done && !s.early {
		s.truth.carryOut(s.nonce)
	}
}

// reset drops a connection without a farewell.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // it is closed either way
	}
	conn.Close() //nolint:errcheck // see above
}

type authority struct {
	config *tls.Config
	pool   *x509.CertPool
}

var trusted, untrusted = newAuthority(), newAuthority()

func newAuthority() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // it never fails
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err) // the template is the same each time
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // it was made above
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return authority{
		pool: pool,
		config: &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}},
			MinVersion:   tls.VersionTLS12,
		},
	}
}
