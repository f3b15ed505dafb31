package ghdeploy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

const policyJSON = `{"id": 361471, "node_id": "MDE2OkdhdGVCcmFuY2hQb2xpY3kzNjE0NzE=", "name": "release/*", "type": "branch"}`

func policy() *ghdeploy.BranchPolicy {
	return &ghdeploy.BranchPolicy{ID: 361471, NodeID: "MDE2OkdhdGVCcmFuY2hQb2xpY3kzNjE0NzE=", Name: "release/*", Type: ghdeploy.PolicyBranch}
}

func TestBranchPolicies(t *testing.T) {
	const path = " /repos/o/r/environments/qa/deployment-branch-policies"
	checkExchanges(t, []exchange{
		{
			name: "List",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.BranchPolicies.List(ctx, "o", "r", "qa", ghdeploy.BranchPolicyListOptions{PerPage: 50})
			},
			request: "GET" + path + "?per_page=50",
			reply:   reply(200, `{"total_count": 2, "branch_policies": [`+policyJSON+`, {"id": 2, "name": "v*"}]}`),
			want: &ghdeploy.Page[*ghdeploy.BranchPolicy]{
				Items: []*ghdeploy.BranchPolicy{policy(), {ID: 2, Name: "v*"}}, Total: 2,
			},
		},
		{
			name: "Get",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.BranchPolicies.Get(ctx, "o", "r", "qa", 361471)
			},
			request: "GET" + path + "/361471", reply: reply(200, policyJSON), want: policy(),
		},
		{
			name: "Create",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.BranchPolicies.Create(ctx, "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "release/*"})
			},
			request: "POST" + path, body: `{"name":"release/*"}`, reply: reply(200, policyJSON), want: policy(),
		},
		{
			name: "Create for tags",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.BranchPolicies.Create(ctx, "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "v1", Type: ghdeploy.PolicyTag})
			},
			request: "POST" + path, body: `{"name":"v1","type":"tag"}`, reply: reply(201, `{"id": 1, "name": "v1", "type": "tag"}`),
			want: &ghdeploy.BranchPolicy{ID: 1, Name: "v1", Type: ghdeploy.PolicyTag},
		},
		{
			name: "Update",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return c.BranchPolicies.Update(ctx, "o", "r", "qa", 361471, ghdeploy.UpdateBranchPolicyRequest{Name: "release/*"})
			},
			request: "PUT" + path + "/361471", body: `{"name":"release/*"}`, reply: reply(200, policyJSON), want: policy(),
		},
		{
			name: "Delete",
			call: func(ctx context.Context, c *ghdeploy.Client) (any, error) {
				return nil, c.BranchPolicies.Delete(ctx, "o", "r", "qa", 361471)
			},
			request: "DELETE" + path + "/361471", reply: reply(204, ""),
		},
	})
}

func TestBranchPoliciesAll(t *testing.T) {
	w := replies(
		reply(200, `{"total_count": 2, "branch_policies": [{"id": 1}]}`, `Link: <https://ghe.example.com/api/v3/x?page=2>; rel="next"`),
		reply(200, `{"total_count": 2, "branch_policies": [{"id": 2}]}`),
	)
	var ids []int64
	for p, err := range clientOn(t, w).BranchPolicies.All(t.Context(), "o", "r", "qa", ghdeploy.BranchPolicyListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	same(t, "ids", []int64{1, 2}, ids)
}

// GitHub returns 303 for a policy that exists. The redirect is not followed,
// even if its target would return 200. net/http could follow it over a socket.
func TestCreateOfAPolicyThatExists(t *testing.T) {
	for name, location := range map[string]string{
		"no Location":      "",
		"the policy":       "/api/v3/repos/o/r/environments/qa/deployment-branch-policies/361471",
		"the list":         "/api/v3/repos/o/r/environments/qa/deployment-branch-policies",
		"itself, relative": "deployment-branch-policies",
		"another origin":   "https://elsewhere.example.com/",
		"an empty query":   "?",
	} {
		for body, text := range map[string]string{"empty": "", "policy": policyJSON, "null": "null"} {
			t.Run(name+"/"+body, func(t *testing.T) {
				var mu sync.Mutex
				var requests []string
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mu.Lock()
					requests = append(requests, r.Method+" "+r.URL.Path)
					mu.Unlock()
					if r.Method == http.MethodPost {
						if location != "" {
							w.Header().Set("Location", location)
						}
						w.WriteHeader(http.StatusSeeOther)
						_, _ = io.WriteString(w, text)
						return
					}
					_, _ = io.WriteString(w, policyJSON)
				}))
				defer server.Close()
				client, err := ghdeploy.NewClient(ghdeploy.WithBaseURL(server.URL + "/api/v3"))
				if err != nil {
					t.Fatal(err)
				}
				p, err := client.BranchPolicies.Create(t.Context(), "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "release/*"})
				want, text := ghdeploy.ErrAlreadyExists, "already exists"
				if name == "another origin" { // a login page, for example
					want, text = ghdeploy.ErrRedirect, "redirect refused to https://elsewhere.example.com"
				}
				exists, redirect := errors.Is(err, ghdeploy.ErrAlreadyExists), errors.Is(err, ghdeploy.ErrRedirect)
				if p != nil || !errors.Is(err, want) || exists == redirect || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
					t.Errorf("Create = %v, %v; want %v and nothing else", p, err, want)
				}
				var envelope *ghdeploy.Error
				if !errors.As(err, &envelope) || envelope.StatusCode != http.StatusSeeOther || !strings.Contains(err.Error(), text) {
					t.Errorf("err = %v", err)
				}
				same(t, "requests", []string{"POST /api/v3/repos/o/r/environments/qa/deployment-branch-policies"}, requests)
			})
		}
	}
}

// A Location that is not a URL does not hide the status. net/http alone would
// return an error without it.
func TestInvalidLocation(t *testing.T) {
	client := func(t *testing.T, status, location string) (c *ghdeploy.Client, connections func() int) {
		t.Helper()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		var count atomic.Int32
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				count.Add(1)
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nLocation: "+location+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
				}
				_ = conn.Close()
			}
		}()
		c, err = ghdeploy.NewClient(ghdeploy.WithBaseURL("http://" + listener.Addr().String() + "/api/v3"))
		if err != nil {
			t.Fatal(err)
		}
		return c, func() int { return int(count.Load()) }
	}
	for _, location := range []string{"http://[::1", "%zz", "http://a b.example.com/", ":", "http://h:port/", "//%", "\xff%"} {
		for status, want := range map[string]error{
			"303 See Other":          ghdeploy.ErrRedirect,
			"301 Moved Permanently":  ghdeploy.ErrRedirect,
			"307 Temporary Redirect": ghdeploy.ErrRedirect,
		} {
			t.Run(status+" "+location, func(t *testing.T) {
				c, connections := client(t, status, location)
				_, err := c.BranchPolicies.Create(t.Context(), "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "release/*"})
				if !errors.Is(err, want) || errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
					t.Errorf("Create: %v, want %v", err, want)
				}
				if n := connections(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				if _, err = c.BranchPolicies.Get(t.Context(), "o", "r", "qa", 7); !errors.Is(err, ghdeploy.ErrRedirect) {
					t.Errorf("Get: %v, want ErrRedirect", err)
				}
				if n := connections(); n != 2 {
					t.Errorf("%d requests, want 2: one for each call", n)
				}
			})
		}
	}
}

// A 303 to any other request is a refused redirect.
func TestOnly303OfCreateMeansAlreadyExists(t *testing.T) {
	_, err := clientOn(t, replies(reply(303, ""))).BranchPolicies.Update(t.Context(), "o", "r", "qa", 1, ghdeploy.UpdateBranchPolicyRequest{Name: "x"})
	if !errors.Is(err, ghdeploy.ErrRedirect) || errors.Is(err, ghdeploy.ErrAlreadyExists) {
		t.Errorf("Update: %v, want ErrRedirect", err)
	}
	_, err = clientOn(t, replies(reply(307, "", "Location: https://elsewhere.example.com/"))).BranchPolicies.Create(t.Context(), "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "x"})
	if !errors.Is(err, ghdeploy.ErrRedirect) || errors.Is(err, ghdeploy.ErrAlreadyExists) {
		t.Errorf("Create: %v, want ErrRedirect", err)
	}
}

func TestBranchPoliciesMalformed(t *testing.T) {
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.BranchPolicies.List(ctx, "o", "r", "qa", ghdeploy.BranchPolicyListOptions{})
		return err
	}, ``, `null`, `[]`, `{"total_count": 1}`, `{"branch_policies": null}`, `{"branch_policies": [{"id": 0}]}`)
	checkMalformed(t, func(ctx context.Context, c *ghdeploy.Client) error {
		_, err := c.BranchPolicies.Create(ctx, "o", "r", "qa", ghdeploy.BranchPolicyRequest{Name: "x"})
		if !errors.Is(err, ghdeploy.ErrOutcomeUnknown) {
			t.Errorf("err = %v, want ErrOutcomeUnknown too", err)
		}
		return err
	}, ``, `null`, `{}`, `{"id": 0}`)
}

func TestBranchPoliciesInvalid(t *testing.T) {
	checkInvalid(t, map[string]func(context.Context, *ghdeploy.Client) error{
		"Create of no pattern": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.BranchPolicies.Create(ctx, "o", "r", "qa", ghdeploy.BranchPolicyRequest{})
			return err
		},
		"Update to no pattern": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.BranchPolicies.Update(ctx, "o", "r", "qa", 1, ghdeploy.UpdateBranchPolicyRequest{})
			return err
		},
		"Get of 0": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.BranchPolicies.Get(ctx, "o", "r", "qa", 0)
			return err
		},
		"Delete of 0": func(ctx context.Context, c *ghdeploy.Client) error {
			return c.BranchPolicies.Delete(ctx, "o", "r", "qa", 0)
		},
		"page -1": func(ctx context.Context, c *ghdeploy.Client) error {
			_, err := c.BranchPolicies.List(ctx, "o", "r", "qa", ghdeploy.BranchPolicyListOptions{Page: -1})
			return err
		},
	})
}

func TestBranchPoliciesOnAServer(t *testing.T) {
	srv := gated(t)
	client := clientWith(t, srv, "of-octocat")
	ctx, policies := t.Context(), client.BranchPolicies
	main := ghdeploy.BranchPolicyRequest{Name: "main"}
	if _, err := policies.Create(ctx, "octocat", "example", production, main); !errors.Is(err, ghdeploy.ErrNotFound) {
		t.Errorf("Create without custom branch policies: %v, want ErrNotFound", err)
	}
	_, err := client.Environments.CreateOrUpdate(ctx, "octocat", "example", production, ghdeploy.EnvironmentRequest{
		DeploymentBranchPolicy: &ghdeploy.DeploymentBranchPolicySettings{CustomBranchPolicies: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	created, err := policies.Create(ctx, "octocat", "example", production, main)
	if err != nil {
		t.Fatal(err)
	}
	sent := len(srv.Requests())
	if _, err = policies.Create(ctx, "octocat", "example", production, main); !errors.Is(err, ghdeploy.ErrAlreadyExists) {
		t.Errorf("Create again: %v, want ErrAlreadyExists", err)
	}
	same(t, "requests", []string{"POST 303 /deployment-branch-policies"}, reached(srv, sent))
	tags, err := policies.Create(ctx, "octocat", "example", production, ghdeploy.BranchPolicyRequest{Name: "main", Type: ghdeploy.PolicyTag})
	if err != nil || tags.Type != ghdeploy.PolicyTag {
		t.Fatalf("Create for tags = %+v, %v", tags, err)
	}
	if _, err = policies.Update(ctx, "octocat", "example", production, created.ID, ghdeploy.UpdateBranchPolicyRequest{Name: "release/*"}); err != nil {
		t.Error(err)
	}
	if have, err := policies.Get(ctx, "octocat", "example", production, created.ID); err != nil || have.Name != "release/*" || have.Type != ghdeploy.PolicyBranch {
		t.Errorf("Get = %+v, %v", have, err)
	}
	page, err := policies.List(ctx, "octocat", "example", production, ghdeploy.BranchPolicyListOptions{PerPage: 1})
	if err != nil || len(page.Items) != 1 || page.Total != 2 || page.NextPage != 2 {
		t.Errorf("List = %+v, %v", page, err)
	}
	if err = policies.Delete(ctx, "octocat", "example", production, tags.ID); err != nil {
		t.Error(err)
	}
	var names []string
	for p, err := range policies.All(ctx, "octocat", "example", production, ghdeploy.BranchPolicyListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Name)
	}
	same(t, "policies", []string{"release/*"}, names)
}
