package ghdeploy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestDeleteNotFound(t *testing.T) {
	type step struct {
		method string
		resp   *canned // nil: the connection is lost
	}
	const gone = `{"message":"Not Found"}`
	del, get := http.MethodDelete, http.MethodGet
	tests := map[string]struct {
		steps []func() step
		want  error // nil: success
	}{
		"404":                               {[]func() step{func() step { return step{del, reply(404, gone)} }}, ErrNotFound},
		"429, then 404":                     {[]func() step{func() step { return step{del, reply(429, "", "Retry-After: 0")} }, func() step { return step{del, reply(404, gone)} }}, ErrNotFound},
		"502, then 404; GET 200":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(200, oneDeployment)} }}, ErrNotFound},
		"502, then 404; GET 404":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"502, then 404; GET 403":            {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(403, gone)} }}, ErrNotFound},
		"lost, then 404; GET 404":           {[]func() step{func() step { return step{del, nil} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"lost, then 404; GET 200":           {[]func() step{func() step { return step{del, nil} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(200, oneDeployment)} }}, ErrNotFound},
		"502, then 429, then 404; GET 404":  {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(429, "", "Retry-After: 0")} }, func() step { return step{del, reply(404, gone)} }, func() step { return step{get, reply(404, gone)} }}, nil},
		"502, then 204":                     {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(204, "")} }}, nil},
		"502, then 422: it is still active": {[]func() step{func() step { return step{del, reply(502, "")} }, func() step { return step{del, reply(422, `{"message":"no"}`)} }}, ErrActiveDeployment},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			client := inProcessClient(t, func(r *http.Request) (*canned, error) {
				if n == len(tt.steps) {
					t.Fatalf("an unexpected %s", r.Method)
				}
				s := tt.steps[n]()
				n++
				if r.Method != s.method || r.URL.Path != "/api/v3/repos/octocat/example/deployments/7" {
					t.Errorf("request %d is %s %s, want %s", n, r.Method, r.URL.Path, s.method)
				}
				if s.resp == nil {
					return nil, io.ErrUnexpectedEOF
				}
				return s.resp, nil
			}, WithRetry(quick))
			err := client.Deployments.Delete(t.Context(), "octocat", "example", 7)
			if !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if n != len(tt.steps) {
				t.Errorf("%d requests, want %d", n, len(tt.steps))
			}
		})
	}
}

// Only GitHub's 404 proves that the deployment is gone. A 404 of the token
// function does not.
func TestDeleteNotFoundWithoutAToken(t *testing.T) {
	steps := []int{502, 404}
	client := inProcessClient(t, func(*http.Request) (*canned, error) {
		status := steps[0]
		steps = steps[1:]
		return reply(status, ""), nil
	}, WithRetry(quick), WithTokenFunc(func(context.Context) (string, error) {
		if len(steps) == 0 {
			return "", &Error{StatusCode: http.StatusNotFound, Message: "no such installation"}
		}
		return "token", nil
	}))
	if err := client.Deployments.Delete(t.Context(), "octocat", "example", 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound", err)
	}
}

// An attempt without a connection cannot have deleted the deployment.
func TestDeleteNotFoundAfterARefusal(t *testing.T) {
	var dials, deletes int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete {
			t.Errorf("an unexpected %s", r.Method)
		}
		deletes++
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	client, err := NewClient(WithBaseURL(server.URL), WithRetry(quick), WithHTTPClient(&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials == 1 {
				return nil, errors.New("refused")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Deployments.Delete(t.Context(), "octocat", "example", 7); !errors.Is(err, ErrNotFound) || deletes != 1 || dials != 2 {
		t.Errorf("error = %v after %d dials and %d requests, want ErrNotFound", err, dials, deletes)
	}
}
