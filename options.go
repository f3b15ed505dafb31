package ghdeploy

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
)

// Option configures a [Client]. Of two that set the same thing the later wins.
type Option func(*config) error

// config is what the options fill in, and newCore makes a core of.
type config struct {
	base      *url.URL
	insecure  bool
	http      *http.Client
	token     func(context.Context) (string, error)
	userAgent string
	version   APIVersion
	retry     RetryPolicy
	log       *slog.Logger
}

// attemptTimeout bounds each attempt, its body included, where the caller
// brings no http.Client. GitHub itself gives up after 10 s.
const attemptTimeout = 30 * time.Second

// APIVersion is a version of GitHub's REST API, a date.
//
// GitHub docs: https://docs.github.com/rest/about-the-rest-api/api-versions
type APIVersion string

// The versions that GitHub publishes. The Deployments API is the same in both.
// GitHub Enterprise Server knows 2026-03-10 from 3.21 on.
const (
	APIVersion20221128 APIVersion = "2022-11-28" // the default
	APIVersion20260310 APIVersion = "2026-03-10"
)

// WithToken authenticates with a token: a personal access token, an
// installation's, or the GITHUB_TOKEN of a workflow. It goes to the origin of
// the base URL and nowhere else.
func WithToken(token string) Option {
	return func(c *config) error {
		if token == "" {
			return invalidArgument("WithToken: the token is empty; leave the option out for anonymous calls")
		}
		if err := checkToken(token); err != nil {
			return invalidArgument("WithToken: %v", err)
		}
		c.token = func(context.Context) (string, error) { return token, nil }
		return nil
	}
}

// WithTokenFunc authenticates with the token that the function returns. It is
// asked before each attempt, so it should remember a token until shortly
// before that expires, and it must be safe for concurrent use. It gets the
// call's context and should end with it: nothing else bounds its time. Its
// error, or a token that no header can hold, ends the call.
func WithTokenFunc(token func(context.Context) (string, error)) Option {
	return func(c *config) error {
		if token == nil {
			return invalidArgument("WithTokenFunc: the function is nil")
		}
		c.token = token
		return nil
	}
}

// FromEnvironment takes the token from GH_TOKEN, else from GITHUB_TOKEN, and
// the base URL from GITHUB_API_URL where that is set, as it is in a workflow
// of GitHub Actions. Neither token set is an error.
func FromEnvironment() Option {
	return func(c *config) error {
		name := "GH_TOKEN"
		if os.Getenv(name) == "" {
			name = "GITHUB_TOKEN"
		}
		token := os.Getenv(name)
		if token == "" {
			return invalidArgument("FromEnvironment: neither GH_TOKEN nor GITHUB_TOKEN is set (a workflow has to pass it on: env: GITHUB_TOKEN: ${{ github.token }})")
		}
		if err := checkToken(token); err != nil {
			return invalidArgument("FromEnvironment: %s: %v", name, err)
		}
		c.token = func(context.Context) (string, error) { return token, nil }
		if api := os.Getenv("GITHUB_API_URL"); api != "" {
			base, err := parseBase(api)
			if err != nil {
				return invalidArgument("FromEnvironment: GITHUB_API_URL: %v", err)
			}
			c.base = base
		}
		return nil
	}
}

// WithBaseURL sets the API's root exactly as given, such as
// https://ghe.example.com/api/v3. A path prefix is kept; the trailing slash is
// optional. The default is https://api.github.com/.
func WithBaseURL(baseURL string) Option {
	return func(c *config) error {
		base, err := parseBase(baseURL)
		if err != nil {
			return invalidArgument("WithBaseURL: %v", err)
		}
		c.base = base
		return nil
	}
}

// WithHost sets the API's root from the address that people know, as a host or
// a URL: github.com, octocorp.ghe.com (GitHub Enterprise Cloud with data
// residency, https://api.octocorp.ghe.com/), or any other host, which is taken
// for a GitHub Enterprise Server and its https://HOST/api/v3/.
func WithHost(host string) Option {
	return func(c *config) error {
		base, err := parseHost(host)
		if err != nil {
			return invalidArgument("WithHost: %v", err)
		}
		c.base = base
		return nil
	}
}

// WithInsecureHTTP allows a token to be sent over http://, where anybody on
// the way can read it. To a loopback address it always may.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecure = true
		return nil
	}
}

// WithHTTPClient sends requests through a copy of the given client: its
// Transport carries proxies, caching and tracing, and its Timeout bounds each
// attempt; 0 then means no bound but the context's. Without this option an
// attempt ends after 30 s. The client's connection pool is never closed. Its
// CheckRedirect may refuse a redirect that this package would follow.
//
// A transport must not add an Idempotency-Key or X-Idempotency-Key header:
// net/http takes it as leave to send a POST twice. One that retries by itself
// breaks the promise that no write is sent twice.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return invalidArgument("WithHTTPClient: the client is nil; leave the option out for the default")
		}
		c.http = client
		return nil
	}
}

// WithUserAgent names your program to GitHub, which asks for that: its
// name and version, such as "shipit/1.4". This package's own follow it.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent
func WithUserAgent(userAgent string) Option {
	return func(c *config) error {
		if userAgent == "" || userAgent != strings.TrimSpace(userAgent) || !visible(userAgent) {
			return invalidArgument("WithUserAgent: %q is not a header value; write a name and a version, such as shipit/1.4", userAgent)
		}
		c.userAgent = userAgent
		return nil
	}
}

// WithAPIVersion asks for a version of the API, a date as YYYY-MM-DD. One that
// the server does not know answers 400. The default is [APIVersion20221128].
func WithAPIVersion(version APIVersion) Option {
	return func(c *config) error {
		if _, err := time.Parse(time.DateOnly, string(version)); err != nil {
			return invalidArgument("WithAPIVersion: %q is not a date such as %s", string(version), APIVersion20221128)
		}
		c.version = version
		return nil
	}
}

// WithRetry sets how often and after how long a request that may be sent again
// is. See [RetryPolicy].
func WithRetry(policy RetryPolicy) Option {
	return func(c *config) error {
		if err := policy.validate(); err != nil {
			return err
		}
		c.retry = policy
		return nil
	}
}

// WithLogger logs each attempt at the debug level, a wait or another attempt
// at the info level, and the announced end of the API version once, as a
// warning. No token is logged. The default is no log.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return invalidArgument("WithLogger: the logger is nil; leave the option out for no log")
		}
		c.log = logger
		return nil
	}
}

func newCore(opts []Option) (*core, error) {
	c := &config{
		base:    &url.URL{Scheme: "https", Host: "api.github.com"},
		http:    &http.Client{Timeout: attemptTimeout},
		version: APIVersion20221128,
		log:     slog.New(slog.DiscardHandler),
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, invalidArgument("NewClient: option %d is nil", i+1)
		}
		if err := opt(c); err != nil {
			return nil, err
		}
	}
	if c.token != nil && c.base.Scheme == "http" && !c.insecure && !loopback(c.base.Hostname()) {
		return nil, invalidArgument("the base URL %s would send the token in the clear; use https://, or WithInsecureHTTP if you must", c.base)
	}
	return &core{
		base:      strings.TrimSuffix(c.base.String(), "/"),
		http:      httpClient(c.http, origin(c.base)),
		token:     c.token,
		userAgent: strings.TrimSpace(c.userAgent + " ghdeploy/" + version()),
		version:   c.version,
		retry:     c.retry.withDefaults(),
		gate:      gate{retry: c.retry.withDefaults()},
		mayRepeat: mayRepeat,
		log:       c.log,
	}, nil
}

// visible tells whether a header can hold s.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// released is the form of a released version; a pseudo-version has it too.
var released = regexp.MustCompile(`^v[0-9]`)

// version is this module's version in the program that runs, "devel" where the
// build does not know it.
func version() string {
	const module = "github.com/ghdeploy/ghdeploy"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Replace == nil && released.MatchString(m.Version) {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "devel"
}
