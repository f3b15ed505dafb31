package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// GitHub executes the POST of in_progress after that of the outcome. The next
// start corrects that.
func TestLateInProgress(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: postStatus, Match: state(ghdeploy.StateInProgress), Effect: ghdeploytest.ExecuteLater(time.Minute),
		})
		d := create(t, b.server, "staging")
		time.Sleep(5 * time.Minute)
		expect(t, b.server, d, "in_progress success in_progress")
		if err := b.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.finish(t); n != 1 {
			t.Errorf("deployed %d times", n)
		}
		expect(t, b.server, d, "in_progress success in_progress success")
	})
}

// A read of the list fails for minutes while the receiver starts.
func TestReconcileDuringAnOutage(t *testing.T) {
	inBubble(t, config{environments: []string{"staging", "production"}}, func(t *testing.T, b *bubble) {
		staging, production, preview := create(t, b.server, "staging"), create(t, b.server, "production"), create(t, b.server, "preview")
		b.server.Inject(ghdeploytest.Fault{
			Operation: "GET /repos/{owner}/{repo}/deployments", Times: 40, Effect: ghdeploytest.Respond(http.StatusBadGateway, ""),
		})
		if err := b.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.finish(t)
		expect(t, b.server, staging, "in_progress success")
		expect(t, b.server, production, "in_progress success")
		expect(t, b.server, preview, "")
	})
}

// More deployments than the queue can hold.
func TestReconcileWaitsForRoom(t *testing.T) {
	inBubble(t, config{workers: 1, capacity: 1}, func(t *testing.T, b *bubble) {
		b.deploy = func(context.Context, ghdeploy.Deployment) (string, error) {
			time.Sleep(time.Minute)
			return "", nil
		}
		var all []*ghdeploy.Deployment
		for i := range 5 {
			all = append(all, create(t, b.server, fmt.Sprintf("preview-%d", i)))
		}
		if err := b.reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.finish(t)
		for i, d := range all {
			expect(t, b.server, d, "in_progress success")
			if b.deployed[i] != d.ID {
				t.Errorf("deployed %d, want oldest first", b.deployed)
			}
		}
	})
}

// The context ends while reconcile waits.
func TestReconcileIsStopped(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.server.Inject(ghdeploytest.Fault{Operation: ghdeploytest.AnyOperation, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(http.StatusBadGateway, "")})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.reconcile(ctx); !errors.Is(err, context.DeadlineExceeded) || b.reconciled.Load() {
			t.Errorf("%v, reconciled %v", err, b.reconciled.Load())
		}
	})
}
