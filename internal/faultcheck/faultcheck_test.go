package faultcheck_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy/internal/faultcheck"
)

// wrong is a client that is made of one function.
type wrong func(ctx context.Context, client *http.Client, baseURL, nonce string) faultcheck.Result

func (w wrong) make(client *http.Client, baseURL string) (faultcheck.Client, error) {
	return wrongClient{w, client, baseURL}, nil
}

type wrongClient struct {
	create  wrong
	client  *http.Client
	baseURL string
}

func (c wrongClient) Warm(ctx context.Context) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.baseURL, nil)
	if err != nil {
		return
	}
	if resp, err := c.client.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func (c wrongClient) Create(ctx context.Context, nonce string) faultcheck.Result {
	return c.create(ctx, c.client, c.baseURL, nonce)
}

// A client that is wrong without finesse: each sentence of the check sees it.
func TestViolations(t *testing.T) {
	post := func(ctx context.Context, client *http.Client, baseURL, nonce string) (*http.Response, error) {
		body := strings.NewReader(`{"ref":"main","payload":{"nonce":"` + nonce + `"}}`)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL, body)
		if err != nil {
			return nil, err
		}
		return client.Do(req)
	}
	tests := map[string]struct {
		create wrong
		want   string
	}{
		"every create twice": {
			func(ctx context.Context, client *http.Client, baseURL, nonce string) faultcheck.Result {
				for range 2 {
					if resp, err := post(ctx, client, baseURL, nonce); err == nil {
						resp.Body.Close()
					}
				}
				return faultcheck.Result{Err: errors.New("whatever"), Typed: true, Unknown: true}
			}, "carried out 2 times",
		},
		"never sure": {
			func(context.Context, *http.Client, string, string) faultcheck.Result {
				return faultcheck.Result{Err: errors.New("whatever"), Typed: true, Unknown: true}
			}, `the outcome is "unknown", and should be "created"`,
		},
		"too sure": {
			func(ctx context.Context, client *http.Client, baseURL, nonce string) faultcheck.Result {
				resp, err := post(ctx, client, baseURL, nonce)
				if err == nil {
					resp.Body.Close()
				}
				return faultcheck.Result{Err: errors.New("failed"), Typed: true}
			}, "an error says that nothing was done, and it was",
		},
		"made up": {
			func(context.Context, *http.Client, string, string) faultcheck.Result {
				return faultcheck.Result{ID: 1}
			}, "deployment 1 is returned, [] were made",
		},
		"untyped": {
			func(context.Context, *http.Client, string, string) faultcheck.Result {
				return faultcheck.Result{Err: errors.New("failed")}
			}, "the error is not typed",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			report := faultcheck.Run(t.Context(), faultcheck.Config{
				Count: 100, Seed: 1, New: tt.create.make, Timeout: 300 * time.Millisecond,
			})
			if !strings.Contains(strings.Join(report.Violations, "\n"), tt.want) {
				t.Errorf("%q is not among the violations:\n%s", tt.want, strings.Join(report.Violations, "\n"))
			}
		})
	}
}
