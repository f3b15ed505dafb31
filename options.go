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

// Option configures a [Client]. If two options set the same thing, the later
// one applies.
type Option func(*config) error

// config is the result of the options.
type config struct {
	base      *url.URL // nil: not set explicitly
	apiURL    string   // GITHUB_API_URL, used unless base is set
	insecure  bool
	http      *http.Client
	token     func(context.Context) (string, error)
	userAgent string
	version   APIVersion
	retry     RetryPolicy
	log       *slog.Logger
	cache     int // bytes; 0: off
}

// attemptTimeout bounds each attempt, the response's body included, without
// WithHTTPClient. GitHub itself ends a request after 10 s.
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
// installation token, or the GITHUB_TOKEN of a workflow. It is sent to the
// origin of the base URL only.
func WithToken(token string) Option {
	return func(c *config) error {
		if token == "" {
			return invalidArgument("WithToken: the token is empty; omit the option for anonymous calls")
		}
		if err := checkToken(token); err != nil {
			return invalidArgument("WithToken: %v", err)
		}
		c.token = func(context.Context) (string, error) { return token, nil }
		return nil
	}
}

// WithTokenFunc authenticates with the token that the function returns. The
// client calls it before each attempt, so it should cache a token until
// shortly before that expires. It must be safe for concurrent use. It gets the
// call's context and must return when that ends: nothing else bounds its time.
// Its error ends the call, and so does an invalid token.
func WithTokenFunc(token func(context.Context) (string, error)) Option {
	return func(c *config) error {
		if token == nil {
			return invalidArgument("WithTokenFunc: the function is nil")
		}
		c.token = token
		return nil
	}
}

// FromEnvironment takes the token from GH_TOKEN, else from GITHUB_TOKEN. If
// neither is set, that is an [ErrInvalidArgument]. It takes the base URL from
// GITHUB_API_URL, which GitHub Actions sets, unless [WithBaseURL] or [WithHost]
// is given before or after it.
func FromEnvironment() Option {
	return func(c *config) error {
		name := "GH_TOKEN"
		if os.Getenv(name) == "" {
			name = "GITHUB_TOKEN"
		}
		token := os.Getenv(name)
		if token == "" {
			return invalidArgument("FromEnvironment: neither GH_TOKEN nor GITHUB_TOKEN is set; in a workflow, add env: GITHUB_TOKEN: ${{ github.token }}")
		}
		if err := checkToken(token); err != nil {
			return invalidArgument("FromEnvironment: %s: %v", name, err)
		}
		c.token = func(context.Context) (string, error) { return token, nil }
		c.apiURL = os.Getenv("GITHUB_API_URL")
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
// a URL:
//
//   - github.com
//   - octocorp.ghe.com: GitHub Enterprise Cloud with data residency; the API's
//     root is https://api.octocorp.ghe.com/
//   - any other host, such as ghe.example.com or
//     https://ghe.example.com/api/v3: a GitHub Enterprise Server; the API's
//     root is https://ghe.example.com/api/v3/
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

// WithInsecureHTTP allows the client to send a token over http://, where others
// can read it. To 127.0.0.0/8, ::1 and localhost that is always allowed.
func WithInsecureHTTP() Option {
	return func(c *config) error {
		c.insecure = true
		return nil
	}
}

// WithHTTPClient sends requests through a copy of the given client. Its
// Transport can add proxies, caching and tracing. Its Timeout bounds each
// attempt; with a Timeout of 0 only the context does. Without this option an
// attempt ends after 30 s. The client's idle connections are never closed. Its
// CheckRedirect may refuse a redirect; one that leaves the API's origin is
// never followed, whatever it does.
//
// The promise that no POST is sent twice depends on the Transport:
//
//   - It must pass on the request's context. The client observes through it
//     how often an attempt is written. A second write of a POST is canceled if
//     possible, and the call returns an [*OutcomeUnknownError]. Without the
//     context, a retry below the client is not noticed.
//   - It must not retry. A retry on a reused HTTP/1.1 connection that got no
//     response cannot be told from net/http's own, which repeats only what was
//     not written.
//   - It must keep the User-Agent. That identifies the request among others
//     that the Transport sends with the same context; over HTTP/2 the path
//     does too.
//   - It must not add an Idempotency-Key or X-Idempotency-Key header, which
//     allows net/http to send a POST twice.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return invalidArgument("WithHTTPClient: the client is nil; omit the option for the default")
		}
		c.http = client
		return nil
	}
}

// WithUserAgent names your program to GitHub, as GitHub requests: its name and
// version, such as "shipit/1.4". This package adds its own.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent
func WithUserAgent(userAgent string) Option {
	return func(c *config) error {
		if userAgent == "" || userAgent != strings.TrimSpace(userAgent) || !visible(userAgent) {
			return invalidArgument("WithUserAgent: %q is not a header value; use a name and a version, such as shipit/1.4", userAgent)
		}
		c.userAgent = userAgent
		return nil
	}
}

// WithAPIVersion requests a version of the API, a date as YYYY-MM-DD. The
// server returns 400 for a version that it does not know. The default is
// [APIVersion20221128].
func WithAPIVersion(version APIVersion) Option {
	return func(c *config) error {
		if _, err := time.Parse(time.DateOnly, string(version)); err != nil {
			return invalidArgument("WithAPIVersion: %q is not a date such as %s", string(version), APIVersion20221128)
		}
		c.version = version
		return nil
	}
}

// WithRetry sets the number of attempts and the wait between them. See
// [RetryPolicy].
func WithRetry(policy RetryPolicy) Option {
	return func(c *config) error {
		if err := policy.validate(); err != nil {
			return err
		}
		c.retry = policy
		return nil
	}
}

// WithConditionalCache sets how many bytes of responses the client keeps to
// make its GETs conditional. The default is 8 MiB (8 << 20), and 0 turns the
// cache off. A negative number is an [ErrInvalidArgument].
//
// A GET whose response is kept is sent with If-None-Match. If nothing has
// changed, GitHub returns a 304 without a body, and the call decodes the kept
// body anew. GitHub does not count that 304 against the rate limit if the
// request had a valid token; it counts an anonymous one. Every call still sends
// a request, so a result is never older than with the cache off, and a
// Page's Rate is that of the 304.
//
// The client keeps a response of at most 512 KiB, with a valid ETag, once its
// body is decoded. It keeps no page of a list after the first one, nothing that
// followed a redirect, and nothing that Cache-Control forbids to store. Each
// token has its own responses. The least recently used ones are evicted. The
// limit counts keys and headers too. Until it is evicted, a response stays in
// memory, private data included.
//
// A Transport of [WithHTTPClient] that caches works beside this one.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
func WithConditionalCache(size int) Option {
	return func(c *config) error {
		if size < 0 {
			return invalidArgument("WithConditionalCache: %d bytes is negative; use 0 to turn the cache off", size)
		}
		c.cache = size
		return nil
	}
}

// WithLogger logs each attempt at the debug level, each wait and each retry at
// the info level, and the announced end of the API version once at the warning
// level. It logs no token. The default is no log.
func WithLogger(logger *slog.Logger) Option {
	return func(c *config) error {
		if logger == nil {
			return invalidArgument("WithLogger: the logger is nil; omit the option for no log")
		}
		c.log = logger
		return nil
	}
}

func newCore(opts []Option) (*core, error) {
	c := &config{
		http:    &http.Client{Timeout: attemptTimeout},
		version: APIVersion20221128,
		log:     slog.New(slog.DiscardHandler),
		cache:   defaultCache,
	}
	for i, opt := range opts {
		if opt == nil {
			return nil, invalidArgument("NewClient: option %d is nil", i+1)
		}
		if err := opt(c); err != nil {
			return nil, err
		}
	}
	base, err := c.baseURL()
	if err != nil {
		return nil, err
	}
	if c.token != nil && base.Scheme == "http" && !c.insecure && !loopback(base.Hostname()) {
		return nil, invalidArgument("the base URL %s would send the token unencrypted; use https://, or add WithInsecureHTTP", base)
	}
	userAgent := strings.TrimSpace(c.userAgent + " ghdeploy/" + version())
	return &core{
		base:       strings.TrimSuffix(base.String(), "/"),
		origin:     origin(base),
		http:       httpClient(c.http, origin(base)),
		token:      c.token,
		userAgent:  userAgent,
		version:    c.version,
		header:     header(userAgent, c.version),
		bodyHeader: bodyHeader(userAgent, c.version),
		retry:      c.retry.withDefaults(),
		gate:       gate{retry: c.retry.withDefaults()},
		cache:      newConditionalCache(c.cache),
		log:        c.log,
	}, nil
}

// baseURL returns the API's root: the one that was given explicitly, else that
// of the environment, else the default.
func (c *config) baseURL() (*url.URL, error) {
	if c.base != nil {
		return c.base, nil
	}
	if c.apiURL == "" {
		return &url.URL{Scheme: "https", Host: "api.github.com"}, nil
	}
	base, err := parseBase(c.apiURL)
	if err != nil {
		return nil, invalidArgument("FromEnvironment: GITHUB_API_URL: %v", err)
	}
	return base, nil
}

// visible reports whether a header can hold s.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// released matches a released version, and a pseudo-version too.
var released = regexp.MustCompile(`^v[0-9]`)

// version returns this module's version in the running program, "devel" if the
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
