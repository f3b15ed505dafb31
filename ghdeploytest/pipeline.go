package ghdeploytest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pipeline is the way of every request, in this order. A step that returns an answer ends it.
var pipeline = []func(*Server, *call) *answer{
	(*Server).checkSize,
	(*Server).checkUserAgent,
	(*Server).checkVersion,
	(*Server).authenticate,
	(*Server).checkQuota,
	(*Server).checkPoints,
	(*Server).checkRoute,
	(*Server).findRepository,
	(*Server).authorize,
	(*Server).readBody,
	(*Server).checkCreations,
}

// exchange takes a call from its first byte to its answer: the faults that were drawn for it, the log, and, unless a
// fault stands in the way, the pipeline.
func (s *Server) exchange(ctx context.Context, c *call) answer {
	entry := s.record(c)
	defer s.over(entry, time.Now())
	if s.sleep(ctx, c.plan.latency) != nil {
		return answer{ending: noAnswer} // the client, or the server, is gone: it was not executed
	}
	var a answer
	switch e := c.plan.effect; {
	case e == nil:
		a = s.carryOut(c)
	case e.kind == dropBefore:
		return answer{ending: noAnswer}
	case e.kind == carryOutLater:
		s.later(e.delay, func() { s.answered(entry, s.carryOut(c)) }) //nolint:contextcheck // it outlives the request: that is the fault
		return answer{ending: noAnswer}
	case e.kind == respond:
		a = e.canned(s.requestID())
	default:
		a = s.carryOut(c)
		e.alter(&a)
	}
	s.answered(entry, a)
	if e := c.plan.effect; e != nil && e.kind == slowAnswer && s.sleep(ctx, e.delay) != nil {
		return answer{ending: noAnswer}
	}
	return a
}

// carryOut runs the pipeline and the handler as one step of the server's history.
func (s *Server) carryOut(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now().UTC()
	s.settle(c.now)
	a := s.decide(c)
	s.finish(c, &a)
	return a
}

func (s *Server) decide(c *call) answer {
	for _, step := range pipeline {
		if a := step(s, c); a != nil {
			return *a
		}
	}
	return c.op.handle(s, c)
}

const userAgentRefusal = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header " +
	"(http://developer.github.com/v3/#user-agent-required). Check https://developer.github.com for other possible causes.\n"

func (s *Server) checkUserAgent(c *call) *answer {
	if strings.TrimSpace(c.header.Get("User-Agent")) != "" {
		return nil
	}
	a := answer{status: http.StatusForbidden, body: []byte(userAgentRefusal)}
	a.set("Content-Type", "text/html")
	return &a
}

// apiVersions are the supported ones, oldest first. The oldest is what a request without the header gets.
var apiVersions = []string{"2022-11-28", "2026-03-10"}

func (s *Server) checkVersion(c *call) *answer {
	c.apiVersion = c.header.Get("X-GitHub-Api-Version")
	if c.apiVersion == "" {
		c.apiVersion = apiVersions[0]
	}
	if slices.Contains(apiVersions, c.apiVersion) {
		return nil
	}
	newest := len(apiVersions) - 1
	message := fmt.Sprintf("The version you specified in the \"X-GitHub-API-Version\" request header, %q, is not a supported version. "+
		"The following versions are currently supported: %q (most recent), %q.", c.apiVersion, apiVersions[newest], apiVersions[0])
	c.apiVersion = ""
	a := ok(http.StatusBadRequest, errorBody{Message: message, DocumentationURL: docsRoot, Status: "400"})
	return &a
}

func (s *Server) checkRoute(c *call) *answer {
	if c.op != nil {
		return nil
	}
	a := c.notFound()
	return &a
}

// findRepository resolves the repository of a path, sends callers of a former name on, and hides what they may not
// see.
func (s *Server) findRepository(c *call) *answer {
	if id := c.vars["repository_id"]; id != "" {
		c.repo = s.state.byID[c.id("repository_id")]
	} else if owner := c.vars["owner"]; owner != "" {
		name := owner + "/" + c.vars["repo"]
		c.repo = s.state.find(name)
		if moved := s.state.renamed[strings.ToLower(name)]; c.repo == nil && moved != nil && c.actor.sees(moved) {
			a := s.moved(c, moved)
			return &a
		}
	} else {
		return nil
	}
	if c.repo == nil || !c.actor.sees(c.repo) {
		a := c.notFound()
		return &a
	}
	return nil
}

// moved redirects to the repository's id: 301 on a GET; on anything else 307, which keeps the method and the body.
func (s *Server) moved(c *call, r *repository) answer {
	status := http.StatusTemporaryRedirect
	if c.method == http.MethodGet || c.method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	// Everything after /repos/{owner}/{repo} stays as it was sent, with its escapes.
	rest := ""
	if parts := strings.SplitN(strings.TrimPrefix(c.path, "/"), "/", 4); len(parts) == 4 {
		rest = "/" + parts[3]
	}
	location := fmt.Sprintf("%s/repositories/%d%s", c.base, r.id, rest)
	if c.url.RawQuery != "" {
		location += "?" + c.url.RawQuery
	}
	a := ok(status, struct {
		Message          string `json:"message"`
		URL              string `json:"url"`
		DocumentationURL string `json:"documentation_url"`
	}{"Moved Permanently", location, "https://docs.github.com/v3/#http-redirects"})
	a.set("Location", location)
	return a
}
