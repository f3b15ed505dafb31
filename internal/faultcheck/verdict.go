package faultcheck

import (
	"fmt"
	"net/http"
)

// outcome is the outcome of a call according to its result.
type outcome int

const (
	done outcome = iota
	notDone
	unknown
)

func (o outcome) String() string { return [...]string{"done", "not done", "unknown"}[o] }

// outcome returns the outcome that the result reports.
func (r Result) outcome(method string) outcome {
	refused := r.Status >= 300 && r.Status < 500
	switch {
	case r.Err == nil:
		return done
	case r.Unknown, method != http.MethodPost && !refused && !r.Limited:
		return unknown
	default:
		return notDone
	}
}

// outcomes is the set of outcomes that a trial may have.
type outcomes []outcome

func (s outcomes) has(o outcome) bool {
	for _, each := range s {
		if each == o {
			return true
		}
	}
	return false
}

// allowed returns the outcomes that a call may report. They follow from what
// the client can observe: whether it got a connection, and which response.
func (f finding) allowed() outcomes {
	t := f.trial
	if t.method == http.MethodPost {
		return f.allowedPost()
	}
	failures := t.times // of attempts, before one succeeds
	switch t.fault.effect {
	case harmless:
		failures = 0
	case fatal, malformed:
		return outcomes{unknown}
	case decided:
		return outcomes{notDone}
	case limit:
		return afterLimits(t.times)
	}
	var set outcomes
	switch {
	case failures < Attempts:
		set = outcomes{done}
	case t.replayed() && failures < endless:
		set = outcomes{done, unknown} // an attempt can use up two of the failures
	default:
		set = outcomes{unknown}
	}
	if f.onDead && failures == Attempts-1 || f.result.Timeout && t.timeout <= short {
		set = append(set, unknown) // the dead connection, or the timeout, took an attempt
	}
	return set
}

func (f finding) allowedPost() outcomes {
	t := f.trial
	retried := outcomes{done}
	if t.times >= Attempts {
		retried = outcomes{notDone}
	}
	switch {
	case f.onDead && f.attempts == 0:
		// For the client, the request was written to the dead connection.
		return outcomes{unknown}
	case t.timeout <= short && f.attempts == 0 && f.result.Timeout:
		return outcomes{notDone, unknown} // on a busy machine it was not sent in time
	}
	switch t.fault.effect {
	case harmless:
		return outcomes{done}
	case unsent:
		return retried
	case unprocessed:
		if t.rebuilt || !t.warm {
			// net/http's replay is canceled, or the client does not know yet
			// that the server speaks HTTP/2.
			return outcomes{unknown}
		}
		return retried
	case limit:
		return afterLimits(t.times)
	case decided, fatal:
		return outcomes{notDone}
	}
	return outcomes{unknown}
}

// afterLimits returns the outcome after rate limit responses. They do not count
// as attempts: the call continues until MaxWait is used up.
func afterLimits(times int) outcomes {
	if times <= Attempts {
		return outcomes{done}
	}
	return outcomes{notDone}
}

// violations returns the rules that a call broke.
func (f finding) violations() []string {
	var broken []string
	violate := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	t, got, executed := f.trial, f.result.outcome(f.trial.method), len(f.executed)
	if t.method == http.MethodPost && executed > 1 {
		violate("executed %d times", executed)
	}
	allowed := f.allowed()
	switch {
	case f.result.Err != nil && !f.result.Typed:
		violate("the error is not typed")
	case got == done && t.method == http.MethodPost && (executed == 0 || f.executed[0] != f.result.ID):
		violate("returned deployment %d, but the server created %v", f.result.ID, f.executed)
	case got == done && executed == 0:
		violate("the error is nil, and nothing was executed")
	case got == notDone && executed > 0 && f.result.Status == http.StatusNotFound:
		violate("the error is a 404, and this call was executed")
	case got == notDone && executed > 0:
		violate("the error says that the request was not executed, but it was")
	case !allowed.has(got):
		violate("the outcome is %q, want one of %q", got, allowed)
	case t.fault.effect == decided && got == notDone && f.result.Status != t.fault.status:
		violate("the error has the status %d, want %d", f.result.Status, t.fault.status)
	case t.fault.effect == decided && f.attempts > 1:
		violate("a %d was retried: %d requests", t.fault.status, f.attempts)
	case f.attempts > f.maxAttempts():
		violate("%d requests, want at most %d", f.attempts, f.maxAttempts())
	}
	return broken
}

// maxAttempts returns the maximum number of requests of the call's method.
func (f finding) maxAttempts() int {
	switch {
	case f.trial.fault.effect == limit:
		return endless // MaxWait bounds the number
	case f.trial.replayed():
		return 2 * Attempts // one replay for each attempt
	}
	return Attempts
}
