package ghdeploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// at parses a time in GitHub's format.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func monalisa() *ghdeploy.User {
	const api = "https://ghe.example.com/api/v3/users/monalisa"
	return &ghdeploy.User{
		Login: "monalisa", ID: 583231, NodeID: "MDQ6VXNlcjE=", Type: "User", Name: "Mona Lisa", Email: "mona@example.com", SiteAdmin: true,
		AvatarURL: "https://ghe.example.com/avatars/u/583231?v=4", GravatarID: "a1b2",
		URL: api, HTMLURL: "https://ghe.example.com/monalisa", FollowersURL: api + "/followers", FollowingURL: api + "/following{/other_user}",
		GistsURL: api + "/gists{/gist_id}", StarredURL: api + "/starred{/owner}{/repo}", SubscriptionsURL: api + "/subscriptions",
		OrganizationsURL: api + "/orgs", ReposURL: api + "/repos", EventsURL: api + "/events{/privacy}", ReceivedEventsURL: api + "/received_events",
		StarredAt: "2020-07-09T00:17:55Z", UserViewType: "private",
	}
}

func shipit(t *testing.T) *ghdeploy.GitHubApp {
	const api = "https://ghe.example.com/api/v3/users/octocorp"
	return &ghdeploy.GitHubApp{
		ID: 3522435, Slug: "shipit", NodeID: "A_kwHOAA", ClientID: "Iv23liA1B2C3", Name: "Shipit", Description: "Ships it",
		Owner: &ghdeploy.AppOwner{User: ghdeploy.User{
			Login: "octocorp", ID: 9919, NodeID: "O_kgDOAA", Type: "Organization",
			AvatarURL: "https://ghe.example.com/avatars/u/9919?v=4", URL: api, HTMLURL: "https://ghe.example.com/octocorp",
			FollowersURL: api + "/followers", FollowingURL: api + "/following{/other_user}", GistsURL: api + "/gists{/gist_id}",
			StarredURL: api + "/starred{/owner}{/repo}", SubscriptionsURL: api + "/subscriptions", OrganizationsURL: api + "/orgs",
			ReposURL: api + "/repos", EventsURL: api + "/events{/privacy}", ReceivedEventsURL: api + "/received_events", UserViewType: "public",
		}},
		ExternalURL: "https://shipit.example.com", HTMLURL: "https://ghe.example.com/apps/shipit",
		CreatedAt: at(t, "2017-07-08T16:18:44Z"), UpdatedAt: at(t, "2018-01-02T01:04:05Z"),
		Permissions: map[string]string{"metadata": "read", "deployments": "write"}, Events: []string{"deployment", "deployment_status"},
		InstallationsCount: 5,
	}
}

func fullDeployment(t *testing.T) *ghdeploy.Deployment {
	return &ghdeploy.Deployment{
		ID: 4518412576, NodeID: "DE_kwDOAA8", URL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576",
		SHA: "a84d88e7554fc1fa21bcbc4efae3c782a70d2b9d", Ref: "topic-branch", Task: "deploy:migrations",
		Environment: "production", OriginalEnvironment: "staging", TransientEnvironment: true, ProductionEnvironment: true,
		Description: "Deploy request from chat", Payload: ghdeploy.Payload("{\n    \"deploy\": \"migrate\",\n    \"n\": 9007199254740993\n  }"),
		Creator: monalisa(), PerformedViaGitHubApp: shipit(t),
		CreatedAt: at(t, "2026-04-22T10:11:12Z"), UpdatedAt: at(t, "2026-04-22T10:13:14Z"),
		StatusesURL:   "https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576/statuses",
		RepositoryURL: "https://ghe.example.com/api/v3/repos/octocat/example",
	}
}

func TestDeploymentsGet(t *testing.T) {
	t.Run("every field", func(t *testing.T) {
		w := replies(reply(200, testdata(t, "deployment.json")))
		d, err := clientOn(t, w).Deployments.Get(t.Context(), "octocat", "example", 4518412576)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "deployment", fullDeployment(t), d)
		r := w.request(t)
		same(t, "request", "GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576", r.Method+" "+r.URL)
		same(t, "body", "", r.Body)
	})
	t.Run("of 2014, without later fields", func(t *testing.T) {
		w := replies(reply(200, testdata(t, "deployment_2014.json")))
		d, err := clientOn(t, w).Deployments.Get(t.Context(), "octocat", "example", 87)
		if err != nil {
			t.Fatal(err)
		}
		const api = "https://ghe.example.com/api/v3/users/octocat"
		same(t, "deployment", &ghdeploy.Deployment{
			ID: 87, URL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/87", SHA: "9be5c2b9d34c1f8beb0cec30bb0c875d098f45ef",
			Payload: ghdeploy.Payload(`"{\"environment\":\"production\"}"`),
			Creator: &ghdeploy.User{
				Login: "octocat", ID: 1, Type: "User", AvatarURL: "https://ghe.example.com/avatars/u/1?v=4", URL: api, HTMLURL: "https://ghe.example.com/octocat",
				FollowersURL: api + "/followers", FollowingURL: api + "/following{/other_user}", GistsURL: api + "/gists{/gist_id}",
				StarredURL: api + "/starred{/owner}{/repo}", SubscriptionsURL: api + "/subscriptions", OrganizationsURL: api + "/orgs",
				ReposURL: api + "/repos", EventsURL: api + "/events{/privacy}", ReceivedEventsURL: api + "/received_events",
			},
			CreatedAt: at(t, "2014-01-08T20:29:48Z"), UpdatedAt: at(t, "2014-01-08T20:29:48Z"),
			StatusesURL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/87/statuses",
		}, d)
	})
	t.Run("null in every field", func(t *testing.T) {
		w := replies(reply(200, testdata(t, "deployment_nulls.json")))
		d, err := clientOn(t, w).Deployments.Get(t.Context(), "octocat", "example", 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "deployment", &ghdeploy.Deployment{ID: 1, Payload: ghdeploy.Payload("null")}, d)
	})
}

func TestDeploymentsList(t *testing.T) {
	w := replies(reply(200, testdata(t, "deployment_list.json"),
		"X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 4999", "X-RateLimit-Used: 1", "X-RateLimit-Reset: 1760000000", "X-RateLimit-Resource: core",
		`Link: <https://ghe.example.com/api/v3/repositories/7/deployments?page=3>; rel="next", <https://ghe.example.com/api/v3/repositories/7/deployments?page=1>; rel="first"`))
	page, err := clientOn(t, w).Deployments.List(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{Page: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 3 {
		t.Fatalf("%d rows, want 3", len(page.Items))
	}
	first := fullDeployment(t)
	first.Payload = page.Items[0].Payload // its indentation differs here
	same(t, "first", first, page.Items[0])
	second := page.Items[1]
	same(t, "payload", ghdeploy.Payload(`""`), second.Payload)
	if second.Creator != nil {
		t.Errorf("creator = %+v, want nil", second.Creator)
	}
	same(t, "an enterprise's app", &ghdeploy.AppOwner{
		User: ghdeploy.User{
			ID: 42, NodeID: "E_kgDOAA", Name: "Octo Business",
			AvatarURL: "https://ghe.example.com/avatars/b/42", HTMLURL: "https://ghe.example.com/enterprises/octo-business",
		},
		Slug: "octo-business", Description: "Makes things", WebsiteURL: "https://octo.example.com",
		CreatedAt: at(t, "2019-01-26T19:01:12Z"), UpdatedAt: at(t, "2019-01-26T19:14:43Z"),
	}, second.PerformedViaGitHubApp.Owner)
	same(t, "third", int64(87), page.Items[2].ID)
	page.Items = nil
	same(t, "page", &ghdeploy.Page[*ghdeploy.Deployment]{
		FirstPage: 1, NextPage: 3,
		Rate: ghdeploy.Rate{Limit: 5000, Remaining: 4999, Used: 1, Reset: time.Unix(1760000000, 0), Resource: "core"},
	}, page)
}

func TestDeploymentsListQuery(t *testing.T) {
	tests := map[string]struct {
		opts ghdeploy.DeploymentListOptions
		want string
	}{
		"nothing":     {ghdeploy.DeploymentListOptions{}, ""},
		"sha":         {ghdeploy.DeploymentListOptions{SHA: "a84d88e7"}, "?sha=a84d88e7"},
		"ref":         {ghdeploy.DeploymentListOptions{Ref: "refs/heads/feature/a&b=c"}, "?ref=refs%2Fheads%2Ffeature%2Fa%26b%3Dc"},
		"task":        {ghdeploy.DeploymentListOptions{Task: "deploy:migrations"}, "?task=deploy%3Amigrations"},
		"environment": {ghdeploy.DeploymentListOptions{Environment: "overflowing-luck / prod+ü"}, "?environment=overflowing-luck+%2F+prod%2B%C3%BC"},
		"page":        {ghdeploy.DeploymentListOptions{Page: 3}, "?page=3"},
		"page size":   {ghdeploy.DeploymentListOptions{PerPage: 100}, "?per_page=100"},
		"everything": {
			ghdeploy.DeploymentListOptions{SHA: "s", Ref: "r", Task: "t", Environment: "e", Page: 2, PerPage: 1},
			"?environment=e&page=2&per_page=1&ref=r&sha=s&task=t",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(200, `[]`))
			page, err := clientOn(t, w).Deployments.List(t.Context(), "octocat", "example", tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if page.Items == nil || len(page.Items) != 0 {
				t.Errorf("Items = %#v, want an empty list", page.Items)
			}
			r := w.request(t)
			same(t, "request", "GET https://ghe.example.com/api/v3/repos/octocat/example/deployments"+tt.want, r.Method+" "+r.URL)
		})
	}
}

// userPayload has the tags that users write for encoding/json.
type userPayload struct {
	Version  string `json:"version"`
	Empty    string `json:"empty,omitempty"`
	Count    int64  `json:"count,string"`
	Untagged bool
	Left     string `json:"-"`
	hidden   string
}

func TestDeploymentsCreateBody(t *testing.T) {
	var noMap map[string]any
	var noPointer *userPayload
	tests := map[string]struct {
		req  ghdeploy.DeploymentRequest
		want string
	}{
		"ref alone":   {ghdeploy.DeploymentRequest{Ref: "topic"}, `{"ref":"topic"}`},
		"task":        {ghdeploy.DeploymentRequest{Ref: "topic", Task: "deploy:migrations"}, `{"ref":"topic","task":"deploy:migrations"}`},
		"environment": {ghdeploy.DeploymentRequest{Ref: "topic", Environment: "a / b"}, `{"ref":"topic","environment":"a / b"}`},
		"description": {ghdeploy.DeploymentRequest{Ref: "topic", Description: "says \"<b>\"\n\u2028ü"}, `{"ref":"topic","description":"says \"<b>\"\n\u2028ü"}`},

		"auto merge, GitHub's choice": {ghdeploy.DeploymentRequest{Ref: "topic", AutoMerge: nil}, `{"ref":"topic"}`},
		"auto merge":                  {ghdeploy.DeploymentRequest{Ref: "topic", AutoMerge: new(true)}, `{"ref":"topic","auto_merge":true}`},
		"no auto merge":               {ghdeploy.DeploymentRequest{Ref: "topic", AutoMerge: new(false)}, `{"ref":"topic","auto_merge":false}`},

		"transient":                   {ghdeploy.DeploymentRequest{Ref: "topic", TransientEnvironment: true}, `{"ref":"topic","transient_environment":true}`},
		"production, GitHub's choice": {ghdeploy.DeploymentRequest{Ref: "topic", ProductionEnvironment: nil}, `{"ref":"topic"}`},
		"production":                  {ghdeploy.DeploymentRequest{Ref: "topic", ProductionEnvironment: new(true)}, `{"ref":"topic","production_environment":true}`},
		"no production":               {ghdeploy.DeploymentRequest{Ref: "topic", ProductionEnvironment: new(false)}, `{"ref":"topic","production_environment":false}`},

		// An empty list skips all checks, so it needs SkipContexts.
		"contexts nil":    {ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: nil}, `{"ref":"topic"}`},
		"contexts listed": {ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: []string{"ci/build", "lint"}}, `{"ref":"topic","required_contexts":["ci/build","lint"]}`},
		"contexts skipped": {
			ghdeploy.DeploymentRequest{Ref: "topic", SkipContexts: true}, `{"ref":"topic","required_contexts":[]}`,
		},
		"contexts skipped and empty": {
			ghdeploy.DeploymentRequest{Ref: "topic", SkipContexts: true, RequiredContexts: []string{}}, `{"ref":"topic","required_contexts":[]}`,
		},

		"payload map": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: map[string]any{"Version": "1", "version": 2, "nil": nil}},
			`{"ref":"topic","payload":{"Version":"1","version":2,"nil":null}}`,
		},
		"payload empty map": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: map[string]any{}}, `{"ref":"topic","payload":{}}`},
		"payload struct": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: userPayload{Version: "1.4", Count: 9007199254740993, Untagged: true, Left: "l", hidden: "h"}},
			`{"ref":"topic","payload":{"version":"1.4","count":"9007199254740993","Untagged":true}}`,
		},
		"payload pointer":        {ghdeploy.DeploymentRequest{Ref: "topic", Payload: &userPayload{}}, `{"ref":"topic","payload":{"version":"","count":"0","Untagged":false}}`},
		"payload string":         {ghdeploy.DeploymentRequest{Ref: "topic", Payload: "just text"}, `{"ref":"topic","payload":"just text"}`},
		"payload empty string":   {ghdeploy.DeploymentRequest{Ref: "topic", Payload: ""}, `{"ref":"topic","payload":""}`},
		"payload string of JSON": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: `{"a":1}`}, `{"ref":"topic","payload":"{\"a\":1}"}`},
		"payload raw object":     {ghdeploy.DeploymentRequest{Ref: "topic", Payload: json.RawMessage(` {"a": 1}`)}, `{"ref":"topic","payload":{"a":1}}`},
		"payload raw string":     {ghdeploy.DeploymentRequest{Ref: "topic", Payload: json.RawMessage(`"a"`)}, `{"ref":"topic","payload":"a"}`},
		"payload object":         {ghdeploy.DeploymentRequest{Ref: "topic", Payload: ghdeploy.Payload(`{"a":1}`)}, `{"ref":"topic","payload":{"a":1}}`},
		"payload text":           {ghdeploy.DeploymentRequest{Ref: "topic", Payload: ghdeploy.Payload(`"a"`)}, `{"ref":"topic","payload":"a"}`},
		"payload of another deployment, null": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: ghdeploy.Payload(`null`)}, `{"ref":"topic"}`,
		},
		"payload nil":         {ghdeploy.DeploymentRequest{Ref: "topic", Payload: nil}, `{"ref":"topic"}`},
		"payload nil Payload": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: ghdeploy.Payload(nil)}, `{"ref":"topic"}`},
		"payload nil raw":     {ghdeploy.DeploymentRequest{Ref: "topic", Payload: json.RawMessage(nil)}, `{"ref":"topic"}`},
		"payload nil map":     {ghdeploy.DeploymentRequest{Ref: "topic", Payload: noMap}, `{"ref":"topic"}`},
		"payload nil pointer": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: noPointer}, `{"ref":"topic"}`},

		"everything": {
			ghdeploy.DeploymentRequest{
				Ref: "refs/heads/main", Task: "deploy", AutoMerge: new(false), RequiredContexts: []string{"ci"}, Payload: map[string]int{"a": 1},
				Environment: "qa", Description: "d", TransientEnvironment: true, ProductionEnvironment: new(false),
			},
			`{"ref":"refs/heads/main","task":"deploy","auto_merge":false,"required_contexts":["ci"],"payload":{"a":1},
				"environment":"qa","description":"d","transient_environment":true,"production_environment":false}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(201, testdata(t, "deployment.json")))
			d, err := clientOn(t, w).Deployments.Create(t.Context(), "octocat", "example", tt.req)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "deployment", fullDeployment(t), d)
			r := w.request(t)
			same(t, "request", "POST https://ghe.example.com/api/v3/repos/octocat/example/deployments", r.Method+" "+r.URL)
			sameJSON(t, tt.want, r.Body)
		})
	}
}

type namedBytes []byte

func TestDeploymentsCreateRefuses(t *testing.T) {
	const notEncoded = "ghdeploy: the deployment's Payload does not encode as JSON: " // and then encoding/json's error
	tests := map[string]struct {
		req  ghdeploy.DeploymentRequest
		want string
	}{
		"no ref": {
			ghdeploy.DeploymentRequest{Environment: "production"},
			"ghdeploy: the deployment's Ref is empty; set it to a branch, a tag or a SHA",
		},
		"contexts listed and skipped": {
			ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: []string{"ci"}, SkipContexts: true},
			"ghdeploy: the deployment sets both RequiredContexts and SkipContexts; set one of them",
		},
		"payload array":  {ghdeploy.DeploymentRequest{Ref: "topic", Payload: []int{1}}, "ghdeploy: the deployment's Payload encodes neither as a JSON object nor as a string; GitHub accepts nothing else"},
		"payload number": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: 7}, "ghdeploy: the deployment's Payload encodes neither as a JSON object nor as a string; GitHub accepts nothing else"},
		"payload bool":   {ghdeploy.DeploymentRequest{Ref: "topic", Payload: true}, "ghdeploy: the deployment's Payload encodes neither as a JSON object nor as a string; GitHub accepts nothing else"},
		"payload raw array": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: ghdeploy.Payload(`[1]`)},
			"ghdeploy: the deployment's Payload encodes neither as a JSON object nor as a string; GitHub accepts nothing else",
		},
		"payload bytes": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: []byte(`{"a":1}`)},
			"ghdeploy: the deployment's Payload is a []byte, which encodes as base64; pass JSON as a Payload or a json.RawMessage, and text as a string",
		},
		"payload named bytes": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: namedBytes(`{"a":1}`)},
			"ghdeploy: the deployment's Payload is a ghdeploy_test.namedBytes, which encodes as base64; pass JSON as a Payload or a json.RawMessage, and text as a string",
		},
		"payload pointer to bytes": {
			ghdeploy.DeploymentRequest{Ref: "topic", Payload: new([]byte(`{"a":1}`))},
			"ghdeploy: the deployment's Payload is a *[]byte, which encodes as base64; pass JSON as a Payload or a json.RawMessage, and text as a string",
		},
		"an empty list of contexts": {
			ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: []string{}},
			"ghdeploy: the deployment's RequiredContexts is an empty list; set SkipContexts to skip all status checks, or use nil to require all of them",
		},
		"payload channel":       {ghdeploy.DeploymentRequest{Ref: "topic", Payload: make(chan int)}, notEncoded},
		"payload infinity":      {ghdeploy.DeploymentRequest{Ref: "topic", Payload: map[string]float64{"a": math.Inf(1)}}, notEncoded},
		"payload raw, not JSON": {ghdeploy.DeploymentRequest{Ref: "topic", Payload: json.RawMessage(`{"a":`)}, notEncoded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(201, oneDeployment))
			d, err := clientOn(t, w).Deployments.Create(t.Context(), "octocat", "example", tt.req)
			if !errors.Is(err, ghdeploy.ErrInvalidArgument) || d != nil {
				t.Fatalf("%v, %v, want an ErrInvalidArgument", d, err)
			}
			message := err.Error()
			if cause, ok := strings.CutPrefix(message, notEncoded); ok && cause != "" {
				message = notEncoded
			}
			same(t, "message", tt.want, message)
			same(t, "requests", 0, len(w.requests()))
		})
	}
}

// Create does not modify the request.
func TestDeploymentsCreateLeavesTheRequestAlone(t *testing.T) {
	contexts := []string{"ci"}
	payload := map[string]any{"a": 1}
	req := ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: contexts, Payload: payload}
	if _, err := clientOn(t, replies(reply(201, oneDeployment))).Deployments.Create(t.Context(), "o", "r", req); err != nil {
		t.Fatal(err)
	}
	same(t, "request", ghdeploy.DeploymentRequest{Ref: "topic", RequiredContexts: []string{"ci"}, Payload: map[string]any{"a": 1}}, req)
}

func TestDeploymentsDelete(t *testing.T) {
	for _, status := range []int{200, 202, 204, 205, 226} {
		for body, want := range map[string]error{
			"": nil, "null": nil, `{"message":"gone"}`: nil,
			"<html>": ghdeploy.ErrMalformedResponse, "OK": ghdeploy.ErrMalformedResponse,
		} {
			t.Run(fmt.Sprintf("%d %q", status, body), func(t *testing.T) {
				w := replies(reply(status, body))
				if err := clientOn(t, w).Deployments.Delete(t.Context(), "octocat", "example", 42); !errors.Is(err, want) {
					t.Fatalf("%v, want %v", err, want)
				}
				r := w.request(t)
				same(t, "request", "DELETE https://ghe.example.com/api/v3/repos/octocat/example/deployments/42", r.Method+" "+r.URL)
				same(t, "body", "", r.Body)
			})
		}
	}
}
