package ghdeploy_test

import (
	"errors"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

func fullStatus(t *testing.T) *ghdeploy.DeploymentStatus {
	const api = "https://ghe.example.com/api/v3/users/shipit%5Bbot%5D"
	return &ghdeploy.DeploymentStatus{
		ID: 12690168079, NodeID: "DES_kwDOAA", URL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576/statuses/12690168079",
		State: ghdeploy.StateSuccess, Description: "Deployment finished successfully.", Environment: "production",
		EnvironmentURL: "https://www.example.com", LogURL: "https://ci.example.com/builds/7", TargetURL: "https://ci.example.com/builds/7",
		Creator: &ghdeploy.User{
			Login: "shipit[bot]", ID: 41898282, NodeID: "MDM6Qm90", Type: "Bot", AvatarURL: "https://ghe.example.com/avatars/u/41898282?v=4",
			URL: api, HTMLURL: "https://ghe.example.com/shipit[bot]", FollowersURL: api + "/followers", FollowingURL: api + "/following{/other_user}",
			GistsURL: api + "/gists{/gist_id}", StarredURL: api + "/starred{/owner}{/repo}", SubscriptionsURL: api + "/subscriptions",
			OrganizationsURL: api + "/orgs", ReposURL: api + "/repos", EventsURL: api + "/events{/privacy}",
			ReceivedEventsURL: api + "/received_events", UserViewType: "public",
		},
		PerformedViaGitHubApp: shipit(t),
		CreatedAt:             at(t, "2026-04-22T10:12:12Z"), UpdatedAt: at(t, "2026-04-22T10:12:13Z"),
		DeploymentURL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576",
		RepositoryURL: "https://ghe.example.com/api/v3/repos/octocat/example",
	}
}

func TestStatusesGet(t *testing.T) {
	t.Run("every field", func(t *testing.T) {
		w := replies(reply(200, testdata(t, "deployment_status.json")))
		s, err := clientOn(t, w).Statuses.Get(t.Context(), "octocat", "example", 4518412576, 12690168079)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "status", fullStatus(t), s)
		r := w.request(t)
		same(t, "request", "GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576/statuses/12690168079", r.Method+" "+r.URL)
		same(t, "body", "", r.Body)
	})
	t.Run("of 2014, without later fields", func(t *testing.T) {
		s, err := clientOn(t, replies(reply(200, testdata(t, "deployment_status_2014.json")))).Statuses.Get(t.Context(), "octocat", "example", 87, 5)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "creator", "octocat", s.Creator.Login)
		s.Creator = nil
		same(t, "status", &ghdeploy.DeploymentStatus{
			ID: 5, URL: "https://ghe.example.com/api/v3/repos/octocat/example/deployments/87/statuses/5", State: ghdeploy.StatePending,
			CreatedAt: at(t, "2014-01-08T20:30:00Z"), UpdatedAt: at(t, "2014-01-08T20:30:00Z"),
		}, s)
	})
	t.Run("null in every field", func(t *testing.T) {
		s, err := clientOn(t, replies(reply(200, testdata(t, "deployment_status_nulls.json")))).Statuses.Get(t.Context(), "octocat", "example", 42, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "status", &ghdeploy.DeploymentStatus{ID: 1}, s)
	})
	t.Run("the status's id is checked as well", func(t *testing.T) {
		w := replies(reply(200, oneDeployment))
		if _, err := clientOn(t, w).Statuses.Get(t.Context(), "octocat", "example", 42, 0); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("err = %v, want ErrInvalidArgument", err)
		}
		same(t, "requests", 0, len(w.requests()))
	})
}

func TestStatusesList(t *testing.T) {
	w := replies(reply(200, testdata(t, "deployment_status_list.json"), `Link: <https://ghe.example.com/api/v3/repositories/7/deployments/42/statuses?page=1>; rel="prev"`))
	page, err := clientOn(t, w).Statuses.List(t.Context(), "octocat", "example", 42, ghdeploy.DeploymentStatusListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var states []ghdeploy.State
	for _, s := range page.Items {
		states = append(states, s.State)
	}
	// States that GitHub's description lacks are kept.
	same(t, "states", []ghdeploy.State{ghdeploy.StateWaiting, ghdeploy.StateSuccess, "destroyed", ghdeploy.StatePending}, states)
	same(t, "second", fullStatus(t), page.Items[1])
	page.Items = nil
	same(t, "page", &ghdeploy.Page[*ghdeploy.DeploymentStatus]{PrevPage: 1}, page)

	for want, opts := range map[string]ghdeploy.DeploymentStatusListOptions{
		"":                    {},
		"?page=2":             {Page: 2},
		"?per_page=7":         {PerPage: 7},
		"?page=2&per_page=30": {Page: 2, PerPage: 30},
	} {
		w := replies(reply(200, "[]"))
		if _, err := clientOn(t, w).Statuses.List(t.Context(), "octocat", "example", 42, opts); err != nil {
			t.Fatal(err)
		}
		same(t, "request", []string{"GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/42/statuses" + want}, lines(w.requests()))
	}
}

func TestStatusesCreate(t *testing.T) {
	tests := map[string]struct {
		req  ghdeploy.DeploymentStatusRequest
		want string
	}{
		"state alone":                    {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateSuccess}, `{"state":"success"}`},
		"error":                          {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateError}, `{"state":"error"}`},
		"failure":                        {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateFailure}, `{"state":"failure"}`},
		"inactive":                       {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive}, `{"state":"inactive"}`},
		"in progress":                    {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInProgress}, `{"state":"in_progress"}`},
		"queued":                         {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateQueued}, `{"state":"queued"}`},
		"pending":                        {ghdeploy.DeploymentStatusRequest{State: ghdeploy.StatePending}, `{"state":"pending"}`},
		"a state that GitHub adds later": {ghdeploy.DeploymentStatusRequest{State: "paused"}, `{"state":"paused"}`},
		"log URL":                        {ghdeploy.DeploymentStatusRequest{State: "success", LogURL: "https://ci.example.com/7?a=1&b=2"}, `{"state":"success","log_url":"https://ci.example.com/7?a=1&b=2"}`},
		"target URL":                     {ghdeploy.DeploymentStatusRequest{State: "success", TargetURL: "https://ci.example.com/7"}, `{"state":"success","target_url":"https://ci.example.com/7"}`},
		"description":                    {ghdeploy.DeploymentStatusRequest{State: "success", Description: "Fertig <3"}, `{"state":"success","description":"Fertig <3"}`},
		"environment":                    {ghdeploy.DeploymentStatusRequest{State: "success", Environment: "staging"}, `{"state":"success","environment":"staging"}`},
		"environment URL":                {ghdeploy.DeploymentStatusRequest{State: "success", EnvironmentURL: "https://www.example.com"}, `{"state":"success","environment_url":"https://www.example.com"}`},
		"auto inactive, GitHub's choice": {ghdeploy.DeploymentStatusRequest{State: "success", AutoInactive: nil}, `{"state":"success"}`},
		"auto inactive":                  {ghdeploy.DeploymentStatusRequest{State: "success", AutoInactive: new(true)}, `{"state":"success","auto_inactive":true}`},
		"no auto inactive":               {ghdeploy.DeploymentStatusRequest{State: "success", AutoInactive: new(false)}, `{"state":"success","auto_inactive":false}`},
		"everything": {
			ghdeploy.DeploymentStatusRequest{
				State: ghdeploy.StateInactive, LogURL: "l", TargetURL: "t", Description: "d", EnvironmentURL: "u", Environment: "e", AutoInactive: new(false),
			},
			`{"state":"inactive","log_url":"l","target_url":"t","description":"d","environment_url":"u","environment":"e","auto_inactive":false}`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := replies(reply(201, testdata(t, "deployment_status.json")))
			s, err := clientOn(t, w).Statuses.Create(t.Context(), "octocat", "example", 4518412576, tt.req)
			if err != nil {
				t.Fatal(err)
			}
			same(t, "status", fullStatus(t), s)
			r := w.request(t)
			same(t, "request", "POST https://ghe.example.com/api/v3/repos/octocat/example/deployments/4518412576/statuses", r.Method+" "+r.URL)
			sameJSON(t, tt.want, r.Body)
		})
	}
	t.Run("no state", func(t *testing.T) {
		w := replies(reply(201, oneDeployment))
		_, err := clientOn(t, w).Statuses.Create(t.Context(), "octocat", "example", 42, ghdeploy.DeploymentStatusRequest{Description: "d"})
		if !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Fatalf("err = %v, want ErrInvalidArgument", err)
		}
		same(t, "message", "ghdeploy: the status's State is empty; set it to one such as StateSuccess", err.Error())
		same(t, "requests", 0, len(w.requests()))
	})
}

func TestStatusesAll(t *testing.T) {
	w := replies(
		reply(200, `[{"id":3},{"id":2}]`, `Link: <https://ghe.example.com/api/v3/repositories/7/deployments/42/statuses?per_page=100&page=2>; rel="next"`),
		reply(200, `[{"id":2},{"id":1}]`),
	)
	var ids []int64
	for s, err := range clientOn(t, w).Statuses.All(t.Context(), "octocat", "example", 42, ghdeploy.DeploymentStatusListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	same(t, "ids", []int64{3, 2, 1}, ids)
	same(t, "requests", []string{
		"GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/42/statuses?per_page=100",
		"GET https://ghe.example.com/api/v3/repos/octocat/example/deployments/42/statuses?page=2&per_page=100",
	}, lines(w.requests()))
}

func TestStateFinal(t *testing.T) {
	for state, want := range map[ghdeploy.State]bool{
		ghdeploy.StateSuccess:    true,
		ghdeploy.StateFailure:    true,
		ghdeploy.StateError:      true,
		ghdeploy.StateInactive:   true,
		ghdeploy.StateQueued:     false,
		ghdeploy.StatePending:    false,
		ghdeploy.StateInProgress: false,
		ghdeploy.StateWaiting:    false,
		"":                       false,
		"SUCCESS":                false,
		"new_one":                false,
	} {
		if got := state.Final(); got != want {
			t.Errorf("State(%q).Final() = %t, want %t", string(state), got, want)
		}
	}
}
