package ghdeploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// defaultBodyLimit is far above the size of any usual request. GitHub documents
// no limit for this API.
const defaultBodyLimit = 1 << 20

// WithBodyLimit sets the maximum size of a request body in bytes. The default
// is 1 MiB.
//
// The server refuses a larger body with 413 and nginx's HTML page. This check
// comes before authentication and costs no quota. GitHub documents no maximum;
// the refusals on record are of bodies of about 1 MiB.
func WithBodyLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithBodyLimit(%d); write the maximum in bytes, or omit the option for %d", n, defaultBodyLimit))
	}
	return func(s *Server, _ *Seed) { s.bodyLimit = n }
}

// maxDrained bounds how much of a too large body is read and discarded, so that
// a client on a socket receives the 413.
const maxDrained = 256 << 20

// takeBody reads the body up to the limit and parses it. It runs before the
// lock is taken.
func (s *Server) takeBody(c *call, body io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(body, int64(s.bodyLimit)+1))
	if err != nil {
		return err
	}
	if len(content) > s.bodyLimit {
		c.tooLarge = true
		_, _ = io.Copy(io.Discard, io.LimitReader(body, maxDrained))
		return nil
	}
	c.body = content
	c.parse()
	return nil
}

// parse decodes the body of an operation that takes a JSON object.
func (c *call) parse() {
	if c.op == nil || !c.op.body {
		return
	}
	c.fields.values = map[string]json.RawMessage{}
	text := bytes.TrimSpace(c.body)
	switch {
	case len(text) == 0 || c.op.nullBody && string(text) == "null":
		// The handler then reports each missing parameter.
	case !utf8.Valid(text) || !json.Valid(text):
		c.badBody = "Problems parsing JSON"
	case text[0] != '{':
		c.badBody = "Body should be a JSON object"
	default:
		if err := json.Unmarshal(text, &c.fields.values); err != nil {
			c.badBody = "Problems parsing JSON"
		}
	}
}

// readBody is the pipeline step that refuses a body that is not a JSON object.
func (s *Server) readBody(c *call) *response {
	if c.badBody == "" {
		return nil
	}
	resp := c.fail(http.StatusBadRequest, c.badBody, nil)
	return &resp
}

// Recorded: philschatz/octokat.js#169, octokit/octokit.net#1605.
const tooLargePage = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body bgcolor=\"white\">\r\n" +
	"<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// checkSize is the pipeline step that refuses a body above the limit.
func (s *Server) checkSize(c *call) *response {
	if !c.tooLarge {
		return nil
	}
	resp := response{status: http.StatusRequestEntityTooLarge, body: []byte(tooLargePage)}
	resp.set("Content-Type", "text/html")
	return &resp
}
