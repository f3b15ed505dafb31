package ghdeploytest

import (
	"fmt"
	"net/http"
)

// WithRateLimit sets the primary rate limit: the requests per hour of each
// token. The default is 5,000. Anonymous callers have 60 requests, or n if n is
// less.
func WithRateLimit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithRateLimit(%d); write at least 1; SetRemaining can use up a quota", n))
	}
	return func(s *Server, _ *Seed) { s.rateLimit = n }
}

// WithRateLimitStatus sets the status of a primary rate limit response: 403 or
// 429. The default is 403. GitHub documents both.
func WithRateLimitStatus(status int) Option {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		panic(fmt.Sprintf("ghdeploytest: WithRateLimitStatus(%d); write 403 or 429", status))
	}
	return func(s *Server, _ *Seed) { s.rateLimitStatus = status }
}

// SecondaryForm is the form of a secondary rate limit response. GitHub
// documents 403 and 429, with Retry-After or without. All but
// SecondaryRetryAfter429 have been observed.
type SecondaryForm int

const (
	// SecondaryRetryAfter is a 403 with Retry-After and the documentation_url
	// of the secondary limits.
	SecondaryRetryAfter SecondaryForm = iota
	// SecondaryNoHeader is a 429 without Retry-After.
	SecondaryNoHeader
	// SecondaryTextOnly is a 403 that only its message identifies as a rate
	// limit response.
	SecondaryTextOnly
	// SecondaryRetryAfter429 is a 429 with Retry-After.
	SecondaryRetryAfter429
)

func (f SecondaryForm) check(option string) {
	if f < SecondaryRetryAfter || f > SecondaryRetryAfter429 {
		panic(fmt.Sprintf("ghdeploytest: %s with form %d; write SecondaryRetryAfter, SecondaryNoHeader, SecondaryTextOnly or SecondaryRetryAfter429", option, f))
	}
}

// WithSecondaryLimit limits each token to n creations per minute. A further
// creation is refused in the given form. GitHub documents about 80 per minute.
// The default is no limit.
func WithSecondaryLimit(n int, form SecondaryForm) Option {
	if n < 1 {
		panic(fmt.Sprintf("ghdeploytest: WithSecondaryLimit(%d, ...); write at least 1, or omit the option for no limit", n))
	}
	form.check("WithSecondaryLimit")
	return func(s *Server, _ *Seed) { s.secondaryLimit, s.secondaryForm = n, form }
}

// WithPointsPerMinute limits each token to n points per minute. A request that
// needs more is refused in the given form, and costs no points. As GitHub
// documents it, a GET costs 1 point, and a POST, PATCH, PUT or DELETE costs 5;
// GitHub's limit is 900 points. The default is no limit.
//
// GitHub's page limits the requests to a single endpoint. Here all operations
// count together, so a client that stays within this limit stays within
// GitHub's.
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
