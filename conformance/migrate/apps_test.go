package migrate

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v92/github"
	"github.com/jferrl/go-githubauth"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

const (
	clientID       = "Iv1.0123456789abcdef"
	theAppID       = 77
	installationID = 42
	enterprise     = "ghe.example.com"
)

// appHost is a network with a GitHub Enterprise Server: it issues installation
// tokens to the app that signed with its key, and passes other requests to the
// test server. Requests to other hosts end at the test server too, recorded.
type appHost struct {
	t      *testing.T
	key    *rsa.PublicKey
	server *ghdeploytest.Server

	issued int
	down   bool     // issues no token
	silent bool     // lets requests for tokens wait
	seen   []string // host and Authorization of each other request
	signed []string // host of each request for a token
}

func (a *appHost) RoundTrip(r *http.Request) (*http.Response, error) {
	authorization := r.Header.Get("Authorization")
	if !strings.HasSuffix(r.URL.Path, "/access_tokens") {
		a.seen = append(a.seen, r.URL.Host+" "+authorization)
		return a.server.Transport().RoundTrip(r)
	}
	if r.Body != nil {
		r.Body.Close()
	}
	a.signed = append(a.signed, r.URL.Host)
	if a.silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if a.down {
		return nil, errors.New("the network is down")
	}
	if want := fmt.Sprintf("/api/v3/app/installations/%d/access_tokens", installationID); r.Method != http.MethodPost || r.URL.Path != want {
		a.t.Errorf("%s %s, want POST %s", r.Method, r.URL.Path, want)
	}
	_, err := jwt.Parse(strings.TrimPrefix(authorization, "Bearer "), func(*jwt.Token) (any, error) { return a.key, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired())
	if err != nil {
		a.t.Errorf("the request for a token: %v", err)
	}
	a.issued++
	body, err := json.Marshal(map[string]any{"token": fmt.Sprintf("ghs_issued%d", a.issued), "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "201 Created", StatusCode: http.StatusCreated, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// TestInstallationTokens deploys for three hours with each library: a token is
// requested once an hour, and both tokens and signatures stay on their host.
func TestInstallationTokens(t *testing.T) {
	key, encoded := appKey(t)
	for name, connect := range map[string]func(a *appHost) (*ghdeploy.Client, error){
		"ghinstallation": func(a *appHost) (*ghdeploy.Client, error) {
			return asGHInstallation(a, encoded)
		},
		"go-githubauth": func(a *appHost) (*ghdeploy.Client, error) {
			return asGitHubAuth(a, encoded, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &appHost{t: t, key: &key.PublicKey, server: appServer(t)}
				client, err := connect(a)
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for hour := range 3 {
					for range 3 {
						if err := createWith(t.Context(), client); err != nil {
							t.Fatal(err)
						}
						want = append(want, fmt.Sprintf("%s Bearer ghs_issued%d", enterprise, hour+1))
					}
					time.Sleep(61 * time.Minute)
				}
				if !slices.Equal(a.seen, want) {
					t.Errorf("sent %q, want %q", a.seen, want)
				}

				a.server.Inject(ghdeploytest.Fault{
					Operation: "GET /repos/{owner}/{repo}/deployments", Times: ghdeploytest.Always,
					Effect: ghdeploytest.RedirectTo(http.StatusTemporaryRedirect, "https://elsewhere.example/"),
				})
				if err := listWith(t.Context(), client); !errors.Is(err, ghdeploy.ErrRedirect) {
					t.Errorf("a redirect to another host: %v", err)
				}
				if want = append(want, enterprise+" Bearer ghs_issued4"); !slices.Equal(a.seen, want) {
					t.Errorf("sent %q, want %q", a.seen, want)
				}
				if !slices.Equal(a.signed, []string{enterprise, enterprise, enterprise, enterprise}) {
					t.Errorf("tokens were requested from %q", a.signed)
				}
				if list := a.server.Deployments("octocat/example"); len(list) != 9 || list[0].Creator != "shipit[bot]" {
					t.Errorf("%d deployments: %+v", len(list), list)
				}
			})
		})
	}
}

// installation is the transport that a program with ghinstallation has.
func installation(a *appHost, key []byte) (*ghinstallation.Transport, error) {
	itr, err := ghinstallation.New(a, theAppID, installationID, key)
	if err == nil {
		itr.BaseURL = "https://" + enterprise + "/api/v3"
	}
	return itr, err
}

func asGHInstallation(a *appHost, key []byte) (*ghdeploy.Client, error) {
	itr, err := installation(a, key)
	if err != nil {
		return nil, err
	}
	return withGHInstallation(itr, &http.Client{Transport: a})
}

func asGitHubAuth(a *appHost, key []byte, timeout time.Duration) (*ghdeploy.Client, error) {
	app, err := githubauth.NewApplicationTokenSource(clientID, key)
	if err != nil {
		return nil, err
	}
	tokens := githubauth.NewInstallationTokenSource(installationID, app,
		githubauth.WithHTTPClient(&http.Client{Transport: a, Timeout: timeout}),
		githubauth.WithEnterpriseURL("https://"+enterprise))
	return withGitHubAuth(tokens, &http.Client{Transport: a})
}

func appKey(t *testing.T) (key *rsa.PrivateKey, encoded []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func appServer(t *testing.T) *ghdeploytest.Server {
	t.Helper()
	var options []ghdeploytest.Option
	for i := range 5 {
		options = append(options, ghdeploytest.WithToken(ghdeploytest.Token{
			Value: fmt.Sprintf("ghs_issued%d", i+1), App: "shipit", Permissions: map[string]string{"deployments": "write"},
		}))
	}
	return ghdeploytest.Start(t, options...)
}

// A token that is not issued is another error for each wiring: with the
// transport, the client cannot know that the POST was not sent.
func TestTokenFailure(t *testing.T) {
	key, encoded := appKey(t)
	synctest.Test(t, func(t *testing.T) {
		a := &appHost{t: t, key: &key.PublicKey, server: appServer(t), down: true}

		client, err := asGHInstallation(a, encoded)
		if err != nil {
			t.Fatal(err)
		}
		var e *ghdeploy.Error
		if err := createWith(t.Context(), client); !errors.As(err, &e) || e.Attempts != 0 || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("WithTokenFunc: %v", err)
		}

		itr, err := installation(a, encoded)
		if err != nil {
			t.Fatal(err)
		}
		gc, err := github.NewClient(github.WithEnterpriseURLs("https://"+enterprise, "https://"+enterprise), github.WithTransport(itr))
		if err != nil {
			t.Fatal(err)
		}
		if client, err = beside(gc); err != nil {
			t.Fatal(err)
		}
		if err := createWith(t.Context(), client); !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("WithHTTPClient: %v", err)
		}
		if len(a.seen) != 0 {
			t.Errorf("sent %q", a.seen)
		}
	})
}

// A request for a token that nobody serves ends with the context, or with the
// Timeout of the http.Client of go-githubauth.
func TestTokenTimeout(t *testing.T) {
	key, encoded := appKey(t)
	for name, tt := range map[string]struct {
		connect func(a *appHost) (*ghdeploy.Client, error)
		want    time.Duration
	}{
		"ghinstallation": {func(a *appHost) (*ghdeploy.Client, error) {
			return asGHInstallation(a, encoded)
		}, time.Hour},
		"go-githubauth": {func(a *appHost) (*ghdeploy.Client, error) {
			return asGitHubAuth(a, encoded, 30*time.Second)
		}, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, err := tt.connect(&appHost{t: t, key: &key.PublicKey, server: appServer(t), silent: true})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				if err := createWith(ctx, client); err == nil || time.Since(began) != tt.want {
					t.Errorf("%v after %v, want %v", err, time.Since(began), tt.want)
				}
			})
		})
	}
}

// githubauth changes the http.Client that it gets: on the same one, the app's
// signature replaces the token.
func TestGitHubAuthClient(t *testing.T) {
	key, encoded := appKey(t)
	a := &appHost{t: t, key: &key.PublicKey, server: appServer(t)}
	app, err := githubauth.NewApplicationTokenSource(clientID, encoded)
	if err != nil {
		t.Fatal(err)
	}
	hc := &http.Client{Transport: a}
	tokens := githubauth.NewInstallationTokenSource(installationID, app,
		githubauth.WithHTTPClient(hc), githubauth.WithEnterpriseURL("https://"+enterprise))
	client, err := withGitHubAuth(tokens, hc)
	if err != nil {
		t.Fatal(err)
	}
	if err := createWith(t.Context(), client); !errors.Is(err, ghdeploy.ErrUnauthorized) {
		t.Errorf("the same http.Client: %v", err)
	}
	if len(a.seen) != 1 || strings.Contains(a.seen[0], "ghs_") {
		t.Errorf("sent %q", a.seen)
	}
}
