package webhook_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

func TestParseKnowsTheEvents(t *testing.T) {
	tests := map[string]any{
		"deployment":                 &webhook.DeploymentEvent{},
		"deployment_status":          &webhook.DeploymentStatusEvent{},
		"deployment_review":          &webhook.DeploymentReviewEvent{},
		"deployment_protection_rule": &webhook.DeploymentProtectionRuleEvent{},
		"ping":                       &webhook.PingEvent{},
		"workflow_job":               &webhook.Delivery{},
		"Deployment":                 &webhook.Delivery{},
	}
	for name, want := range tests {
		if e := parse(t, name, []byte(`{}`)); reflect.TypeOf(e) != reflect.TypeOf(want) {
			t.Errorf("%s: got %T", name, e)
		}
	}
}

// Keys may be missing, null or unknown.
func TestParseIsLenient(t *testing.T) {
	tests := []struct{ name, event, body string }{
		{"nothing", "deployment", `{}`},
		{"nothing, with spaces", "deployment", " \r\n\t{ } \n"},
		{"nulls", "deployment", `{"action":null,"deployment":null,"workflow":null,"workflow_run":null,"repository":null,"organization":null,"enterprise":null,"installation":null,"sender":null}`},
		{"nulls", "deployment_status", `{"action":null,"deployment":null,"deployment_status":null,"check_run":null,"workflow":null,"workflow_run":null,"repository":null}`},
		{"nulls", "deployment_review", `{"reviewers":null,"requestor":null,"approver":null,"workflow_job_run":null,"workflow_job_runs":null,"workflow_run":null,"since":null,"comment":null,"environment":null}`},
		{"nulls", "deployment_protection_rule", `{"environment":null,"event":null,"deployment_callback_url":null,"deployment":null,"pull_requests":null}`},
		{"nulls in lists", "deployment_review", `{"reviewers":[null,{"type":null,"reviewer":null}],"workflow_job_runs":[null]}`},
		{"nulls in lists", "deployment_protection_rule", `{"pull_requests":[null,{"labels":[null],"assignees":[null],"head":null,"base":{"repo":null}}]}`},
		{"nulls below", "deployment", `{"deployment":{"id":null,"payload":null,"creator":null,"created_at":null,"description":null},"repository":{"owner":null,"license":null,"topics":null,"permissions":null,"created_at":null}}`},
		{"null hook", "ping", `{"zen":null,"hook":{"config":null,"events":null,"last_response":null}}`},
		{"unknown action", "deployment", `{"action":"teleported"}`},
		{"unknown state", "deployment_status", `{"deployment_status":{"state":"levitating"}}`},
		{"unknown key", "deployment", `{"constellation":{"stars":[1,2,3]}}`},
		{"a key twice", "deployment", `{"action":"a","action":"created"}`},
		{"bytes that are not UTF-8", "deployment", "{\"action\":\"\xff\"}"},
		{"an unknown event of any shape", "star", `[1,2`},
		{"an unknown event whose keys have other types", "push", `{"repository":{"created_at":1557933565,"pushed_at":1557933565}}`},
	}
	for _, tt := range tests {
		t.Run(tt.event+" "+tt.name, func(t *testing.T) {
			e := parse(t, tt.event, []byte(tt.body))
			if string(e.Info().Raw) != tt.body || e.Info().Event != tt.event {
				t.Errorf("got %+v", e.Info())
			}
			type repository interface{ OwnerRepo() (string, string) }
			if r, ok := e.(repository); ok {
				if owner, repo := r.OwnerRepo(); owner != "" || repo != "" {
					t.Errorf("got %q and %q from an empty repository", owner, repo)
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name        string
		event       string
		contentType string
		body        string
		want        error  // nil: a DecodeError
		text        string // of a DecodeError
	}{
		{name: "not JSON", event: "deployment", body: `{"action":`, text: `webhook: event "deployment", delivery "72d3162e":`},
		{name: "text", event: "deployment_status", body: `Hello, World!`, text: `webhook: event "deployment_status", delivery "72d3162e": the payload is not a JSON object`},
		{name: "empty", event: "ping", body: ``, text: `webhook: event "ping", delivery "72d3162e": the payload is not a JSON object`},
		{name: "null", event: "ping", body: `null`, text: `webhook: event "ping", delivery "72d3162e": the payload is not a JSON object`},
		{name: "list", event: "ping", body: `[{}]`, text: `webhook: event "ping", delivery "72d3162e": the payload is not a JSON object`},
		{name: "two objects", event: "ping", body: `{}{}`, text: `webhook: event "ping", delivery "72d3162e":`},
		{name: "an id of the wrong type", event: "deployment", body: `{"deployment":{"id":"7"}}`, text: `webhook: event "deployment", delivery "72d3162e":`},
		{name: "no event", event: "", body: `{}`, text: `webhook: event "", delivery "72d3162e": the header X-GitHub-Event is missing`},
		{name: "form without a payload", event: "ping", contentType: "application/x-www-form-urlencoded", body: `a=b`, text: `webhook: event "ping", delivery "72d3162e": the form has no field "payload"`},
		{name: "form that is JSON", event: "ping", contentType: "application/x-www-form-urlencoded", body: `{"zen":"%"}`, text: `webhook: event "ping", delivery "72d3162e":`},
		{name: "form with an empty payload", event: "ping", contentType: "application/x-www-form-urlencoded", body: `payload=`, text: `webhook: event "ping", delivery "72d3162e": the payload is not a JSON object`},
		{name: "no content type", event: "ping", contentType: "-", body: `{}`, want: webhook.ErrContentType},
		{name: "text content type", event: "ping", contentType: "text/plain", body: `{}`, want: webhook.ErrContentType},
		{name: "multipart form", event: "ping", contentType: "multipart/form-data; boundary=x", body: `{}`, want: webhook.ErrContentType},
		{name: "broken content type", event: "ping", contentType: "application/json; charset", body: `{}`, want: webhook.ErrContentType},
		{name: "another JSON", event: "ping", contentType: "application/vnd.github+json", body: `{}`, want: webhook.ErrContentType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := headers(tt.event, "72d3162e", []byte(tt.body))
			switch tt.contentType {
			case "":
			case "-":
				h.Del("Content-Type")
			default:
				h.Set("Content-Type", tt.contentType)
			}
			e, err := newVerifier(t, secret).Parse(h, []byte(tt.body))
			if e != nil || err == nil {
				t.Fatalf("got %v, %v", e, err)
			}
			var decodeError *webhook.DecodeError
			switch {
			case tt.want != nil:
				if !errors.Is(err, tt.want) {
					t.Errorf("got %v, want %v", err, tt.want)
				}
			case !errors.As(err, &decodeError) || decodeError.Event != tt.event || decodeError.GUID != "72d3162e":
				t.Errorf("got %v", err)
			case !strings.HasPrefix(err.Error(), tt.text):
				t.Errorf("got %q, want %q", err, tt.text)
			}
		})
	}
}

// The signature is checked before all other headers and the body.
func TestParseChecksTheSignatureFirst(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"content type": func(h http.Header) { h.Set("Content-Type", "text/plain") },
		"event":        func(h http.Header) { h.Del("X-GitHub-Event") },
	} {
		h := headers("ping", "1", []byte("{}"))
		change(h)
		h.Del("X-Hub-Signature-256")
		if _, err := newVerifier(t, secret).Parse(h, []byte("{}")); !errors.Is(err, webhook.ErrNoSignature) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	h := headers("ping", "1", []byte("{}"))
	if _, err := newVerifier(t, secret).Parse(h, []byte("not JSON")); !errors.Is(err, webhook.ErrBadSignature) {
		t.Errorf("got %v", err)
	}
}

func TestFormDelivery(t *testing.T) {
	payload := `{"action":"created","deployment":{"id":7,"ref":"a&b=c+d %","environment":"qä"}}`
	body := []byte("payload=" + url.QueryEscape(payload))
	h := headers("deployment", "72d3162e", body) // the signature covers the encoded body
	h.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	e, err := newVerifier(t, secret).Parse(h, body)
	if err != nil {
		t.Fatal(err)
	}
	deployment, ok := e.(*webhook.DeploymentEvent)
	if !ok || deployment.Deployment.ID != 7 || deployment.Deployment.Ref != "a&b=c+d %" || deployment.Deployment.Environment != "qä" {
		t.Errorf("got %+v", e)
	}
	if string(e.Info().Raw) != payload {
		t.Errorf("Raw is %s", e.Info().Raw)
	}
	// The signature of the decoded payload is not accepted for the form.
	h.Set("X-Hub-Signature-256", sign(secret, []byte(payload)))
	if _, err := newVerifier(t, secret).Parse(h, body); !errors.Is(err, webhook.ErrBadSignature) {
		t.Errorf("got %v", err)
	}
}

func TestDeliveryHeaders(t *testing.T) {
	body := []byte(`{}`)
	h := http.Header{
		"content-type":                           {"application/json; charset=utf-8"},
		"X-GitHub-Event":                         {"star"},
		"X-GitHub-Delivery":                      {"731b8328-d4dd-11ee-99f2-1d75829a10e7"},
		"x-github-hook-id":                       {"372880020"},
		"X-Github-Hook-Installation-Target-Id":   {"76765"},
		"X-Github-Hook-Installation-Target-Type": {"integration"},
		"X-Github-Enterprise-Host":               {"ghe.example.com"},
		"X-Github-Enterprise-Version":            {"3.17.2"},
		"X-Github-Tenant":                        {"octocorp"},
		"X-Hub-Signature-256":                    {sign(secret, body)},
	}
	e, err := newVerifier(t, secret).Parse(h, body)
	if err != nil {
		t.Fatal(err)
	}
	want := &webhook.Delivery{
		Event: "star", GUID: "731b8328-d4dd-11ee-99f2-1d75829a10e7", HookID: 372880020,
		InstallationTargetType: "integration", InstallationTargetID: 76765,
		EnterpriseHost: "ghe.example.com", EnterpriseVersion: "3.17.2", Tenant: "octocorp",
		Raw: []byte(`{}`),
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v", e)
	}
	h["x-github-hook-id"] = []string{"no number"}
	if e, err = newVerifier(t, secret).Parse(h, body); err != nil || e.Info().HookID != 0 {
		t.Errorf("got %+v, %v", e, err)
	}
}

// The event must not change when the caller reuses its buffer.
func TestParseCopiesTheBody(t *testing.T) {
	body := []byte(`{"action":"created","deployment":{"payload":{"a":1}}}`)
	h := headers("deployment", "1", body)
	e, err := newVerifier(t, secret).Parse(h, body)
	if err != nil {
		t.Fatal(err)
	}
	copy(body, bytes.Repeat([]byte("x"), len(body)))
	deployment := e.(*webhook.DeploymentEvent)
	if string(deployment.Delivery.Raw) != `{"action":"created","deployment":{"payload":{"a":1}}}` || string(deployment.Deployment.Payload) != `{"a":1}` {
		t.Errorf("got %s and %s", deployment.Delivery.Raw, deployment.Deployment.Payload)
	}
}

func TestParseRequest(t *testing.T) {
	body := []byte(`{"zen":"Keep it logically awesome."}`)
	r := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(body))
	r.Header = headers("ping", "1", body)
	e, err := newVerifier(t, secret).ParseRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	if ping, ok := e.(*webhook.PingEvent); !ok || ping.Zen != "Keep it logically awesome." {
		t.Errorf("got %+v", e)
	}

	// The body of a request without a signature is not read.
	r = httptest.NewRequest(http.MethodPost, "/webhook", iotest.ErrReader(errors.New("it was read")))
	r.Header.Set("Content-Type", "application/json")
	if _, err := newVerifier(t, secret).ParseRequest(r); !errors.Is(err, webhook.ErrNoSignature) {
		t.Errorf("got %v", err)
	}
	r = httptest.NewRequest(http.MethodPost, "/webhook", iotest.ErrReader(io.ErrUnexpectedEOF))
	r.Header = headers("ping", "1", nil)
	if _, err := newVerifier(t, secret).ParseRequest(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	r.Body = nil
	r.Header.Set("X-GitHub-Event", "star")
	if e, err := newVerifier(t, secret).ParseRequest(r); err != nil || len(e.Info().Raw) != 0 {
		t.Errorf("got %v, %v", e, err)
	}
}

// endless is a body without an end; it counts the bytes that are read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }

func TestBodyIsBounded(t *testing.T) {
	v := newVerifier(t, secret)
	whole := make([]byte, webhook.MaxBody)
	if _, err := v.Parse(headers("star", "1", whole), whole); err != nil {
		t.Errorf("a body of MaxBody: %v", err)
	}
	larger := make([]byte, webhook.MaxBody+1)
	if _, err := v.Parse(headers("star", "1", larger), larger); !errors.Is(err, webhook.ErrTooLarge) {
		t.Errorf("a body above MaxBody: %v", err)
	}

	source := new(endless)
	r := httptest.NewRequest(http.MethodPost, "/webhook", source)
	r.Header = headers("star", "1", nil)
	r.ContentLength = -1
	if _, err := v.ParseRequest(r); !errors.Is(err, webhook.ErrTooLarge) || source.read > webhook.MaxBody+1<<20 {
		t.Errorf("after %d bytes: %v", source.read, err)
	}

	source = new(endless)
	r = httptest.NewRequest(http.MethodPost, "/webhook", source)
	r.Header = headers("star", "1", nil)
	r.ContentLength = webhook.MaxBody + 1
	if _, err := v.ParseRequest(r); !errors.Is(err, webhook.ErrTooLarge) || source.read != 0 {
		t.Errorf("after %d bytes: %v", source.read, err)
	}
}

func TestRunID(t *testing.T) {
	tests := []struct {
		url  string
		want int64
		ok   bool
	}{
		{"https://api.github.com/repos/acme/shop/actions/runs/289782451/deployment_protection_rule", 289782451, true},
		{"https://ghe.example.com/api/v3/repos/acme/shop/actions/runs/45184125760/deployment_protection_rule", 45184125760, true},
		{"/actions/runs/1/deployment_protection_rule", 1, true},
		{"", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/runs/289782451", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/runs/x/deployment_protection_rule", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/runs/0/deployment_protection_rule", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/runs/-1/deployment_protection_rule", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/runs/99999999999999999999/deployment_protection_rule", 0, false},
		{"https://api.github.com/repos/acme/shop/actions/jobs/7/deployment_protection_rule", 0, false},
		{"deployment_protection_rule", 0, false},
		{"1/deployment_protection_rule", 0, false},
		{"/deployment_protection_rule", 0, false},
		{"://", 0, false},
		{"%zz", 0, false},
	}
	for _, tt := range tests {
		e := webhook.DeploymentProtectionRuleEvent{DeploymentCallbackURL: tt.url}
		if id, ok := e.RunID(); id != tt.want || ok != tt.ok {
			t.Errorf("%q: got %d, %v", tt.url, id, ok)
		}
	}
	e := parse(t, "deployment_protection_rule", []byte(`{"action":"requested"}`)).(*webhook.DeploymentProtectionRuleEvent)
	if id, ok := e.RunID(); id != 0 || ok {
		t.Errorf("without the URL: got %d, %v", id, ok)
	}
}

func TestOwnerRepo(t *testing.T) {
	tests := []struct{ repository, owner, repo string }{
		{`{"name":"shop","full_name":"acme/shop","owner":{"login":"acme"}}`, "acme", "shop"},
		{`{"name":"shop","full_name":"acme/shop","owner":null}`, "acme", "shop"},
		{`{"full_name":"acme/shop"}`, "acme", "shop"},
		{`{"name":"shop"}`, "", ""},
		{`null`, "", ""},
	}
	for _, tt := range tests {
		e := parse(t, "deployment", []byte(`{"repository":`+tt.repository+`}`)).(*webhook.DeploymentEvent)
		if owner, repo := e.OwnerRepo(); owner != tt.owner || repo != tt.repo {
			t.Errorf("%s: got %q, %q", tt.repository, owner, repo)
		}
	}
}

func TestEventValues(t *testing.T) {
	all := payloads(t, "testdata")
	rule := parse(t, "deployment_protection_rule", all["deployment_protection_rule.requested.json"]).(*webhook.DeploymentProtectionRuleEvent)
	if rule.Event != "pull_request" || rule.Delivery.Event != "deployment_protection_rule" || rule.Action != webhook.ActionRequested {
		t.Errorf("got %q, %q and %q", rule.Event, rule.Delivery.Event, rule.Action)
	}
	review := parse(t, "deployment_review", all["deployment_review.requested.json"]).(*webhook.DeploymentReviewEvent)
	if review.Requestor == nil || review.Requestor.Login != "octocat" {
		t.Errorf("the requestor is %+v", review.Requestor)
	}
	if len(review.Reviewers) != 3 || review.Reviewers[0].User.Login != "monalisa" ||
		review.Reviewers[1].Team.Slug != "ops" || review.Reviewers[1].Team.Parent.Slug != "staff" || review.Reviewers[2].User != nil {
		t.Errorf("the reviewers are %+v", review.Reviewers)
	}
	status := parse(t, "deployment_status", all["deployment_status.workflow.json"]).(*webhook.DeploymentStatusEvent)
	if status.DeploymentStatus.State != ghdeploy.StateWaiting || status.DeploymentStatus.ID != 12690168079 {
		t.Errorf("got %+v", status.DeploymentStatus)
	}
	deployment := parse(t, "deployment", all["deployment.api.json"]).(*webhook.DeploymentEvent)
	var payload struct{ Version string }
	if err := deployment.Deployment.Payload.Decode(&payload); err != nil || payload.Version != "1.4.0" {
		t.Errorf("got %+v, %v", payload, err)
	}
}
