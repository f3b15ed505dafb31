package ghdeploy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
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
		mayRepeat: mayRepeat,
		log:       c.log,
	}, nil
}

// httpClient is a copy of the client that keeps to the API's origin: net/http
// would follow a redirect to any host, and turn a redirected write into a GET.
// What is refused here is an error in check.
func httpClient(client *http.Client, home string) *http.Client {
	c := *client
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Transport = transport{next: c.Transport, http2: new(atomic.Bool)}
	theirs := c.CheckRedirect
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		const most = 10 // as net/http has it
		switch {
		case origin(req.URL) != home, req.URL.User != nil, req.Method != via[0].Method, len(via) >= most:
			return http.ErrUseLastResponse
		}
		if token := via[0].Header.Get("Authorization"); token != "" {
			// net/http takes a host in other letters for another one, and
			// drops the token: it would be asked for what only the token sees.
			req.Header.Set("Authorization", token) //nolint:gosec // the origin is the same: see the first case
		}
		if theirs != nil {
			return theirs(req, via)
		}
		return nil
	}
	return &c
}

// askToken returns the token for one attempt, "" for an anonymous one.
func (c *core) askToken(ctx context.Context) (string, error) {
	if c.token == nil {
		return "", nil
	}
	token, err := c.token(ctx)
	if err != nil {
		if ended := contextError(ctx); ended != nil {
			err = ended
		}
		return "", fmt.Errorf("no token: %w", err)
	}
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("no token: %w", err)
	}
	return token, nil
}

// authorize sets the token of an attempt.
func authorize(r *http.Request, token string) {
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// checkToken refuses what no token is, without repeating it. GitHub says to
// treat tokens as opaque, so it looks no closer.
func checkToken(token string) error {
	switch {
	case token == "":
		return fmt.Errorf("the token is empty")
	case strings.ContainsAny(token, " \t\r\n"):
		return fmt.Errorf("the token holds white space; a file's last line break, perhaps")
	case !visible(token):
		return fmt.Errorf("the token holds bytes that a header cannot")
	}
	return nil
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

// parseBase takes the API's root, and not the site that people look at: that
// answers every call with a 404.
func parseBase(s string) (*url.URL, error) {
	u, err := parseURL(s)
	if err != nil {
		return nil, err
	}
	if host := u.Hostname(); strings.TrimPrefix(host, "www.") == "github.com" {
		return nil, fmt.Errorf("%s is not the API; that is https://api.github.com/, the default", host)
	}
	return u, nil
}

// parseURL never repeats what may be a password or a token: nothing of a text
// that is not a URL, and of one that is no more than its host, or its path once
// there is nothing else in it.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return nil, fmt.Errorf("the URL is empty; the default is https://api.github.com/")
	case err != nil:
		return nil, fmt.Errorf("this is not a URL; write one such as https://ghe.example.com/api/v3")
	case u.User != nil:
		return nil, fmt.Errorf("the URL of %s holds a user; a token goes into WithToken", u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("this does not begin with https://; write one such as https://ghe.example.com/api/v3")
	case u.Hostname() == "":
		return nil, fmt.Errorf("this names no host; write one such as https://ghe.example.com/api/v3")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, fmt.Errorf("%s holds a query; the API's root has none", u.Host)
	case u.Fragment != "" || strings.Contains(s, "#"):
		return nil, fmt.Errorf("%s holds a fragment; the API's root has none", u.Host)
	}
	if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
		return nil, fmt.Errorf("the port of %s is none; ports are 1 to 65535", u.Host)
	}
	for element := range strings.SplitSeq(u.Path, "/") {
		if element == "." || element == ".." {
			return nil, fmt.Errorf("%q holds %q in its path", s, element)
		}
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func parseHost(s string) (*url.URL, error) {
	full := s
	if !strings.Contains(s, "://") {
		full = "https://" + s
	}
	u, err := parseURL(full)
	switch {
	case s == "":
		return nil, fmt.Errorf("the host is empty; write one such as github.com")
	case err != nil:
		return nil, err
	case strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("%q holds a path; give the host alone, or the API's root in WithBaseURL", s)
	}
	host := strings.TrimPrefix(u.Hostname(), "www.")
	tenant, isTenant := strings.CutSuffix(host, ".ghe.com")
	switch {
	case host == "github.com", host == "api.github.com":
		u.Host, u.Path = "api.github.com", ""
	case isTenant:
		u.Host, u.Path = "api."+strings.TrimPrefix(tenant, "api.")+".ghe.com", ""
	default:
		u.Path = "/api/v3"
	}
	return u, nil
}

// origin is what a token is bound to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
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
		if m.Path == module && released.MatchString(m.Version) {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "devel"
}
