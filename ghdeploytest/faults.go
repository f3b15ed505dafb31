package ghdeploytest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// AnyOperation as [Fault.Operation] stands for every request, even one to an
// unknown path.
const AnyOperation = "*"

// Always as [Fault.Times] stands for every call.
const Always = -1

// Fault is a rule that injects a failure or a delay. Pass it to
// [Server.Inject].
type Fault struct {
	// Operation is the method and path of an operation as in GitHub's
	// description, like "POST /repos/{owner}/{repo}/deployments", or
	// [AnyOperation]. Required.
	Operation string
	// Repository limits the fault to one repository. It is a full name, like
	// octocat/example, and follows a rename. The default is every repository.
	Repository string
	// Match limits the fault to the requests for which it returns true. Nil
	// means every request.
	//
	// The argument is the request as [Server.Requests] lists it, with its body
	// and without Status and Duration. Match may call the server. It may be
	// called from several goroutines at the same time. If it panics, the panic
	// reaches the client in process, and ends the connection on a socket.
	Match func(Request) bool
	// Nth is the first call on which the fault fires, counted from 1. Only
	// calls of Operation to Repository that Match accepts count, from the call
	// of Inject on. 0 means 1.
	Nth int
	// Times is the number of calls, from Nth on, on which the fault can fire.
	// [Always] means every call. 0 means one call without Probability, and
	// every call with it.
	Times int
	// Probability is the chance that the fault fires on each of these calls,
	// above 0 and at most 1. 0 means that it always fires.
	Probability float64
	// Seed makes the random choices of Probability repeatable.
	Seed uint64
	// Latency delays the request before it is executed. A request whose client
	// disconnects during the delay is not executed.
	Latency time.Duration
	// Effect is the failure, from a function such as [DropAfter]. The zero
	// Effect executes the request normally; use it with Latency.
	Effect Effect
}

type effectKind int

const (
	noEffect effectKind = iota
	refuseConnection
	dropBefore
	dropAfter
	dropMidResponse
	executeLater
	respond
	truncateBody
	replaceBody
	endlessLink
	loopingLink
	slowResponse
)

// Effect is what a [Fault] does to a request. Create one with a function such
// as [DropAfter].
type Effect struct {
	name   string
	kind   effectKind
	status int // of Respond; for TruncateBody the number of bytes kept
	body   string
	header http.Header
	delay  time.Duration
}

// Respond sends this status and body instead of executing the request.
// Content-Type is derived from the body: JSON, HTML or plain text. Add headers
// with [Effect.WithHeader].
func Respond(status int, body string) Effect {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("ghdeploytest: Respond(%d, ...); write a final status, 200 to 599", status))
	}
	return Effect{name: fmt.Sprintf("Respond(%d)", status), kind: respond, status: status, body: body}
}

// RedirectTo sends a redirect instead of executing the request. The location
// may be on another host.
func RedirectTo(status int, location string) Effect {
	if status < 300 || status > 399 {
		panic(fmt.Sprintf("ghdeploytest: RedirectTo(%d, ...); write a 3xx status, like http.StatusTemporaryRedirect", status))
	}
	body := string(encode(errorBody{Message: "Moved Permanently", DocumentationURL: docsRoot + "/guides/best-practices-for-using-the-rest-api"}))
	e := Effect{name: fmt.Sprintf("RedirectTo(%d)", status), kind: respond, status: status, body: body}
	return e.WithHeader("Location", location)
}

// WithHeader returns the effect with one more response header. It panics unless
// the effect is from [Respond] or [RedirectTo].
func (e Effect) WithHeader(name, value string) Effect {
	if e.kind != respond {
		panic("ghdeploytest: WithHeader on " + e.String() + "; only Respond and RedirectTo have headers")
	}
	e.header = e.header.Clone()
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Add(name, value)
	return e
}

// RefuseConnection refuses the connection. The request is neither executed nor
// logged.
//
// In process the dial fails with ECONNREFUSED. A server on a socket accepts a
// connection before it knows the operation, so it ends the connection before it
// reads the body.
func RefuseConnection() Effect { return Effect{name: "RefuseConnection", kind: refuseConnection} }

// DropBefore ends the connection without a response. The request is not
// executed. On a reused connection net/http retries a GET by itself, as it does
// with GitHub.
func DropBefore() Effect { return Effect{name: "DropBefore", kind: dropBefore} }

// DropAfter executes the request and ends the connection without a response.
func DropAfter() Effect { return Effect{name: "DropAfter", kind: dropAfter} }

// DropMidResponse executes the request and ends the connection after half of
// the response body.
func DropMidResponse() Effect { return Effect{name: "DropMidResponse", kind: dropMidResponse} }

// ExecuteLater ends the connection without a response and executes the request
// after delay. [Server.Close] cancels a request that is still delayed.
func ExecuteLater(delay time.Duration) Effect {
	if delay <= 0 {
		panic(fmt.Sprintf("ghdeploytest: ExecuteLater(%v); write the delay after the drop, like 12*time.Second, or use DropAfter", delay))
	}
	return Effect{name: "ExecuteLater", kind: executeLater, delay: delay}
}

// SlowResponse executes the request at once and sends the response after delay.
func SlowResponse(delay time.Duration) Effect {
	if delay <= 0 {
		panic(fmt.Sprintf("ghdeploytest: SlowResponse(%v); write the delay of the response, like 10*time.Second", delay))
	}
	return Effect{name: "SlowResponse", kind: slowResponse, delay: delay}
}

// TruncateBody executes the request and sends a response whose body ends after
// n bytes. Content-Length matches the shorter body, so the connection shows no
// error.
func TruncateBody(n int) Effect {
	if n < 0 {
		panic(fmt.Sprintf("ghdeploytest: TruncateBody(%d); write how many bytes to keep", n))
	}
	return Effect{name: "TruncateBody", kind: truncateBody, status: n}
}

// EmptyBody executes the request and sends the response without its body.
func EmptyBody() Effect { return Effect{name: "EmptyBody", kind: replaceBody} }

// HTMLBody executes the request and sends the response with an HTML page as its
// body. Status and Content-Type are those of the JSON response.
func HTMLBody() Effect {
	return Effect{name: "HTMLBody", kind: replaceBody, body: "<!DOCTYPE html>\n<html>\n  <head><title>Unicorn! &middot; GitHub</title></head>\n  <body></body>\n</html>\n"}
}

// EndlessLink adds a link to a next page to every page of a list, the last one
// included.
func EndlessLink() Effect { return Effect{name: "EndlessLink", kind: endlessLink} }

// LoopingLink makes every page of a list link to itself as the next page.
func LoopingLink() Effect { return Effect{name: "LoopingLink", kind: loopingLink} }

// ofLists reports whether the effect changes the pages of a list.
func (e Effect) ofLists() bool { return e.kind == endlessLink || e.kind == loopingLink }

// String returns the name of the effect, as in [Request.Fault].
func (e Effect) String() string {
	if e.name == "" {
		return "no effect"
	}
	return e.name
}

// canned is the response of an effect that does not execute the request.
func (e *Effect) canned(requestID string) response {
	resp := response{status: e.status, body: []byte(e.body), header: e.header.Clone()}
	if resp.header.Get("Content-Type") == "" && e.body != "" {
		switch strings.TrimSpace(e.body)[:min(1, len(strings.TrimSpace(e.body)))] {
		case "{", "[":
			resp.set("Content-Type", "application/json; charset=utf-8")
		case "<":
			resp.set("Content-Type", "text/html; charset=utf-8")
		default:
			resp.set("Content-Type", "text/plain; charset=utf-8")
		}
	}
	if e.status != http.StatusNoContent && e.status != http.StatusNotModified {
		resp.set("Content-Length", strconv.Itoa(len(e.body)))
	}
	resp.set("X-GitHub-Request-Id", requestID)
	return resp
}

// alter applies the effect to a real response. A response without a body is
// dropped instead of cut off; the other effects leave it unchanged.
func (e *Effect) alter(resp *response) {
	switch e.kind {
	case dropAfter:
		resp.ending = noResponse
		return
	case dropMidResponse:
		resp.ending, resp.cutAt = cutResponse, len(resp.body)/2
		if len(resp.body) == 0 {
			resp.ending = noResponse
		}
		return
	case truncateBody, replaceBody:
	default:
		return
	}
	if len(resp.body) == 0 {
		return
	}
	if e.kind == truncateBody {
		resp.body = resp.body[:min(e.status, len(resp.body))]
	} else {
		resp.body = []byte(e.body)
	}
	resp.set("Content-Length", strconv.Itoa(len(resp.body)))
}
