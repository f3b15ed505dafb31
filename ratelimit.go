package ghdeploy

import (
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rate is the state of the primary quota, as an answer's X-RateLimit headers
// gave it. It is zero where there were none: GitHub Enterprise Server sends
// none unless its administrator turned the limits on.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
type Rate struct {
	Limit     int       // requests in the window
	Remaining int       // how many are left of them
	Used      int       // how many were made
	Reset     time.Time // when the window ends, on GitHub's clock
	Resource  string    // which quota: "core" for all operations here
}

const (
	// secondaryWait is the least to wait after a secondary limit that names
	// no time. GitHub docs: rate-limits-for-the-rest-api#exceeding-the-rate-limit
	secondaryWait = time.Minute
	// longestHold bounds every wait for a limit, whatever a header says. The
	// longest that GitHub documents is the primary window, an hour.
	longestHold = 65 * time.Minute
)

// parseRate reads the X-RateLimit headers; false where there are none, or
// where they are not what they should be.
func parseRate(h http.Header) (Rate, bool) {
	limit, limitOK := parseCount(h.Get("X-RateLimit-Limit"))
	remaining, remainingOK := parseCount(h.Get("X-RateLimit-Remaining"))
	if !limitOK && !remainingOK {
		return Rate{}, false
	}
	rate := Rate{Limit: limit, Remaining: remaining, Resource: h.Get("X-RateLimit-Resource")}
	rate.Used, _ = parseCount(h.Get("X-RateLimit-Used"))
	if reset, ok := parseReset(h); ok {
		rate.Reset = reset
	}
	return rate, true
}

func parseCount(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, false // and not the nearest number that would do
	}
	return int(n), true
}

func parseReset(h http.Header) (time.Time, bool) {
	// Past the year 9999 a time no longer prints as one.
	const year10000 = 253402300800
	s, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || s <= 0 || s >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(s, 0), true
}

// parseLimit tells whether an answer is a limit, and which. now is when it was
// read.
//
// A 403 has other causes, so a limit must show itself: by Retry-After, by its
// words (the one sign that GitHub's secondary limits always give), or by an
// exhausted quota in an answer that gives no other reason. A token that lacks
// a permission is refused on the last call of its quota too.
func parseLimit(status int, h http.Header, p errorBody, now time.Time) *RateLimitError {
	words := strings.ToLower(p.message + " " + p.documentationURL)
	says := strings.Contains(words, "rate limit") || strings.Contains(words, "rate-limit") || strings.Contains(words, "abuse")
	exhausted := h.Get("X-RateLimit-Remaining") == "0"
	switch status {
	case http.StatusTooManyRequests:
	case http.StatusForbidden:
		if !says && h.Get("Retry-After") == "" && (!exhausted || p.message != "") {
			return nil
		}
	default:
		return nil
	}
	limit := &RateLimitError{
		Secondary: !exhausted || strings.Contains(words, "secondary") || strings.Contains(words, "abuse"),
	}
	limit.Rate, _ = parseRate(h)
	limit.RetryAfter = limitWait(h, exhausted, now)
	limit.RetryAt = now.Add(limit.RetryAfter)
	return limit
}

// limitWait is how long a limit lasts, by GitHub's own order: Retry-After,
// else the reset of an exhausted quota, else a minute.
func limitWait(h http.Header, exhausted bool, now time.Time) time.Duration {
	if wait, ok := retryAfter(h, now); ok {
		return wait
	}
	if reset, ok := parseReset(h); ok && exhausted {
		return bounded(reset.Sub(serverTime(h, now)))
	}
	return secondaryWait
}

// retryAfter reads Retry-After: whole seconds, or an HTTP date.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(longestHold/time.Second) {
			return longestHold, true // a number past all bounds is still a number
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return bounded(at.Sub(serverTime(h, now))), true
}

// serverTime is what the server's clock showed, so that a wait until one of
// its times is right on a machine whose own clock is not.
func serverTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

func bounded(d time.Duration) time.Duration {
	return min(max(d, 0), longestHold)
}

// gate holds requests back while a limit lasts. It is keyed by token: another
// token has a quota of its own.
type gate struct {
	mu    sync.Mutex
	holds map[tokenKey]RateLimitError
}

// tokenKey stands for a token, so that nothing keeps a token that is no
// longer in use.
type tokenKey [sha256.Size]byte

func keyOf(token string) tokenKey { return sha256.Sum256([]byte(token)) }

// close lets no attempt under this token start until the limit ends.
func (g *gate) close(key tokenKey, limit *RateLimitError, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, hold := range g.holds {
		if !hold.RetryAt.After(now) {
			delete(g.holds, k)
		}
	}
	if g.holds == nil {
		g.holds = make(map[tokenKey]RateLimitError)
	}
	if hold, ok := g.holds[key]; !ok || limit.RetryAt.After(hold.RetryAt) {
		g.holds[key] = *limit
	}
}

// held returns the limit that holds this token back, or nil. RetryAfter counts
// from now.
func (g *gate) limitFor(key tokenKey, now time.Time) *RateLimitError {
	g.mu.Lock()
	defer g.mu.Unlock()
	hold, ok := g.holds[key]
	if !ok || !hold.RetryAt.After(now) {
		return nil
	}
	hold.RetryAfter = hold.RetryAt.Sub(now)
	return &hold
}
