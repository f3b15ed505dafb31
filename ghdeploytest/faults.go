package ghdeploytest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// AnyOperation as [Fault.Operation] lets a fault meet every request, also those to paths that no operation has.
const AnyOperation = "*"

// Always as [Fault.Times] lets a fault go on without end.
const Always = -1

// Fault is a rule for what goes wrong. Hand it to [Server.Inject].
type Fault struct {
	// Operation is the method and path of an operation as GitHub's description spells them, like
	// "POST /repos/{owner}/{repo}/deployments", or [AnyOperation]. Required.
	Operation string
	// Repository limits the fault to requests to this repository, by its full name: octocat/example. It follows a
	// rename. The default is every repository.
	Repository string
	// Match limits the fault to the requests for which it returns true; nil is every request. It sees the request as
	// [Server.Requests] shows it, with its body and without an outcome. It is called without a lock, so it may call the
	// server, and from several goroutines at the same time. If it panics, the panic reaches the client in process and
	// drops the connection on a socket.
	Match func(Request) bool
	// Nth is the first call that the fault meets, counted from 1 since Inject. Only calls of Operation to Repository
	// that Match accepts count. 0 is 1.
	Nth int
	// Times is how many calls it meets from there on. 0 is one call, or, with Probability, every one; [Always] is
	// every one.
	Times int
	// Probability, if not 0, is the chance of each of these calls to be met, up to 1.
	Probability float64
	// Seed makes the draws of Probability repeatable.
	Seed uint64
	// Latency lets the request wait before it is executed. A client that gives up meanwhile has not been served.
	Latency time.Duration
	// Effect is what happens. The zero Effect carries the request out as usual; use it with Latency.
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

// Effect is what a [Fault] does to a request. The functions that return one say how it looks to the client.
type Effect struct {
	name   string
	kind   effectKind
	status int // of Respond; of TruncateBody how many bytes it keeps
	body   string
	header http.Header
	delay  time.Duration
}

// Respond answers with this status and body instead of carrying the request out. A body that looks like JSON or HTML
// gets that Content-Type. Add headers with [Effect.WithHeader].
func Respond(status int, body string) Effect {
	if status < 200 || status > 599 {
		panic(fmt.Sprintf("ghdeploytest: Respond(%d, ...); write a final status, 200 to 599", status))
	}
	return Effect{name: fmt.Sprintf("Respond(%d)", status), kind: respond, status: status, body: body}
}

// RedirectTo answers with a redirect to any address, also on another host, instead of carrying the request out.
func RedirectTo(status int, location string) Effect {
	if status < 300 || status > 399 {
		panic(fmt.Sprintf("ghdeploytest: RedirectTo(%d, ...); write a 3xx, like http.StatusTemporaryRedirect", status))
	}
	body := string(encode(errorBody{Message: "Moved Permanently", DocumentationURL: docsRoot + "/guides/best-practices-for-using-the-rest-api"}))
	e := Effect{name: fmt.Sprintf("RedirectTo(%d)", status), kind: respond, status: status, body: body}
	return e.WithHeader("Location", location)
}

// WithHeader returns the effect of [Respond] or [RedirectTo] with one more header in its answer.
func (e Effect) WithHeader(name, value string) Effect {
	if e.kind != respond {
		panic("ghdeploytest: WithHeader on " + e.String() + "; only Respond and RedirectTo write their own headers")
	}
	e.header = e.header.Clone()
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Add(name, value)
	return e
}

// RefuseConnection never lets the request reach the server. In process the dial fails with ECONNREFUSED. A server on a
// socket has accepted the connection before it knows the operation, so there it ends the connection before it reads
// the body; the request is not logged and not executed either way.
func RefuseConnection() Effect { return Effect{name: "RefuseConnection", kind: refuseConnection} }

// DropBefore ends the connection without an answer; the request was not executed. On a kept-alive socket net/http
// repeats a GET by itself after this, as it does in life.
func DropBefore() Effect { return Effect{name: "DropBefore", kind: dropBefore} }

// DropAfter carries the request out and ends the connection without an answer.
func DropAfter() Effect { return Effect{name: "DropAfter", kind: dropAfter} }

// DropMidAnswer carries the request out and ends the connection half-way through the body.
func DropMidAnswer() Effect { return Effect{name: "DropMidAnswer", kind: dropMidResponse} }

// CarryOutLater ends the connection without an answer and carries the request out after delay. [Server.Close] forgets
// what has not started yet.
func CarryOutLater(delay time.Duration) Effect {
	if delay <= 0 {
		panic(fmt.Sprintf("ghdeploytest: CarryOutLater(%v); write how long after the drop, like 12*time.Second, or use DropAfter", delay))
	}
	return Effect{name: "CarryOutLater", kind: executeLater, delay: delay}
}

// SlowAnswer carries the request out at once and lets its answer wait.
func SlowAnswer(delay time.Duration) Effect {
	if delay <= 0 {
		panic(fmt.Sprintf("ghdeploytest: SlowAnswer(%v); write how long the answer waits, like 10*time.Second", delay))
	}
	return Effect{name: "SlowAnswer", kind: slowResponse, delay: delay}
}

// TruncateBody carries the request out and sends a complete answer of which only the first n bytes of the body are
// there.
func TruncateBody(n int) Effect {
	if n < 0 {
		panic(fmt.Sprintf("ghdeploytest: TruncateBody(%d); write how many bytes to keep", n))
	}
	return Effect{name: "TruncateBody", kind: truncateBody, status: n}
}

// EmptyBody carries the request out and sends its status and headers without a body.
func EmptyBody() Effect { return Effect{name: "EmptyBody", kind: replaceBody} }

// HTMLBody carries the request out and sends its status with an HTML page as the body, under the JSON Content-Type:
// the type proves nothing about a body.
func HTMLBody() Effect {
	return Effect{name: "HTMLBody", kind: replaceBody, body: "<!DOCTYPE html>\n<html>\n  <head><title>Unicorn! &middot; GitHub</title></head>\n  <body></body>\n</html>\n"}
}

// EndlessLink lets every page of a list point to a next one, for ever.
func EndlessLink() Effect { return Effect{name: "EndlessLink", kind: endlessLink} }

// LoopingLink lets every page of a list point to itself as the next one.
func LoopingLink() Effect { return Effect{name: "LoopingLink", kind: loopingLink} }

// ofLists reports whether the effect is one on the pages of a list.
func (e Effect) ofLists() bool { return e.kind == endlessLink || e.kind == loopingLink }

// String names the effect, as the request log does.
func (e Effect) String() string {
	if e.name == "" {
		return "no effect"
	}
	return e.name
}

// canned is the answer of an effect that does not carry the request out.
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

// alter does to a real answer what the effect says. One that has no body has none to break: a cut loses it as a whole,
// the others leave it alone.
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
