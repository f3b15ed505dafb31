package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// controlled is a server with a control API.
type controlled struct {
	*running
	control string
}

func launch(t *testing.T, args ...string) *controlled {
	t.Helper()
	p := start(t, args...)
	second, err := p.out.ReadString('\n')
	control, ok := strings.CutPrefix(strings.TrimSpace(second), "control ")
	if err != nil || !ok {
		t.Fatalf("the second line is %q, %v: %s", second, err, &p.errors)
	}
	return &controlled{p, control}
}

// do sends a request to the control API.
func (p *controlled) do(t *testing.T, method, path, body string, header ...string) (status int, responseBody string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.control+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusNoContent != (len(text) == 0) || len(text) > 0 && !json.Valid(text) {
		t.Errorf("%s %s: %d with the body %q", method, path, resp.StatusCode, text)
	}
	return resp.StatusCode, string(text)
}

// must sends a request to the control API and checks the status.
func (p *controlled) must(t *testing.T, want int, method, path, body string) string {
	t.Helper()
	status, got := p.do(t, method, path, body)
	if status != want {
		t.Fatalf("%s %s %s: %d, want %d: %s", method, path, body, status, want, got)
	}
	return got
}

func TestControlRefusals(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0", "-seed", write(t, `{
		"repositories": [{"full_name": "octocat/example"}, {"full_name": "octocat/other"}],
		"tokens": [{"value": "secret-token"}]}`))
	const repo = "/repositories/octocat/example"
	fault := func(rest string) string { return `{"operation": "*", ` + rest + `}` }
	for _, tt := range []struct {
		method, path, body string
		status             int
		kind, field        string
	}{
		{"GET", "/none", "", 404, "not_found", ""},
		{"GET", "/reset", "", 405, "method_not_allowed", ""},
		{"POST", "/requests", "", 405, "method_not_allowed", ""},
		{"GET", "/requests?limit=1", "", 422, "unknown_parameter", ""},
		{"POST", "/reset", "{}", 400, "unexpected_body", ""},
		{"DELETE", "/faults", "x", 400, "unexpected_body", ""},

		{"POST", "/faults", "", 400, "invalid_json", ""},
		{"POST", "/faults", "{", 400, "invalid_json", ""},
		{"POST", "/faults", "{}{}", 400, "invalid_json", ""},
		{"POST", "/faults", "\xff", 400, "invalid_json", ""},
		{"POST", "/faults", "null", 422, "wrong_type", ""},
		{"POST", "/faults", "[]", 422, "wrong_type", ""},
		{"POST", "/faults", `"x"`, 422, "wrong_type", ""},
		{"POST", "/faults", strings.Repeat("[", 100_000), 422, "wrong_type", ""},
		{"POST", "/faults", `{"operation": "*", "x": 1}`, 422, "unknown_field", "x"},
		{"POST", "/faults", `{"Operation": "*"}`, 422, "unknown_field", "Operation"},
		{"POST", "/faults", `{"operation": "*", "operation": "*"}`, 422, "duplicate_field", "operation"},
		{"POST", "/faults", `{"operation": ` + strings.Repeat(" ", 1<<20) + `"*"}`, 413, "body_too_large", ""},
		{"POST", "/faults", "{}", 422, "missing_field", "operation"},
		{"POST", "/faults", `{"operation": null, "latency": "1s"}`, 422, "missing_field", "operation"},
		{"POST", "/faults", `{"operation": "*"}`, 422, "missing_field", "effect"},
		{"POST", "/faults", `{"operation": "POST /x", "latency": "1s"}`, 422, "invalid_value", "operation"},
		{"POST", "/faults", `{"operation": "DELETE /repos/{owner}/{repo}/deployments/{deployment_id}", "effect": {"type": "endless_link"}}`, 422, "invalid_value", "operation"},
		{"POST", "/faults", fault(`"latency": 5`), 422, "wrong_type", "latency"},
		{"POST", "/faults", fault(`"latency": "5"`), 422, "invalid_value", "latency"},
		{"POST", "/faults", fault(`"latency": "-1s"`), 422, "invalid_value", "latency"},
		{"POST", "/faults", fault(`"latency": "2h"`), 422, "invalid_value", "latency"},
		{"POST", "/faults", fault(`"latency": "1s", "repository": "o/r"`), 422, "invalid_value", "repository"},
		{"POST", "/faults", fault(`"latency": "1s", "nth": -1`), 422, "invalid_value", "nth"},
		{"POST", "/faults", fault(`"latency": "1s", "nth": 1.5`), 422, "wrong_type", "nth"},
		{"POST", "/faults", fault(`"latency": "1s", "nth": 1e99`), 422, "wrong_type", "nth"},
		{"POST", "/faults", fault(`"latency": "1s", "times": -2`), 422, "invalid_value", "times"},
		{"POST", "/faults", fault(`"latency": "1s", "probability": 1.1`), 422, "invalid_value", "probability"},
		{"POST", "/faults", fault(`"latency": "1s", "seed": -1`), 422, "wrong_type", "seed"},
		{"POST", "/faults", fault(`"latency": "1s", "match": "x"`), 422, "wrong_type", "match"},
		{"POST", "/faults", fault(`"latency": "1s", "match": {"method": "GET"}`), 422, "unknown_field", "match.method"},
		{"POST", "/faults", fault(`"latency": "1s", "match": {"query": {"a": 1}}`), 422, "wrong_type", "match.query.a"},
		{"POST", "/faults", fault(`"effect": "drop_after"`), 422, "wrong_type", "effect"},
		{"POST", "/faults", fault(`"effect": {}`), 422, "missing_field", "effect"},
		{"POST", "/faults", fault(`"effect": {"status": 502}`), 422, "missing_field", "effect.type"},
		{"POST", "/faults", fault(`"effect": {"type": "explode"}`), 422, "invalid_value", "effect.type"},
		{"POST", "/faults", fault(`"effect": {"type": "respond"}`), 422, "invalid_value", "effect.status"},
		{"POST", "/faults", fault(`"effect": {"type": "respond", "status": 99}`), 422, "invalid_value", "effect.status"},
		{"POST", "/faults", fault(`"effect": {"type": "respond", "status": 502, "delay": "1s"}`), 422, "invalid_value", "effect.delay"},
		{"POST", "/faults", fault(`"effect": {"type": "respond", "status": 502, "headers": {"a b": "c"}}`), 422, "invalid_value", "effect.headers"},
		{"POST", "/faults", fault(`"effect": {"type": "respond", "status": 502, "headers": {"A": "b\r\nC: d"}}`), 422, "invalid_value", "effect.headers"},
		{"POST", "/faults", fault(`"effect": {"type": "redirect", "status": 307}`), 422, "missing_field", "effect.location"},
		{"POST", "/faults", fault(`"effect": {"type": "redirect", "status": 200, "location": "/x"}`), 422, "invalid_value", "effect.status"},
		{"POST", "/faults", fault(`"effect": {"type": "redirect", "status": 307, "location": "/x\r\nA: b"}`), 422, "invalid_value", "effect.location"},
		{"POST", "/faults", fault(`"effect": {"type": "slow_response"}`), 422, "missing_field", "effect.delay"},
		{"POST", "/faults", fault(`"effect": {"type": "execute_later", "delay": "x"}`), 422, "invalid_value", "effect.delay"},
		{"POST", "/faults", fault(`"effect": {"type": "truncate_body", "bytes": -1}`), 422, "invalid_value", "effect.bytes"},
		{"POST", "/faults", fault(`"effect": {"type": "drop_after", "status": 502}`), 422, "invalid_value", "effect.status"},

		{"PUT", "/quota", "{}", 422, "missing_field", "remaining"},
		{"PUT", "/quota", `{"remaining": -1}`, 422, "invalid_value", "remaining"},
		{"PUT", "/quota", `{"token": "secret-token", "remaining": 5001}`, 422, "invalid_value", "remaining"},
		{"PUT", "/quota", `{"token": "unknown-token", "remaining": 1}`, 422, "invalid_value", "token"},
		{"PUT", "/quota", `{"remaining": "1"}`, 422, "wrong_type", "remaining"},
		{"POST", "/clock", "{}", 422, "missing_field", "advance"},
		{"POST", "/clock", `{"advance": "soon"}`, 422, "invalid_value", "advance"},
		{"POST", "/clock", `{"advance": "0s"}`, 422, "invalid_value", "advance"},
		{"POST", "/clock", `{"advance": "-1h"}`, 422, "invalid_value", "advance"},
		{"POST", "/clock", `{"advance": "1000000h"}`, 422, "invalid_value", "advance"},
		{"POST", "/clock", `{"advance": "9999999999h"}`, 422, "invalid_value", "advance"},

		{"GET", "/repositories/octocat/none/deployments", "", 404, "not_found", ""},
		{"POST", "/repositories/octocat/none/rename", `{"full_name": "o/r"}`, 404, "not_found", ""},
		{"POST", repo + "/rename", "{}", 422, "missing_field", "full_name"},
		{"POST", repo + "/rename", `{"full_name": "nope"}`, 422, "invalid_value", "full_name"},
		{"POST", repo + "/rename", `{"full_name": "octocat/other"}`, 422, "invalid_value", "full_name"},
		{"POST", repo + "/commit-statuses", `{"context": "a", "state": "success"}`, 422, "missing_field", "ref"},
		{"POST", repo + "/commit-statuses", `{"ref": "main", "state": "success"}`, 422, "missing_field", "context"},
		{"POST", repo + "/commit-statuses", `{"ref": "main", "context": "a"}`, 422, "missing_field", "state"},
		{"POST", repo + "/commit-statuses", `{"ref": "none", "context": "a", "state": "success"}`, 422, "invalid_value", "ref"},
		{"POST", repo + "/commit-statuses", `{"ref": "main", "context": "a", "state": "good"}`, 422, "invalid_value", "state"},
		{"POST", repo + "/runs", "{}", 422, "missing_field", "environments"},
		{"POST", repo + "/runs", `{"environments": "qa"}`, 422, "wrong_type", "environments"},
		{"POST", repo + "/runs", `{"environments": [1]}`, 422, "wrong_type", "environments[0]"},
		{"POST", repo + "/runs", `{"environments": ["qa", "QA"]}`, 422, "invalid_value", ""},
		{"POST", repo + "/runs", `{"environments": ["qa"], "ref": "none"}`, 422, "invalid_value", ""},
		{"POST", repo + "/runs", `{"environments": ["qa"], "id": "1"}`, 422, "wrong_type", "id"},
		{"POST", repo + "/runs/7/step", "{}", 404, "not_found", ""},
		{"POST", repo + "/runs/x/step", "{}", 404, "not_found", ""},
		{"POST", repo + "/runs/99999999999999999999/step", "{}", 404, "not_found", ""},
	} {
		status, body := p.do(t, tt.method, tt.path, tt.body)
		var got struct {
			Error struct {
				Type, Field, Message string
				Line                 int
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != tt.status || got.Error.Type != tt.kind || got.Error.Field != tt.field || got.Error.Message == "" {
			t.Errorf("%s %s %.120s: %d %s\nwant %d %s %q", tt.method, tt.path, tt.body, status, body, tt.status, tt.kind, tt.field)
		}
		if strings.Contains(body, "token\"") && strings.Contains(body, "secret-token") || strings.Contains(body, "unknown-token") {
			t.Errorf("the response contains a token: %s", body)
		}
		if strings.Contains(body, "ghdeploytest:") || len(body) > 20_000 {
			t.Errorf("%s %s: %.300s", tt.method, tt.path, body)
		}
	}
	// A rejected request changes nothing.
	if diff := cmp.Diff("{\n  \"faults\": []\n}\n", p.must(t, 200, "GET", "/faults", "")); diff != "" {
		t.Error(diff)
	}
	if got := p.must(t, 200, "GET", "/repositories", ""); !strings.Contains(got, "octocat/example") {
		t.Error(got)
	}
	if got := p.must(t, 200, "GET", "/clock", ""); !strings.Contains(got, `"ahead": "0s"`) {
		t.Error(got)
	}
}

// A web page can send requests to this machine, but cannot set these headers.
func TestControlRefusesWebPages(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0")
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"curl", nil, 204},
		{"another origin", []string{"Origin", "https://evil.test"}, 403},
		{"a file", []string{"Origin", "null"}, 403},
		{"a form", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"a host name that resolves to this machine", []string{"Host", "evil.test"}, 403},
		{"the same with a port", []string{"Host", "evil.test:8081"}, 403},
		{"localhost", []string{"Host", "localhost:8081"}, 204},
		{"IPv6", []string{"Host", "[::1]:8081"}, 204},
	} {
		if status, body := p.do(t, "POST", "/reset", "", tt.header...); status != tt.want {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
	if status, body := p.do(t, "GET", "/requests", "", "Origin", "https://evil.test"); status != 403 {
		t.Errorf("a GET from another origin: %d %s", status, body)
	}
	public := launch(t, "-control", "127.0.0.1:0", "-public")
	if status, body := public.do(t, "POST", "/reset", "", "Host", "ci.internal:8081"); status != 204 {
		t.Errorf("-public: %d %s", status, body)
	}
	if status, _ := public.do(t, "POST", "/reset", "", "Origin", "https://evil.test"); status != 403 {
		t.Errorf("-public, a web page: %d", status)
	}
}

func TestControlReset(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0", "-seed", write(t, `{"repositories": [{"full_name": "octocat/example", "runs": [{"environments": ["gated"]}],
		"environments": [{"name": "gated", "wait_timer": 60}]}]}`))
	const path = "/repositories/octocat/example/deployments"
	before := p.must(t, 200, "GET", path, "")
	if !strings.Contains(before, `"state": "waiting"`) {
		t.Fatal(before)
	}
	p.must(t, 200, "POST", "/clock", `{"advance": "61m"}`)
	if got := p.must(t, 200, "GET", path, ""); !strings.Contains(got, `"state": "in_progress"`) {
		t.Errorf("after the wait timer: %s", got)
	}
	p.send(t, "POST", "/repos/octocat/example/deployments", "any", `{"ref":"main"}`)
	p.must(t, 201, "POST", "/faults", `{"operation": "*", "times": -1, "effect": {"type": "respond", "status": 502}}`)
	p.must(t, 204, "PUT", "/quota", `{"token": "any", "remaining": 0}`)
	p.must(t, 204, "POST", "/repositories/octocat/example/rename", `{"full_name": "octocat/renamed"}`)
	p.must(t, 404, "GET", path, "")

	p.must(t, 204, "POST", "/reset", "")
	if got := p.must(t, 200, "GET", path, ""); !strings.Contains(got, `"state": "waiting"`) || strings.Count(got, `"sha"`) != 1 || !strings.Contains(got, "6000000001") {
		t.Errorf("after the reset: %s", got)
	}
	if got := p.must(t, 200, "GET", "/requests", ""); got != "{\n  \"requests\": []\n}\n" {
		t.Errorf("requests after the reset: %s", got)
	}
	if got := p.must(t, 200, "GET", "/clock", ""); !strings.Contains(got, `"ahead": "0s"`) {
		t.Errorf("clock after the reset: %s", got)
	}
	if status, body := p.send(t, "GET", "/repos/octocat/example/deployments", "any", ""); status != 200 {
		t.Errorf("after the reset: %d %s", status, body)
	}
}

// Many clients send control requests, API requests and resets at the same time.
// Only a reset may end a request without a response.
func TestControlConcurrently(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0", "-keep", "10")
	requests := []struct{ method, path, body string }{
		{"POST", "/faults", `{"operation": "*", "latency": "1ms"}`}, {"GET", "/faults", ""}, {"DELETE", "/faults", ""},
		{"GET", "/requests", ""}, {"GET", "/deliveries", ""}, {"PUT", "/quota", `{"token": "any", "remaining": 5000}`},
		{"POST", "/clock", `{"advance": "1s"}`}, {"POST", "/repositories/octocat/example/runs", `{"environments": ["qa"]}`},
		{"GET", "/repositories/octocat/example/deployments", ""}, {"POST", "/reset", ""},
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for n := range 40 {
				c := requests[(worker+n)%len(requests)]
				if status, body := p.do(t, c.method, c.path, c.body); status >= 400 {
					t.Errorf("%s %s: %d %s", c.method, c.path, status, body)
				}
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/repos/octocat/example/deployments", bytes.NewReader([]byte(`{"ref":"main"}`)))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer any")
				if resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r); err == nil {
					resp.Body.Close()
					if resp.StatusCode != http.StatusCreated {
						t.Errorf("%d", resp.StatusCode)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := strings.Count(p.must(t, 200, "GET", "/requests", ""), `"method"`); n > 10 {
		t.Errorf("%d requests are kept, want at most 10", n)
	}
}

func TestControlReads(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0", "-webhook", "http://127.0.0.1:1/nobody")
	p.send(t, "POST", "/repos/octocat/example/deployments?a=b", "any", `{"ref":"main","payload":{"n":12345678901234567890}}`)
	var requests struct {
		Requests []struct {
			Method, Path, Body, Operation string
			OperationID                   string `json:"operation_id"`
			Query, Headers                map[string][]string
			Status                        int
		}
	}
	if err := json.Unmarshal([]byte(p.must(t, 200, "GET", "/requests", "")), &requests); err != nil {
		t.Fatal(err)
	}
	if len(requests.Requests) != 1 {
		t.Fatalf("%+v", requests)
	}
	r := requests.Requests[0]
	got := fmt.Sprint(r.Method, r.Path, r.Body, r.Operation, r.OperationID, r.Query, r.Headers["Authorization"], r.Status)
	const want = `POST/repos/octocat/example/deployments{"ref":"main","payload":{"n":12345678901234567890}}` +
		`POST /repos/{owner}/{repo}/deploymentsrepos/create-deploymentmap[a:[b]] [Bearer [redacted]] 201`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := p.must(t, 200, "GET", "/repositories/octocat/example/deployments", ""); !strings.Contains(got, "12345678901234567890") || !strings.Contains(got, `"creator": "octocat"`) {
		t.Error(got)
	}
	var deliveries struct {
		Deliveries []struct {
			Event   string
			Payload map[string]any
			Headers map[string][]string
		}
	}
	if err := json.Unmarshal([]byte(p.must(t, 200, "GET", "/deliveries", "")), &deliveries); err != nil {
		t.Fatal(err)
	}
	if d := deliveries.Deliveries; len(d) != 2 || d[0].Event != "ping" || d[1].Event != "deployment" || d[1].Payload["action"] != "created" ||
		d[1].Headers["X-Github-Event"][0] != "deployment" {
		t.Errorf("%+v", d)
	}
	if index := p.must(t, 200, "GET", "/", ""); !strings.Contains(index, "POST /faults") || !strings.Contains(index, "GET /clock") {
		t.Error(index)
	}
}

// Advancing the clock starts the waiting jobs at once, not with the next
// request.
func TestControlClockSendsEvents(t *testing.T) {
	events := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var event struct {
			Status struct{ State string } `json:"deployment_status"`
		}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Error(err)
		}
		events <- r.Header.Get("X-GitHub-Event") + " " + event.Status.State
	}))
	defer receiver.Close()
	p := launch(t, "-control", "127.0.0.1:0", "-webhook", receiver.URL, "-seed", write(t, `{"repositories": [{"full_name": "octocat/example",
		"environments": [{"name": "gated", "wait_timer": 60}], "runs": [{"environments": ["gated"]}]}]}`))
	p.must(t, 200, "POST", "/clock", `{"advance": "59m"}`)
	p.must(t, 200, "POST", "/clock", `{"advance": "1m"}`)
	// The program is another process, so this timeout uses the real clock.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, want := range []string{"ping ", "deployment ", "deployment_status waiting", "deployment_status in_progress"} {
		select {
		case got := <-events:
			if got != want {
				t.Errorf("received %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("no %q", want)
		}
	}
}
