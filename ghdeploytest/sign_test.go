package ghdeploytest

import (
	"crypto/sha1"
	"crypto/sha256"
	"net/http"
	"testing"
)

// The secret, body and signature are the example of GitHub's documentation.
func TestSignature(t *testing.T) {
	const secret, body = "It's a Secret to Everybody", "Hello, World!"
	if got := sign(sha256.New, secret, body); got != "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("sha256=%s", got)
	}
	if got := sign(sha1.New, secret, body); got != "01dc10d0c83e72ed246219cdd91669667fe2ca59" {
		t.Errorf("sha1=%s", got)
	}
}

// The server does not deliver a payload of more than 25 MB.
func TestTooLargePayload(t *testing.T) {
	s := NewServer(WithWebhook(Webhook{Handler: http.NotFoundHandler()}))
	defer s.Close()
	s.mu.Lock()
	s.send(s.serverCall(s.hooks.list[0].repo), s.hooks.list[0], "1", eventDeployment, "created", make([]byte, 25_000_000))
	s.send(s.serverCall(s.hooks.list[0].repo), s.hooks.list[0], "2", eventDeployment, "created", make([]byte, 25_000_001))
	s.mu.Unlock()
	if list := s.Deliveries(); len(list) != 2 || list[1].GUID != "1" {
		t.Errorf("%d deliveries, want the ping and the payload of 25 MB", len(list))
	}
}
