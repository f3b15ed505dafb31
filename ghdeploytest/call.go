package ghdeploytest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request in the server. The pipeline steps fill it in.
type call struct {
	method string
	host   string
	url    *url.URL
	header http.Header
	body   []byte
	// badBody is the error message for a malformed body, "" for a valid one.
	badBody  string
	tooLarge bool

	root string // scheme and host of the request, like https://api.github.test
	base string // root and prefix, like https://ghe.example/api/v3; absolute URLs in responses begin with it
	path string // escaped, without the prefix
	op   *operation
	vars map[string]string
	plan plan
	// drawn reports whether plan is set. A fault with a Match function needs
	// the body first.
	drawn bool

	now        time.Time
	apiVersion string
	token      string // "" for an anonymous caller
	actor      actor
	identified bool // the token is valid, or the caller is anonymous
	quota      *bucket
	repo       *repository
	fields     fields
}

// newCall parses the address of a request and draws its faults. It does not
// read the body: a refused connection never sends one.
func (s *Server) newCall(r *http.Request) *call {
	c := &call{method: r.Method, host: r.Host, url: r.URL, header: r.Header}
	if c.host == "" {
		c.host = r.URL.Host
	}
	scheme := r.URL.Scheme // set on a client's request only
	switch {
	case scheme != "":
	case r.TLS != nil:
		scheme = "https"
	default:
		scheme = "http"
	}
	c.root = scheme + "://" + c.host
	c.base, c.path = c.root, r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(c.path, "/api/v3"); ok && (rest == "" || rest[0] == '/') {
		c.base, c.path = c.root+"/api/v3", rest
	}
	c.op, c.vars = s.route(c.method, c.path)
	c.plan, c.drawn = s.draw(c, false)
	return c
}

// htmlRoot returns the address of the website: github.com for api.github.com,
// the host itself on a GitHub Enterprise Server.
func (c *call) htmlRoot() string {
	if scheme, host, ok := strings.Cut(c.root, "://api."); ok && c.base == c.root {
		return scheme + "://" + host
	}
	return c.root
}

// id parses a numeric path parameter: digits without a sign or a leading zero.
// It returns 0 for anything else.
func (c *call) id(name string) int64 {
	id, err := strconv.ParseInt(c.vars[name], 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != c.vars[name] {
		return 0
	}
	return id
}

// repoURL returns the API address of a path below the repository, by its name.
func (c *call) repoURL(suffix string) string {
	return c.base + "/repos/" + c.repo.fullName() + suffix
}

// ending is how the connection ends after a response.
type ending int

const (
	completeResponse ending = iota
	noResponse              // the connection ends without a response
	cutResponse             // the connection ends in the middle of the body
)

// response is the server's response to a call.
type response struct {
	status int
	header http.Header
	body   []byte

	modified time.Time // the time for Last-Modified, zero for none

	ending ending
	cutAt  int
}

func (resp *response) set(name, value string) {
	if resp.header == nil {
		resp.header = http.Header{}
	}
	resp.header.Set(name, value)
}
