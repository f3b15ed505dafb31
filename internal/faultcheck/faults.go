package faultcheck

import (
	"net/http"
	"time"
)

type kind int

const (
	none kind = iota
	refused
	tlsFailure
	certificate
	resetBefore
	resetAfter
	resetHeaders
	resetBody
	truncated
	refusedStream
	protocolError
	goAwayBelow
	goAwayAbove
	serverError
	slow
	empty
	emptyObject
	html
	limited
	cutOff
	tooLarge
)

// where is the place at which a fault occurs.
type where int

const (
	nowhere     where = iota
	dialing           // before there is a connection
	arrival           // the request has begun to arrive
	transaction       // the request was read
)

// effect is what the client can know after a fault.
type effect int

const (
	harmless    effect = iota
	unsent             // proof that the request was not sent
	fatal              // not sent, and a retry fails too
	unprocessed        // HTTP/2 reports that the request was not processed
	limit              // a rate limit response
	decided            // a 4xx: the status line decides
	lost               // may have been executed; a retry can succeed
	malformed          // a 2xx with an undocumented body
)

type fault struct {
	name    string
	kind    kind
	where   where
	effect  effect
	status  int
	done    choice
	timeout time.Duration // of each attempt; 0 is the default
	only2   bool          // HTTP/2 only
	replays bool          // net/http can replay the request
}

// choice says whether the request is executed when the fault occurs.
type choice int

const (
	either choice = iota
	always
	never
)

// impossible returns why a cell cannot exist, "" if it can.
func (c cell) impossible() string {
	switch {
	case c.fault.only2 && c.mode != http2:
		return "HTTP/1.1 has no streams and no GOAWAY."
	case c.fault.where == dialing && c.mode == reused:
		return "An open connection is not dialed."
	case c.method == http.MethodDelete && (c.fault.kind == empty || c.fault.kind == emptyObject):
		return "The response to a DELETE has no documented body."
	}
	return ""
}

const (
	long  = 30 * time.Second
	short = 150 * time.Millisecond
)

var faults = []fault{
	{name: "no fault"},
	{name: "connection refused", kind: refused, where: dialing, effect: unsent},
	{name: "TLS handshake cut off", kind: tlsFailure, where: dialing, effect: unsent},
	{name: "certificate not trusted", kind: certificate, where: dialing, effect: fatal},
	{name: "429", kind: limited, where: transaction, effect: limit, status: 429, done: never},
	{name: "reset before the request", kind: resetBefore, where: arrival, effect: lost, done: never},
	{name: "reset after the request", kind: resetAfter, where: transaction, effect: lost},
	{name: "reset inside the headers", kind: resetHeaders, where: transaction, effect: lost, done: always},
	{name: "reset inside the body", kind: resetBody, where: transaction, effect: lost, done: always},
	{name: "2xx cut off", kind: truncated, where: transaction, effect: lost, done: always},
	{name: "REFUSED_STREAM", kind: refusedStream, where: transaction, effect: unprocessed, done: never, only2: true, replays: true},
	{name: "PROTOCOL_ERROR", kind: protocolError, where: transaction, effect: lost, only2: true, replays: true},
	{name: "GOAWAY below the stream", kind: goAwayBelow, where: transaction, effect: unprocessed, done: never, only2: true, replays: true},
	{name: "GOAWAY above the stream", kind: goAwayAbove, where: transaction, effect: lost, only2: true, replays: true},
	{name: "500, not executed", kind: serverError, where: transaction, effect: lost, status: 500, done: never},
	{name: "500, executed", kind: serverError, where: transaction, effect: lost, status: 500, done: always},
	{name: "502, not executed", kind: serverError, where: transaction, effect: lost, status: 502, done: never},
	{name: "502, executed", kind: serverError, where: transaction, effect: lost, status: 502, done: always},
	{name: "503, not executed", kind: serverError, where: transaction, effect: lost, status: 503, done: never},
	{name: "503, executed", kind: serverError, where: transaction, effect: lost, status: 503, done: always},
	{name: "504, not executed", kind: serverError, where: transaction, effect: lost, status: 504, done: never},
	{name: "504, executed", kind: serverError, where: transaction, effect: lost, status: 504, done: always},
	{name: "attempt timeout", kind: slow, where: transaction, effect: lost, timeout: short},
	{name: "2xx without a body", kind: empty, where: transaction, effect: malformed, status: 201},
	{name: "2xx with {}", kind: emptyObject, where: transaction, effect: malformed, status: 201},
	{name: "200 with HTML", kind: html, where: transaction, effect: malformed, status: 200},
	{name: "401 cut off", kind: cutOff, where: transaction, effect: decided, status: 401, done: never},
	{name: "403 cut off", kind: cutOff, where: transaction, effect: decided, status: 403, done: never},
	{name: "404 cut off", kind: cutOff, where: transaction, effect: decided, status: 404, done: never},
	{name: "422 cut off", kind: cutOff, where: transaction, effect: decided, status: 422, done: never},
	{name: "401 over 64 KiB", kind: tooLarge, where: transaction, effect: decided, status: 401, done: never},
	{name: "403 over 64 KiB", kind: tooLarge, where: transaction, effect: decided, status: 403, done: never},
	{name: "404 over 64 KiB", kind: tooLarge, where: transaction, effect: decided, status: 404, done: never},
	{name: "422 over 64 KiB", kind: tooLarge, where: transaction, effect: decided, status: 422, done: never},
}
