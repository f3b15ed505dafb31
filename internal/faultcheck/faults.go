package faultcheck

import "time"

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
)

// where a fault strikes.
type where int

const (
	nowhere     where = iota
	dialing           // no connection is reached
	arrival           // the request has begun to arrive
	transaction       // the request was read
)

type fault struct {
	name     string
	kind     kind
	where    where
	status   int
	done     choice
	timeout  time.Duration   // of each attempt; 0 is long
	never    map[mode]string // modes in which it cannot happen, and why
	expected func(*trial) outcome
}

// choice is whether the work is done when the fault strikes.
type choice int

const (
	either choice = iota
	always
	never
)

const (
	notDialled = "a connection that stands is not dialled"
	onlyHTTP2  = "HTTP/1.1 has no streams and no GOAWAY"
)

var (
	http1Only = map[mode]string{fresh: onlyHTTP2, reused: onlyHTTP2, closedIdle: onlyHTTP2}
	dialled   = map[mode]string{reused: notDialled}
)

// What a call must end with follows from what the client can see: whether a
// connection was reached, and whether a whole answer other than a 5xx came.

func isCreated(*trial) outcome { return created }
func isNotDone(*trial) outcome { return notDone }
func isUnknown(*trial) outcome { return unknown }

// again is a fault that proves that nothing was done: the call goes on.
func again(t *trial) outcome {
	if t.times < Attempts {
		return created
	}
	return notDone
}

// afterLimit is a rate limit response: it does not count as an attempt, so the
// call goes on until its waits are used up.
func afterLimit(t *trial) outcome {
	if t.times <= Attempts {
		return created
	}
	return notDone
}

// undone is a fault of which HTTP/2 says that nothing was done. The client
// hears that once it knows that the server speaks HTTP/2.
func undone(t *trial) outcome {
	if !t.warm {
		return unknown
	}
	return again(t)
}

const (
	long  = 30 * time.Second
	short = 150 * time.Millisecond
)

var faults = []fault{
	{name: "no fault", kind: none, expected: isCreated},
	{name: "connection refused", kind: refused, where: dialing, expected: again, never: dialled},
	{name: "TLS handshake cut", kind: tlsFailure, where: dialing, expected: again, never: dialled},
	{name: "certificate not trusted", kind: certificate, where: dialing, expected: isNotDone, never: dialled},
	{name: "429, nothing done", kind: limited, where: transaction, status: 429, done: never, expected: afterLimit},
	{name: "reset before the request was read", kind: resetBefore, where: arrival, done: never, expected: isUnknown},
	{name: "reset after the request was read", kind: resetAfter, where: transaction, expected: isUnknown},
	{name: "reset inside the answer's headers", kind: resetHeaders, where: transaction, status: 201, done: always, expected: isUnknown},
	{name: "reset inside the answer's body", kind: resetBody, where: transaction, status: 201, done: always, expected: isUnknown},
	{name: "answer truncated", kind: truncated, where: transaction, status: 201, done: always, expected: isUnknown},
	{name: "REFUSED_STREAM", kind: refusedStream, where: transaction, done: never, expected: undone, never: http1Only},
	{name: "RST_STREAM with PROTOCOL_ERROR", kind: protocolError, where: transaction, expected: isUnknown, never: http1Only},
	{name: "GOAWAY below the stream", kind: goAwayBelow, where: transaction, done: never, expected: undone, never: http1Only},
	{name: "GOAWAY above the stream", kind: goAwayAbove, where: transaction, expected: isUnknown, never: http1Only},
	{name: "500 before the work", kind: serverError, where: transaction, status: 500, done: never, expected: isUnknown},
	{name: "500 after the work", kind: serverError, where: transaction, status: 500, done: always, expected: isUnknown},
	{name: "502 before the work", kind: serverError, where: transaction, status: 502, done: never, expected: isUnknown},
	{name: "502 after the work", kind: serverError, where: transaction, status: 502, done: always, expected: isUnknown},
	{name: "503 before the work", kind: serverError, where: transaction, status: 503, done: never, expected: isUnknown},
	{name: "503 after the work", kind: serverError, where: transaction, status: 503, done: always, expected: isUnknown},
	{name: "504 before the work", kind: serverError, where: transaction, status: 504, done: never, expected: isUnknown},
	{name: "504 after the work", kind: serverError, where: transaction, status: 504, done: always, expected: isUnknown},
	{name: "slow, past the attempt's timeout", kind: slow, where: transaction, timeout: short, expected: isUnknown},
	{name: "201 without a body", kind: empty, where: transaction, status: 201, expected: isUnknown},
	{name: "201 with {}", kind: emptyObject, where: transaction, status: 201, expected: isUnknown},
	{name: "200 with HTML", kind: html, where: transaction, status: 200, expected: isUnknown},
}
