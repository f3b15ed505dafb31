package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"
	"sync"
)

const signaturePrefix = "sha256="

// Verifier checks that deliveries are signed with the webhook's secret. It is
// safe for concurrent use. Create one with [NewVerifier]; a zero or nil
// Verifier refuses all deliveries.
//
// GitHub docs: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries
type Verifier struct {
	// Closures hide the secrets from %+v.
	macs []func(body []byte) []byte
}

// NewVerifier returns a Verifier that accepts deliveries that are signed with
// any of the secrets. To rotate a secret, add the new one here, change it at
// GitHub, then remove the old one.
//
// The error is [ghdeploy.ErrInvalidArgument] if there is no secret, or if one
// is empty or begins or ends with white space. A secret that is read from a
// file often ends with a newline; every delivery would then be refused.
func NewVerifier(secrets ...string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, invalidArgument("NewVerifier: no secret is given; pass the webhook's secret")
	}
	v := new(Verifier)
	for i, secret := range secrets {
		switch {
		case secret == "":
			return nil, invalidArgument("NewVerifier: secret %d of %d is empty", i+1, len(secrets))
		case strings.TrimSpace(secret) != secret:
			return nil, invalidArgument("NewVerifier: secret %d of %d begins or ends with white space; "+
				"remove it (usually the newline at the end of a file)", i+1, len(secrets))
		}
		v.macs = append(v.macs, mac([]byte(secret)))
	}
	return v, nil
}

// mac returns a function that computes the MAC of a body under the key.
func mac(key []byte) func(body []byte) []byte {
	idle := sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
	return func(body []byte) []byte {
		m := idle.Get().(hash.Hash)
		defer idle.Put(m)
		m.Reset()
		m.Write(body)
		return m.Sum(nil)
	}
}

// Verify checks that X-Hub-Signature-256 is the signature of body with one of
// the secrets. body is the body of the request, exactly as it was received; for
// a form delivery that is the encoded form. The case of the header's name does
// not matter. The error is [ErrNoSignature] or [ErrBadSignature].
//
// The headers are not signed, not even the event's name and the GUID.
func (v *Verifier) Verify(header http.Header, body []byte) error {
	return v.verify(readHeaders(header), body)
}

func (v *Verifier) verify(h *headers, body []byte) error {
	claimed, err := h.signature()
	if err != nil {
		return err
	}
	if v == nil {
		return ErrBadSignature
	}
	// Compare with every secret, so that the time does not show which one
	// matches.
	matches := false
	for _, mac := range v.macs {
		if hmac.Equal(mac(body), claimed) {
			matches = true
		}
	}
	if !matches {
		return ErrBadSignature
	}
	return nil
}

// signature returns the MAC that the headers claim.
func (h *headers) signature() ([]byte, error) {
	value := h.get(signatureHeader)
	switch {
	case value == "" && h.get(legacyHeader) != "":
		return nil, fmt.Errorf("%w: %s holds SHA-1, which is not accepted; %s is required", ErrNoSignature, legacyHeader, signatureHeader)
	case value == "":
		return nil, fmt.Errorf("%w: %s is missing; set the webhook's secret at GitHub", ErrNoSignature, signatureHeader)
	case len(h[signatureHeader]) > 1:
		return nil, fmt.Errorf("%w: %s has two values", ErrBadSignature, signatureHeader)
	}
	digits, ok := strings.CutPrefix(value, signaturePrefix)
	claimed, err := hex.DecodeString(digits)
	if !ok || err != nil || len(claimed) != sha256.Size {
		return nil, fmt.Errorf("%w: %s is not %q and %d hexadecimal digits", ErrBadSignature, signatureHeader, signaturePrefix, 2*sha256.Size)
	}
	return claimed, nil
}
