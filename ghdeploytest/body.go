package ghdeploytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"
)

// defaultBodyLimit is far above what a deployment carries. GitHub's is not
// documented for this API.
const defaultBodyLimit = 1 << 20

// WithBodyLimit sets how many bytes the body of a request may have. A longer one
// is refused with 413 and nginx's HTML page, before anybody is asked for a
// token, at no cost on any limit. The default is 1 MiB: GitHub documents no
// number, and its only refusals on record are of bodies of about this size.
func WithBodyLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithBodyLimit(%d); write how many bytes a body may have, or omit the option for %d", n, defaultBodyLimit))
	}
	return func(s *Server, _ *Seed) { s.bodyLimit = n }
}

// maxDrained is how much of a body that is too long is read all the same, so
// that a client on a socket gets to see the refusal.
const maxDrained = 256 << 20

// takeBody reads the body of a request up to the limit, and parses it. It runs
// before the lock is taken.
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

// parse reads the body of an operation that takes a JSON object.
func (c *call) parse() {
	if c.op == nil || !c.op.body {
		return
	}
	c.fields.values = map[string]json.RawMessage{}
	text := bytes.TrimSpace(c.body)
	switch {
	case len(text) == 0 || c.op.nullBody && string(text) == "null":
		// The missing parameters are then reported one by one.
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

// readBody is the pipeline step that refuses what is not a JSON object.
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

// checkSize is the pipeline step that refuses a body which is too long.
func (s *Server) checkSize(c *call) *response {
	if !c.tooLarge {
		return nil
	}
	resp := response{status: http.StatusRequestEntityTooLarge, body: []byte(tooLargePage)}
	resp.set("Content-Type", "text/html")
	return &resp
}
