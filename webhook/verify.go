package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
)

const (
	signatureHeader = "X-Hub-Signature-256"
	legacyHeader    = "X-Hub-Signature" // SHA-1
	signaturePrefix = "sha256="
)

// Verifier tells GitHub's deliveries from anybody else's by their signature.
// It is safe for concurrent use. Make one with [NewVerifier]; the zero
// Verifier, and a nil one, knows no secret and refuses everything.
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
type Verifier struct {
	// Functions, because a field that held a secret would be printed by %+v.
	macs []func() hash.Hash
}

// NewVerifier returns a Verifier that accepts what any of the secrets signed.
// Several are for rotation: add the new one here, change it at GitHub, then
// remove the old one. No secret, or an empty one, is a
// [ghdeploy.ErrInvalidArgument]: anybody can sign with it.
func NewVerifier(secrets ...string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, invalidArgument("NewVerifier needs the webhook's secret")
	}
	v := new(Verifier)
	for i, secret := range secrets {
		if secret == "" {
			return nil, invalidArgument("secret %d of %d is empty", i+1, len(secrets))
		}
		key := []byte(secret)
		v.macs = append(v.macs, func() hash.Hash { return hmac.New(sha256.New, key) })
	}
	return v, nil
}

// Verify tells whether body, exactly as it came, carries the signature of one
// of the secrets. In a form delivery that is the encoded form. Names of headers
// are found in any case. The error is [ErrNoSignature] or [ErrBadSignature].
//
// Nothing in the headers is signed, the event's name and the GUID included.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	claimed, err := signature(header)
	if err != nil {
		return err
	}
	if v == nil {
		return ErrBadSignature
	}
	// Every secret is tried, and compared in constant time, whichever fits.
	fits := false
	for _, mac := range v.macs {
		m := mac()
		m.Write(body)
		if hmac.Equal(m.Sum(nil), claimed) {
			fits = true
		}
	}
	if !fits {
		return ErrBadSignature
	}
	return nil
}

// signature is what the delivery claims to be signed with.
func signature(header http.Header) ([]byte, error) {
	value := get(header, signatureHeader)
	switch {
	case value == "" && get(header, legacyHeader) != "":
		return nil, fmt.Errorf("%w: %s holds SHA-1, which is not accepted; %s is needed", ErrNoSignature, legacyHeader, signatureHeader)
	case value == "":
		return nil, fmt.Errorf("%w: %s is missing; set the webhook's secret at GitHub", ErrNoSignature, signatureHeader)
	}
	digits, ok := strings.CutPrefix(value, signaturePrefix)
	if !ok {
		return nil, ErrBadSignature
	}
	claimed, err := hex.DecodeString(digits)
	if err != nil {
		return nil, ErrBadSignature
	}
	return claimed, nil
}

// get is header.Get for headers whose names may not be in Go's canonical
// form: not every gateway hands over an http.Header.
func get(header http.Header, name string) string {
	if value := header.Get(name); value != "" {
		return value
	}
	for key, values := range header {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
