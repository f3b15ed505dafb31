package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// bed is a server in virtual time, and what Retire reported of it.
type bed struct {
	*testing.T
	srv   *ghdeploytest.Server
	repo  rollout.Repo
	items []rollout.Item
}

// virtually runs a test with each list order in virtual time.
func virtually(t *testing.T, rows func() []ghdeploytest.SeedDeployment, test func(*bed), opts ...ghdeploytest.Option) {
	t.Helper()
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, repo := serve(t, aged(rows()...), append(slices.Clone(opts), ghdeploytest.WithListOrder(order))...)
				test(&bed{T: t, srv: srv, repo: repo})
			})
		})
	}
}

// retire calls Retire and returns its result in words.
func (b *bed) retire(opts rollout.RetireOptions) string {
	b.Helper()
	return b.retireUntil(b.Context(), opts)
}

func (b *bed) retireUntil(ctx context.Context, opts rollout.RetireOptions) string {
	b.Helper()
	b.items = nil
	opts.OnItem = func(item rollout.Item) { b.items = append(b.items, item) }
	result, err := b.repo.Retire(ctx, opts)
	if result == nil {
		b.Fatal(err)
	}
	for _, item := range result.Failed {
		if !errors.Is(err, item.Err) {
			b.Errorf("the error %v does not hold that of %+v", err, item)
		}
	}
	text := fmt.Sprintf("%d deactivated, %d deleted, %d gone, %d kept, %d failed", result.Deactivated, result.Deleted, result.Gone, result.Kept, len(result.Failed))
	if len(result.Environments) > 0 {
		text += ", removed " + strings.Join(result.Environments, " ")
	}
	if err != nil {
		text += ", error"
	}
	return text
}

// left are the deployments on the server, oldest first: "3 success".
func (b *bed) left() (list []string) {
	for _, d := range b.srv.Deployments(repository) {
		list = append(list, strings.TrimSpace(fmt.Sprint(d.ID, " ", d.State())))
	}
	return list
}

// wantItems compares the items: "delete 3 (1/2)".
func (b *bed) wantItems(want ...string) {
	b.Helper()
	var have []string
	for _, item := range b.items {
		text := string(item.Action)
		switch {
		case item.Deployment != nil:
			text += fmt.Sprintf(" %d (%d/%d)", item.Deployment.ID, item.N, item.Of)
		default:
			text += " " + item.Environment
		}
		if item.Err != nil {
			text += " failed"
		}
		have = append(have, text)
	}
	equal(b.T, "items", want, have)
}

// refusals counts the responses with a status.
func refusals(srv *ghdeploytest.Server, status int) (n int) {
	for _, r := range srv.Requests() {
		if r.Status == status {
			n++
		}
	}
	return n
}

// wantNothingTwice fails if an executed DELETE was followed by another one of
// the same path, or any request came while a limit lasted.
func (b *bed) wantNothingTwice() {
	b.Helper()
	deleted := map[string]bool{}
	for _, r := range b.srv.Requests() {
		if r.Method != "DELETE" {
			continue
		}
		if deleted[r.Path] {
			b.Errorf("DELETE %s once more", r.Path)
		}
		deleted[r.Path] = r.Status == 204
	}
}

// wantPoints fails if any minute has more than 900 of GitHub's points, or two
// writes are less than a second apart.
func (b *bed) wantPoints() {
	b.Helper()
	var window []ghdeploytest.Request
	var points int
	var last time.Time
	cost := func(r ghdeploytest.Request) int {
		if r.Method == "GET" {
			return 1
		}
		return 5
	}
	for _, r := range b.srv.Requests() {
		window = append(window, r)
		points += cost(r)
		for r.Time.Sub(window[0].Time) >= time.Minute {
			points -= cost(window[0])
			window = window[1:]
		}
		if points > 900 {
			b.Fatalf("%d points within a minute", points)
		}
		if r.Method != "GET" {
			if gap := r.Time.Sub(last); gap < time.Second {
				b.Fatalf("two writes %v apart", gap)
			}
			last = r.Time
		}
	}
}

// The three kinds of environments that GitHub's auto_inactive tells apart.
var kinds = map[string]func() []ghdeploytest.SeedDeployment{
	"plain": func() []ghdeploytest.SeedDeployment {
		return append(times(459, row("staging", "success", "inactive")), row("staging", "success"))
	},
	"transient": func() []ghdeploytest.SeedDeployment {
		rows := times(460, row("pr-7", "success"))
		for i := range rows {
			rows[i].TransientEnvironment = true
		}
		return rows
	},
	"production": func() []ghdeploytest.SeedDeployment {
		return times(460, row("production", "in_progress", "success"))
	},
}

// To delete 460 deployments, as the doc comment of Retire states it. One more
// in another environment makes sure that none is the repository's only one.
func TestCostOfRetire(t *testing.T) {
	for kind, rows := range kinds {
		environment := rows()[0].Environment
		t.Run(kind+", everything", func(t *testing.T) {
			virtually(t, func() []ghdeploytest.SeedDeployment { return append(rows(), row("other", "success")) }, func(b *bed) {
				start := time.Now()
				equal(b.T, "result", "0 deactivated, 460 deleted, 0 gone, 0 kept, 0 failed",
					b.retire(rollout.RetireOptions{Environment: environment, Delete: true, Running: true, Live: true}))
				equal(b.T, "left", []string{"461 success"}, b.left())
				requests, writes, refused := sent(b.srv, ""), sent(b.srv, "DELETE")+sent(b.srv, "POST"), refusals(b.srv, 422)
				if requests > 470 || writes != 462 || refused != 1 {
					b.Errorf("%d requests, %d writes, %d refusals; want at most 470, 462 and 1", requests, writes, refused)
				}
				b.Logf("%d requests, %d writes, %d refusals, %v", requests, writes, refused, time.Since(start))
				b.wantNothingTwice()
				b.wantPoints()
			}, ghdeploytest.WithPointsPerMinute(900, ghdeploytest.SecondaryRetryAfter))
		})
		t.Run(kind+", by default", func(t *testing.T) {
			virtually(t, func() []ghdeploytest.SeedDeployment { return append(rows(), row("other", "success")) }, func(b *bed) {
				result, left := "0 deactivated, 460 deleted, 0 gone, 0 kept, 0 failed", []string{"461 success"}
				if kind == "production" {
					result, left = "0 deactivated, 459 deleted, 0 gone, 1 kept, 0 failed", []string{"460 success", "461 success"}
				}
				start := time.Now()
				equal(b.T, "result", result, b.retire(rollout.RetireOptions{Environment: environment, Delete: true}))
				equal(b.T, "left", left, b.left())
				requests, writes, refused := sent(b.srv, ""), sent(b.srv, "DELETE")+sent(b.srv, "POST"), refusals(b.srv, 422)
				if requests > 940 || writes > 462 || refused > 0 {
					b.Errorf("%d requests, %d writes, %d refusals; want at most 940, 462 and 0", requests, writes, refused)
				}
				b.Logf("%d requests, %d writes, %d refusals, %v", requests, writes, refused, time.Since(start))
				b.wantNothingTwice()
				b.wantPoints()
				// A second pass has nothing to do.
				before := sent(b.srv, "GET")
				b.retire(rollout.RetireOptions{Environment: environment, Delete: true})
				equal(b.T, "writes of a second pass", writes, sent(b.srv, "DELETE")+sent(b.srv, "POST"))
				if reads := sent(b.srv, "GET") - before; reads > 3 {
					b.Errorf("%d reads in the second pass, want at most 3", reads)
				}
			}, ghdeploytest.WithPointsPerMinute(900, ghdeploytest.SecondaryRetryAfter))
		})
	}
}
