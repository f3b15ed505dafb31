package ghdeploytest

import (
	"context"
	"crypto/sha1" //nolint:gosec // X-Hub-Signature is an HMAC with it
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// requests counts the GUIDs of NewRequest.
var requests atomic.Int64

// NewRequest returns a delivery of an event, such as "deployment", for the test
// of a receiver. It needs no [Server]. Pass the request to the receiver's
// ServeHTTP, or send it with an [http.Client].
//
// A payload of type []byte, string or [json.RawMessage] is sent as it is, valid
// JSON or not. Any other payload is encoded with encoding/json.
//
// The request has GitHub's headers, a new GUID, and the signature of Secret; an
// empty Secret makes an unsigned one. URL (default https://receiver.test/),
// ContentType, App and Enterprise mean what they mean for the server; the other
// fields have no effect. The IDs of the webhook and of its target are 1. For a
// redelivery, call NewRequest again and set the header X-GitHub-Delivery to the
// first one's.
//
// NewRequest panics if the event is empty, the payload cannot be encoded, or a
// field is invalid.
func (w Webhook) NewRequest(event string, payload any) *http.Request {
	if event == "" {
		panic("ghdeploytest: Webhook.NewRequest: the event is empty; write its name, like deployment")
	}
	body := encodePayload(event, payload)
	contentType := "application/json"
	switch w.ContentType {
	case "", contentJSON:
	case contentForm:
		contentType = "application/x-www-form-urlencoded"
		body = url.Values{"payload": {body}}.Encode()
	default:
		panic(fmt.Sprintf("ghdeploytest: Webhook{ContentType: %q}; write json or form", w.ContentType))
	}
	address := "https://receiver.test/"
	if w.URL != "" {
		address = w.address()
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		panic(fmt.Sprintf("ghdeploytest: Webhook{URL: %q}: %v", w.URL, err))
	}
	r.RemoteAddr = "192.0.2.1:1234" // for a handler; a client ignores it

	r.Header.Set("Accept", "*/*")
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("User-Agent", hookshot)
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", fmt.Sprintf("%08x-0000-11f0-8000-000000000000", requests.Add(1)))
	r.Header.Set("X-GitHub-Hook-ID", "1")
	r.Header.Set("X-GitHub-Hook-Installation-Target-ID", "1")
	r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "repository")
	if w.App != "" {
		r.Header.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	}
	if w.Enterprise != "" {
		r.Header.Set("X-GitHub-Enterprise-Version", w.Enterprise)
		r.Header.Set("X-GitHub-Enterprise-Host", "ghe.test")
	}
	if w.Secret != "" {
		r.Header.Set("X-Hub-Signature", "sha1="+sign(sha1.New, w.Secret, body))
		r.Header.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, w.Secret, body))
	}
	return r
}

func encodePayload(event string, payload any) string {
	switch payload := payload.(type) {
	case string:
		return payload
	case []byte:
		return string(payload)
	case json.RawMessage:
		return string(payload)
	}
	data, err := json.Marshal(payload)
	if err != nil {
		panic(fmt.Sprintf("ghdeploytest: Webhook.NewRequest(%q): the payload cannot be encoded: %v", event, err))
	}
	return string(data)
}
