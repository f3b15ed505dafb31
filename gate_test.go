package ghdeploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// limited makes a call whose deadline is too short to wait for a rate limit.
func limited(ctx context.Context, client *Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return getOne(ctx, client)
}

// limitOf returns the rate limit of a call that was not sent.
func limitOf(t *testing.T, err error) RateLimitError {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	limit, isLimit := errors.AsType[*RateLimitError](err)
	if !ok || !isLimit || e.Attempts != 0 || e.StatusCode != 0 || !errors.Is(err, ErrRateLimited) || errors.Is(err, ErrForbidden) {
		t.Fatalf("error = %#v, want a *RateLimitError that was not sent", err)
	}
	return *limit
}

// 64 callers start before, during and after a rate limit.
func TestGateHoldsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			latency = 3100 * time.Millisecond
			begins  = 20 * time.Second
			ends    = 80 * time.Second
		)
		var (
			mu     sync.Mutex
			starts []time.Duration
			began  = time.Now()
		)
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			start := time.Since(began)
			mu.Lock()
			starts = append(starts, start)
			mu.Unlock()
			time.Sleep(latency)
			if start >= begins && start < ends {
				left := (ends - time.Since(began)).Seconds()
				return reply(429, tooFast, fmt.Sprintf("Retry-After: %.0f", left)), nil
			}
			return reply(200, oneDeployment), nil
		}, WithToken("token-a"), WithRetry(RetryPolicy{MaxAttempts: 2}))

		var callers sync.WaitGroup
		var served atomic.Int32
		for i := range 64 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 1500 * time.Millisecond) // until 94.5 s
				if err := getOne(t.Context(), client); err != nil {
					t.Errorf("caller %d: %v", i, err)
					return
				}
				served.Add(1)
			})
		}
		callers.Wait()
		if served.Load() != 64 {
			t.Errorf("%d of 64 callers succeeded", served.Load())
		}
		// The client knows the limit when the first limited attempt has ended.
		var before, during, after int
		for _, start := range starts {
			switch {
			case start < begins+latency+time.Second:
				before++
			case start < ends:
				during++
				t.Errorf("an attempt started at %v, though the limit ended at %v", start, ends)
			default:
				after++
			}
		}
		if before < 14 || after < 48 {
			t.Errorf("%d attempts before the gate closed and %d after it opened: the test proves nothing", before, after)
		}
		if got := time.Since(began); got > 2*time.Minute {
			t.Errorf("it took %v", got)
		}
	})
}

func TestGateRefusesCallsThatMayNotWait(t *testing.T) {
	tests := map[string]struct {
		policy   RetryPolicy
		deadline time.Duration // of the second caller; 0: no deadline
	}{
		"MaxWait is shorter":      {RetryPolicy{MaxAttempts: 1, MaxWait: 30 * time.Second}, 0},
		"MaxWait is negative":     {RetryPolicy{MaxAttempts: 1, MaxWait: -1}, 0},
		"the deadline is earlier": {RetryPolicy{MaxAttempts: 1}, 30 * time.Second},
		"the deadline is the end": {RetryPolicy{MaxAttempts: 1}, 50 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				client := inProcessClient(t, func(*http.Request) (*canned, error) {
					sent++
					return reply(429, tooFast, "Retry-After: 60", "X-RateLimit-Remaining: 17"), nil
				}, WithRetry(tt.policy))
				first := limited(t.Context(), client)
				if e, ok := errors.AsType[*Error](first); !ok || e.Attempts != 1 || e.StatusCode != http.StatusTooManyRequests {
					t.Fatalf("the first call: %v", first)
				}
				ends := time.Now().Add(time.Minute)
				time.Sleep(10 * time.Second)

				ctx := t.Context()
				if tt.deadline != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				now := time.Now()
				limit := limitOf(t, getOne(ctx, client))
				if limit.RetryAfter != 50*time.Second || !limit.RetryAt.Equal(ends) || limit.Rate.Remaining != 17 || !limit.Secondary {
					t.Errorf("limit = %+v, want 50s, at %v", limit, ends)
				}
				if waited := time.Since(now); waited != 0 {
					t.Errorf("the call took %v", waited)
				}
				if _, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{Ref: "main"}); errors.Is(err, ErrOutcomeUnknown) {
					t.Errorf("a POST that was not sent: %v", err)
				} else {
					limitOf(t, err)
				}
				if sent != 1 {
					t.Errorf("%d requests were sent, want 1", sent)
				}
			})
		})
	}
}

// A call returns its rate limit response at once if the deadline is earlier.
func TestLimitBeyondDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			return reply(403, tooFast), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
		defer cancel()
		now := time.Now()
		_, err := client.Deployments.Create(ctx, "octocat", "example", DeploymentRequest{Ref: "main"})
		e, _ := errors.AsType[*Error](err)
		limit, ok := errors.AsType[*RateLimitError](err)
		if !ok || e.Attempts != 1 || e.StatusCode != http.StatusForbidden || limit.RetryAfter != time.Minute || time.Since(now) != 0 {
			t.Errorf("after %v: %v", time.Since(now), err)
		}
	})
}

func TestGateIsKeyedByToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := "token-a"
		client := inProcessClient(t, func(r *http.Request) (*canned, error) {
			if r.Header.Get("Authorization") == "Bearer token-a" {
				return reply(429, tooFast, "Retry-After: 60"), nil
			}
			return reply(200, oneDeployment), nil
		}, WithTokenFunc(func(context.Context) (string, error) { return token, nil }), WithRetry(RetryPolicy{MaxAttempts: 1, MaxWait: -1}))
		if err := getOne(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		token = "token-b"
		if err := getOne(t.Context(), client); err != nil {
			t.Errorf("another token: %v", err)
		}
		token = "token-a"
		limitOf(t, getOne(t.Context(), client))
		time.Sleep(time.Minute)
		if e, ok := errors.AsType[*Error](getOne(t.Context(), client)); !ok || e.Attempts != 1 {
			t.Errorf("after the limit: %v, want one attempt", e)
		}
	})
}

// After the wait the token is fetched again: another may have quota left.
func TestTokenIsFetchedAfterTheGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			tokens []string
			asked  int
		)
		client := inProcessClient(t, func(r *http.Request) (*canned, error) {
			tokens = append(tokens, r.Header.Get("Authorization"))
			if len(tokens) == 1 {
				return reply(429, tooFast, "Retry-After: 60"), nil
			}
			return reply(200, oneDeployment), nil
		}, WithTokenFunc(func(context.Context) (string, error) {
			asked++
			return map[bool]string{true: "token-old", false: "token-new"}[asked <= 2], nil
		}), WithRetry(RetryPolicy{MaxAttempts: 1}))
		if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
			t.Fatal(err)
		}
		if err := getOne(t.Context(), client); err != nil { // waits with the old token, is sent with the new one
			t.Fatal(err)
		}
		if asked != 3 || len(tokens) != 2 || tokens[1] != "Bearer token-new" {
			t.Errorf("asked %d times; sent with %q", asked, tokens)
		}
	})
}

func TestGateNeverHoldsForLong(t *testing.T) {
	for name, header := range map[string][]string{
		"Retry-After of 10^9 seconds": {"Retry-After: 1000000000"},
		"Retry-After in a century":    {"Retry-After: Fri, 01 Jan 2100 00:00:00 GMT"},
		"a reset in a century":        {"X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 4102444800"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				client := inProcessClient(t, func(*http.Request) (*canned, error) {
					if sent++; sent == 1 {
						return reply(429, tooFast, header...), nil
					}
					return reply(200, oneDeployment), nil
				}, WithRetry(RetryPolicy{MaxAttempts: 1, MaxWait: 24 * time.Hour}))
				if err := limited(t.Context(), client); !errors.Is(err, ErrRateLimited) {
					t.Fatal(err)
				}
				began := time.Now()
				if err := getOne(t.Context(), client); err != nil {
					t.Fatal(err)
				}
				if wait := time.Since(began); wait < 65*time.Minute || wait > 65*time.Minute+maxJitter {
					t.Errorf("waited %v, want 65m and the jitter", wait)
				}
			})
		})
	}
}

// A success with 0 remaining does not close the gate.
func TestGateStaysOpenAfterTheLastOfAQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			return reply(200, oneDeployment, "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 4102444800"), nil
		}, WithRetry(RetryPolicy{MaxWait: -1}))
		for range 3 {
			if err := getOne(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		if rate := client.Rate(); rate.Limit != 60 || rate.Remaining != 0 {
			t.Errorf("rate = %+v", rate)
		}
	})
}

func TestWaitsEndWithTheContext(t *testing.T) {
	cause := errors.New("shutdown")
	tests := map[string]struct {
		reply  *canned
		closed bool // the gate, before the first attempt
		sent   int
	}{
		"in a backoff":        {reply(502, ""), false, 1},
		"waiting for a limit": {reply(429, tooFast, "Retry-After: 60"), false, 1},
		"waiting in the gate": {reply(429, tooFast, "Retry-After: 60"), true, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				client := inProcessClient(t, func(*http.Request) (*canned, error) {
					sent++
					return tt.reply, nil
				}, WithRetry(RetryPolicy{MinBackoff: 20 * time.Second}))
				if tt.closed {
					limit := &RateLimitError{RetryAfter: time.Minute, RetryAt: time.Now().Add(time.Minute)}
					client.core.gate.close(keyOf(""), nil, limit, time.Now())
					tt.sent = 0
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				go func() {
					time.Sleep(5 * time.Second)
					cancel(cause)
				}()
				began := time.Now()
				err := getOne(ctx, client)
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("it took %v, want 5s", took)
				}
				if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
					t.Errorf("error = %v, want context.Canceled and its cause", err)
				}
				if e, ok := errors.AsType[*Error](err); !ok || e.Attempts != tt.sent || sent != tt.sent {
					t.Errorf("error = %v; %d sent, want %d", err, sent, tt.sent)
				}
			})
		})
	}
}

// The gate keeps a hold until its end, and at most a minute longer.
func TestGateDropsEndedHolds(t *testing.T) {
	var g gate
	now := time.Now()
	for i := range 1000 {
		at := now.Add(time.Duration(i) * time.Second)
		g.close(keyOf(fmt.Sprint(i)), nil, &RateLimitError{RetryAt: at.Add(10 * time.Second)}, at)
		for held := max(0, i-9); held <= i; held++ {
			if g.holds[keyOf(fmt.Sprint(held))] == nil {
				t.Fatalf("after %d s the hold that began at %d s is lost", i, held)
			}
		}
	}
	if len(g.holds) > 71 || len(g.ends) != len(g.holds) {
		t.Errorf("%d holds are kept, %d with an end", len(g.holds), len(g.ends))
	}
	now = now.Add(2000 * time.Second)
	// A shorter hold does not shorten a longer one.
	g.close(keyOf("a"), nil, &RateLimitError{RetryAt: now.Add(2 * time.Hour)}, now)
	g.close(keyOf("a"), nil, &RateLimitError{RetryAt: now.Add(time.Hour)}, now)
	if len(g.holds) != 1 {
		t.Errorf("%d holds are kept, want 1", len(g.holds))
	}
	if limit := g.holds[keyOf("a")].limitFor(now); limit.RetryAfter != 2*time.Hour {
		t.Errorf("limit = %+v, want two hours", limit)
	}
	late := now.Add(2*time.Hour + probation - 1)
	probe, _, _ := g.enter(keyOf("a"), late)
	if _, limit, _ := g.enter(keyOf("a"), late.Add(time.Second)); probe == nil || limit == nil {
		t.Errorf("probe = %v; limit = %v while the probe is in flight", probe, limit)
	}
	// A hold with waiters is kept.
	w := g.join(keyOf("a"), time.Hour, late.Add(time.Second))
	g.expire(late.Add(2 * probation))
	if g.holds[keyOf("a")] != w.hold {
		t.Error("a hold with a waiter is lost")
	}
	probe.release()
	if last, limit := g.leave(w, late.Add(time.Second)); last == nil {
		t.Errorf("limit = %v, want the ticket of the probe", limit)
	} else {
		last.release()
	}
	if _, limit, _ := g.enter(keyOf("a"), late.Add(4*probation)); limit != nil || len(g.holds) != 0 {
		t.Errorf("limit = %+v after its end; %d holds", limit, len(g.holds))
	}
}
