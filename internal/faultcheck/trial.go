package faultcheck

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// trial is one call and its fault.
type trial struct {
	cell
	record record
	nonce  string
	times  int  // number of attempts that get the fault
	done   bool // the request is executed, if the fault allows both
	early  bool // for slow: before the client gives up; otherwise a variant
	cut    bool // the body of a 404 for a deleted object is cut off
	warm   bool // the connection had a request before
	pause  time.Duration

	timeout time.Duration // of each attempt
}

// endless is a number of attempts that no call reaches.
const endless = 1 << 30

func newTrial(c cell, cfg Config, i int) *trial {
	random := rand.New(rand.NewPCG(cfg.Seed, uint64(i))) //nolint:gosec // repeatable on purpose
	t := &trial{
		cell:  c,
		nonce: fmt.Sprintf("%d-%d", cfg.Seed, i),
		times: []int{1, 2, 3, Attempts, endless}[random.IntN(5)],
		done:  random.IntN(2) == 0,
		early: random.IntN(2) == 0,
		cut:   random.IntN(2) == 0,
		warm:  c.mode == reused || c.mode == closedIdle || c.mode == http2 && random.IntN(2) == 0,
		pause: time.Duration(random.IntN(300)) * time.Microsecond,

		timeout: cmp.Or(c.fault.timeout, cfg.Timeout, long),
	}
	if c.fault.where == dialing && c.mode == http2 {
		t.warm = false // an open connection is not dialed
	}
	return t
}

// replayed reports whether net/http replays the request below the client.
func (c cell) replayed() bool {
	return c.fault.replays && c.method != http.MethodPost && (c.rebuilt || c.method == http.MethodDelete)
}

// finding is one call: its result and the server's record.
type finding struct {
	trial    *trial
	result   Result
	executed []int64 // the IDs of the executions
	attempts int     // number of requests that reached the server
	onDead   bool    // a request was sent on a connection that the server had closed
}

// run makes the call. It returns when no more requests can be executed.
func (t *trial) run(ctx context.Context, newClient New) finding {
	s := newServer(t)
	transport := s.transport()
	httpClient := &http.Client{Timeout: t.timeout, Transport: transport}
	if t.rebuilt {
		httpClient.Transport = rebuilding{transport}
	}
	client, err := newClient(httpClient, s.url())
	if err != nil {
		s.stop(transport)
		return finding{trial: t, result: Result{Err: fmt.Errorf("faultcheck: %w", err)}}
	}
	if t.warm {
		client.Warm(ctx)
	}
	if t.mode == closedIdle {
		close(s.closeIdle)
		// Real sockets: the client notices the close only in some trials.
		time.Sleep(t.pause)
	}
	var onDead atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { onDead.Store(onDead.Load() || t.mode == closedIdle && info.Reused) },
	})
	var result Result
	switch t.method {
	case http.MethodPost:
		result = client.Create(ctx, t.nonce)
	case http.MethodPut:
		result = client.Update(ctx, t.nonce)
	default:
		result = client.Delete(ctx)
	}
	s.stop(transport)
	return finding{trial: t, result: result, executed: t.record.all(), attempts: int(s.seen.Load()), onDead: onDead.Load()}
}
