package webhook

import "testing"

func TestEnvironmentKey(t *testing.T) {
	const shop = `"repository":{"id":7,"full_name":"acme/shop"}`
	tests := []struct{ event, payload, want string }{
		{"deployment", `{"deployment":{"environment":"Production"},` + shop + `}`, "7\x00production"},
		{"deployment_status", `{"deployment":{"environment":"production"},"deployment_status":{"environment":"other"},` + shop + `}`, "7\x00production"},
		{"deployment_status", `{"deployment_status":{"environment":"production"},` + shop + `}`, "7\x00production"},
		{"deployment_review", `{"environment":"production",` + shop + `}`, "7\x00production"},
		{"deployment_review", `{"workflow_job_run":{"environment":"production"},` + shop + `}`, "7\x00production"},
		{"deployment_review", `{"workflow_job_runs":[{"environment":"production"}],` + shop + `}`, "7\x00production"},
		{"deployment_review", `{"workflow_job_runs":[],` + shop + `}`, "7\x00"},
		{"deployment_protection_rule", `{"environment":"production",` + shop + `}`, "7\x00production"},
		{"deployment_protection_rule", `{"deployment":{"environment":"production"},` + shop + `}`, "7\x00production"},
		{"deployment", `{"deployment":{"environment":"qa"},"repository":{"full_name":"Acme/Shop"}}`, "acme/shop\x00qa"},
		{"deployment", `{"deployment":{"environment":"qa"},"repository":{"name":"Shop","owner":{"login":"Acme"}}}`, "acme/shop\x00qa"},
		{"deployment", `{"deployment":{"environment":"qa"},"repository":{"name":"shop"}}`, "\x00qa"},
		{"deployment", `{"deployment":{"environment":"qa"}}`, "\x00qa"},
		{"deployment", `{}`, ""},
		{"deployment_status", `{}`, ""},
		{"deployment_review", `{}`, ""},
		{"deployment_protection_rule", `{}`, ""},
		{"ping", `{` + shop + `}`, ""},
		{"star", `{` + shop + `}`, ""},
	}
	for _, tt := range tests {
		event, err := Parse(tt.event, []byte(tt.payload))
		if err != nil {
			t.Fatal(err)
		}
		if got := environmentKey(event); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.event, tt.payload, got, tt.want)
		}
	}
}
