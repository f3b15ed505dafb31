package ghdeploy

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rateHeader parses the lines of a header.
func rateHeader(t *testing.T, lines string) http.Header {
	t.Helper()
	text := strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\r\n") + "\r\n\r\n"
	if strings.TrimSpace(lines) == "" {
		text = "\r\n"
	}
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return http.Header(h)
}

func TestParseRate(t *testing.T) {
	tests := map[string]struct {
		header string
		want   Rate
		ok     bool
	}{
		"as GitHub sends it": {`
X-RateLimit-Limit: 5000
X-RateLimit-Remaining: 4987
X-RateLimit-Reset: 1700000000
X-RateLimit-Used: 13
X-RateLimit-Resource: core`,
			Rate{Limit: 5000, Remaining: 4987, Used: 13, Reset: time.Unix(1700000000, 0), Resource: "core"}, true},
		"lower case, as over HTTP/2": {"x-ratelimit-limit: 60\nx-ratelimit-remaining: 0", Rate{Limit: 60}, true},
		"before 2020":                {"X-RateLimit-Limit: 5000\nX-RateLimit-Remaining: 1\nX-RateLimit-Reset: 1700000000", Rate{Limit: 5000, Remaining: 1, Reset: time.Unix(1700000000, 0)}, true},
		"none":                       {"", Rate{}, false},
		"empty":                      {"X-RateLimit-Limit: \nX-RateLimit-Remaining: ", Rate{}, false},
		"a reset alone":              {"X-RateLimit-Reset: 1700000000", Rate{}, false},
		"negative":                   {"X-RateLimit-Limit: -1\nX-RateLimit-Remaining: -5", Rate{}, false},
		"one of them negative":       {"X-RateLimit-Limit: -1\nX-RateLimit-Remaining: 5\nX-RateLimit-Used: -7", Rate{Remaining: 5}, true},
		"1e9":                        {"X-RateLimit-Limit: 1e9\nX-RateLimit-Remaining: 5", Rate{Remaining: 5}, true},
		"NaN":                        {"X-RateLimit-Limit: NaN\nX-RateLimit-Remaining: NaN", Rate{}, false},
		"2^63":                       {"X-RateLimit-Limit: 9223372036854775808\nX-RateLimit-Remaining: 3\nX-RateLimit-Reset: 9223372036854775808", Rate{Remaining: 3}, true},
		"2^31":                       {"X-RateLimit-Limit: 2147483648\nX-RateLimit-Remaining: 3", Rate{Remaining: 3}, true},
		"2^31-1":                     {"X-RateLimit-Limit: 2147483647\nX-RateLimit-Remaining: 3", Rate{Limit: 2147483647, Remaining: 3}, true},
		"a reset past the year 9999": {"X-RateLimit-Limit: 1\nX-RateLimit-Reset: 253402300800", Rate{Limit: 1}, true},
		"a reset in milliseconds":    {"X-RateLimit-Limit: 1\nX-RateLimit-Reset: 1700000000000", Rate{Limit: 1}, true},
		"a negative reset":           {"X-RateLimit-Limit: 1\nX-RateLimit-Reset: -1", Rate{Limit: 1}, true},
		"garbage":                    {"X-RateLimit-Limit: many\nX-RateLimit-Remaining: few", Rate{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := parseRate(rateHeader(t, tt.header))
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != tt.ok {
				t.Errorf("parseRate: %t, want %t (-want +got)\n%s", ok, tt.ok, diff)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	tests := map[string]struct {
		header string
		want   time.Duration
		ok     bool
	}{
		"none":                                {"", 0, false},
		"empty":                               {"Retry-After: ", 0, false},
		"seconds":                             {"Retry-After: 60", time.Minute, true},
		"zero":                                {"Retry-After: 0", 0, true},
		"spaces around":                       {"Retry-After:   7  ", 7 * time.Second, true},
		"an hour":                             {"Retry-After: 3600", time.Hour, true},
		"just within the bound":               {"Retry-After: 3900", longestHold, true},
		"10^9":                                {"Retry-After: 1000000000", longestHold, true},
		"2^63":                                {"Retry-After: 9223372036854775808", longestHold, true},
		"more than a Duration":                {"Retry-After: 9223372037", longestHold, true},
		"1e9":                                 {"Retry-After: 1e9", 0, false},
		"negative":                            {"Retry-After: -1", 0, false},
		"signed":                              {"Retry-After: +1", 0, false},
		"a fraction":                          {"Retry-After: 1.5", 0, false},
		"NaN":                                 {"Retry-After: NaN", 0, false},
		"garbage":                             {"Retry-After: soon", 0, false},
		"a date":                              {"Retry-After: Tue, 14 Nov 2023 22:14:20 GMT", time.Minute, true},
		"a date in RFC 850 format":            {"Retry-After: Tuesday, 14-Nov-23 22:14:20 GMT", time.Minute, true},
		"a date in asctime format":            {"Retry-After: Tue Nov 14 22:14:20 2023", time.Minute, true},
		"a date in the past":                  {"Retry-After: Tue, 14 Nov 2023 22:12:20 GMT", 0, true},
		"a date far in the future":            {"Retry-After: Tue, 14 Nov 2090 22:13:20 GMT", longestHold, true},
		"a date, the server's clock is wrong": {"Date: Wed, 14 Nov 2029 10:00:00 GMT\nRetry-After: Wed, 14 Nov 2029 10:02:00 GMT", 2 * time.Minute, true},
		"a date, Date is of 1970":             {"Date: Thu, 01 Jan 1970 00:00:00 GMT\nRetry-After: Tue, 14 Nov 2023 22:14:50 GMT", 90 * time.Second, true},
		"a date, Date is in the future":       {"Date: Wed, 14 Nov 2029 10:00:00 GMT\nRetry-After: Tue, 14 Nov 2023 22:14:50 GMT", 90 * time.Second, true},
		"the first of two":                    {"Retry-After: 5\nRetry-After: 50", 5 * time.Second, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := retryAfter(rateHeader(t, tt.header), now)
			if got != tt.want || ok != tt.ok {
				t.Errorf("retryAfter = %v, %t, want %v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestParseLimit(t *testing.T) {
	now := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC) // 1700000000
	const (
		secondary = `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
		primary   = `{"message":"API rate limit exceeded for installation ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}`
		forbidden = `{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest/deployments/deployments#create-a-deployment"}`
	)
	type want struct {
		secondary bool
		after     time.Duration
	}
	tests := map[string]struct {
		status int
		header string
		body   string
		want   *want // nil: no limit
	}{
		"a primary limit":                              {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"a primary limit as 429":                       {429, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"the machine's clock is an hour ahead":         {403, "Date: Tue, 14 Nov 2023 21:13:20 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1699996700", primary, &want{false, 5 * time.Minute}},
		"the machine's clock is an hour behind":        {403, "Date: Tue, 14 Nov 2023 23:13:20 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700003900", primary, &want{false, 5 * time.Minute}},
		"a Date of 1970":                               {403, "Date: Thu, 01 Jan 1970 00:00:00 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000090", primary, &want{false, 90 * time.Second}},
		"a Date in the future":                         {403, "Date: Fri, 01 Jan 2100 00:00:00 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000090", primary, &want{false, 90 * time.Second}},
		"a Date an hour after the reset":               {403, "Date: Tue, 14 Nov 2023 23:14:50 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000090", primary, &want{false, 90 * time.Second}},
		"a Date 66 minutes before the reset":           {403, "Date: Tue, 14 Nov 2023 21:08:50 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000090", primary, &want{false, 90 * time.Second}},
		"a Date 65 minutes before the reset":           {403, "Date: Tue, 14 Nov 2023 21:09:50 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000090", primary, &want{false, longestHold}},
		"a Date of 1970 and a reset far in the future": {403, "Date: Thu, 01 Jan 1970 00:00:00 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1800000000", primary, &want{false, longestHold}},
		"a Date at the reset":                          {403, "Date: Tue, 14 Nov 2023 23:13:20 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700003600", primary, &want{false, 0}},
		"an invalid Date":                              {403, "Date: yesterday\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"a reset in the past":                          {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1600000000", primary, &want{false, 0}},
		"a reset far in the future":                    {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1800000000", primary, &want{false, longestHold}},
		"an invalid reset":                             {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: NaN", primary, &want{false, time.Minute}},
		"a reset of 2^63":                              {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 9223372036854775808", primary, &want{false, time.Minute}},
		"a negative reset":                             {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: -1", primary, &want{false, time.Minute}},
		"Retry-After before the reset":                 {403, "Retry-After: 30\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 30 * time.Second}},
		"a secondary limit by its message alone":       {403, "X-RateLimit-Remaining: 4999\nX-RateLimit-Reset: 1700000900", secondary, &want{true, time.Minute}},
		"a secondary limit without any header":         {403, "", secondary, &want{true, time.Minute}},
		"a secondary limit, the quota used up":         {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", secondary, &want{true, 15 * time.Minute}},
		"a secondary limit that names its time":        {403, "Retry-After: 90", secondary, &want{true, 90 * time.Second}},
		"a secondary limit that names a date":          {429, "Retry-After: Tue, 14 Nov 2023 22:14:20 GMT", secondary, &want{true, time.Minute}},
		"in its old wording":                           {403, "", `{"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."}`, &want{true, time.Minute}},
		"by its address alone":                         {403, "", `{"message":"Forbidden","documentation_url":"https://developer.github.com/v3/#abuse-rate-limits"}`, &want{true, time.Minute}},
		"by the address of the primary limits":         {403, "", `{"message":"Forbidden","documentation_url":"https://docs.github.com/rest/overview/resources-in-the-rest-api#rate-limiting"}`, &want{true, time.Minute}},
		"by the address of the secondary limits":       {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", `{"message":"Forbidden","documentation_url":"https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits"}`, &want{true, 15 * time.Minute}},
		"in the wording of 2013":                       {403, "X-RateLimit-Remaining: 0", `{"message":"API Rate Limit Exceeded for 192.0.2.1"}`, &want{false, time.Minute}},
		"in its old wording, with the blocked action":  {403, "", `{"message":"You have triggered an abuse detection mechanism and have been temporarily blocked from content creation. Please retry your request again later."}`, &want{true, time.Minute}},
		"a branch named rate-limit-fix":                {403, "X-RateLimit-Remaining: 4999", `{"message":"Branch \"rate-limit-fix\" is not allowed to deploy to production."}`, nil},
		"a branch named like a limit":                  {403, "", `{"message":"Branch \"API rate limit exceeded\" is not allowed to deploy to production."}`, nil},
		"a branch named like a secondary limit":        {403, "", `{"message":"Branch \"You have exceeded a secondary rate limit\" is not allowed."}`, nil},
		"words about rate limits":                      {403, "", `{"message":"The app may not change rate limits"}`, nil},
		"a longer word than in a limit's message":      {403, "", `{"message":"API rate limit exceededly"}`, nil},
		"suspended for abuse":                          {403, "X-RateLimit-Remaining: 0", `{"message":"Sorry. Your account was suspended for abuse.","documentation_url":"https://docs.github.com/site-policy/acceptable-use-policies/github-acceptable-use-policies"}`, nil},
		"the endpoint rate_limit is forbidden":         {403, "", `{"message":"Resource not accessible by integration","documentation_url":"https://docs.github.com/rest/rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user"}`, nil},
		"an address with the words in a name":          {403, "", `{"message":"Forbidden","documentation_url":"https://docs.github.com/rest/my-rate-limiter"}`, nil},
		"a 422 with a limit's message":                 {422, "", primary, nil},
		"by Retry-After alone":                         {403, "Retry-After: 5", `{"message":"Forbidden"}`, &want{true, 5 * time.Second}},
		"by an invalid Retry-After":                    {403, "Retry-After: soon", `{"message":"Forbidden"}`, &want{true, time.Minute}},
		"a 429 without a body":                         {429, "", "", &want{true, time.Minute}},
		"a 429 of HTML":                                {429, "", "<html>", &want{true, time.Minute}},
		"a 403 without a body, the quota used up":      {403, "X-RateLimit-Remaining: 0", "", &want{false, time.Minute}},
		"a 403 of HTML, the quota used up":             {403, "X-RateLimit-Remaining: 0", "<html>", &want{false, time.Minute}},
		"no permission":                                {403, "X-RateLimit-Remaining: 4999", forbidden, nil},
		"no permission, 0 remaining":                   {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", forbidden, nil},
		"a 403 without a body":                         {403, "", "", nil},
		"a 403 of HTML":                                {403, "X-RateLimit-Remaining: 10", "<html>", nil},
		"a 200, the quota used up":                     {200, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", "{}", nil},
		"a 503 with Retry-After":                       {503, "Retry-After: 5", "", nil},
		"a 401":                                        {401, "X-RateLimit-Remaining: 0", primary, nil},
		"Retry-After of 10^9":                          {429, "Retry-After: 1000000000", secondary, &want{true, longestHold}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := rateHeader(t, tt.header)
			limit := parseLimit(tt.status, h, parseErrorBody([]byte(tt.body), redactor{}), now)
			if (limit != nil) != (tt.want != nil) {
				t.Fatalf("limit = %+v, want a limit: %t", limit, tt.want != nil)
			}
			if limit == nil {
				return
			}
			rate, _ := parseRate(h)
			if diff := cmp.Diff(&RateLimitError{
				Secondary: tt.want.secondary, Rate: rate, RetryAfter: tt.want.after, RetryAt: now.Add(tt.want.after),
			}, limit); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// The newest Rate is kept, in any order of the responses.
func TestLatestRate(t *testing.T) {
	at := time.Unix(1700000000, 0)
	minutes := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	type response struct {
		token string
		rate  Rate
		at    time.Time
	}
	core := func(used, reset int) response {
		return response{"a", Rate{Limit: 5000, Remaining: 5000 - used, Used: used, Reset: minutes(reset), Resource: "core"}, at}
	}
	later := func(r response, by int) response { r.at = minutes(by); return r }
	other := core(1, 10)
	other.token = "b"
	search := core(1, 10)
	search.rate.Resource = "search"
	noReset, unused := core(7, 30), core(0, 30)
	noReset.rate.Reset = time.Time{}
	unused.rate.Remaining = 17
	tests := map[string]struct {
		responses []response
		want      int // index of the response whose rate is kept
	}{
		"the first":                        {[]response{core(1, 30)}, 0},
		"in order":                         {[]response{core(1, 30), core(2, 30)}, 1},
		"out of order":                     {[]response{core(101, 30), core(1, 30)}, 0},
		"used is the same":                 {[]response{core(0, 30), unused}, 1},
		"the next window":                  {[]response{core(4999, 30), core(1, 60)}, 1},
		"late, from the window before":     {[]response{core(1, 60), core(4999, 30)}, 0},
		"the window has ended":             {[]response{core(5000, 30), later(core(1, 29), 30)}, 1},
		"the window ends soon":             {[]response{core(5000, 30), later(core(1, 29), 29)}, 0},
		"a reset in a century":             {[]response{core(1, 60*24*365*100), core(2, 30)}, 1},
		"a reset in 66 minutes":            {[]response{core(1, 66), core(2, 30)}, 1},
		"a reset in 65 minutes":            {[]response{core(1, 65), core(2, 30)}, 0},
		"another token":                    {[]response{core(4000, 30), other}, 1},
		"another quota":                    {[]response{core(4000, 30), search}, 1},
		"without a reset":                  {[]response{core(4000, 30), noReset}, 0},
		"without a reset before, and then": {[]response{noReset, core(1, 30)}, 1},
		"never a reset":                    {[]response{noReset, noReset}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var latest latestRate
			if got := latest.load(); got != (Rate{}) {
				t.Errorf("before the first response: %+v", got)
			}
			for _, r := range tt.responses {
				latest.observe(r.rate, keyOf(r.token), func() time.Time { return r.at })
			}
			if diff := cmp.Diff(tt.responses[tt.want].rate, latest.load()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Remaining never increases within a window, in any order of the responses.
func TestRateOfConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var used atomic.Int32
		reset := time.Now().Add(30 * time.Minute).Unix()
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			n := used.Add(1)
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
			return reply(200, oneDeployment, "X-RateLimit-Limit: 5000", fmt.Sprintf("X-RateLimit-Remaining: %d", 5000-n),
				fmt.Sprintf("X-RateLimit-Used: %d", n), fmt.Sprintf("X-RateLimit-Reset: %d", reset), "X-RateLimit-Resource: core"), nil
		})
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				if err := getOne(t.Context(), client); err != nil {
					t.Error(err)
				}
			})
		}
		for last := 5000; last > 4900; time.Sleep(time.Millisecond) {
			if rate := client.Rate(); rate.Limit != 0 {
				if rate.Remaining > last {
					t.Fatalf("remaining went from %d to %d", last, rate.Remaining)
				}
				last = rate.Remaining
			}
		}
		calls.Wait()
	})
}

// Rate compares windows by the server's clock, not by that of this machine.
func TestRateOnAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is the year 2000
		used := []string{"5", "3"}
		client := inProcessClient(t, func(*http.Request) (*canned, error) {
			u := used[0]
			used = used[1:]
			return reply(200, oneDeployment, "Date: Tue, 14 Nov 2023 22:13:20 GMT", "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 1",
				"X-RateLimit-Used: "+u, "X-RateLimit-Reset: 1700000900"), nil
		})
		for range 2 {
			if err := getOne(t.Context(), client); err != nil {
				t.Fatal(err)
			}
		}
		if rate := client.Rate(); rate.Used != 5 {
			t.Errorf("rate = %+v, want 5 used", rate)
		}
	})
}
