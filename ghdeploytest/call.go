package ghdeploytest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through the server. The steps of the pipeline fill it in.
type call struct {
	method string
	host   string
	url    *url.URL
	header http.Header
	body   []byte
	// badBody says what is wrong with the body's JSON, "" if nothing is.
	badBody  string
	tooLarge bool

	root string // scheme and host that the request was sent to, like https://api.github.test
	base string // root and prefix, like https://ghe.example/api/v3; absolute URLs in answers begin with it
	path string // escaped, without the prefix
	op   *operation
	vars map[string]string
	plan plan
	// drawn reports whether plan is decided. A fault with a predicate needs the body first.
	drawn bool

	now        time.Time
	apiVersion string
	token      string // "" = anonymous
	actor      actor
	identified bool // the caller is known, or anonymous
	quota      *bucket
	repo       *repository
	fields     fields
}

// newCall reads where a request wants to go, and draws the faults that will meet it. It leaves the body alone: a
// refused connection never gets to it.
func (s *Server) newCall(r *http.Request) *call {
	c := &call{method: r.Method, host: r.Host, url: r.URL, header: r.Header}
	if c.host == "" {
		c.host = r.URL.Host
	}
	scheme := r.URL.Scheme // only a client's request has one
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

// htmlRoot is where people look at the same host: github.com beside api.github.com, the host itself on a GitHub
// Enterprise Server.
func (c *call) htmlRoot() string {
	if scheme, host, ok := strings.Cut(c.root, "://api."); ok && c.base == c.root {
		return scheme + "://" + host
	}
	return c.root
}

// id reads a numeric path parameter: digits without a sign or a leading zero.
// Anything else is no id, so that nothing is found.
func (c *call) id(name string) int64 {
	id, err := strconv.ParseInt(c.vars[name], 10, 64)
	if err != nil || strconv.FormatInt(id, 10) != c.vars[name] {
		return 0
	}
	return id
}

// repoURL is the API address of a path below the repository, by its name.
func (c *call) repoURL(suffix string) string {
	return c.base + "/repos/" + c.repo.fullName() + suffix
}

// ending is how an answer travels.
type ending int

const (
	completeResponse ending = iota
	noResponse              // the connection ends without one
	cutResponse             // the connection ends in the middle of the body
)

// answer is what the server has to say to a call.
type response struct {
	status int
	header http.Header
	body   []byte

	modified time.Time // set where GitHub sends Last-Modified

	ending ending
	cutAt  int
}

func (resp *response) set(name, value string) {
	if resp.header == nil {
		resp.header = http.Header{}
	}
	resp.header.Set(name, value)
}
