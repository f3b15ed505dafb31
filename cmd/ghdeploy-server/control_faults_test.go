package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Each effect has the documented result at the client.
func TestControlFaults(t *testing.T) {
	const path = "/repos/octocat/example/deployments"
	p := launch(t, "-control", "127.0.0.1:0")
	for _, tt := range []struct {
		effect string
		status int // 0: the connection ends
		header string
		body   string // a substring
		made   int    // deployments; -1: any number
	}{
		{`{"type": "respond", "status": 503, "body": "{\"message\":\"busy\"}", "headers": {"Retry-After": "7"}}`, 503, "Retry-After: 7", "busy", 0},
		{`{"type": "redirect", "status": 307, "location": "https://elsewhere.test/x"}`, 307, "Location: https://elsewhere.test/x", "Moved", 0},
		{`{"type": "refuse_connection"}`, 0, "", "", 0},
		{`{"type": "drop_before"}`, 0, "", "", 0},
		{`{"type": "drop_after"}`, 0, "", "", 1},
		{`{"type": "drop_mid_response"}`, 0, "", "", 1},
		{`{"type": "execute_later", "delay": "1ns"}`, 0, "", "", -1},
		{`{"type": "slow_response", "delay": "1ms"}`, 201, "", "node_id", 1},
		{`{"type": "truncate_body", "bytes": 5}`, 201, "Content-Length: 5", `{"url`, 1},
		{`{"type": "empty_body"}`, 201, "Content-Length: 0", "", 1},
		{`{"type": "html_body"}`, 201, "", "Unicorn", 1},
	} {
		p.must(t, 204, "POST", "/reset", "")
		p.must(t, 201, "POST", "/faults", `{"operation": "POST /repos/{owner}/{repo}/deployments", "latency": "1ms", "effect": `+tt.effect+`}`)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(`{"ref":"main"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer any")
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		switch {
		case tt.status == 0 && err == nil, tt.status != 0 && err != nil:
			t.Errorf("%s: %v", tt.effect, err)
		case err == nil:
			name, value, _ := strings.Cut(tt.header, ": ")
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.body) || name != "" && resp.Header.Get(name) != value {
				t.Errorf("%s: %d %v %s", tt.effect, resp.StatusCode, resp.Header, body)
			}
		}
		if made := strings.Count(p.must(t, 200, "GET", "/repositories/octocat/example/deployments", ""), `"sha"`); tt.made >= 0 && made != tt.made {
			t.Errorf("%s: %d deployments, want %d", tt.effect, made, tt.made)
		}
	}

	p.must(t, 204, "POST", "/reset", "")
	for _, effect := range []string{"endless_link", "looping_link"} {
		p.must(t, 201, "POST", "/faults", `{"operation": "GET /repos/{owner}/{repo}/deployments", "effect": {"type": "`+effect+`"}}`)
		if got, body := p.send(t, "GET", path, "any", ""); got != 200 {
			t.Errorf("%s: %d %s", effect, got, body)
		}
	}

	// A request must match every field of match.
	p.must(t, 204, "DELETE", "/faults", "")
	p.must(t, 201, "POST", "/faults", `{"operation": "*", "times": -1, "effect": {"type": "respond", "status": 502},
		"match": {"path": "/deployments", "query": {"environment": "qa"}, "headers": {"Authorization": "Bearer [redacted]"}, "body": ""}}`)
	for query, want := range map[string]int{"": 200, "?environment=qa": 502, "?environment=production": 200} {
		if got, _ := p.send(t, "GET", path+query, "any", ""); got != want {
			t.Errorf("%q: %d, want %d", query, got, want)
		}
	}
	if got, _ := p.send(t, "GET", "/repos/octocat/example?environment=qa", "any", ""); got != 200 {
		t.Errorf("another path: %d", got)
	}
}

func TestControlFaultsAreBounded(t *testing.T) {
	p := launch(t, "-control", "127.0.0.1:0")
	for range maxFaults {
		p.must(t, 201, "POST", "/faults", `{"operation": "*", "latency": "1ms", "nth": 100000}`)
	}
	p.must(t, 422, "POST", "/faults", `{"operation": "*", "latency": "1ms"}`)
	p.must(t, 204, "DELETE", "/faults", "")
	p.must(t, 201, "POST", "/faults", `{"operation": "*", "latency": "1ms"}`)
}
