package ghdeploy

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Rate is the state of the primary rate limit, from the X-RateLimit headers of
// a response. It is zero if the response has none of them: GitHub Enterprise
// Server omits them unless its administrator turned the limits on.
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#checking-the-status-of-your-rate-limit
type Rate struct {
	Limit     int       // requests per window
	Remaining int       // requests that remain in the window
	Used      int       // requests made in the window
	Reset     time.Time // end of the window, on GitHub's clock
	Resource  string    // name of the quota: "core" for all operations here
}

const (
	// secondaryWait is the wait after a rate limit response that names no time.
	// GitHub docs: rate-limits-for-the-rest-api#exceeding-the-rate-limit
	secondaryWait = time.Minute
	// longestHold is the maximum wait for a rate limit, whatever a header says.
	// The longest that GitHub documents is the primary window, an hour.
	longestHold = 65 * time.Minute
)

// parseRate reads the X-RateLimit headers. Their names are written in the
// canonical form, which http.Header.Get finds without an allocation. It returns
// false if neither the limit nor the remaining requests can be read.
func parseRate(h http.Header) (Rate, bool) {
	limit, limitOK := parseCount(h.Get("X-Ratelimit-Limit"))
	remaining, remainingOK := parseCount(h.Get("X-Ratelimit-Remaining"))
	if !limitOK && !remainingOK {
		return Rate{}, false
	}
	rate := Rate{Limit: limit, Remaining: remaining, Resource: h.Get("X-Ratelimit-Resource")}
	rate.Used, _ = parseCount(h.Get("X-Ratelimit-Used"))
	if reset, ok := parseReset(h); ok {
		rate.Reset = reset
	}
	return rate, true
}

func parseCount(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, false // ParseUint returns the nearest number here
	}
	return int(n), true
}

func parseReset(h http.Header) (time.Time, bool) {
	// time.Time marshals no year after 9999.
	const year10000 = 253402300800
	s, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil || s <= 0 || s >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(s, 0), true
}

// latestRate keeps the newest Rate of a client's responses. Its zero value is
// empty.
type latestRate struct{ newest atomic.Pointer[observedRate] }

type observedRate struct {
	Rate
	key tokenKey
}

func (l *latestRate) load() Rate {
	if r := l.newest.Load(); r != nil {
		return r.Rate
	}
	return Rate{}
}

// observe keeps the rate of a response to this token unless the one it has is
// newer. at returns the time of the response on the server's clock.
func (l *latestRate) observe(rate Rate, key tokenKey, at func() time.Time) {
	r := &observedRate{rate, key}
	for {
		old := l.newest.Load()
		if old != nil && old.newerThan(r, at) || l.newest.CompareAndSwap(old, r) {
			return
		}
	}
}

// newerThan compares two rates of one quota: by reset, then by used. Rates of
// two quotas have no order. Nor has one whose window has ended or whose reset
// is implausible: it would stay for ever.
func (r *observedRate) newerThan(later *observedRate, at func() time.Time) bool {
	newer := r.Used > later.Used
	if !r.Reset.Equal(later.Reset) {
		newer = r.Reset.After(later.Reset)
	}
	if !newer || r.key != later.key || r.Resource != later.Resource {
		return false
	}
	left := r.Reset.Sub(at())
	return left > 0 && left <= longestHold
}

// How GitHub's rate limit responses begin, and the pages of its documentation
// that they name: #rate-limiting, rate-limits-for-the-rest-api,
// #secondary-rate-limits and #abuse-rate-limits.
var (
	primaryMessage   = regexp.MustCompile(`(?i)^\s*API rate limit exceeded\b`)
	secondaryMessage = regexp.MustCompile(`(?i)^\s*You have (?:exceeded a secondary rate limit|triggered an abuse detection mechanism)\b`)
	limitPage        = regexp.MustCompile(`(?i)\brate-limit(?:s|ing)\b`)
	secondaryPage    = regexp.MustCompile(`(?i)\b(?:secondary|abuse)-rate-limits\b`)
)

// parseLimit returns the rate limit of a response, nil for any other response.
// now is when it was read.
//
// A 403 has other causes, and its message can hold names of the caller's. So it
// needs Retry-After, the beginning of one of GitHub's messages, a page about
// rate limits, or an exhausted quota without any message: a token without the
// permission gets a 403 on the last request of its quota too.
func parseLimit(status int, h http.Header, p errorBody, now time.Time) *RateLimitError {
	if status != http.StatusTooManyRequests && status != http.StatusForbidden {
		return nil
	}
	secondary := secondaryMessage.MatchString(p.message) || secondaryPage.MatchString(p.documentationURL)
	named := secondary || primaryMessage.MatchString(p.message) || limitPage.MatchString(p.documentationURL)
	exhausted := h.Get("X-Ratelimit-Remaining") == "0"
	if status == http.StatusForbidden && !named && h.Get("Retry-After") == "" && (!exhausted || p.message != "") {
		return nil
	}
	limit := &RateLimitError{Secondary: secondary || !exhausted}
	limit.Rate, _ = parseRate(h)
	limit.RetryAfter = limitWait(h, exhausted, now)
	limit.RetryAt = now.Add(limit.RetryAfter)
	return limit
}

// limitWait returns how long a rate limit lasts, in GitHub's order:
// Retry-After, else the reset of an exhausted quota, else a minute.
func limitWait(h http.Header, exhausted bool, now time.Time) time.Duration {
	if wait, ok := retryAfter(h, now); ok {
		return wait
	}
	if reset, ok := parseReset(h); ok && exhausted {
		return waitUntil(reset, h, now)
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
			return longestHold, true // ParseInt fails on a number above 2^63-1
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return waitUntil(at, h, now), true
}

// waitUntil returns the wait until a time on the server's clock, which Date
// shows. A Date that makes the wait implausible is ignored.
func waitUntil(at time.Time, h http.Header, now time.Time) time.Duration {
	wait := at.Sub(serverTime(h, now))
	if wait < 0 || wait > longestHold {
		wait = at.Sub(now)
	}
	return clampWait(wait)
}

// serverTime returns the time on the server's clock: the Date of the response,
// else now.
func serverTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

func clampWait(d time.Duration) time.Duration {
	return min(max(d, 0), longestHold)
}
