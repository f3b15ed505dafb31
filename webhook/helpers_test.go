package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// secret is the secret that signs the deliveries of these tests.
const secret = "a secret of the tests"

// sign returns the value of X-Hub-Signature-256.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// headers returns the headers of a signed delivery as GitHub sends them.
func headers(event, guid string, body []byte) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitHub-Hookshot/d54209a")
	h.Set("X-GitHub-Delivery", guid)
	h.Set("X-GitHub-Event", event)
	h.Set("X-GitHub-Hook-ID", "372880020")
	h.Set("X-GitHub-Hook-Installation-Target-ID", "76765")
	h.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	h.Set("X-Hub-Signature-256", sign(secret, body))
	return h
}

func newVerifier(t testing.TB, secrets ...string) *webhook.Verifier {
	t.Helper()
	v, err := webhook.NewVerifier(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parse returns the event of a valid delivery.
func parse(t testing.TB, event string, payload []byte) webhook.Event {
	t.Helper()
	e, err := newVerifier(t, secret).Parse(headers(event, "731b8328-d4dd-11ee-99f2-1d75829a10e7", payload), payload)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
