package main

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// bubble is a receiver and a server in a synctest bubble.
type bubble struct {
	*receiver
	server *ghdeploytest.Server
	deploy func(ctx context.Context, d ghdeploy.Deployment) (string, error)

	mu       sync.Mutex
	deployed []int64
}

// inBubble runs f with a receiver whose webhook is not yet added.
func inBubble(t *testing.T, c config, f func(t *testing.T, b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{server: newServer(t)}
		verifier, err := webhook.NewVerifier(secret)
		if err != nil {
			t.Fatal(err)
		}
		c.repos, c.name, c.report = []string{repo}, "receiver", 10*time.Second
		b.receiver, err = newReceiver(c, b.server.Client(), verifier, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b.deployer.deploy = func(ctx context.Context, d ghdeploy.Deployment) (string, error) {
			b.mu.Lock()
			b.deployed = append(b.deployed, d.ID)
			b.mu.Unlock()
			if b.deploy != nil {
				return b.deploy(ctx, d)
			}
			return "https://" + d.Environment + ".example.com/", nil
		}
		f(t, b)
	})
}

// hook adds the webhook.
func (b *bubble) hook() {
	b.server.AddWebhook(ghdeploytest.Webhook{Handler: b.handler, Secret: secret})
}

// finish ends the receiver, and returns the number of deployments it deployed.
func (b *bubble) finish(t *testing.T) int {
	t.Helper()
	delivered(t, b.server)
	if err := b.end(t, time.Hour); err != nil {
		t.Error(err)
	}
	return len(b.deployed)
}

func (b *bubble) end(t *testing.T, grace time.Duration) error {
	t.Helper()
	b.grace = grace
	return b.shutdown(t.Context(), new(http.Server))
}
