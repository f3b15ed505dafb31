package ghdeploytest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The server responds to any request with JSON, or without a body if the status
// allows none.
func FuzzServer(f *testing.F) {
	f.Add("POST", deployments, "", `{"ref":"main","payload":{"a":1}}`)
	f.Add("POST", first+"/statuses", "", `{"state":"success","environment":"eu"}`)
	f.Add("GET", "/api/v3/repositories/5000000001/deployments", "per_page=3&page=99999999999999999999&environment=%zz", "")
	f.Add("DELETE", first, "", "null")
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		srv := ghdeploytest.NewServer()
		defer srv.Close()
		must(t, srv, http.StatusCreated, http.MethodPost, deployments, `{"ref":"main"}`)
		r := newRequest(t, http.MethodPost, ghdeploytest.BaseURL, body)
		r.Method = method
		r.URL = &url.URL{Scheme: "https", Host: "api.github.test", Path: path, RawQuery: query}
		got, err := receive(srv.Transport().RoundTrip(r))
		if err != nil {
			t.Fatal(err)
		}
		empty := got.status == http.StatusNoContent || got.status == http.StatusNotModified || method == http.MethodHead
		if got.status < 200 || got.status > 499 || empty != (got.body == "") || !empty && !json.Valid([]byte(got.body)) {
			t.Errorf("%s %s?%s %q: %d %q", method, path, query, body, got.status, got.body)
		}
	})
}
