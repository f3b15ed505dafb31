package ghdeploy_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// A pasted URL can contain a token, also where net/url sees no user info.
func TestRefusedURLIsNotEchoed(t *testing.T) {
	const secret = "ghp_s3cret"
	for _, form := range []string{
		"https://" + secret + "@ghe.example.com/api/v3",
		"https://" + secret + ":x-oauth-basic@ghe.example.com/api/v3",
		"https://x-access-token:" + secret + "@ghe.example.com/api/v3",
		"x-access-token:" + secret + "@ghe.example.com",
		secret + "@ghe.example.com",
		secret + ":@ghe.example.com/api/v3",
		"//" + secret + "@ghe.example.com/api/v3",
		"ssh://" + secret + "@ghe.example.com/api/v3",
		"https://" + secret + " @ghe.example.com/api/v3",
		"https://ghe.example.com/api/v3?access_token=" + secret,
		"ghe.example.com/api/v3?access_token=" + secret,
		"https://?access_token=" + secret,
		"https:///api/v3#" + secret,
		"https://ghe.example.com/api/v3#" + secret,
		"https://ghe.example.com/../v3?access_token=" + secret,
	} {
		for name, option := range map[string]func(string) ghdeploy.Option{
			"WithBaseURL": ghdeploy.WithBaseURL,
			"WithHost":    ghdeploy.WithHost,
		} {
			t.Run(name+" "+form, func(t *testing.T) {
				_, err := ghdeploy.NewClient(option(form))
				if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
					t.Fatalf("err = %v, want an ErrInvalidArgument", err)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the message repeats the token: %v", err)
				}
			})
		}
	}
}

// The URL of a request, for each way to set the address.
func TestRequestURL(t *testing.T) {
	tests := map[string]struct {
		opts []ghdeploy.Option
		want string
	}{
		"no option":                      {nil, "https://api.github.com/repos/o/r/deployments/42"},
		"base URL":                       {[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"base URL with a slash":          {[]ghdeploy.Option{ghdeploy.WithBaseURL("https://ghe.example.com/api/v3/")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"base URL without a path":        {[]ghdeploy.Option{ghdeploy.WithBaseURL("https://api.github.com")}, "https://api.github.com/repos/o/r/deployments/42"},
		"base URL in capitals":           {[]ghdeploy.Option{ghdeploy.WithBaseURL("HTTPS://GHE.Example.com/API/v3")}, "https://ghe.example.com/API/v3/repos/o/r/deployments/42"},
		"base URL with an escape":        {[]ghdeploy.Option{ghdeploy.WithBaseURL("https://proxy.example.com/git%2Fhub/")}, "https://proxy.example.com/git%2Fhub/repos/o/r/deployments/42"},
		"http without a token":           {[]ghdeploy.Option{ghdeploy.WithBaseURL("http://ghe.example.com/api/v3")}, "http://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"http to 127.0.0.1":              {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithBaseURL("http://127.0.0.1:8080")}, "http://127.0.0.1:8080/repos/o/r/deployments/42"},
		"http to 127.8.9.1":              {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithBaseURL("http://127.8.9.1")}, "http://127.8.9.1/repos/o/r/deployments/42"},
		"http to [::1]":                  {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithBaseURL("http://[::1]:8080/api/v3")}, "http://[::1]:8080/api/v3/repos/o/r/deployments/42"},
		"http to localhost":              {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithBaseURL("http://LocalHost:3000/")}, "http://localhost:3000/repos/o/r/deployments/42"},
		"host with the API's path":       {[]ghdeploy.Option{ghdeploy.WithHost("https://ghe.example.com/api/v3")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"host with the API's path and /": {[]ghdeploy.Option{ghdeploy.WithHost("ghe.example.com/api/v3/")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"insecure http":                  {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithBaseURL("http://ghe.internal"), ghdeploy.WithInsecureHTTP()}, "http://ghe.internal/repos/o/r/deployments/42"},
		"host github.com":                {[]ghdeploy.Option{ghdeploy.WithHost("github.com")}, "https://api.github.com/repos/o/r/deployments/42"},
		"host GitHub.com":                {[]ghdeploy.Option{ghdeploy.WithHost("GitHub.com")}, "https://api.github.com/repos/o/r/deployments/42"},
		"host www.github.com":            {[]ghdeploy.Option{ghdeploy.WithHost("www.github.com")}, "https://api.github.com/repos/o/r/deployments/42"},
		"host api.github.com":            {[]ghdeploy.Option{ghdeploy.WithHost("api.github.com")}, "https://api.github.com/repos/o/r/deployments/42"},
		"host https://github.com/":       {[]ghdeploy.Option{ghdeploy.WithHost("https://github.com/")}, "https://api.github.com/repos/o/r/deployments/42"},
		"host octocorp.ghe.com":          {[]ghdeploy.Option{ghdeploy.WithHost("octocorp.ghe.com")}, "https://api.octocorp.ghe.com/repos/o/r/deployments/42"},
		"host api.octocorp.ghe.com":      {[]ghdeploy.Option{ghdeploy.WithHost("api.octocorp.ghe.com")}, "https://api.octocorp.ghe.com/repos/o/r/deployments/42"},
		"host https://octocorp.ghe.com":  {[]ghdeploy.Option{ghdeploy.WithHost("https://octocorp.ghe.com")}, "https://api.octocorp.ghe.com/repos/o/r/deployments/42"},
		"host ghe.example.com":           {[]ghdeploy.Option{ghdeploy.WithHost("ghe.example.com")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"host with a port":               {[]ghdeploy.Option{ghdeploy.WithHost("ghe.example.com:8443")}, "https://ghe.example.com:8443/api/v3/repos/o/r/deployments/42"},
		"host as a URL":                  {[]ghdeploy.Option{ghdeploy.WithHost("https://ghe.example.com/")}, "https://ghe.example.com/api/v3/repos/o/r/deployments/42"},
		"host as a URL on loopback":      {[]ghdeploy.Option{ghdeploy.WithToken("ghp_1"), ghdeploy.WithHost("http://localhost:8080")}, "http://localhost:8080/api/v3/repos/o/r/deployments/42"},
		"host that ends like github":     {[]ghdeploy.Option{ghdeploy.WithHost("mygithub.com")}, "https://mygithub.com/api/v3/repos/o/r/deployments/42"},
		"the later of two":               {[]ghdeploy.Option{ghdeploy.WithBaseURL("https://one.example.com"), ghdeploy.WithHost("two.example.com")}, "https://two.example.com/api/v3/repos/o/r/deployments/42"},
		"the later of two, reversed":     {[]ghdeploy.Option{ghdeploy.WithHost("two.example.com"), ghdeploy.WithBaseURL("https://one.example.com")}, "https://one.example.com/repos/o/r/deployments/42"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, oneDeployment))
			client, err := ghdeploy.NewClient(append(tt.opts, ghdeploy.WithHTTPClient(&http.Client{Transport: w}))...)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
				t.Fatal(err)
			}
			same(t, "URL", tt.want, w.request(t).URL)
		})
	}
}

// An explicit address takes precedence over GITHUB_API_URL, in any order of the
// options. GITHUB_API_URL is not read then.
func TestFromEnvironmentKeepsAnExplicitHost(t *testing.T) {
	for _, apiURL := range []string{"https://ghe.example.com/api/v3", "not a URL", "http://ghe.example.com"} {
		t.Setenv("GH_TOKEN", "")
		t.Setenv("GITHUB_TOKEN", "ghs_two")
		t.Setenv("GITHUB_API_URL", apiURL)
		for name, explicit := range map[string]ghdeploy.Option{
			"https://api.github.com/":            ghdeploy.WithHost("github.com"),
			"https://other.example.com/api/v3/":  ghdeploy.WithHost("other.example.com"),
			"https://third.example.com/rest/v3/": ghdeploy.WithBaseURL("https://third.example.com/rest/v3"),
		} {
			for order, opts := range map[string][]ghdeploy.Option{
				"before": {explicit, ghdeploy.FromEnvironment()},
				"after":  {ghdeploy.FromEnvironment(), explicit},
			} {
				w := replies(reply(200, oneDeployment))
				client, err := ghdeploy.NewClient(append(opts, ghdeploy.WithHTTPClient(&http.Client{Transport: w}))...)
				if err != nil {
					t.Fatalf("%s %s %s: %v", name, order, apiURL, err)
				}
				if _, err := client.Deployments.Get(t.Context(), "o", "r", 42); err != nil {
					t.Fatal(err)
				}
				same(t, order+" "+apiURL, name+"repos/o/r/deployments/42", w.request(t).URL)
			}
		}
	}
}
