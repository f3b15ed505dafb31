package ghdeploytest

import (
	"fmt"
	"net/http"
)

// WithRateLimit sets the primary limit: how many requests each token may make in an hour. The default is 5,000. An
// anonymous caller has 60, or n if that is less.
func WithRateLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithRateLimit(%d); write at least 1, and use SetRemaining to spend a quota", n))
	}
	return func(s *Server, _ *Seed) { s.rateLimit = n }
}

// WithRateLimitStatus sets the status of an answer past the primary limit: 403, the default, or 429. GitHub documents
// both.
func WithRateLimitStatus(status int) Option {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		panic(fmt.Sprintf("ghdeploytest: WithRateLimitStatus(%d); GitHub answers 403 or 429", status))
	}
	return func(s *Server, _ *Seed) { s.rateLimitStatus = status }
}

// SecondaryForm is the form of a response past a secondary limit. GitHub
// documents 403 and 429, with Retry-After or without. All have been
// seen but SecondaryRetryAfter429, which is documented only.
type SecondaryForm int

const (
	// SecondaryRetryAfter is a 403 with Retry-After and the documentation_url
	// of the secondary limits.
	SecondaryRetryAfter SecondaryForm = iota
	// SecondaryNoHeader is a 429 without Retry-After.
	SecondaryNoHeader
	// SecondaryTextOnly is a plain 403: only the text of its message names the
	// limit.
	SecondaryTextOnly
	// SecondaryRetryAfter429 is a 429 with Retry-After.
	SecondaryRetryAfter429
)

func (f SecondaryForm) check(option string) {
	if f < SecondaryRetryAfter || f > SecondaryRetryAfter429 {
		panic(fmt.Sprintf("ghdeploytest: %s with form %d; write SecondaryRetryAfter, SecondaryNoHeader, SecondaryTextOnly or SecondaryRetryAfter429", option, f))
	}
}

// WithSecondaryLimit lets each token create n things a minute, and refuses the
// next creation in the given form. GitHub documents about 80 a minute. Without
// this option there is no such limit.
func WithSecondaryLimit(n int, form SecondaryForm) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithSecondaryLimit(%d, ...); write at least 1, or omit the option for no limit", n))
	}
	form.check("WithSecondaryLimit")
	return func(s *Server, _ *Seed) { s.secondaryLimit, s.secondaryForm = n, form }
}

// WithPointsPerMinute lets each token spend n points a minute, and refuses the
// request that needs more in the given form. As GitHub documents it, a GET
// costs 1 point and a POST, PATCH, PUT or DELETE costs 5; its limit is 900
// points. GitHub's page speaks of requests to a single endpoint; here all
// operations of the server are one endpoint, so a client that keeps to this
// limit keeps to both readings. A refused request costs no points. Without this
// option there is no such limit.
//
// It can be combined with [WithSecondaryLimit].
//
// GitHub docs: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
func WithPointsPerMinute(n int, form SecondaryForm) Option {
	if n < 5 {
		panic(fmt.Sprintf("ghdeploytest: WithPointsPerMinute(%d, ...); write at least 5, the cost of one write, or omit the option for no limit", n))
	}
	form.check("WithPointsPerMinute")
	return func(s *Server, _ *Seed) { s.pointsLimit, s.pointsForm = n, form }
}
