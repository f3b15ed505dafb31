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

// nextRequestID numbers the answers in the form of GitHub's ids. The caller holds the lock.
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

// finish adds the headers that every answer carries, and turns an unchanged answer into a 304.
func (s *Server) finish(c *call, a *answer) {
	a.set("Date", c.now.Format(http.TimeFormat))
	a.set("Server", "github.com")
	a.set("X-GitHub-Request-Id", s.nextRequestID())
	if a.header.Get("Content-Type") == "text/html" {
		a.set("Content-Length", strconv.Itoa(len(a.body)))
		return // refused before the API saw it
	}
	a.set("X-GitHub-Media-Type", mediaType(c.header.Get("Accept")))
	if c.apiVersion != "" {
		a.set("X-GitHub-Api-Version-Selected", c.apiVersion)
	}
	s.tag(c, a)
	s.setRate(c, a)
	c.setRights(a)
	c.indent(a)

	switch a.status {
	case http.StatusNoContent:
		a.set("Vary", varyShort)
	case http.StatusSeeOther: // without a body
		a.set("Vary", varyShort)
		a.set("Content-Length", "0")
	case http.StatusNotModified:
	default:
		a.set("Content-Type", "application/json; charset=utf-8")
		a.set("Content-Length", strconv.Itoa(len(a.body)))
		if a.header.Get("Vary") == "" {
			a.set("Vary", varyShort)
		}
	}
}

// indent lays the JSON out for people, as GitHub does for curl.
func (c *call) indent(a *answer) {
	if len(a.body) == 0 || !strings.HasPrefix(c.header.Get("User-Agent"), "curl/") {
		return
	}
	var text bytes.Buffer
	if json.Indent(&text, a.body, "", "  ") == nil {
		text.WriteByte('\n')
		a.body = text.Bytes()
	}
}

// tag gives a success its validators. The tag covers the token, because GitHub's differs for each.
func (s *Server) tag(c *call, a *answer) {
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		return
	}
	access := "private"
	if c.token == "" {
		access = "public"
	}
	a.set("Cache-Control", access+", max-age=60, s-maxage=60")
	a.set("Vary", varyFull)
	if c.op.free {
		return // the quota changes by itself: nothing to compare
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{c.token, c.header.Get("Accept"), a.header.Get("Link"), string(a.body)}, "\x00")))
	strong := `"` + hex.EncodeToString(sum[:]) + `"`
	if a.status == http.StatusCreated {
		a.set("ETag", strong)
	} else {
		a.set("ETag", "W/"+strong)
	}
	if !a.modified.IsZero() {
		a.set("Last-Modified", a.modified.UTC().Format(http.TimeFormat))
	}
	if (c.method == http.MethodGet || c.method == http.MethodHead) && unchanged(c.header, strong, a.modified) {
		a.status, a.body = http.StatusNotModified, nil
		a.set("ETag", strong)
		a.header.Del("Link")
		if c.token != "" {
			c.quota.used-- // an authorised 304 is free
		}
	}
}

// unchanged compares weakly, and looks at the date only where no tag was sent.
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

func (s *Server) setRate(c *call, a *answer) {
	b := c.quota
	if b == nil { // refused before its owner was known
		b = s.quotaOf("", c.now)
	}
	a.set("X-RateLimit-Limit", strconv.Itoa(b.limit))
	a.set("X-RateLimit-Remaining", strconv.Itoa(b.remaining()))
	a.set("X-RateLimit-Used", strconv.Itoa(b.used))
	a.set("X-RateLimit-Reset", strconv.FormatInt(b.reset.Unix(), 10))
	a.set("X-RateLimit-Resource", "core")
}

// mediaType tells which media type was used: the version or preview that Accept names.
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
