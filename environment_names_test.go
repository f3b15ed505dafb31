package ghdeploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// inEnvironment are all operations whose path holds an environment's name, and
// what stands behind it.
var inEnvironment = []struct {
	request string // method and the rest of the path
	call    func(ctx context.Context, c *ghdeploy.Client, name string) error
}{
	{"GET", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.Environments.Get(ctx, "o", "r", name)
		return err
	}},
	{"GET PUT", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.Environments.CreateOrUpdate(ctx, "o", "r", name, ghdeploy.EnvironmentRequest{})
		return err
	}},
	{"PUT", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.Environments.Replace(ctx, "o", "r", name, ghdeploy.EnvironmentRequest{})
		return err
	}},
	{"DELETE", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		return c.Environments.Delete(ctx, "o", "r", name)
	}},
	{"GET/deployment-branch-policies", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.BranchPolicies.List(ctx, "o", "r", name, ghdeploy.BranchPolicyListOptions{})
		return err
	}},
	{"GET/deployment-branch-policies", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		for _, err := range c.BranchPolicies.All(ctx, "o", "r", name, ghdeploy.BranchPolicyListOptions{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
	{"GET/deployment-branch-policies/7", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.BranchPolicies.Get(ctx, "o", "r", name, 7)
		return err
	}},
	{"POST/deployment-branch-policies", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.BranchPolicies.Create(ctx, "o", "r", name, ghdeploy.BranchPolicyRequest{Name: "main"})
		return err
	}},
	{"PUT/deployment-branch-policies/7", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.BranchPolicies.Update(ctx, "o", "r", name, 7, ghdeploy.UpdateBranchPolicyRequest{Name: "main"})
		return err
	}},
	{"DELETE/deployment-branch-policies/7", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		return c.BranchPolicies.Delete(ctx, "o", "r", name, 7)
	}},
	{"GET/deployment_protection_rules", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.ProtectionRules.List(ctx, "o", "r", name, ghdeploy.CustomProtectionRuleListOptions{})
		return err
	}},
	{"GET/deployment_protection_rules/7", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.ProtectionRules.Get(ctx, "o", "r", name, 7)
		return err
	}},
	{"POST/deployment_protection_rules", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.ProtectionRules.Enable(ctx, "o", "r", name, ghdeploy.CustomProtectionRuleRequest{IntegrationID: 7})
		return err
	}},
	{"DELETE/deployment_protection_rules/7", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		return c.ProtectionRules.Disable(ctx, "o", "r", name, 7)
	}},
	{"GET/deployment_protection_rules/apps", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		_, err := c.ProtectionRules.ListApps(ctx, "o", "r", name, ghdeploy.CustomProtectionRuleAppListOptions{})
		return err
	}},
	{"GET/deployment_protection_rules/apps", func(ctx context.Context, c *ghdeploy.Client, name string) error {
		for _, err := range c.ProtectionRules.AllApps(ctx, "o", "r", name, ghdeploy.CustomProtectionRuleAppListOptions{}) {
			if err != nil {
				return err
			}
		}
		return nil
	}},
}

// everything is an answer to any of them.
const everything = `{"id": 1, "environments": [], "branch_policies": [], "custom_deployment_protection_rules": [],
	"available_custom_deployment_protection_rule_integrations": []}`

// pathServer notes how each request's path looked on the wire.
type pathServer struct {
	mu    sync.Mutex
	lines []string
}

func (s *pathServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, _, _ := strings.Cut(r.RequestURI, "?")
	s.mu.Lock()
	s.lines = append(s.lines, r.Method+" "+target)
	s.mu.Unlock()
	_, _ = io.WriteString(w, everything)
}

func (s *pathServer) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.lines = nil
	return lines
}

// holdName calls every operation with a name and reads the name out of the
// path as a server does.
func holdName(t *testing.T, server *pathServer, client *ghdeploy.Client, name string) {
	t.Helper()
	for _, op := range inEnvironment {
		if err := op.call(t.Context(), client, name); err != nil {
			t.Fatalf("%s of %q: %v", op.request, name, err)
		}
		methods, rest, _ := strings.Cut(op.request, "/")
		want := strings.Fields(methods)
		lines := server.take()
		if len(lines) != len(want) {
			t.Fatalf("%s of %q sent %v", op.request, name, lines)
		}
		for i, line := range lines {
			element, ok := strings.CutPrefix(line, want[i]+" /prefix/api/v3/repos/o/r/environments/")
			if !ok {
				t.Fatalf("%s of %q sent %s", op.request, name, line)
			}
			element, behind, _ := strings.Cut(element, "/")
			have, err := url.PathUnescape(element)
			if err != nil || have != name || behind != rest {
				t.Errorf("%s of %q reached %q, %q (%v): %s", op.request, name, have, behind, err, line)
			}
		}
	}
}

func newPathServer(t testing.TB) (*pathServer, *ghdeploy.Client) {
	t.Helper()
	server := new(pathServer)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(listener.URL + "/prefix/api/v3/"))
	if err != nil {
		t.Fatal(err)
	}
	return server, client
}

var awkwardNames = []string{
	"production", "Production", "prod/eu", "/", "//", "a/", "/a", "what?", "a?b=c", "#1", "100%", "%2F", "%", "%zz", "a+b", "a b", " ", "+",
	"a..b", "../x", "x/..", "..x", "...", "./", "a/../b", "a;b=c", "a&b", "a=b", "a:b", "@", "$(x)", `a\b`, `"quoted"`, "<b>", "überall",
	"本番", "🚀", "é", "\x00", "a\nb", "a\tb", "\xff", "apps", "deployment-branch-policies", strings.Repeat("x", 255),
}

func TestEveryOperationReachesExactlyThatEnvironment(t *testing.T) {
	server, client := newPathServer(t)
	for _, name := range awkwardNames {
		holdName(t, server, client, name)
	}
}

func TestNamesThatNoPathCanHoldAreRefused(t *testing.T) {
	for _, name := range []string{"", ".", ".."} {
		for _, op := range inEnvironment {
			if err := op.call(t.Context(), noRequest(t), name); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				t.Errorf("%s of %q: %v, want ErrInvalidArgument", op.request, name, err)
			}
		}
	}
}

func FuzzEnvironmentName(f *testing.F) {
	for _, name := range awkwardNames {
		f.Add(name)
	}
	server, client := newPathServer(f)
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || name == "." || name == ".." || len(name) > 4096 {
			return
		}
		holdName(t, server, client, name)
		if servable([]string{name}) != nil {
			holdRoundTrip(t, name)
		}
	})
}

func FuzzProtectionRule(f *testing.F) {
	for _, seed := range []string{
		`{"id": 1, "node_id": "GA_1", "type": "wait_timer", "wait_timer": 30}`,
		`{"id": 2, "type": "required_reviewers", "prevent_self_review": true, "reviewers": [{"type": "User", "reviewer": {"id": 1}}, {"type": "Team", "reviewer": {"id": 2}}]}`,
		`{"id": 3, "type": "branch_policy"}`, `{"type": "quorum", "id": "x", "reviewers": 1}`, `{"type": 7}`, `{}`, `null`, `[]`, `"x"`, `{"type":"wait_timer","type":"quorum"}`,
		`{"type": "required_reviewers", "reviewers": [{"type": "Robot", "reviewer": [1]}, {"reviewer": null}]}`, "{\"type\": \"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var rule ghdeploy.ProtectionRule
		err := json.Unmarshal(data, &rule)
		trimmed := strings.TrimSpace(string(data))
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil || object == nil {
			if err == nil {
				t.Errorf("%q is no object, and decodes", data)
			}
			return
		}
		var kind ghdeploy.ProtectionRuleType
		_ = json.Unmarshal(object["type"], &kind)
		switch kind {
		case ghdeploy.RuleWaitTimer, ghdeploy.RuleRequiredReviewers, ghdeploy.RuleBranchPolicy:
			if err != nil {
				return // a known rule of a wrong shape
			}
		}
		if err != nil {
			t.Fatalf("an unknown rule %q: %v", data, err)
		}
		if string(rule.Raw) != trimmed {
			t.Errorf("kept %q of %q", rule.Raw, trimmed)
		}
		// It must not matter to an environment either, nor to a partial update.
		update := &oneAnswer{get: `{"id": 1, "protection_rules": [` + trimmed + `]}`}
		_, err = clientOn(t, update).Environments.CreateOrUpdate(t.Context(), "o", "r", "qa", ghdeploy.EnvironmentRequest{WaitTimer: new(1), RemoveReviewers: true, AllBranches: true})
		if err != nil && update.put != "" {
			t.Errorf("%q: %v after the PUT", data, err)
		}
		if update.put != "" && !strings.HasPrefix(update.put, `{"wait_timer":1,`) {
			t.Errorf("%q: PUT %s", data, update.put)
		}
	})
}

// oneAnswer answers GET with one thing, and keeps what PUT was sent.
type oneAnswer struct{ get, put string }

func (a *oneAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	body := a.get
	if r.Method == http.MethodPut {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		a.put, body = string(sent), `{"id": 1}`
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
