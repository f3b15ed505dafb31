package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	clientID     = "Iv1.0123456789abcdef"
	installation = 42
	issued       = "ghs_embedded"
)

// embedded deploys on an embedded server, over TLS and below /api/v3.
func embedded(ctx context.Context, out io.Writer) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	deployments := ghdeploytest.NewServer(ghdeploytest.WithToken(ghdeploytest.Token{
		Value: issued, App: "shipper", Permissions: map[string]string{"deployments": "write"},
	}))
	defer deployments.Close()
	apps := &appServer{key: &key.PublicKey, next: deployments}
	server := httptest.NewTLSServer(apps)
	defer server.Close()

	in := install{
		host:         server.Listener.Addr().String(),
		app:          clientID,
		installation: installation,
		key:          pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		http:         server.Client(), // trusts the embedded server's certificate
	}
	client, err := in.client()
	if err != nil {
		return err
	}
	d, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main", Environment: "staging"})
	if err != nil {
		return err
	}
	for _, state := range []ghdeploy.State{ghdeploy.StateInProgress, ghdeploy.StateSuccess} {
		status, err := client.Statuses.Create(ctx, "octocat", "example", d.ID, ghdeploy.DeploymentStatusRequest{State: state})
		if err != nil {
			return err
		}
		line(out, "%s is %s", status.Environment, status.State)
	}
	if err := read(ctx, out, client, "octocat", "example"); err != nil {
		return err
	}
	line(out, "%d requests below /api/v3, %d token issued", apps.requests.Load(), apps.tokens.Load())
	return nil
}

// appServer issues installation access tokens, and passes all other requests to
// the next handler.
type appServer struct {
	key              *rsa.PublicKey
	next             http.Handler
	requests, tokens atomic.Int64
}

func (s *appServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/api/v3/"):
		http.NotFound(w, r)
	case r.Method == http.MethodPost && r.URL.Path == fmt.Sprintf("/api/v3/app/installations/%d/access_tokens", installation):
		s.issue(w, r)
	default:
		s.requests.Add(1)
		s.next.ServeHTTP(w, r)
	}
}

// issue responds with a token for an hour if the app's key signed the request.
func (s *appServer) issue(w http.ResponseWriter, r *http.Request) {
	signed, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, err := jwt.Parse(signed, func(*jwt.Token) (any, error) { return s.key, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(clientID), jwt.WithExpirationRequired())
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"message": "A JSON web token could not be decoded", "status": "401"}`)
		return
	}
	s.tokens.Add(1)
	w.WriteHeader(http.StatusCreated)
	token := map[string]any{"token": issued, "expires_at": time.Now().Add(time.Hour)}
	if err := json.NewEncoder(w).Encode(token); err != nil {
		panic(http.ErrAbortHandler) // the connection is lost
	}
}
