package ghdeploy_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
)

// prefetching returns all rows of a shelf, ten on a page.
func prefetching(ctx context.Context, t *testing.T, s http.RoundTripper, prefetch int, opts ...ghdeploy.Option) iter.Seq2[*ghdeploy.Deployment, error] {
	t.Helper()
	return clientOn(t, s, opts...).Deployments.All(ctx, "o", "r", ghdeploy.DeploymentListOptions{PerPage: 10, Prefetch: prefetch})
}

// Each response takes 50 ms. The times are exact: the clock is virtual.
func TestPrefetchTime(t *testing.T) {
	tests := map[string]struct {
		pages, prefetch int
		noLast          bool
		took            time.Duration
		requests, most  int
	}{
		"none":                           {50, 0, false, 2500 * time.Millisecond, 50, 1},
		"1":                              {50, 1, false, 2500 * time.Millisecond, 50, 1},
		"2":                              {50, 2, false, 1350 * time.Millisecond, 75, 3},
		"8":                              {50, 8, false, 450 * time.Millisecond, 57, 9},
		"16":                             {50, 16, false, 300 * time.Millisecond, 54, 17},
		"8, the last page unknown":       {50, 8, true, 450 * time.Millisecond, 57, 9},
		"no rows":                        {0, 8, false, 50 * time.Millisecond, 1, 1},
		"1 page":                         {1, 8, false, 50 * time.Millisecond, 1, 1},
		"2 pages":                        {2, 8, false, 100 * time.Millisecond, 2, 1},
		"4 pages":                        {4, 8, false, 200 * time.Millisecond, 4, 1},
		"5 pages":                        {5, 8, false, 200 * time.Millisecond, 7, 3},
		"11 pages":                       {11, 8, false, 200 * time.Millisecond, 13, 8},
		"1 page, the last page unknown":  {1, 8, true, 50 * time.Millisecond, 1, 1},
		"2 pages, the last page unknown": {2, 8, true, 100 * time.Millisecond, 3, 2},
		"3 pages, the last page unknown": {3, 8, true, 150 * time.Millisecond, 11, 8},
		"4 pages, the last page unknown": {4, 8, true, 200 * time.Millisecond, 12, 8},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(10 * tt.pages)
				s.noLast = tt.noLast
				start := time.Now()
				ids, err := collect(prefetching(t.Context(), t, s, tt.prefetch))
				took := time.Since(start)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "ids", down(10*tt.pages, 1), ids)
				same(t, "time", tt.took, took)
				same(t, "requests, and requests in flight", []int{tt.requests, tt.most}, []int{s.requests(), s.most})
			})
		})
	}
}

// The requests of a walk, one line for each step.
func TestPrefetchRequests(t *testing.T) {
	tests := map[string]struct {
		opts  ghdeploy.DeploymentListOptions
		rows  int
		steps []string
	}{
		"from the first page on": {
			ghdeploy.DeploymentListOptions{PerPage: 10, Prefetch: 3, Environment: "staging"}, 90, []string{
				"environment=staging&per_page=10",
				"environment=staging&page=2&per_page=1 environment=staging&page=2&per_page=10",
				"environment=staging&page=3&per_page=10 environment=staging&page=4&per_page=10 environment=staging&page=5&per_page=10",
				"environment=staging&page=2&per_page=1 environment=staging&page=6&per_page=10 environment=staging&page=7&per_page=10 environment=staging&page=8&per_page=10",
				"environment=staging&page=2&per_page=1 environment=staging&page=9&per_page=10",
			},
		},
		"from a later page on": {
			ghdeploy.DeploymentListOptions{Page: 4, PerPage: 10, Prefetch: 3}, 80, []string{
				"page=4&per_page=10",
				"page=2&per_page=1 page=5&per_page=10",
				"page=6&per_page=10 page=7&per_page=10 page=8&per_page=10",
				"page=2&per_page=1",
			},
		},
		"a hundred rows a page by default": {
			ghdeploy.DeploymentListOptions{Page: 1, Prefetch: 16}, 500, []string{
				"page=1&per_page=100",
				"page=2&per_page=1 page=2&per_page=100",
				"page=3&per_page=100 page=4&per_page=100 page=5&per_page=100",
				"page=2&per_page=1",
			},
		},
		"one row a page": {
			ghdeploy.DeploymentListOptions{PerPage: 1, Prefetch: 4}, 5, []string{
				"per_page=1",
				"page=2&per_page=1 page=2&per_page=1",
				"page=3&per_page=1 page=4&per_page=1 page=5&per_page=1",
				"page=2&per_page=1",
			},
		},
		"a page past the end": {ghdeploy.DeploymentListOptions{Page: 9, PerPage: 10, Prefetch: 4}, 50, []string{"page=9&per_page=10"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(tt.rows)
				ids, err := collect(clientOn(t, s).Deployments.All(t.Context(), "o", "r", tt.opts))
				if err != nil {
					t.Fatal(err)
				}
				perPage := tt.opts.PerPage
				if perPage == 0 {
					perPage = 100
				}
				same(t, "ids", down(tt.rows-max(tt.opts.Page-1, 0)*perPage, 1), ids)
				same(t, "steps", tt.steps, s.steps())
			})
		})
	}
}

// Each list with pages supports Prefetch.
func TestPrefetchOfEachList(t *testing.T) {
	const n = 8
	lists := map[string]func(ctx context.Context, c *ghdeploy.Client) ([]int64, error){
		"deployments": func(ctx context.Context, c *ghdeploy.Client) ([]int64, error) {
			return gather(c.Deployments.All(ctx, "o", "r", ghdeploy.DeploymentListOptions{Prefetch: n}), func(d *ghdeploy.Deployment) int64 { return d.ID })
		},
		"statuses": func(ctx context.Context, c *ghdeploy.Client) ([]int64, error) {
			return gather(c.Statuses.All(ctx, "o", "r", 1, ghdeploy.DeploymentStatusListOptions{Prefetch: n}), func(s *ghdeploy.DeploymentStatus) int64 { return s.ID })
		},
		"environments": func(ctx context.Context, c *ghdeploy.Client) ([]int64, error) {
			return gather(c.Environments.All(ctx, "o", "r", ghdeploy.EnvironmentListOptions{Prefetch: n}), func(e *ghdeploy.Environment) int64 { return e.ID })
		},
		"branch policies": func(ctx context.Context, c *ghdeploy.Client) ([]int64, error) {
			return gather(c.BranchPolicies.All(ctx, "o", "r", "e", ghdeploy.BranchPolicyListOptions{Prefetch: n}), func(p *ghdeploy.BranchPolicy) int64 { return p.ID })
		},
		"apps": func(ctx context.Context, c *ghdeploy.Client) ([]int64, error) {
			return gather(c.ProtectionRules.AllApps(ctx, "o", "r", "e", ghdeploy.CustomProtectionRuleAppListOptions{Prefetch: n}), func(a *ghdeploy.CustomProtectionRuleApp) int64 { return a.ID })
		},
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(3000)
				// A row is created in the middle while the first window is
				// read. Only the number of rows shows it.
				s.evolve = func(s *shelf, evaluated int) {
					if evaluated == 6 {
						s.create(350, 3001)
					}
				}
				start := time.Now()
				ids, err := list(t.Context(), clientOn(t, s))
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(ids)
				slices.Reverse(ids)
				if ids[0] == 3001 {
					ids = ids[1:]
				}
				same(t, "ids", down(3000, 1), ids)
				same(t, "requests at the same time", n+1, s.most)
				same(t, "time", 850*time.Millisecond, time.Since(start))
			})
		})
	}
}

func gather[T any](all iter.Seq2[T, error], id func(T) int64) (ids []int64, err error) {
	for row, err := range all {
		if err != nil {
			return ids, err
		}
		ids = append(ids, id(row))
	}
	return ids, nil
}

func TestPrefetchArguments(t *testing.T) {
	for _, n := range []int{-1, 17, 1 << 30} {
		s := newShelf(100)
		client := clientOn(t, s)
		want := fmt.Sprintf("ghdeploy: Prefetch is %d; All requests 0 to 16 pages at the same time", n)
		errs := []error{
			only(t, client.Deployments.All(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{Prefetch: n})),
			end(client.Statuses.All(t.Context(), "o", "r", 1, ghdeploy.DeploymentStatusListOptions{Prefetch: n})),
			end(client.Environments.All(t.Context(), "o", "r", ghdeploy.EnvironmentListOptions{Prefetch: n})),
			end(client.BranchPolicies.All(t.Context(), "o", "r", "e", ghdeploy.BranchPolicyListOptions{Prefetch: n})),
			end(client.ProtectionRules.AllApps(t.Context(), "o", "r", "e", ghdeploy.CustomProtectionRuleAppListOptions{Prefetch: n})),
		}
		for i, err := range errs {
			if !errors.Is(err, ghdeploy.ErrInvalidArgument) || err.Error() != want {
				t.Errorf("list %d: err = %v, want %s", i, err, want)
			}
		}
		same(t, "requests", 0, s.requests())
	}
	t.Run("the list's arguments are checked first", func(t *testing.T) {
		s := newShelf(100)
		client := clientOn(t, s)
		for _, opts := range []ghdeploy.DeploymentListOptions{{Page: -1, Prefetch: 8}, {PerPage: 101, Prefetch: 8}} {
			if err := only(t, client.Deployments.All(t.Context(), "o", "r", opts)); !errors.Is(err, ghdeploy.ErrInvalidArgument) {
				t.Errorf("err = %v, want ErrInvalidArgument", err)
			}
		}
		same(t, "requests", 0, s.requests())
	})
	t.Run("List ignores Prefetch", func(t *testing.T) {
		s := newShelf(100)
		s.latency = func(query) (before, after time.Duration) { return 0, 0 }
		page, err := clientOn(t, s).Deployments.List(t.Context(), "o", "r", ghdeploy.DeploymentListOptions{PerPage: 10, Prefetch: -1})
		if err != nil || len(page.Items) != 10 {
			t.Errorf("%+v, %v, want 10 rows", page, err)
		}
		same(t, "requests", []string{"per_page=10"}, s.steps())
	})
}

// end returns the last error of a range.
func end[T any](all iter.Seq2[T, error]) (last error) {
	for _, err := range all {
		last = err
	}
	return last
}
