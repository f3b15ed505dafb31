package ghdeploy_test

import (
	"context"
	"net/http"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// All headers of a request.
func TestRequestHeaders(t *testing.T) {
	own := regexp.MustCompile(`ghdeploy/[^ ]+$`)
	tests := map[string]struct {
		opts   []ghdeploy.Option
		method string
		want   http.Header
	}{
		"anonymous read": {
			nil, "GET",
			http.Header{
				"Accept":               {"application/vnd.github+json"},
				"X-Github-Api-Version": {"2022-11-28"},
				"User-Agent":           {"ghdeploy/VERSION"},
			},
		},
		"anonymous write": {
			nil, "POST",
			http.Header{
				"Accept":               {"application/vnd.github+json"},
				"Content-Type":         {"application/json"},
				"X-Github-Api-Version": {"2022-11-28"},
				"User-Agent":           {"ghdeploy/VERSION"},
			},
		},
		"all options": {
			[]ghdeploy.Option{
				ghdeploy.WithToken("ghp_one"),
				ghdeploy.WithUserAgent("shipit/1.4 (+https://shipit.example.com)"),
				ghdeploy.WithAPIVersion(ghdeploy.APIVersion20260310),
			},
			"GET",
			http.Header{
				"Accept":               {"application/vnd.github+json"},
				"Authorization":        {"Bearer ghp_one"},
				"X-Github-Api-Version": {"2026-03-10"},
				"User-Agent":           {"shipit/1.4 (+https://shipit.example.com) ghdeploy/VERSION"},
			},
		},
		"the later option wins": {
			[]ghdeploy.Option{
				ghdeploy.WithToken("ghp_one"), ghdeploy.WithUserAgent("one"), ghdeploy.WithAPIVersion(ghdeploy.APIVersion20260310),
				ghdeploy.WithTokenFunc(func(context.Context) (string, error) { return "ghp_two", nil }),
				ghdeploy.WithUserAgent("two"), ghdeploy.WithAPIVersion("2030-01-31"),
			},
			"DELETE",
			http.Header{
				"Accept":               {"application/vnd.github+json"},
				"Authorization":        {"Bearer ghp_two"},
				"X-Github-Api-Version": {"2030-01-31"},
				"User-Agent":           {"two ghdeploy/VERSION"},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, oneDeployment))
			client := clientOn(t, w, tt.opts...)
			var err error
			switch tt.method {
			case "GET":
				_, err = client.Deployments.Get(t.Context(), "o", "r", 42)
			case "POST":
				_, err = client.Deployments.Create(t.Context(), "o", "r", ghdeploy.DeploymentRequest{Ref: "main"})
			case "DELETE":
				err = client.Deployments.Delete(t.Context(), "o", "r", 42)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := w.request(t)
			same(t, "method", tt.method, r.Method)
			have := r.Header.Clone()
			have.Set("User-Agent", own.ReplaceAllString(have.Get("User-Agent"), "ghdeploy/VERSION"))
			same(t, "headers", tt.want, have)
		})
	}
}

func TestRate(t *testing.T) {
	w := replies(
		reply(200, oneDeployment, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4987", "X-RateLimit-Used: 13", "X-RateLimit-Reset: 1760000000", "X-RateLimit-Resource: core"),
		reply(200, oneDeployment),
		reply(404, `{"message":"Not Found"}`, "X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4986", "X-RateLimit-Used: 14", "X-RateLimit-Reset: 1760000000", "X-RateLimit-Resource: core"),
	)
	client := clientOn(t, w)
	same(t, "before the first response", ghdeploy.Rate{}, client.Rate())
	first := ghdeploy.Rate{Limit: 5000, Remaining: 4987, Used: 13, Reset: time.Unix(1760000000, 0), Resource: "core"}
	for i, want := range []ghdeploy.Rate{
		first,
		first, // a response without the headers changes nothing
		{Limit: 5000, Remaining: 4986, Used: 14, Reset: time.Unix(1760000000, 0), Resource: "core"},
	} {
		_, _ = client.Deployments.Get(t.Context(), "o", "r", 42)
		if have := client.Rate(); !reflect.DeepEqual(want, have) {
			t.Errorf("after response %d: %+v, want %+v", i+1, have, want)
		}
	}
	copied := *client
	same(t, "a copy's", client.Rate(), copied.Rate())
	same(t, "a zero Client's", ghdeploy.Rate{}, new(ghdeploy.Client).Rate())
}

// A Client can consist of stubs and can be copied.
func TestClientOfStubs(t *testing.T) {
	stub := ghdeploy.Client{Deployments: clientOn(t, replies(reply(200, oneDeployment))).Deployments}
	copied := stub
	d, err := copied.Deployments.Get(t.Context(), "o", "r", 42)
	if err != nil || d.ID != 42 {
		t.Errorf("%v, %v", d, err)
	}
}
