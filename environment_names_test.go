package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// inEnvironment lists all operations whose path contains an environment's name.
var inEnvironment = []struct {
	request string // methods and the path after the name
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

// everything is a valid response to all of them.
const everything = `{"id": 1, "environments": [], "branch_policies": [], "custom_deployment_protection_rules": [],
	"available_custom_deployment_protection_rule_integrations": []}`

// pathServer records the path of each request as it is on the wire.
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

// checkName calls every operation with a name and decodes the name from the
// path, as a server does.
func checkName(t *testing.T, server *pathServer, client *ghdeploy.Client, name string) {
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
			element, after, _ := strings.Cut(element, "/")
			have, err := url.PathUnescape(element)
			if err != nil || have != name || after != rest {
				t.Errorf("%s of %q reached %q, %q (%v): %s", op.request, name, have, after, err, line)
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

func TestEveryOperationReachesItsEnvironment(t *testing.T) {
	server, client := newPathServer(t)
	for _, name := range awkwardNames {
		checkName(t, server, client, name)
	}
}

func TestNamesThatAPathCannotContain(t *testing.T) {
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
		checkName(t, server, client, name)
		if servable([]string{name}) != nil {
			checkLifeOf(t, name)
		}
	})
}

// servable returns the names that a server can have at the same time: up to 255
// characters, no control characters, distinct when case is ignored.
func servable(names []string) []string {
	var list []string
	for _, name := range names {
		clash := slices.ContainsFunc(list, func(other string) bool { return strings.EqualFold(name, other) })
		control := strings.ContainsFunc(name, unicode.IsControl)
		if utf8.ValidString(name) && utf8.RuneCountInString(name) <= 255 && !clash && !control {
			list = append(list, name)
		}
	}
	return list
}

// Each name addresses its own environment, over a socket and with a path
// prefix.
func TestNamesReachTheirEnvironmentOnAServer(t *testing.T) {
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(srv.URL()+"/api/v3"), ghdeploy.WithToken(ghdeploytest.DefaultToken))
	if err != nil {
		t.Fatal(err)
	}
	ctx, names := t.Context(), servable(awkwardNames)
	for i, name := range names {
		if _, err := client.Environments.Replace(ctx, "octocat", "example", name, ghdeploy.EnvironmentRequest{WaitTimer: new(i + 1)}); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
	for i, name := range names {
		env, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", name, ghdeploy.EnvironmentRequest{
			DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
		})
		if err != nil || env.Name != name || env.ProtectionRules[0].WaitTimer != i+1 {
			t.Fatalf("%q: %+v, %v", name, env, err)
		}
		if _, err = client.BranchPolicies.Create(ctx, "octocat", "example", name, ghdeploy.BranchPolicyRequest{Name: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for i, e := range srv.Environments("octocat/example") {
		if e.Name != names[i] || e.WaitTimer != int64(i+1) || len(e.BranchPolicies) != 1 || e.BranchPolicies[0].Name != e.Name {
			t.Errorf("%q became %+v", names[i], e)
		}
	}
	listed := 0
	for env, err := range client.Environments.All(ctx, "octocat", "example", ghdeploy.EnvironmentListOptions{PerPage: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		listed++
		have, err := client.Environments.Get(ctx, "octocat", "example", env.Name)
		if err != nil || have.ID != env.ID {
			t.Errorf("%q: %+v, %v", env.Name, have, err)
		}
	}
	same(t, "environments listed", len(names), listed)
	for i, name := range names {
		if err := client.Environments.Delete(ctx, "octocat", "example", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		left := []string{}
		for _, e := range srv.Environments("octocat/example") {
			left = append(left, e.Name)
		}
		same(t, fmt.Sprintf("left after the deletion of %q", name), names[i+1:], left)
	}
}

// checkLifeOf creates, reads and deletes an environment.
func checkLifeOf(t *testing.T, name string) {
	t.Helper()
	srv := ghdeploytest.NewServer()
	defer srv.Close()
	client := clientOn(t, srv.Transport(), ghdeploy.WithToken(ghdeploytest.DefaultToken))
	made, err := client.Environments.CreateOrUpdate(t.Context(), "octocat", "example", name, ghdeploy.EnvironmentRequest{WaitTimer: new(1)})
	if err != nil || made.Name != name {
		t.Fatalf("CreateOrUpdate of %q = %+v, %v", name, made, err)
	}
	if have, err := client.Environments.Get(t.Context(), "octocat", "example", name); err != nil || have.ID != made.ID {
		t.Errorf("Get of %q = %+v, %v", name, have, err)
	}
	if list := srv.Environments("octocat/example"); len(list) != 1 || list[0].Name != name {
		t.Errorf("%q became %+v", name, list)
	}
	if err := client.Environments.Delete(t.Context(), "octocat", "example", name); err != nil || srv.Environments("octocat/example") != nil {
		t.Errorf("Delete of %q: %v", name, err)
	}
}
