package ghdeploy

import (
	"bufio"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rateHeader reads the lines of a header as they come over the wire.
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
		"a reset before all":         {"X-RateLimit-Limit: 1\nX-RateLimit-Reset: -1", Rate{Limit: 1}, true},
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
		"none":                           {"", 0, false},
		"empty":                          {"Retry-After: ", 0, false},
		"seconds":                        {"Retry-After: 60", time.Minute, true},
		"none left":                      {"Retry-After: 0", 0, true},
		"spaces around":                  {"Retry-After:   7  ", 7 * time.Second, true},
		"an hour":                        {"Retry-After: 3600", time.Hour, true},
		"just within the bound":          {"Retry-After: 3900", longestHold, true},
		"10^9":                           {"Retry-After: 1000000000", longestHold, true},
		"2^63":                           {"Retry-After: 9223372036854775808", longestHold, true},
		"what overflows a duration":      {"Retry-After: 9223372037", longestHold, true},
		"1e9":                            {"Retry-After: 1e9", 0, false},
		"negative":                       {"Retry-After: -1", 0, false},
		"signed":                         {"Retry-After: +1", 0, false},
		"a fraction":                     {"Retry-After: 1.5", 0, false},
		"NaN":                            {"Retry-After: NaN", 0, false},
		"garbage":                        {"Retry-After: soon", 0, false},
		"a date":                         {"Retry-After: Tue, 14 Nov 2023 22:14:20 GMT", time.Minute, true},
		"a date of RFC 850":              {"Retry-After: Tuesday, 14-Nov-23 22:14:20 GMT", time.Minute, true},
		"a date of C":                    {"Retry-After: Tue Nov 14 22:14:20 2023", time.Minute, true},
		"a date gone by":                 {"Retry-After: Tue, 14 Nov 2023 22:12:20 GMT", 0, true},
		"a date far off":                 {"Retry-After: Tue, 14 Nov 2090 22:13:20 GMT", longestHold, true},
		"a date, the server's clock off": {"Date: Wed, 14 Nov 2029 10:00:00 GMT\nRetry-After: Wed, 14 Nov 2029 10:02:00 GMT", 2 * time.Minute, true},
		"the first of two":               {"Retry-After: 5\nRetry-After: 50", 5 * time.Second, true},
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
		"a primary limit":                        {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"a primary limit as 429":                 {429, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"the machine's clock is an hour ahead":   {403, "Date: Tue, 14 Nov 2023 21:13:20 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1699996700", primary, &want{false, 5 * time.Minute}},
		"the machine's clock is an hour behind":  {403, "Date: Tue, 14 Nov 2023 23:13:20 GMT\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700003900", primary, &want{false, 5 * time.Minute}},
		"a Date that is none":                    {403, "Date: yesterday\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 15 * time.Minute}},
		"a reset gone by":                        {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1600000000", primary, &want{false, 0}},
		"a reset far off":                        {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1800000000", primary, &want{false, longestHold}},
		"a reset that is none":                   {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: NaN", primary, &want{false, time.Minute}},
		"a reset of 2^63":                        {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 9223372036854775808", primary, &want{false, time.Minute}},
		"a negative reset":                       {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: -1", primary, &want{false, time.Minute}},
		"Retry-After before the reset":           {403, "Retry-After: 30\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", primary, &want{false, 30 * time.Second}},
		"a secondary limit by its words alone":   {403, "X-RateLimit-Remaining: 4999\nX-RateLimit-Reset: 1700000900", secondary, &want{true, time.Minute}},
		"a secondary limit without any header":   {403, "", secondary, &want{true, time.Minute}},
		"a secondary limit, the quota used up":   {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", secondary, &want{true, 15 * time.Minute}},
		"a secondary limit that names its time":  {403, "Retry-After: 90", secondary, &want{true, 90 * time.Second}},
		"a secondary limit that names a date":    {429, "Retry-After: Tue, 14 Nov 2023 22:14:20 GMT", secondary, &want{true, time.Minute}},
		"in its old words":                       {403, "", `{"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."}`, &want{true, time.Minute}},
		"by its address alone":                   {403, "", `{"message":"Forbidden","documentation_url":"https://developer.github.com/v3/#abuse-rate-limits"}`, &want{true, time.Minute}},
		"by Retry-After alone":                   {403, "Retry-After: 5", `{"message":"Forbidden"}`, &want{true, 5 * time.Second}},
		"by a Retry-After of nonsense":           {403, "Retry-After: soon", `{"message":"Forbidden"}`, &want{true, time.Minute}},
		"a 429 that says nothing":                {429, "", "", &want{true, time.Minute}},
		"a 429 of HTML":                          {429, "", "<html>", &want{true, time.Minute}},
		"a 403 without words, the quota used up": {403, "X-RateLimit-Remaining: 0", "", &want{false, time.Minute}},
		"a 403 of HTML, the quota used up":       {403, "X-RateLimit-Remaining: 0", "<html>", &want{false, time.Minute}},
		"no permission":                          {403, "X-RateLimit-Remaining: 4999", forbidden, nil},
		"no permission, on the quota's last":     {403, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", forbidden, nil},
		"a 403 without words":                    {403, "", "", nil},
		"a 403 of HTML":                          {403, "X-RateLimit-Remaining: 10", "<html>", nil},
		"a 200, the quota used up":               {200, "X-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1700000900", "{}", nil},
		"a 503 with Retry-After":                 {503, "Retry-After: 5", "", nil},
		"a 401":                                  {401, "X-RateLimit-Remaining: 0", primary, nil},
		"Retry-After of 10^9":                    {429, "Retry-After: 1000000000", secondary, &want{true, longestHold}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := rateHeader(t, tt.header)
			limit := parseLimit(tt.status, h, parseErrorBody([]byte(tt.body), redactor{}), now)
			if (limit != nil) != (tt.want != nil) {
				t.Fatalf("limit = %+v, want one: %t", limit, tt.want != nil)
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
