package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// If a probe never reports, the next waiter becomes the probe.
func TestGateReplacesALostProbe(t *testing.T) {
	type step func(r *http.Request) (*canned, error)
	lost := func(*http.Request) (*canned, error) { return nil, io.ErrUnexpectedEOF }
	get := func(ctx context.Context, c *Client) { _ = getOne(ctx, c) }
	tests := map[string]struct {
		probe  step
		call   func(ctx context.Context, c *Client)
		policy RetryPolicy
		after  time.Duration // maximum delay between the probe and the next request
		alone  bool          // only one request starts then
	}{
		"it succeeds":                 {func(*http.Request) (*canned, error) { return reply(200, oneDeployment), nil }, get, RetryPolicy{}, 0, false},
		"it is not found":             {func(*http.Request) (*canned, error) { return reply(404, "{}"), nil }, get, RetryPolicy{}, 0, false},
		"502, and it backs off":       {func(*http.Request) (*canned, error) { return reply(502, ""), nil }, get, RetryPolicy{MinBackoff: 30 * time.Second}, 0, true},
		"the connection is lost":      {lost, get, RetryPolicy{MaxAttempts: 1}, 0, true},
		"a POST of unknown outcome":   {lost, func(ctx context.Context, c *Client) { _ = createOne(ctx, c) }, RetryPolicy{}, 0, false},
		"the transport panics":        {func(*http.Request) (*canned, error) { panic("transport") }, get, RetryPolicy{}, 0, false},
		"the transport ends the call": {func(*http.Request) (*canned, error) { runtime.Goexit(); return nil, nil }, get, RetryPolicy{}, 0, false},
		"it is cancelled": {func(r *http.Request) (*canned, error) { <-r.Context().Done(); return nil, r.Context().Err() }, func(ctx context.Context, c *Client) {
			ctx, cancel := context.WithTimeout(ctx, 62*time.Second)
			defer cancel()
			_ = getOne(ctx, c)
		}, RetryPolicy{}, 2 * time.Second, false},
		"it hangs": {func(*http.Request) (*canned, error) { time.Sleep(time.Hour); return reply(200, oneDeployment), nil }, get, RetryPolicy{}, ticketLife, false},
		"it hangs, and is refused": {func(*http.Request) (*canned, error) {
			time.Sleep(45 * time.Second)
			return reply(429, tooFast, "Retry-After: 9"), nil
		}, get, RetryPolicy{MaxWait: 119 * time.Second}, ticketLife, false},
		"its body never ends": {func(r *http.Request) (*canned, error) { c := reply(200, ""); c.Rest = stalled{}; return c, nil }, get, RetryPolicy{}, ticketLife, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var starts []time.Time
				client := inProcessClient(t, func(r *http.Request) (*canned, error) {
					mu.Lock()
					starts = append(starts, time.Now())
					n := len(starts)
					mu.Unlock()
					switch n {
					case 1:
						return reply(429, tooFast, "Retry-After: 60"), nil
					case 2:
						return tt.probe(r)
					}
					time.Sleep(time.Second)
					return reply(200, oneDeployment), nil
				}, WithRetry(tt.policy))
				if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
					t.Fatal(err)
				}
				var callers sync.WaitGroup
				callers.Add(1)
				go func() {
					defer callers.Done()
					defer func() { _ = recover() }()
					tt.call(t.Context(), client)
				}()
				synctest.Wait() // it is the first waiter
				for range 3 {
					callers.Go(func() {
						if err := getOne(t.Context(), client); err != nil {
							t.Error(err)
						}
					})
				}
				callers.Wait()
				if len(starts) < 5 {
					t.Fatalf("%d requests, want at least 5", len(starts))
				}
				if after := starts[2].Sub(starts[1]); after > tt.after+maxJitter {
					t.Errorf("the next request started %v after the probe, want %v", after, tt.after)
				}
				if tt.alone && starts[3].Sub(starts[2]) < time.Second {
					t.Error("the failure admitted two requests")
				}
				client.core.gate.expire(time.Now().Add(time.Hour))
				if len(client.core.gate.holds) != 0 || len(client.core.gate.ends) != 0 {
					t.Error("a hold is left")
				}
			})
		})
	}
}

// stalled is a body that ends after an hour.
type stalled struct{}

func (stalled) Read([]byte) (int, error) { time.Sleep(time.Hour); return 0, io.EOF }

// A waiter can leave the gate at any time. The others are still admitted, and
// no hold is left.
func TestGateWaitersLeave(t *testing.T) {
	gone := errors.New("no token today")
	for _, leaves := range []time.Duration{0, time.Second, time.Minute - 1, time.Minute, time.Minute + 1, time.Minute + maxJitter/2, time.Minute + maxJitter, 61 * time.Second} {
		for _, way := range []string{"cancel", "deadline", "token function fails", "token function panics"} {
			t.Run(fmt.Sprint(way, leaves), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					first := true
					var mu sync.Mutex
					client := inProcessClient(t, func(*http.Request) (*canned, error) {
						mu.Lock()
						defer mu.Unlock()
						if first {
							first = false
							return reply(429, tooFast, "Retry-After: 60"), nil
						}
						return reply(200, oneDeployment), nil
					}, WithTokenFunc(func(ctx context.Context) (string, error) {
						switch late := ctx.Value(tokenOf{}) != nil && time.Since(began) > leaves; {
						case late && way == "token function fails":
							return "", gone
						case late && way == "token function panics":
							panic(gone)
						}
						return "token-a", nil
					}))
					if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
						t.Fatal(err)
					}
					var callers sync.WaitGroup
					for range 5 {
						callers.Add(1)
						go func() {
							defer callers.Done()
							defer func() { _ = recover() }()
							ctx, cancel := context.WithCancel(context.WithValue(t.Context(), tokenOf{}, ""))
							switch way {
							case "cancel":
								time.AfterFunc(leaves, cancel)
							case "deadline":
								ctx, cancel = context.WithDeadline(ctx, began.Add(leaves))
							}
							defer cancel()
							err := getOne(ctx, client)
							if err != nil && !errors.Is(err, gone) && !errors.Is(err, ErrRateLimited) && ctx.Err() == nil {
								t.Errorf("error = %v", err)
							}
						}()
					}
					synctest.Wait()
					for range 5 {
						callers.Go(func() {
							if err := getOne(t.Context(), client); err != nil {
								t.Error(err)
							}
						})
					}
					callers.Wait()
					if took := time.Since(began); took < time.Minute || took > time.Minute+10*maxJitter {
						t.Errorf("it took %v, want a minute and the jitter of ten calls", took)
					}
					if len(client.core.gate.holds) != 0 {
						t.Error("a hold is left")
					}
				})
			})
		}
	}
}

// A logger may call the client while the logged call has the only ticket.
func TestGateLetsALoggerCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		logger := &callback{}
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			if sent++; sent == 1 {
				return reply(429, tooFast, "Retry-After: 60"), nil
			}
			return reply(200, oneDeployment), nil
		}, WithLogger(slog.New(logger)))
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		began := time.Now()
		logger.call = func() error { return getOne(t.Context(), client) }
		if err := getOne(t.Context(), client); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Minute+2*maxJitter || logger.called < 2 {
			t.Errorf("it took %v, and the logger called %d times", took, logger.called)
		}
	})
}

// callback is a log handler that calls the client, but not recursively.
type callback struct {
	call   func() error
	busy   bool
	called int
	slog.Handler
}

func (c *callback) Enabled(context.Context, slog.Level) bool { return true }
func (c *callback) Handle(context.Context, slog.Record) error {
	if c.call == nil || c.busy {
		return nil
	}
	c.busy = true
	defer func() { c.busy = false }()
	c.called++
	return c.call()
}

// A call that is admitted just as its context ends returns its ticket.
func TestGateTicketOfACallThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		key := keyOf("token-a")
		g.close(key, nil, &RateLimitError{RetryAt: time.Now().Add(time.Second)}, time.Now())
		time.Sleep(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ended := 0
		for range 100 {
			ticket, err := g.wait(ctx, key, time.Minute)
			if err != nil {
				ended++
			}
			ticket.release()
			if n := g.holds[key].admitted; n != 0 {
				t.Fatalf("%d tickets are lost", n)
			}
		}
		if ended == 0 {
			t.Error("no call ended: the test proves nothing")
		}
	})
}

// An admitted call does not start if the gate closes first.
func TestGateClosesBeforeAnAdmittedCall(t *testing.T) {
	for name, arrives := range map[string]time.Duration{"it waited": 0, "it did not wait": time.Minute} {
		t.Run(name, func(t *testing.T) { closesBeforeAnAdmittedCall(t, arrives) })
	}
}

func closesBeforeAnAdmittedCall(t *testing.T, arrives time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var starts []time.Duration
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			mu.Lock()
			starts = append(starts, time.Since(began))
			n := len(starts)
			mu.Unlock()
			switch n {
			case 1: // slow: its response comes just after the hold of the second
				time.Sleep(time.Minute + 1)
				return reply(429, tooFast, "Retry-After: 30"), nil
			case 2:
				return reply(429, tooFast, "Retry-After: 60"), nil
			}
			return reply(200, oneDeployment), nil
		})
		var slow sync.WaitGroup
		slow.Go(func() {
			if err := getOne(t.Context(), client); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		time.Sleep(arrives)
		if err := getOne(t.Context(), client); err != nil {
			t.Error(err)
		}
		slow.Wait()
		if starts[2] < 90*time.Second {
			t.Errorf("a request started after %v, and the gate closed until 1m30s", starts[2])
		}
	})
}

// The waiter with the earliest deadline is admitted first.
func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{gate: new(gate), tickets: []*ticket{nil}}
		q.gate.close(q.key, nil, &RateLimitError{RetryAt: time.Now().Add(time.Second)}, time.Now())
		for _, d := range []time.Duration{time.Hour, time.Minute, 2 * time.Minute, time.Minute} {
			q.waiters = append(q.waiters, q.gate.join(q.key, d, time.Now()))
		}
		all := append([]*waiter(nil), q.waiters...)
		time.Sleep(time.Second)
		q.tickets = nil
		for _, want := range []int{1, 3, 2, 0} {
			synctest.Wait()
			if n := q.admitted(); n != 1 || q.tickets[0] != all[want].ticket {
				t.Fatalf("%d were admitted, want waiter %d", n, want)
			}
			q.tickets[0].release()
			q.tickets = nil
		}
	})
}

// An open gate takes no lock, so that concurrent calls do not wait there. A
// gate that locked would never return here.
func TestOpenGateTakesNoLock(t *testing.T) {
	var g gate
	g.mu.Lock()
	defer g.mu.Unlock()
	if ticket, waited, err := g.acquire(t.Context(), keyOf("a"), 0, nil); ticket != nil || waited != 0 || err != nil {
		t.Errorf("got %v, %v, %v", ticket, waited, err)
	}
}
