package ghdeploy_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// NewClient refuses an invalid option, and the message says how to correct it.
func TestNewClientRefuses(t *testing.T) {
	tests := map[string]struct {
		opts []ghdeploy.Option
		want string
	}{
		"nil option": {
			[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), nil},
			"ghdeploy: NewClient: option 2 is nil",
		},
		"token: empty": {
			[]ghdeploy.Option{ghdeploy.WithToken("")},
			"ghdeploy: WithToken: the token is empty; omit the option for anonymous calls",
		},
		"token: with the line break of its file": {
			[]ghdeploy.Option{ghdeploy.WithToken("ghp_1\n")},
			"ghdeploy: WithToken: the token contains white space; give only the token, without a line break or a word such as Bearer",
		},
		"token: with a space before it": {
			[]ghdeploy.Option{ghdeploy.WithToken(" ghp_1")},
			"ghdeploy: WithToken: the token contains white space; give only the token, without a line break or a word such as Bearer",
		},
		"token: with characters that a header cannot contain": {
			[]ghdeploy.Option{ghdeploy.WithToken("ghp_ü\x00")},
			"ghdeploy: WithToken: the token contains characters that a header cannot hold",
		},
		"token function: nil": {
			[]ghdeploy.Option{ghdeploy.WithTokenFunc(nil)},
			"ghdeploy: WithTokenFunc: the function is nil",
		},
		"base URL: empty": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("")},
			"ghdeploy: WithBaseURL: the URL is empty; the default is https://api.github.com/",
		},
		"base URL: no scheme": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("ghe.example.com/api/v3")},
			"ghdeploy: WithBaseURL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: relative": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("/api/v3")},
			"ghdeploy: WithBaseURL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: relative to a scheme": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("//ghe.example.com/api/v3")},
			"ghdeploy: WithBaseURL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: another scheme": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("ftp://ghe.example.com/api/v3")},
			"ghdeploy: WithBaseURL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: a port and no scheme": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("localhost:8080")},
			"ghdeploy: WithBaseURL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: not a URL": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com:port/")},
			"ghdeploy: WithBaseURL: this is not a URL; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: a port that is too high": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com:84430/api/v3")},
			"ghdeploy: WithBaseURL: invalid port in ghe.example.com:84430; ports are 1 to 65535",
		},
		"base URL: port 0": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("http://[::1]:0")},
			"ghdeploy: WithBaseURL: invalid port in [::1]:0; ports are 1 to 65535",
		},
		"base URL: GitHub's site": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://github.com/octocat/example")},
			"ghdeploy: WithBaseURL: github.com is not the API; that is https://api.github.com/, the default",
		},
		"base URL: GitHub's site under its other name": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://WWW.GitHub.com:443")},
			"ghdeploy: WithBaseURL: www.github.com is not the API; that is https://api.github.com/, the default",
		},
		"host: a port that is too high": {
			[]ghdeploy.Option{ghdeploy.WithHost("ghe.example.com:84430")},
			"ghdeploy: WithHost: invalid port in ghe.example.com:84430; ports are 1 to 65535",
		},
		"base URL: no host": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https:///api/v3")},
			"ghdeploy: WithBaseURL: this has no host; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: a port and no host": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://:8443/api/v3")},
			"ghdeploy: WithBaseURL: this has no host; use one such as https://ghe.example.com/api/v3",
		},
		"base URL: with a query": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3?per_page=100")},
			"ghdeploy: WithBaseURL: ghe.example.com has a query; the API's root has none",
		},
		"base URL: with an empty query": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3?")},
			"ghdeploy: WithBaseURL: ghe.example.com has a query; the API's root has none",
		},
		"base URL: with a fragment": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3#top")},
			"ghdeploy: WithBaseURL: ghe.example.com has a fragment; the API's root has none",
		},
		"base URL: with an empty fragment": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3#")},
			"ghdeploy: WithBaseURL: ghe.example.com has a fragment; the API's root has none",
		},
		"base URL: with dots in its path": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/../v3")},
			`ghdeploy: WithBaseURL: "https://ghe.example.com/api/../v3" contains ".." in its path`,
		},
		"base URL: with a user": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("https://octocat:hunter2@ghe.example.com/api/v3")},
			"ghdeploy: WithBaseURL: the URL of ghe.example.com contains a user; pass a token to WithToken",
		},
		"http with a token": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("http://ghe.example.com/api/v3"), ghdeploy.WithToken("ghp_1")},
			"ghdeploy: the base URL http://ghe.example.com/api/v3 would send the token unencrypted; use https://, or add WithInsecureHTTP",
		},
		"http with a token function, in the other order": {
			[]ghdeploy.Option{
				ghdeploy.WithTokenFunc(func(context.Context) (string, error) { return "ghp_1", nil }),
				ghdeploy.WithHost("http://ghe.example.com"),
			},
			"ghdeploy: the base URL http://ghe.example.com/api/v3 would send the token unencrypted; use https://, or add WithInsecureHTTP",
		},
		"http to a host that begins like loopback": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("http://localhost.example.com"), ghdeploy.WithToken("ghp_1")},
			"ghdeploy: the base URL http://localhost.example.com would send the token unencrypted; use https://, or add WithInsecureHTTP",
		},
		"a token to a name in .localhost, which net/http sends to a proxy": {
			[]ghdeploy.Option{ghdeploy.WithBaseURL("http://x.localhost"), ghdeploy.WithToken("ghp_1")},
			"ghdeploy: the base URL http://x.localhost would send the token unencrypted; use https://, or add WithInsecureHTTP",
		},
		"host: empty": {
			[]ghdeploy.Option{ghdeploy.WithHost("")},
			"ghdeploy: WithHost: the host is empty; use one such as github.com",
		},
		"host: with a path": {
			[]ghdeploy.Option{ghdeploy.WithHost("https://ghe.example.com/api/graphql")},
			`ghdeploy: WithHost: "https://ghe.example.com/api/graphql" has a path; pass only the host, or pass the API's root to WithBaseURL`,
		},
		"host: with a user": {
			[]ghdeploy.Option{ghdeploy.WithHost("octocat:hunter2@ghe.example.com")},
			"ghdeploy: WithHost: the URL of ghe.example.com contains a user; pass a token to WithToken",
		},
		"host: with a query": {
			[]ghdeploy.Option{ghdeploy.WithHost("ghe.example.com?a=b")},
			"ghdeploy: WithHost: ghe.example.com has a query; the API's root has none",
		},
		"HTTP client: nil": {
			[]ghdeploy.Option{ghdeploy.WithHTTPClient(nil)},
			"ghdeploy: WithHTTPClient: the client is nil; omit the option for the default",
		},
		"logger: nil": {
			[]ghdeploy.Option{ghdeploy.WithLogger(nil)},
			"ghdeploy: WithLogger: the logger is nil; omit the option for no log",
		},
		"user agent: empty": {
			[]ghdeploy.Option{ghdeploy.WithUserAgent("")},
			`ghdeploy: WithUserAgent: "" is not a header value; use a name and a version, such as shipit/1.4`,
		},
		"user agent: a second header": {
			[]ghdeploy.Option{ghdeploy.WithUserAgent("shipit\r\nX-Evil: 1")},
			`ghdeploy: WithUserAgent: "shipit\r\nX-Evil: 1" is not a header value; use a name and a version, such as shipit/1.4`,
		},
		"API version: no date": {
			[]ghdeploy.Option{ghdeploy.WithAPIVersion("v3")},
			`ghdeploy: WithAPIVersion: "v3" is not a date such as 2022-11-28`,
		},
		"API version: empty": {
			[]ghdeploy.Option{ghdeploy.WithAPIVersion("")},
			`ghdeploy: WithAPIVersion: "" is not a date such as 2022-11-28`,
		},
		"retry: negative attempts": {
			[]ghdeploy.Option{ghdeploy.WithRetry(ghdeploy.RetryPolicy{MaxAttempts: -1})},
			"ghdeploy: WithRetry: MaxAttempts is -1; it counts the first attempt, so use 1 to disable retries",
		},
		"retry: MinBackoff above MaxBackoff": {
			[]ghdeploy.Option{ghdeploy.WithRetry(ghdeploy.RetryPolicy{MinBackoff: time.Minute, MaxBackoff: time.Second})},
			"ghdeploy: WithRetry: MinBackoff 1m0s is greater than MaxBackoff 1s",
		},
		"retry: negative backoff": {
			[]ghdeploy.Option{ghdeploy.WithRetry(ghdeploy.RetryPolicy{MinBackoff: -1})},
			"ghdeploy: WithRetry: a backoff is negative; use 0 for the default",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client, err := ghdeploy.NewClient(tt.opts...)
			if client != nil {
				t.Error("NewClient returned a client with the error")
			}
			if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				t.Fatalf("err = %v, want an ErrInvalidArgument", err)
			}
			same(t, "message", tt.want, err.Error())
		})
	}
}

func TestFromEnvironment(t *testing.T) {
	tests := map[string]struct {
		env    map[string]string
		token  string // the header that is sent, "" if the option is refused
		url    string
		refuse string
	}{
		"nothing": {
			refuse: "ghdeploy: FromEnvironment: neither GH_TOKEN nor GITHUB_TOKEN is set; in a workflow, add env: GITHUB_TOKEN: ${{ github.token }}",
		},
		"an address and no token": {
			env:    map[string]string{"GITHUB_API_URL": "https://ghe.example.com/api/v3"},
			refuse: "ghdeploy: FromEnvironment: neither GH_TOKEN nor GITHUB_TOKEN is set; in a workflow, add env: GITHUB_TOKEN: ${{ github.token }}",
		},
		"GITHUB_TOKEN": {
			env:   map[string]string{"GITHUB_TOKEN": "ghs_two"},
			token: "Bearer ghs_two",
			url:   "https://api.github.com/repos/o/r/deployments/42",
		},
		"GH_TOKEN": {
			env:   map[string]string{"GH_TOKEN": "ghp_one"},
			token: "Bearer ghp_one",
			url:   "https://api.github.com/repos/o/r/deployments/42",
		},
		"GH_TOKEN before GITHUB_TOKEN": {
			env:   map[string]string{"GH_TOKEN": "ghp_one", "GITHUB_TOKEN": "ghs_two"},
			token: "Bearer ghp_one",
			url:   "https://api.github.com/repos/o/r/deployments/42",
		},
		"in a workflow on GitHub Enterprise Server": {
			env:   map[string]string{"GITHUB_TOKEN": "ghs_two", "GITHUB_API_URL": "https://ghe.example.com/api/v3"},
			token: "Bearer ghs_two",
			url:   "https://ghe.example.com/api/v3/repos/o/r/deployments/42",
		},
		"an invalid token": {
			env:    map[string]string{"GITHUB_TOKEN": "ghs_two\n"},
			refuse: "ghdeploy: FromEnvironment: GITHUB_TOKEN: the token contains white space; give only the token, without a line break or a word such as Bearer",
		},
		"an invalid GH_TOKEN": {
			env:    map[string]string{"GH_TOKEN": "ghp one", "GITHUB_TOKEN": "ghs_two"},
			refuse: "ghdeploy: FromEnvironment: GH_TOKEN: the token contains white space; give only the token, without a line break or a word such as Bearer",
		},
		"an invalid address": {
			env:    map[string]string{"GITHUB_TOKEN": "ghs_two", "GITHUB_API_URL": "ghe.example.com"},
			refuse: "ghdeploy: FromEnvironment: GITHUB_API_URL: this does not begin with https://; use one such as https://ghe.example.com/api/v3",
		},
		"an address without TLS": {
			env:    map[string]string{"GITHUB_TOKEN": "ghs_two", "GITHUB_API_URL": "http://ghe.example.com"},
			refuse: "ghdeploy: the base URL http://ghe.example.com would send the token unencrypted; use https://, or add WithInsecureHTTP",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"GH_TOKEN", "GITHUB_TOKEN", "GITHUB_API_URL"} {
				t.Setenv(variable, tt.env[variable])
			}
			w := replies(reply(200, oneDeployment))
			client, err := ghdeploy.NewClient(ghdeploy.FromEnvironment(), ghdeploy.WithHTTPClient(&http.Client{Transport: w}))
			if tt.refuse != "" {
				if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != tt.refuse {
					t.Errorf("err = %v\nwant  %s", err, tt.refuse)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
				t.Fatal(err)
			}
			r := w.request(t)
			same(t, "Authorization", tt.token, r.Header.Get("Authorization"))
			same(t, "URL", tt.url, r.URL)
		})
	}

	t.Run("is read when the client is made", func(t *testing.T) {
		t.Setenv("GH_TOKEN", "ghp_before")
		w := replies(reply(200, oneDeployment))
		client := clientOn(t, w, ghdeploy.FromEnvironment(), ghdeploy.WithBaseURL(apiRoot))
		t.Setenv("GH_TOKEN", "ghp_after")
		if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
			t.Fatal(err)
		}
		same(t, "Authorization", "Bearer ghp_before", w.request(t).Header.Get("Authorization"))
	})
}

// The caller's http.Client is copied, and its settings apply.
func TestWithHTTPClient(t *testing.T) {
	t.Run("is never modified", func(t *testing.T) {
		w := replies(reply(200, oneDeployment))
		follow := func(*http.Request, []*http.Request) error { return nil }
		theirs := &http.Client{Transport: w, CheckRedirect: follow, Timeout: time.Minute}
		client := clientOn(t, nil, ghdeploy.WithHTTPClient(theirs))
		if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
			t.Fatal(err)
		}
		if theirs.Transport != w || theirs.Jar != nil || theirs.Timeout != time.Minute ||
			reflect.ValueOf(theirs.CheckRedirect).Pointer() != reflect.ValueOf(follow).Pointer() {
			t.Errorf("the caller's client is now %+v", theirs)
		}
		empty := &http.Client{}
		clientOn(t, nil, ghdeploy.WithHTTPClient(empty))
		if empty.Transport != nil || empty.CheckRedirect != nil {
			t.Errorf("the caller's empty client is now %+v", empty)
		}
	})
	t.Run("is copied when the client is made", func(t *testing.T) {
		before, after := replies(reply(200, oneDeployment)), replies(reply(200, oneDeployment))
		theirs := &http.Client{Transport: before}
		client := clientOn(t, nil, ghdeploy.WithHTTPClient(theirs))
		theirs.Transport = after
		if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
			t.Fatal(err)
		}
		if len(before.requests()) != 1 || len(after.requests()) != 0 {
			t.Error("a change of the caller's client has an effect on this one")
		}
	})
	t.Run("its Timeout ends an attempt", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := clientOn(t, nil, ghdeploy.WithHTTPClient(&http.Client{Transport: silence, Timeout: 7 * time.Second}))
			began := time.Now()
			_, err := client.Deployments.Get(t.Context(), "o", "r", 42)
			if took := time.Since(began); err == nil || took != 7*time.Second {
				t.Errorf("ended after %v with %v, want 7s", took, err)
			}
			if !errors.Is(err, ghdeploy.ErrAttemptTimeout) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("err = %v, want ErrAttemptTimeout and no context.DeadlineExceeded", err)
			}
		})
	})
	t.Run("without a Timeout the context alone ends a call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			client := clientOn(t, silence)
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			_, err := client.Deployments.Get(ctx, "o", "r", 42)
			if took := time.Since(began); took != time.Hour || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ended after %v with %v, want an hour and context.DeadlineExceeded", took, err)
			}
		})
	})
	t.Run("its CheckRedirect is called before a redirect is followed", func(t *testing.T) {
		refusal := errors.New("not this way")
		for _, refuse := range []error{nil, refusal, http.ErrUseLastResponse} {
			var asked []string
			w := replies(reply(301, "", "Location: "+apiRoot+"/repositories/7/deployments/42"), reply(200, oneDeployment))
			theirs := &http.Client{Transport: w, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
				asked = append(asked, r.URL.String())
				r.Header.Del("Authorization")
				return refuse
			}}
			_, err := clientOn(t, nil, ghdeploy.WithToken("ghp_1"), ghdeploy.WithHTTPClient(theirs)).Deployments.Get(t.Context(), "o", "r", 42)
			same(t, "asked", []string{apiRoot + "/repositories/7/deployments/42"}, asked)
			if errors.Is(err, ghdeploy.ErrRedirect) != (refuse != nil) {
				t.Errorf("CheckRedirect returned %v, and the call %v", refuse, err)
			}
			if refuse == nil {
				same(t, "Authorization after CheckRedirect removed it", "", w.requests()[1].Header.Get("Authorization"))
			}
		}
	})
	t.Run("its CheckRedirect cannot lead to another origin", func(t *testing.T) {
		w := replies(reply(301, "", "Location: "+apiRoot+"/repositories/7/deployments/42"), reply(200, oneDeployment))
		theirs := &http.Client{
			Transport: w,
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				r.URL.Host = "elsewhere.example.com"
				r.Header.Set("Authorization", via[0].Header.Get("Authorization"))
				return nil
			},
		}
		client := clientOn(t, nil, ghdeploy.WithToken("ghp_1"), ghdeploy.WithHTTPClient(theirs))
		_, err := client.Deployments.Get(t.Context(), "o", "r", 42)
		w.request(t)
		if !errors.Is(err, ghdeploy.ErrRedirect) {
			t.Errorf("err = %v, want ErrRedirect", err)
		}
	})
}

// silence is a transport that blocks until the request's context ends.
var silence ghdeploy.RoundTripFunc = func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestWithLogger(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "took" {
				return slog.Attr{}
			}
			return a
		},
	}))
	w := replies(
		reply(200, oneDeployment, "X-GitHub-Request-Id: A1:B2", "Deprecation: Tue, 10 Mar 2026 00:00:00 GMT", "Sunset: Fri, 10 Mar 2028 00:00:00 GMT"),
		reply(404, `{"message":"Not Found"}`, "Sunset: Fri, 10 Mar 2028 00:00:00 GMT"),
	)
	client := clientOn(t, w, ghdeploy.WithLogger(logger))
	for range 2 {
		_, _ = client.Deployments.Get(t.Context(), "o", "r", 42)
	}
	same(t, "log", `level=WARN msg="ghdeploy: GitHub will remove the API version that this client requests" operation="GET /repos/o/r/deployments/42" attempt=1 api_version=2022-11-28 deprecation="Tue, 10 Mar 2026 00:00:00 GMT" sunset="Fri, 10 Mar 2028 00:00:00 GMT"
level=DEBUG msg="ghdeploy: attempt ended" operation="GET /repos/o/r/deployments/42" attempt=1 status=200 request_id=A1:B2
level=DEBUG msg="ghdeploy: attempt ended" operation="GET /repos/o/r/deployments/42" attempt=1 status=404 reason="404 Not Found"
`, log.String())
}
