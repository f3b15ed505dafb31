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

// BenchmarkWebhook verifies and parses a delivery of a status: of a deployment
// that was made through the API, and of one that a workflow made. The floor
// reads the body.
func BenchmarkWebhook(b *testing.B) {
	indented, err := os.ReadFile(filepath.Join("..", "webhook", "testdata", "deployment_status.workflow.json"))
	if err != nil {
		b.Fatal(err)
	}
	var workflow bytes.Buffer
	if err := json.Compact(&workflow, indented); err != nil {
		b.Fatal(err)
	}
	b.Run("payload=api", func(b *testing.B) { compareWebhook(b, []byte(statusEvent())) })
	b.Run("payload=workflow", func(b *testing.B) { compareWebhook(b, workflow.Bytes()) })
}

// compareWebhook runs each side on a payload of the event deployment_status.
func compareWebhook(b *testing.B, body []byte) {
	const secret = "It's a Secret to Everybody"
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	header := http.Header{
		"Content-Type":        {"application/json"},
		"User-Agent":          {"GitHub-Hookshot/d54209a"},
		"X-Github-Delivery":   {"731b8328-d4dd-11ee-99f2-1d75829a10e7"},
		"X-Github-Event":      {"deployment_status"},
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
			if _, ok := event.(*webhook.DeploymentStatusEvent); err == nil && !ok {
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
			if _, ok := event.(*github.DeploymentStatusEvent); err == nil && !ok {
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
					Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
				}
				if err := side.parse(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
