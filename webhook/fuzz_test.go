package webhook_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/ghdeploy/ghdeploy/webhook"
)

// FuzzDelivery makes three deliveries of each input: one with the signature of
// the input, one signed with another secret, and one signed with the right
// secret. Only the last may be accepted, and no input may cause a panic.
func FuzzDelivery(f *testing.F) {
	add := func(event string, payload []byte) {
		f.Add(event, "1", "application/json", "sha256=00", "hunter2", payload)
		form := []byte("payload=" + url.QueryEscape(string(payload)))
		f.Add(event, "2", "application/x-www-form-urlencoded", sign("", form), "", form)
	}
	for file, payload := range payloads(f, "testdata") {
		add(eventOf(file), payload)
	}
	if dir := os.Getenv("GHDEPLOY_WEBHOOKS_DIR"); dir != "" {
		for file, payload := range payloads(f, dir) {
			add(eventOf(file), payload)
		}
	}
	add("star", []byte(`{"action":"created"}`))
	add("", nil)
	f.Add("ping", "3", "application/json; charset=utf-8", vectorSignature, "It's a secret to everybody", []byte(vectorBody))

	verifier, err := webhook.NewVerifier("an older secret", secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, event, guid, contentType, signature, otherSecret string, body []byte) {
		h := headers(event, guid, body)
		h.Set("Content-Type", contentType)

		right := sign(secret, body)
		h.Set("X-Hub-Signature-256", signature)
		if _, err := verifier.Parse(h, body); verified(err) && !sameHex(signature, right) && !sameHex(signature, sign("an older secret", body)) {
			t.Fatalf("the signature %q was accepted", signature)
		}

		// HMAC pads a key with zeros, so a key with trailing zeros is the same
		// key.
		if other := strings.TrimRight(otherSecret, "\x00"); other != secret && other != "an older secret" {
			h.Set("X-Hub-Signature-256", sign(otherSecret, body))
			if _, err := verifier.Parse(h, body); verified(err) {
				t.Fatalf("a delivery signed with %q was accepted", otherSecret)
			}
		}

		h.Set("X-Hub-Signature-256", right)
		e, err := verifier.Parse(h, body)
		var decodeError *webhook.DecodeError
		switch {
		case err == nil:
			use(t, h, e)
		case errors.Is(err, webhook.ErrContentType):
		case errors.As(err, &decodeError):
			if decodeError.Event != h.Get("X-GitHub-Event") || decodeError.GUID != h.Get("X-GitHub-Delivery") || decodeError.Err == nil {
				t.Fatalf("got %+v", decodeError)
			}
		default:
			t.Fatalf("the delivery with the right secret was refused: %v", err)
		}
	})
}

// verified reports whether err means that the signature was valid.
func verified(err error) bool {
	var decodeError *webhook.DecodeError
	return err == nil || errors.As(err, &decodeError)
}

func sameHex(a, b string) bool {
	a, ok := strings.CutPrefix(a, "sha256=")
	if !ok {
		return false
	}
	x, err := hex.DecodeString(a)
	y, err2 := hex.DecodeString(strings.TrimPrefix(b, "sha256="))
	return err == nil && err2 == nil && string(x) == string(y)
}

// use calls the methods that a receiver calls.
func use(t *testing.T, h http.Header, e webhook.Event) {
	if e.Info() == nil || e.Info().Event != h.Get("X-GitHub-Event") {
		t.Fatalf("got %+v", e.Info())
	}
	switch e := e.(type) {
	case *webhook.DeploymentEvent:
		e.OwnerRepo()
		var v any
		_ = e.Deployment.Payload.Decode(&v) // it must not panic
	case *webhook.DeploymentProtectionRuleEvent:
		if id, ok := e.RunID(); ok != (id > 0) {
			t.Fatalf("RunID is %d, %v", id, ok)
		}
	}
}
