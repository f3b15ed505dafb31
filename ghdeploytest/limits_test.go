package ghdeploytest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

func TestPrimaryLimit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   []ghdeploytest.Option
		status int
	}{
		{"403", nil, 403},
		{"429", []ghdeploytest.Option{ghdeploytest.WithRateLimitStatus(429)}, 429},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			srv := newServer(t, append(tt.opts, ghdeploytest.WithRateLimit(2), ghdeploytest.WithClock(clock.now))...)
			must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			clock.Time = clock.Add(time.Minute)
			got := must(t, srv, 404, "GET", "/nothing", "")
			wantHeaders(t, got.header, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1775048400"})

			got = must(t, srv, tt.status, "POST", deployments, `{"ref":"main"}`)
			wantHeaders(t, got.header, map[string]string{
				"X-RateLimit-Limit": "2", "X-RateLimit-Used": "2", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1775048400", "Retry-After": "",
			})
			wantJSON(t, got.body, `{"message":"API rate limit exceeded for user ID 9000000001.",
				"documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api","status":"`+tt.name+`"}`)
			if n := len(srv.Deployments("octocat/example")); n != 1 {
				t.Errorf("%d deployments", n)
			}
			must(t, srv, 200, "GET", "/rate_limit", "")
			must(t, srv, 200, "GET", deployments, "", "Authorization", "Bearer another") // each token has its own quota

			clock.Time = clock.Add(59*time.Minute - time.Second)
			must(t, srv, tt.status, "GET", deployments, "")
			clock.Time = clock.Add(time.Second)
			got = must(t, srv, 200, "GET", deployments, "")
			wantHeaders(t, got.header, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "1775052000"})
		})
	}
}

func TestSetRemaining(t *testing.T) {
	srv := newServer(t)
	srv.SetRemaining("secret", 1)
	srv.SetRemaining("", 0)
	wantHeaders(t, must(t, srv, 200, "GET", deployments, "").header, map[string]string{"X-RateLimit-Remaining": "0"})
	must(t, srv, 403, "GET", deployments, "")
	got := must(t, srv, 403, "GET", deployments, "", "Authorization", "")
	wantFields(t, got.body, map[string]string{"message": `"API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit. Check out the documentation for more details.)"`})
	wantPanic(t, func() { srv.SetRemaining("secret", 5001) }, "5001", "0 to 5000")
	wantPanic(t, func() {
		newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret"})).SetRemaining(ghdeploytest.DefaultToken, 0)
	}, "SetRemaining", "token", "WithToken")
}

// A request that is rejected before authentication costs no quota.
func TestRejectionBeforeAuthentication(t *testing.T) {
	srv := newServer(t)
	must(t, srv, 403, "GET", deployments, "", "User-Agent", "")
	got := must(t, srv, 400, "GET", deployments, "", "X-GitHub-Api-Version", "v3")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "60"})
	got = must(t, srv, 200, "GET", deployments, "")
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Remaining": "4999"})
}

// A missing permission on the last request of the quota is no rate limit
// response, although remaining is 0.
func TestPermissionOnTheLastCall(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithToken(ghdeploytest.Token{Value: "secret", App: "shipper", Permissions: map[string]string{}}))
	srv.SetRemaining("secret", 1)
	got := must(t, srv, 403, "POST", deployments, `{"ref":"main"}`)
	wantHeaders(t, got.header, map[string]string{"X-RateLimit-Remaining": "0", "X-Accepted-GitHub-Permissions": "deployments=write"})
	wantFields(t, got.body, map[string]string{"message": `"Resource not accessible by integration"`})
	got = must(t, srv, 403, "POST", deployments, `{"ref":"main"}`)
	wantFields(t, got.body, map[string]string{"message": `"API rate limit exceeded for installation ID 9000000001."`})
}

// The message and the missing headers are recorded: hub4j/github-api#2267,
// KnpLabs/php-github-api#1072.
func TestSecondaryLimit(t *testing.T) {
	const (
		message = `"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."`
		docs    = `"https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits"`
	)
	for _, tt := range []struct {
		name       string
		form       ghdeploytest.SecondaryForm
		status     int
		retryAfter string
		body       string
	}{
		{"with Retry-After", ghdeploytest.SecondaryRetryAfter, 403, "40", `{"message":` + message + `,"documentation_url":` + docs + `}`},
		{"without Retry-After", ghdeploytest.SecondaryNoHeader, 429, "", `{"message":` + message + `,"documentation_url":` + docs + `}`},
		{"text only", ghdeploytest.SecondaryTextOnly, 403, "", `{"message":` + message + `}`},
		{"429 with Retry-After", ghdeploytest.SecondaryRetryAfter429, 429, "40", `{"message":` + message + `,"documentation_url":` + docs + `}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := ghdeploytest.NewServer(ghdeploytest.WithSecondaryLimit(2, tt.form))
				defer srv.Close()
				must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
				time.Sleep(10 * time.Second)
				must(t, srv, 201, "POST", first+"/statuses", `{"state":"queued"}`)
				time.Sleep(10 * time.Second)
				got := must(t, srv, tt.status, "POST", deployments, `{"ref":"main"}`)
				wantJSON(t, got.body, tt.body)
				wantHeaders(t, got.header, map[string]string{"Retry-After": tt.retryAfter, "X-RateLimit-Remaining": "4997"})
				must(t, srv, 200, "GET", deployments, "") // reads are not limited
				time.Sleep(40 * time.Second)
				must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
			})
		})
	}
}

// Documented: a read costs 1 point, GET /rate_limit too; a write or DELETE
// costs 5.
func TestPointsPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithPointsPerMinute(20, ghdeploytest.SecondaryRetryAfter429))
		defer srv.Close()
		refused := func(method, path, body, retryAfter string) {
			t.Helper()
			got := must(t, srv, 429, method, path, body)
			wantHeaders(t, got.header, map[string]string{"Retry-After": retryAfter})
		}
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`) // 5
		time.Sleep(10 * time.Second)
		must(t, srv, 204, "DELETE", first, "")             // 10
		must(t, srv, 200, "PUT", environments+"/qa", `{}`) // 15
		time.Sleep(10 * time.Second)
		must(t, srv, 200, "GET", deployments, "")  // 16
		must(t, srv, 200, "HEAD", deployments, "") // 17
		must(t, srv, 200, "GET", "/rate_limit", "")
		must(t, srv, 404, "GET", "/nothing", "") // 19: any status counts
		refused("POST", deployments, `{"ref":"main"}`, "40")
		must(t, srv, 200, "GET", deployments, "") // 20: a rejected request costs no points
		refused("GET", deployments, "", "40")
		must(t, srv, 200, "GET", deployments, "", "Authorization", "Bearer another") // each token has its own points

		time.Sleep(40 * time.Second)
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
		refused("POST", deployments, `{"ref":"main"}`, "10")
		time.Sleep(10 * time.Second)
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	})
	wantPanic(t, func() { ghdeploytest.WithPointsPerMinute(4, ghdeploytest.SecondaryNoHeader) }, "WithPointsPerMinute(4", "at least 5")
	wantPanic(t, func() { ghdeploytest.WithPointsPerMinute(900, 4) }, "WithPointsPerMinute with form 4")
	wantPanic(t, func() { ghdeploytest.WithSecondaryLimit(80, -1) }, "WithSecondaryLimit with form -1")
}

// Both limits can be active; the first one that is reached rejects the request.
func TestPointsAndCreations(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithPointsPerMinute(12, ghdeploytest.SecondaryRetryAfter), ghdeploytest.WithSecondaryLimit(1, ghdeploytest.SecondaryNoHeader))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	must(t, srv, 429, "POST", deployments, `{"ref":"main"}`)
	must(t, srv, 403, "POST", deployments, `{"ref":"main"}`)
}

// Retry-After is the time until the request's points are available.
func TestPointsRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := ghdeploytest.NewServer(ghdeploytest.WithPointsPerMinute(6, ghdeploytest.SecondaryRetryAfter))
		defer srv.Close()
		for range 5 {
			must(t, srv, 200, "GET", deployments, "")
			time.Sleep(10 * time.Second)
		}
		got := must(t, srv, 403, "POST", deployments, `{"ref":"main"}`) // 5 of 6 points are used, the first one 50 s ago
		wantHeaders(t, got.header, map[string]string{"Retry-After": "40"})
		time.Sleep(40*time.Second - time.Nanosecond)
		must(t, srv, 403, "POST", deployments, `{"ref":"main"}`)
		time.Sleep(time.Nanosecond)
		must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	})
}
