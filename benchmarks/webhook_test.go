package benchmarks

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-github/v92/github"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// BenchmarkWebhook verifies and parses a delivery: a deployment that was made
// through the API, and a status that a workflow made. The floor reads the body.
func BenchmarkWebhook(b *testing.B) {
	b.Run("payload=api", func(b *testing.B) {
		compareWebhook[*webhook.DeploymentEvent, *github.DeploymentEvent](b, "deployment", "deployment.api.json")
	})
	b.Run("payload=workflow", func(b *testing.B) {
		compareWebhook[*webhook.DeploymentStatusEvent, *github.DeploymentStatusEvent](b, "deployment_status", "deployment_status.workflow.json")
	})
}

// compareWebhook runs each side on a payload of the package webhook. Ours and
// Peer are the types of the event on the two sides.
func compareWebhook[Ours, Peer any](b *testing.B, event, file string) {
	const secret = "It's a Secret to Everybody"
	indented, err := os.ReadFile(filepath.Join("..", "webhook", "testdata", file))
	if err != nil {
		b.Fatal(err)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, indented); err != nil {
		b.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body.Bytes())
	header := http.Header{
		"Content-Type":        {"application/json"},
		"User-Agent":          {"GitHub-Hookshot/d54209a"},
		"X-Github-Delivery":   {"731b8328-d4dd-11ee-99f2-1d75829a10e7"},
		"X-Github-Event":      {event},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}
	verifier, err := webhook.NewVerifier(secret)
	if err != nil {
		b.Fatal(err)
	}
	for _, side := range []struct {
		name  string
		parse func(*http.Request) error
	}{
		{"ghdeploy", func(r *http.Request) error {
			event, err := verifier.ParseRequest(r)
			if _, ok := event.(Ours); err == nil && !ok {
				err = fmt.Errorf("unexpected event %T", event)
			}
			return err
		}},
		{"go-github", func(r *http.Request) error {
			payload, err := github.ValidatePayload(r, []byte(secret))
			if err != nil {
				return err
			}
			event, err := github.ParseWebHook(github.WebHookType(r), payload)
			if _, ok := event.(Peer); err == nil && !ok {
				err = fmt.Errorf("unexpected event %T", event)
			}
			return err
		}},
		{"floor", func(r *http.Request) error {
			_, err := io.Copy(io.Discard, r.Body)
			return err
		}},
	} {
		b.Run("client="+side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := &http.Request{
					Method: http.MethodPost, Header: header,
					Body: io.NopCloser(bytes.NewReader(body.Bytes())), ContentLength: int64(body.Len()),
				}
				if err := side.parse(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
