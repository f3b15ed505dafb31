package ghdeploytest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// bucket is the quota of one token.
type bucket struct {
	limit, used int
	reset       time.Time
	creations   []spent // within the last minute
	points      []spent // within the last minute
}

// spent is the cost of a request on a secondary limit.
type spent struct {
	at     time.Time
	amount int
}

const anonymousLimit = 60

// quotaOf returns a token's bucket. Its quota is full again after each hour.
func (s *Server) quotaOf(token string, now time.Time) *bucket {
	b := s.quota[token]
	if b == nil {
		b = &bucket{limit: s.rateLimit}
		if token == "" {
			b.limit = min(b.limit, anonymousLimit)
		}
		s.quota[token] = b
	}
	if !now.Before(b.reset) {
		// X-RateLimit-Reset has whole seconds.
		b.used, b.reset = 0, now.Truncate(time.Second).Add(time.Hour)
	}
	return b
}

func (b *bucket) remaining() int { return b.limit - b.used }

// SetRemaining sets the remaining requests of a token in the current hour; the
// token "" stands for anonymous callers. If remaining is 0, the next request
// gets the primary rate limit response.
func (s *Server) SetRemaining(token string, remaining int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token != "" && !s.anyTokenIsOctocat && s.state.tokens[token] == nil {
		panic("ghdeploytest: SetRemaining of a token that the server does not know; write the Value of a token from WithToken, or \"\" for the anonymous caller")
	}
	b := s.quotaOf(token, s.now())
	if remaining < 0 || remaining > b.limit {
		panic(fmt.Sprintf("ghdeploytest: SetRemaining(..., %d); write 0 to %d, the limit", remaining, b.limit))
	}
	b.used = b.limit - remaining
}

// checkQuota counts the request on the primary limit, whatever its outcome.
func (s *Server) checkQuota(c *call) *response {
	c.quota = s.quotaOf(c.token, c.now)
	if c.op != nil && c.op.free {
		return nil
	}
	if c.quota.remaining() > 0 {
		c.quota.used++
		return nil
	}
	who := "127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"
	if t := c.actor.token; t != nil && t.App != "" {
		who = fmt.Sprintf("installation ID %d.", s.state.userID(c.actor.login()))
	} else if t != nil {
		who = fmt.Sprintf("user ID %d.", s.state.userID(c.actor.login()))
	}
	resp := ok(s.rateLimitStatus, errorBody{
		Message:          "API rate limit exceeded for " + who,
		DocumentationURL: docsRoot + "/overview/rate-limits-for-the-rest-api",
		Status:           strconv.Itoa(s.rateLimitStatus),
	})
	return &resp
}

const (
	secondaryMessage = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
	secondaryDocs    = "https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits"
)

// checkPoints counts the request on the limit in points. GitHub documents 1 for
// GET, HEAD and OPTIONS, and 5 for POST, PATCH, PUT and DELETE.
func (s *Server) checkPoints(c *call) *response {
	points := 5
	switch c.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		points = 1
	}
	return s.spend(c, &c.quota.points, points, s.pointsLimit, s.pointsForm)
}

// checkCreations counts creations on the secondary limit.
func (s *Server) checkCreations(c *call) *response {
	if !c.op.creates {
		return nil
	}
	return s.spend(c, &c.quota.creations, 1, s.secondaryLimit, s.secondaryForm)
}

// spend counts amount on a limit per minute, or refuses the request. A limit of
// 0 means no limit.
func (s *Server) spend(c *call, log *[]spent, amount, limit int, form SecondaryForm) *response {
	if limit == 0 {
		return nil
	}
	*log = slices.DeleteFunc(*log, func(e spent) bool { return c.now.Sub(e.at) >= time.Minute })
	total := amount
	for _, e := range *log {
		total += e.amount
	}
	if total <= limit {
		*log = append(*log, spent{c.now, amount})
		return nil
	}
	wait := time.Minute
	for _, e := range *log {
		if total -= e.amount; total <= limit {
			wait = e.at.Add(time.Minute).Sub(c.now)
			break
		}
	}
	resp := secondaryResponse(form, wait)
	return &resp
}

// secondaryResponse is the response of a secondary limit that ends after wait.
func secondaryResponse(form SecondaryForm, wait time.Duration) response {
	body := errorBody{Message: secondaryMessage, DocumentationURL: secondaryDocs}
	status := http.StatusForbidden
	if form == SecondaryNoHeader || form == SecondaryRetryAfter429 {
		status = http.StatusTooManyRequests
	}
	if form == SecondaryTextOnly {
		body.DocumentationURL = ""
	}
	resp := ok(status, body)
	if form == SecondaryRetryAfter || form == SecondaryRetryAfter429 {
		resp.set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return resp
}
