package ghdeploy

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

var releases atomic.Int64

// All tests overwrite released buffers. A result that aliases a body changes
// then.
func init() {
	onRelease = func(b []byte) {
		releases.Add(1)
		for i := range b {
			b[i] = '#'
		}
	}
}

// A decoded body is released. A large buffer does not return to the pool.
func TestRelease(t *testing.T) {
	for name, tt := range map[string]struct {
		body     string
		call     func(context.Context, *Client) error
		released int64
	}{
		"get":            {`{"id":1}`, getOne, 1},
		"list":           {`[{"id":1}]`, listSome, 1},
		"create":         {`{"id":1}`, createOne, 1},
		"not complete":   {`{"id":0}`, getOne, 0},
		"cut off":        {`[{"id":1}`, listSome, 0},
		"wrong type":     {`{"id":1}`, listSome, 0},
		"empty list":     {`[]`, listSome, 1},
		"above the pool": {`{"id":1,"description":"` + strings.Repeat("x", 2*maxPooled) + `"}`, getOne, 1},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := NewClient(WithBaseURL("https://ghe.example.com/api/v3"), WithConditionalCache(0),
				WithRetry(RetryPolicy{MaxAttempts: 1}), WithHTTPClient(&http.Client{Transport: inProcess(func(*http.Request) (*canned, error) { return reply(200, tt.body), nil })}))
			if err != nil {
				t.Fatal(err)
			}
			before := releases.Load()
			if err := tt.call(t.Context(), client); (err == nil) != (tt.released == 1) {
				t.Fatal(err)
			}
			if n := releases.Load() - before; n != tt.released {
				t.Errorf("%d releases, want %d", n, tt.released)
			}
			for range 10 {
				if b := newBuffer(); b.Cap() > maxPooled || b.Len() != 0 {
					t.Errorf("the pool has a buffer of %d bytes, %d of them in use", b.Cap(), b.Len())
				}
			}
		})
	}
}

func listSome(ctx context.Context, c *Client) error {
	_, err := c.Deployments.List(ctx, "o", "r", DeploymentListOptions{})
	return err
}
