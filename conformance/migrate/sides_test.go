package migrate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// wire is the transport of a shared client. It records each request.
type wire struct {
	next  http.RoundTripper
	hosts []string
	sent  [][]string // the values of Authorization
}

func (c *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	c.hosts = append(c.hosts, r.URL.Host)
	c.sent = append(c.sent, r.Header.Values("Authorization"))
	return c.next.RoundTrip(r)
}

func (c *wire) last() (host string, authorization []string) {
	return c.hosts[len(c.hosts)-1], c.sent[len(c.sent)-1]
}

func listWith(ctx context.Context, client *ghdeploy.Client) error {
	_, err := client.Deployments.List(ctx, "octocat", "example", ghdeploy.DeploymentListOptions{})
	return err
}

func createWith(ctx context.Context, client *ghdeploy.Client) error {
	_, err := client.Deployments.Create(ctx, "octocat", "example", ghdeploy.DeploymentRequest{Ref: "main"})
	return err
}

func TestSharedHTTPClient(t *testing.T) {
	w := newWorld(t)
	c := &wire{next: w.server.Transport()}
	shared := &http.Client{Transport: c, Timeout: time.Minute}
	gc, client, err := clients(shared, fullToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := listWith(t.Context(), client); err != nil {
		t.Error(err)
	}
	if _, _, err := gc.Repositories.ListDeployments(t.Context(), "octocat", "example", nil); err != nil {
		t.Error(err)
	}
	for i, authorization := range c.sent {
		if !slices.Equal(authorization, []string{"Bearer " + fullToken}) || c.hosts[i] != "api.github.com" {
			t.Errorf("request %d to %s carried %q", i, c.hosts[i], authorization)
		}
	}
	if len(c.sent) != 2 || shared.Transport != c || shared.Timeout != time.Minute || shared.CheckRedirect != nil {
		t.Errorf("%d requests; the shared client is %+v", len(c.sent), shared)
	}
}

// besideOn returns a go-github client with a token on a transport, and a
// ghdeploy client on its http.Client.
func besideOn(t *testing.T, next http.RoundTripper, options ...github.ClientOptionsFunc) (*wire, *github.Client, *ghdeploy.Client) {
	t.Helper()
	root := base
	c := &wire{next: next}
	gc, err := github.NewClient(append([]github.ClientOptionsFunc{
		github.WithURLs(&root, &root), github.WithTransport(c), github.WithAuthToken(fullToken),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := beside(gc)
	if err != nil {
		t.Fatal(err)
	}
	return c, gc, client
}

func TestBeside(t *testing.T) {
	want := []string{"Bearer " + fullToken}

	t.Run("go-github's token and address", func(t *testing.T) {
		w := newWorld(t)
		c, _, client := besideOn(t, w.server.Transport())
		if err := createWith(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if at, authorization := c.last(); at != host || !slices.Equal(authorization, want) {
			t.Errorf("the request to %s carried %q", at, authorization)
		}
		if path := w.sent()[0].Path; path != "/api/v3/repos/octocat/example/deployments" {
			t.Errorf("the path is %s", path)
		}
	})

	// go-github's transport replaces the header, so the token of WithToken
	// never arrives.
	t.Run("a token of its own", func(t *testing.T) {
		w := newWorld(t)
		c, gc, _ := besideOn(t, w.server.Transport())
		for _, token := range []string{fullToken, "ghp_another"} {
			client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(gc.Client()), ghdeploy.WithBaseURL(gc.BaseURL()), ghdeploy.WithToken(token))
			if err != nil {
				t.Fatal(err)
			}
			if err := listWith(t.Context(), client); err != nil {
				t.Errorf("%s: %v", token, err)
			}
			if _, authorization := c.last(); !slices.Equal(authorization, want) {
				t.Errorf("with %s the request carried %q", token, authorization)
			}
		}
	})

	t.Run("without the address", func(t *testing.T) {
		w := newWorld(t)
		c, gc, _ := besideOn(t, w.server.Transport())
		client, err := ghdeploy.NewClient(ghdeploy.WithHTTPClient(gc.Client()))
		if err != nil {
			t.Fatal(err)
		}
		if err := listWith(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		if at, authorization := c.last(); at != "api.github.com" || !slices.Equal(authorization, want) {
			t.Errorf("the request to %s carried %q", at, authorization)
		}
	})

	t.Run("a redirect to another host", func(t *testing.T) {
		w := newWorld(t)
		w.server.Inject(ghdeploytest.Fault{
			Operation: "GET /repos/{owner}/{repo}/deployments", Times: ghdeploytest.Always,
			Match:  func(r ghdeploytest.Request) bool { return r.Host == host },
			Effect: ghdeploytest.RedirectTo(http.StatusTemporaryRedirect, "https://elsewhere.example/repos/octocat/example/deployments"),
		})
		c, gc, client := besideOn(t, w.server.Transport())
		if err := listWith(t.Context(), client); !errors.Is(err, ghdeploy.ErrRedirect) || len(c.hosts) != 1 {
			t.Errorf("ghdeploy: %v after requests to %q", err, c.hosts)
		}
		_, _, err := gc.Repositories.ListDeployments(t.Context(), "octocat", "example", nil)
		if at, authorization := c.last(); err != nil || at != "elsewhere.example" || !slices.Equal(authorization, want) {
			t.Errorf("go-github: %v; %s got %q", err, at, authorization)
		}
	})

	t.Run("a response that repeats the token", func(t *testing.T) {
		w := newWorld(t)
		w.server.Inject(ghdeploytest.Fault{
			Operation: "GET /repos/{owner}/{repo}/deployments", Times: ghdeploytest.Always,
			Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message": "`+fullToken+` is not enough"}`),
		})
		_, _, client := besideOn(t, w.server.Transport())
		if err := listWith(t.Context(), client); !strings.Contains(err.Error(), fullToken) {
			t.Errorf("with go-github's client: %v", err)
		}
		if err := listWith(t.Context(), w.client); err == nil || strings.Contains(err.Error(), fullToken) {
			t.Errorf("with WithToken: %v", err)
		}
	})

	t.Run("an unencrypted address", func(t *testing.T) {
		const unencrypted = "http://ghe.example.test/api/v3"
		_, gc, _ := besideOn(t, http.DefaultTransport)
		if _, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(unencrypted), ghdeploy.WithToken(fullToken)); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("with WithToken: %v", err)
		}
		if _, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(unencrypted), ghdeploy.WithHTTPClient(gc.Client())); err != nil {
			t.Errorf("with go-github's client: %v", err)
		}
	})
}

// Without a Timeout only the context ends an attempt.
func TestBesideTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		options []github.ClientOptionsFunc
		want    error
		longer  time.Duration // at least
	}{
		"without": {nil, context.DeadlineExceeded, 10 * time.Minute},
		"with":    {[]github.ClientOptionsFunc{github.WithTimeout(30 * time.Second)}, ghdeploy.ErrAttemptTimeout, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				slow(w)
				_, _, client := besideOn(t, w.server.Transport(), tt.options...)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				began := time.Now()
				err := listWith(ctx, client)
				if took := time.Since(began); !errors.Is(err, tt.want) || took < tt.longer || took > tt.longer+time.Minute {
					t.Errorf("%v after %v", err, took)
				}
			})
		})
	}
}

// The rate limits are kept in the clients, not in the http.Client.
func TestBesideRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c, gc, client := besideOn(t, w.server.Transport())
		if err := listWith(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		w.server.SetRemaining(fullToken, 0)
		list := func() error {
			_, _, err := gc.Repositories.ListDeployments(t.Context(), "octocat", "example", nil)
			return err
		}
		requests := func(call func() error) (int, error) {
			before := len(c.sent)
			err := call()
			return len(c.sent) - before, err
		}
		var limit *github.RateLimitError
		for _, want := range []int{1, 0} {
			if n, err := requests(list); n != want || !errors.As(err, &limit) {
				t.Errorf("go-github: %v after %d requests, want %d", err, n, want)
			}
		}
		for _, want := range []int{1, 0} {
			n, err := requests(func() error { return listWith(t.Context(), client) })
			if n != want || !errors.Is(err, ghdeploy.ErrRateLimited) {
				t.Errorf("ghdeploy: %v after %d requests, want %d", err, n, want)
			}
		}
	})
}

// retrying is what many programs put below go-github.
type retrying struct{ next http.RoundTripper }

func (r retrying) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err == nil || req.GetBody == nil {
		return resp, err
	}
	req = req.Clone(req.Context())
	if req.Body, err = req.GetBody(); err != nil {
		return nil, err
	}
	return r.next.RoundTrip(req)
}

// A transport that retries a POST creates two deployments. On a new connection
// ghdeploy notices the second write; on a reused one nobody can.
func TestRetryingTransport(t *testing.T) {
	for name, tt := range map[string]struct {
		reused bool
		want   error
	}{
		"a new connection":    {false, ghdeploy.ErrOutcomeUnknown},
		"a reused connection": {true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			pooled := &http.Transport{MaxConnsPerHost: 1}
			defer pooled.CloseIdleConnections()
			w := newWorld(t)
			root := w.server.URL() + "/api/v3/"
			_, _, client := besideOn(t, retrying{pooled}, github.WithURLs(&root, &root))
			if tt.reused {
				if err := listWith(t.Context(), client); err != nil {
					t.Fatal(err)
				}
			}
			w.server.Inject(lostResponse)
			err := createWith(t.Context(), client)
			n := len(w.server.Deployments("octocat/example"))
			if !errors.Is(err, tt.want) || tt.reused && n != 2 {
				t.Errorf("%v, %d deployments", err, n)
			}
		})
	}
	t.Run("without it", func(t *testing.T) {
		w := newWorld(t)
		_, _, client := besideOn(t, w.server.Transport())
		w.server.Inject(lostResponse)
		err := createWith(t.Context(), client)
		if n := len(w.server.Deployments("octocat/example")); !errors.Is(err, ghdeploy.ErrOutcomeUnknown) || n != 1 {
			t.Errorf("%v, %d deployments", err, n)
		}
	})
}

// lostResponse is a deployment that is created, and a connection that ends
// before the response.
var lostResponse = ghdeploytest.Fault{Operation: "POST /repos/{owner}/{repo}/deployments", Effect: ghdeploytest.DropAfter()}

// One program reads a pull request with go-github and deploys it with ghdeploy.
func TestKeepGoGitHub(t *testing.T) {
	w := newWorld(t)
	sha := "1111111111111111111111111111111111111111"
	w.server.SetBranch("octocat/example", ghdeploytest.Branch{Name: "topic", SHA: sha})
	w.server.Inject(ghdeploytest.Fault{
		Operation: ghdeploytest.AnyOperation,
		Match:     func(r ghdeploytest.Request) bool { return r.Path == "/api/v3/repos/octocat/example/pulls/7" },
		Effect:    ghdeploytest.Respond(http.StatusOK, `{"number": 7, "head": {"ref": "topic", "sha": "`+sha+`"}}`),
	})
	gc, client := w.pair()
	if err := deployGreen(t.Context(), gc, client, 7); err != nil {
		t.Fatal(err)
	}
	if list := w.server.Deployments("octocat/example"); len(list) != 1 || list[0].SHA != sha || list[0].Environment != "pr-7" {
		t.Errorf("deployments: %+v", list)
	}
}
