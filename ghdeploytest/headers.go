package ghdeploytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// nextRequestID returns a request ID in GitHub's form. The caller holds the
// lock.
func (s *Server) nextRequestID() string {
	s.calls++
	return fmt.Sprintf("%04X:%04X:%07X:%07X:%08X", 0xC000+s.calls%0x4000, 0x2A40+s.calls%16, 0x1A00000+s.calls, 0x3B00000+s.calls, 0x65000000+s.calls)
}

func (s *Server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextRequestID()
}

const (
	varyFull  = "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"
	varyShort = "Accept-Encoding, Accept, X-Requested-With"
)

// finish adds the headers of every response, and turns an unchanged response
// into a 304.
func (s *Server) finish(c *call, resp *response) {
	resp.set("Date", c.now.Format(http.TimeFormat))
	resp.set("Server", "github.com")
	resp.set("X-GitHub-Request-Id", s.nextRequestID())
	if resp.header.Get("Content-Type") == "text/html" {
		resp.set("Content-Length", strconv.Itoa(len(resp.body)))
		return // refused before it reached the API
	}
	resp.set("X-GitHub-Media-Type", mediaType(c.header.Get("Accept")))
	if c.apiVersion != "" {
		resp.set("X-GitHub-Api-Version-Selected", c.apiVersion)
	}
	s.tag(c, resp)
	s.setRate(c, resp)
	c.setRights(resp)
	c.indent(resp)

	switch resp.status {
	case http.StatusNoContent:
		resp.set("Vary", varyShort)
	case http.StatusSeeOther: // has no body
		resp.set("Vary", varyShort)
		resp.set("Content-Length", "0")
	case http.StatusNotModified:
	default:
		resp.set("Content-Type", "application/json; charset=utf-8")
		resp.set("Content-Length", strconv.Itoa(len(resp.body)))
		if resp.header.Get("Vary") == "" {
			resp.set("Vary", varyShort)
		}
	}
}

// indent formats the JSON for curl, as GitHub does.
func (c *call) indent(resp *response) {
	if len(resp.body) == 0 || !strings.HasPrefix(c.header.Get("User-Agent"), "curl/") {
		return
	}
	var text bytes.Buffer
	if json.Indent(&text, resp.body, "", "  ") == nil {
		text.WriteByte('\n')
		resp.body = text.Bytes()
	}
}

// tag sets the validators of a success. Recorded: the ETag differs for each
// token.
func (s *Server) tag(c *call, resp *response) {
	if resp.status != http.StatusOK && resp.status != http.StatusCreated {
		return
	}
	access := "private"
	if c.token == "" {
		access = "public"
	}
	resp.set("Cache-Control", access+", max-age=60, s-maxage=60")
	resp.set("Vary", varyFull)
	if c.op.free {
		return // the quota changes by itself, so it has no validator
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{c.token, c.header.Get("Accept"), resp.header.Get("Link"), string(resp.body)}, "\x00")))
	strong := `"` + hex.EncodeToString(sum[:]) + `"`
	if resp.status == http.StatusCreated {
		resp.set("ETag", strong)
	} else {
		resp.set("ETag", "W/"+strong)
	}
	if !resp.modified.IsZero() {
		resp.set("Last-Modified", resp.modified.UTC().Format(http.TimeFormat))
	}
	if (c.method == http.MethodGet || c.method == http.MethodHead) && unchanged(c.header, strong, resp.modified) {
		resp.status, resp.body = http.StatusNotModified, nil
		resp.set("ETag", strong)
		resp.header.Del("Link")
		if c.token != "" {
			c.quota.used-- // the 304 of an authorized request is free
		}
	}
}

// unchanged reports whether a 304 is due. Tags are compared weakly; the date
// counts only without If-None-Match.
func unchanged(h http.Header, strong string, modified time.Time) bool {
	if tags := h.Get("If-None-Match"); tags != "" {
		for tag := range strings.SplitSeq(tags, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == strong {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(h.Get("If-Modified-Since"))
	return err == nil && !modified.IsZero() && !modified.Truncate(time.Second).After(since)
}

func (s *Server) setRate(c *call, resp *response) {
	b := c.quota
	if b == nil { // refused before authentication
		b = s.quotaOf("", c.now)
	}
	resp.set("X-RateLimit-Limit", strconv.Itoa(b.limit))
	resp.set("X-RateLimit-Remaining", strconv.Itoa(b.remaining()))
	resp.set("X-RateLimit-Used", strconv.Itoa(b.used))
	resp.set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	resp.set("X-RateLimit-Resource", "core")
}

// mediaType returns the value of X-GitHub-Media-Type for an Accept header.
func mediaType(accept string) string {
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		if rest, ok := strings.CutPrefix(name, "application/vnd.github."); ok {
			version, _, _ := strings.Cut(rest, "+")
			return "github." + version + "; format=json"
		}
	}
	return "github.v3; format=json"
}
