package ghdeploytest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// inbox is a receiver that stores its requests and responds with 202.
type inbox struct {
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.requests, in.bodies = append(in.requests, r), append(in.bodies, string(body))
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, "taken")
}

// wait waits for all deliveries and returns them.
func wait(t testing.TB, srv *ghdeploytest.Server) []ghdeploytest.Delivery {
	t.Helper()
	if err := srv.WaitDeliveries(t.Context()); err != nil {
		t.Fatal(err)
	}
	return srv.Deliveries()
}

// events returns the event and action of each delivery.
func events(list []ghdeploytest.Delivery) string {
	var names []string
	for _, d := range list {
		names = append(names, strings.TrimSuffix(d.Event+"/"+d.Action, "/"))
	}
	return strings.Join(names, " ")
}

func TestWebhookHeaders(t *testing.T) {
	in := &inbox{}
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
		URL: "https://receiver.example/hook?from=github", Handler: in, Secret: "It's a Secret to Everybody",
	}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	list := wait(t, srv)
	if got := events(list); got != "ping deployment/created" || len(in.requests) != 2 {
		t.Fatalf("deliveries: %s; %d requests", got, len(in.requests))
	}
	r, body, d := in.requests[1], in.bodies[1], list[1]
	if r.Method != http.MethodPost || r.Host != "receiver.example" || r.RequestURI != "/hook?from=github" || r.URL.Path != "/hook" {
		t.Errorf("%s %s %s %s", r.Method, r.Host, r.RequestURI, r.URL)
	}
	wantHeaders(t, r.Header, map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "X-GitHub-Event": "deployment",
		"X-GitHub-Delivery": "00000002-d0e5-11f1-8a7e-9d3c5b2f4a60", "X-GitHub-Hook-ID": "50000000001",
		"X-GitHub-Hook-Installation-Target-Type": "repository", "X-GitHub-Hook-Installation-Target-ID": "5000000001",
		"X-Hub-Signature-256": "sha256=" + mac256(body), "X-Hub-Signature": "sha1=" + mac1(body),
	})
	if agent := r.Header.Get("User-Agent"); !strings.HasPrefix(agent, "GitHub-Hookshot/") {
		t.Errorf("User-Agent: %s", agent)
	}
	if len(r.Header) != 10 {
		t.Errorf("%d headers, want GitHub's ten: %v", len(r.Header), r.Header)
	}
	if d.ID != 51000000002 || d.HookID != 50000000001 || d.Redelivery || d.URL != "https://receiver.example/hook?from=github" ||
		d.Body != body || d.Payload != body || d.Status != 202 || d.Response != "taken" || d.Err != nil || !d.OK() || d.Time.IsZero() {
		t.Errorf("the log: %+v", d)
	}
}

// GitHub Enterprise Server sends two more headers and waits 30 seconds for the
// response.
func TestWebhookOfAnEnterpriseServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
			Enterprise: "3.17.2", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-GitHub-Event") == "ping" {
					<-r.Context().Done()
					return
				}
				time.Sleep(29 * time.Second)
				in.ServeHTTP(w, r)
			}),
		}))
		must(t, srv, 201, "POST", "https://ghe.example:8443/api/v3"+deployments, `{"ref":"main"}`)
		list := wait(t, srv)
		if len(list) != 2 || list[0].OK() || list[0].Duration != 30*time.Second || !list[1].OK() || list[1].Duration != 29*time.Second {
			t.Errorf("%+v", list)
		}
		wantHeaders(t, list[0].Header, map[string]string{
			"X-GitHub-Enterprise-Version": "3.17.2", "X-GitHub-Enterprise-Host": "api.github.test",
		})
		wantHeaders(t, in.requests[0].Header, map[string]string{
			"X-GitHub-Enterprise-Version": "3.17.2", "X-GitHub-Enterprise-Host": "ghe.example",
		})
	})
}

func mac256(body string) string {
	m := hmac.New(sha256.New, []byte("It's a Secret to Everybody"))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

func mac1(body string) string {
	m := hmac.New(sha1.New, []byte("It's a Secret to Everybody"))
	m.Write([]byte(body))
	return hex.EncodeToString(m.Sum(nil))
}

func TestWebhookWithoutSecretIsNotSigned(t *testing.T) {
	in := &inbox{}
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: in}))
	wait(t, srv)
	for _, name := range []string{"X-Hub-Signature", "X-Hub-Signature-256"} {
		if value := in.requests[0].Header.Values(name); value != nil {
			t.Errorf("%s: %q", name, value)
		}
	}
}

func TestWebhookForm(t *testing.T) {
	in := &inbox{}
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{
		Handler: in, ContentType: "form", Secret: "It's a Secret to Everybody",
	}))
	must(t, srv, 201, "POST", deployments, `{"ref":"main","description":"50% & more"}`)
	list := wait(t, srv)
	r, body := in.requests[1], in.bodies[1]
	wantHeaders(t, r.Header, map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "X-Hub-Signature-256": "sha256=" + mac256(body),
	})
	form, err := url.ParseQuery(body)
	if err != nil || len(form) != 1 || form.Get("payload") != list[1].Payload || list[1].Body != body {
		t.Errorf("%v, %v: %s", form, err, body)
	}
	var event struct{ Deployment json.RawMessage }
	if err := json.Unmarshal([]byte(form.Get("payload")), &event); err != nil {
		t.Fatal(err)
	}
	wantFields(t, string(event.Deployment), map[string]string{"description": `"50% & more"`})
}

func TestWebhookEvents(t *testing.T) {
	two := []ghdeploytest.Option{
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/example"}),
		ghdeploytest.WithRepository(ghdeploytest.Repository{FullName: "octocat/other"}),
	}
	const everything = "deployment/created deployment_status/created deployment/created deployment_status/created"
	for _, test := range []struct {
		name string
		hook ghdeploytest.Webhook
		want string
	}{
		{"all events of every repository", ghdeploytest.Webhook{}, "ping ping " + everything},
		{"all events of one repository", ghdeploytest.Webhook{Repository: "OCTOCAT/other"}, "ping deployment/created deployment_status/created"},
		{"one event", ghdeploytest.Webhook{Events: []string{"deployment_status"}}, "ping ping deployment_status/created deployment_status/created"},
		{"no events", ghdeploytest.Webhook{Events: []string{}}, "ping ping"},
		{"an app", ghdeploytest.Webhook{App: "rollout-bot"}, "ping " + everything},
		{"an app in one repository", ghdeploytest.Webhook{App: "rollout-bot", Repository: "octocat/other"}, "ping deployment/created deployment_status/created"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := newServer(t, two...)
			test.hook.Handler = &inbox{}
			srv.AddWebhook(test.hook)
			for i, name := range []string{"example", "other"} {
				base := "/repos/octocat/" + name + "/deployments"
				must(t, srv, 201, "POST", base, `{"ref":"main"}`)
				must(t, srv, 201, "POST", base+[]string{"/6000000001", "/6000000002"}[i]+"/statuses", `{"state":"queued"}`)
			}
			// The pings of both repositories come first.
			if got := events(wait(t, srv)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// A request that creates no deployment or status sends no event.
func TestNoWebhookWithoutCreation(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example", Branches: []ghdeploytest.Branch{{Name: "topic", Behind: true}, {Name: "clash", Conflict: true}},
	}), ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}}))
	must(t, srv, 202, "POST", deployments, `{"ref":"topic"}`)
	must(t, srv, 409, "POST", deployments, `{"ref":"clash"}`)
	must(t, srv, 422, "POST", deployments, `{"ref":"nowhere"}`)
	must(t, srv, 201, "POST", deployments, `{"ref":"topic"}`)
	must(t, srv, 422, "POST", first+"/statuses", `{"state":"done"}`)
	if got := events(wait(t, srv)); got != "ping deployment/created" {
		t.Errorf("deliveries: %s", got)
	}
}

func TestNoWebhookForInactive(t *testing.T) {
	srv := newServer(t, ghdeploytest.WithWebhook(ghdeploytest.Webhook{Handler: &inbox{}, Events: []string{"deployment_status"}}))
	for _, d := range []string{"/6000000001", "/6000000002"} {
		must(t, srv, 201, "POST", deployments, `{"ref":"main","environment":"staging"}`)
		must(t, srv, 201, "POST", deployments+d+"/statuses", `{"state":"success"}`) // the second makes the first inactive
	}
	must(t, srv, 201, "POST", deployments+"/6000000002/statuses", `{"state":"inactive"}`)
	states := []string{srv.Deployments("octocat/example")[0].State(), srv.Deployments("octocat/example")[1].State()}
	if got := events(wait(t, srv)); got != "ping deployment_status/created deployment_status/created" || states[0] != "inactive" || states[1] != "inactive" {
		t.Errorf("deliveries: %s; states: %v", got, states)
	}
}

func TestWebhookSharesItsGUID(t *testing.T) {
	srv := newServer(t)
	srv.AddWebhook(ghdeploytest.Webhook{Handler: &inbox{}})
	srv.AddWebhook(ghdeploytest.Webhook{Handler: &inbox{}, App: "rollout-bot"})
	must(t, srv, 201, "POST", deployments, `{"ref":"main"}`)
	list := wait(t, srv)
	if len(list) != 4 || list[0].GUID == list[1].GUID || list[2].GUID != list[3].GUID || list[2].ID == list[3].ID || list[2].HookID == list[3].HookID {
		t.Fatalf("want one GUID for each event and one ID for each delivery: %+v", list)
	}
	wantHeaders(t, list[3].Header, map[string]string{
		"X-GitHub-Hook-Installation-Target-Type": "integration", "X-GitHub-Hook-Installation-Target-ID": "9000000002",
	})
}

func TestInvalidWebhooks(t *testing.T) {
	h := http.NotFoundHandler()
	for _, test := range []struct {
		hook ghdeploytest.Webhook
		says []string
	}{
		{ghdeploytest.Webhook{}, []string{`URL: ""`, "http://127.0.0.1:8080/hook", "Handler"}},
		{ghdeploytest.Webhook{URL: "receiver.example/hook"}, []string{"receiver.example/hook", "whole address"}},
		{ghdeploytest.Webhook{URL: "ftp://receiver.example/"}, []string{"ftp://"}},
		{ghdeploytest.Webhook{URL: "://"}, []string{"whole address"}},
		{ghdeploytest.Webhook{Handler: h, Transport: http.DefaultTransport}, []string{"Handler and Transport"}},
		{ghdeploytest.Webhook{Handler: h, ContentType: "application/json"}, []string{"application/json", "json or form"}},
		{ghdeploytest.Webhook{Handler: h, Events: []string{"deployments"}}, []string{`"deployments"`, "deployment, deployment_status"}},
		{ghdeploytest.Webhook{Handler: h, Events: []string{"deployment_review"}}, []string{"deployment_review", "App"}},
		{ghdeploytest.Webhook{Handler: h, App: "a", Events: []string{"push"}}, []string{`"push"`, "deployment_protection_rule"}},
		{ghdeploytest.Webhook{Handler: h, Repository: "octocat/none"}, []string{"octocat/none", "octocat/example"}},
	} {
		srv := newServer(t)
		wantPanic(t, func() { srv.AddWebhook(test.hook) }, append(test.says, "ghdeploytest: ")...)
		wantPanic(t, func() { ghdeploytest.NewServer(ghdeploytest.WithWebhook(test.hook)) }, test.says...)
	}
	srv := newServer(t)
	srv.Close()
	wantPanic(t, func() { srv.AddWebhook(ghdeploytest.Webhook{Handler: h}) }, "after Close")
	wantPanic(t, func() { srv.Redeliver("731b8328") }, "731b8328", "never delivered")
}
