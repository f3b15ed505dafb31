package ghdeploytest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// pipeline is the sequence of checks for every request. The first check that
// returns a response ends it.
var pipeline = []func(*Server, *call) *response{
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

// exchange executes a call: its faults, its log entry and, unless a fault
// prevents it, the pipeline.
func (s *Server) exchange(ctx context.Context, c *call) response {
	entry := s.record(c)
	defer s.logEnd(entry, time.Now())
	if s.sleep(ctx, c.plan.latency) != nil {
		return response{ending: noResponse} // the client has gone or the server is closed: not executed
	}
	var resp response
	switch e := c.plan.effect; {
	case e == nil:
		resp = s.execute(c)
	case e.kind == dropBefore:
		return response{ending: noResponse}
	case e.kind == executeLater:
		s.later(e.delay, func() { s.logStatus(entry, s.execute(c)) }) //nolint:contextcheck // the delayed request outlives its connection on purpose
		return response{ending: noResponse}
	case e.kind == respond:
		resp = e.canned(s.requestID())
	default:
		resp = s.execute(c)
		e.alter(&resp)
	}
	s.logStatus(entry, resp)
	if e := c.plan.effect; e != nil && e.kind == slowResponse && s.sleep(ctx, e.delay) != nil {
		return response{ending: noResponse}
	}
	return resp
}

// execute runs the pipeline and the handler under the lock.
func (s *Server) execute(c *call) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now().UTC()
	s.settle(c.now)
	resp := s.runPipeline(c)
	s.finish(c, &resp)
	return resp
}

func (s *Server) runPipeline(c *call) response {
	for _, step := range pipeline {
		if resp := step(s, c); resp != nil {
			return *resp
		}
	}
	return c.op.handle(s, c)
}

const userAgentRefusal = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header " +
	"(http://developer.github.com/v3/#user-agent-required). Check https://developer.github.com for other possible causes.\n"

func (s *Server) checkUserAgent(c *call) *response {
	if strings.TrimSpace(c.header.Get("User-Agent")) != "" {
		return nil
	}
	resp := response{status: http.StatusForbidden, body: []byte(userAgentRefusal)}
	resp.set("Content-Type", "text/html")
	return &resp
}

// apiVersions are the supported versions, oldest first. A request without the
// header gets the oldest.
var apiVersions = []string{"2022-11-28", "2026-03-10"}

func (s *Server) checkVersion(c *call) *response {
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
	resp := ok(http.StatusBadRequest, errorBody{Message: message, DocumentationURL: docsRoot, Status: "400"})
	return &resp
}

func (s *Server) checkRoute(c *call) *response {
	if c.op != nil {
		return nil
	}
	resp := c.notFound()
	return &resp
}

// findRepository finds the repository in the path. It redirects from a former
// name, and returns 404 for a repository that the caller cannot see.
func (s *Server) findRepository(c *call) *response {
	if id := c.vars["repository_id"]; id != "" {
		c.repo = s.state.byID[c.id("repository_id")]
	} else if owner := c.vars["owner"]; owner != "" {
		name := owner + "/" + c.vars["repo"]
		c.repo = s.state.find(name)
		if moved := s.state.renamed[strings.ToLower(name)]; c.repo == nil && moved != nil && c.actor.sees(moved) {
			resp := s.moved(c, moved)
			return &resp
		}
	} else {
		return nil
	}
	if c.repo == nil || !c.actor.sees(c.repo) {
		resp := c.notFound()
		return &resp
	}
	return nil
}

// moved redirects to the repository's ID: 301 for a GET, else 307, which keeps
// the method and the body.
func (s *Server) moved(c *call, r *repository) response {
	status := http.StatusTemporaryRedirect
	if c.method == http.MethodGet || c.method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	// The path after /repos/{owner}/{repo} keeps its escapes.
	rest := ""
	if parts := strings.SplitN(strings.TrimPrefix(c.path, "/"), "/", 4); len(parts) == 4 {
		rest = "/" + parts[3]
	}
	location := fmt.Sprintf("%s/repositories/%d%s", c.base, r.id, rest)
	if c.url.RawQuery != "" {
		location += "?" + c.url.RawQuery
	}
	resp := ok(status, struct {
		Message          string `json:"message"`
		URL              string `json:"url"`
		DocumentationURL string `json:"documentation_url"`
	}{"Moved Permanently", location, "https://docs.github.com/v3/#http-redirects"})
	resp.set("Location", location)
	return resp
}
