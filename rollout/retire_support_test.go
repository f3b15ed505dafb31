package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/rollout"
)

// bed is a server in virtual time, with the items that Retire reported.
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

// retire calls Retire and returns its result as text.
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

// left returns the deployments on the server, oldest first: "3 success".
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

// wantNothingTwice fails if an executed DELETE is followed by a DELETE of the
// same path.
func (b *bed) wantNothingTwice() {
	b.Helper()
	deleted := map[string]bool{}
	for _, r := range b.srv.Requests() {
		if r.Method != http.MethodDelete {
			continue
		}
		if deleted[r.Path] {
			b.Errorf("a second DELETE %s", r.Path)
		}
		deleted[r.Path] = r.Status == 204
	}
}

// wantPoints fails if a minute has more than 600 of GitHub's 900 points, or if
// two writes are less than a second apart.
func (b *bed) wantPoints() {
	b.Helper()
	var window []ghdeploytest.Request
	var points int
	var last time.Time
	cost := func(r ghdeploytest.Request) int {
		if r.Method == http.MethodGet {
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
		if points > 600 {
			b.Fatalf("%d points within a minute", points)
		}
		if r.Method != http.MethodGet {
			if gap := r.Time.Sub(last); gap < time.Second {
				b.Fatalf("two writes %v apart", gap)
			}
			last = r.Time
		}
	}
}

// virtual1 runs a test in virtual time, with lists in the order newest first.
func virtual1(t *testing.T, rows []ghdeploytest.SeedDeployment, test func(*bed), opts ...ghdeploytest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, repo := serve(t, aged(rows...), opts...)
		test(&bed{T: t, srv: srv, repo: repo})
	})
}
