package webhook_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// The vector that GitHub documents, at
// https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
const (
	vectorSecret    = "It's a Secret to Everybody"
	vectorBody      = "Hello, World!"
	vectorSignature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)

func TestVerify(t *testing.T) {
	tests := []struct {
		name    string
		secrets []string
		headers http.Header
		body    string
		want    error
		text    string // in the error
	}{
		{name: "GitHub's vector", headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}},
		{name: "header in lower case", headers: http.Header{"x-hub-signature-256": {vectorSignature}}},
		{name: "header as GitHub's docs spell it", headers: http.Header{"X-Hub-Signature-256": {vectorSignature}, "X-GitHub-Event": {"ping"}}},
		{name: "second of two secrets", secrets: []string{"new", vectorSecret}, headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}},
		{name: "first of two secrets", secrets: []string{vectorSecret, "old"}, headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}},
		{name: "the same secret twice", secrets: []string{vectorSecret, vectorSecret}, headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}},

		{name: "another body", body: "Hello, World?", headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}, want: webhook.ErrBadSignature},
		{name: "empty body", body: "-", headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}, want: webhook.ErrBadSignature},
		{name: "another secret", secrets: []string{"It's a secret to everybody"}, headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}, want: webhook.ErrBadSignature},
		{name: "none of two secrets", secrets: []string{"a", "b"}, headers: http.Header{"X-Hub-Signature-256": {vectorSignature}}, want: webhook.ErrBadSignature},
		{name: "no prefix", headers: http.Header{"X-Hub-Signature-256": {vectorSignature[7:]}}, want: webhook.ErrBadSignature},
		{name: "prefix only", headers: http.Header{"X-Hub-Signature-256": {"sha256="}}, want: webhook.ErrBadSignature},
		{name: "cut off", headers: http.Header{"X-Hub-Signature-256": {vectorSignature[:len(vectorSignature)-2]}}, want: webhook.ErrBadSignature},
		{name: "longer", headers: http.Header{"X-Hub-Signature-256": {vectorSignature + "00"}}, want: webhook.ErrBadSignature},
		{name: "not hexadecimal", headers: http.Header{"X-Hub-Signature-256": {strings.Replace(vectorSignature, "7", "g", 1)}}, want: webhook.ErrBadSignature},
		{name: "SHA-1 under the name of SHA-256", headers: http.Header{"X-Hub-Signature-256": {"sha256=01dc10d0c83e72ed246219cdd91669667fe2ca59"}}, want: webhook.ErrBadSignature},

		{name: "upper case", headers: http.Header{"X-Hub-Signature-256": {"sha256=" + strings.ToUpper(vectorSignature[7:])}}},
		{name: "the same twice", headers: http.Header{"X-Hub-Signature-256": {vectorSignature, vectorSignature}, "x-hub-signature-256": {vectorSignature}}},
		{name: "two values", headers: http.Header{"X-Hub-Signature-256": {vectorSignature, "sha256=" + strings.Repeat("0", 64)}}, want: webhook.ErrBadSignature, text: "two values"},
		{name: "two values in two spellings", headers: http.Header{"X-Hub-Signature-256": {vectorSignature}, "x-hub-signature-256": {"sha256=" + strings.Repeat("0", 64)}}, want: webhook.ErrBadSignature, text: "two values"},
		{name: "a value and an empty one", headers: http.Header{"X-Hub-Signature-256": {vectorSignature, ""}}, want: webhook.ErrBadSignature, text: "two values"},

		{name: "none", headers: http.Header{}, want: webhook.ErrNoSignature, text: "X-Hub-Signature-256 is missing"},
		{name: "nil header", want: webhook.ErrNoSignature},
		{name: "empty", headers: http.Header{"X-Hub-Signature-256": {""}}, want: webhook.ErrNoSignature},
		{
			name:    "SHA-1 only",
			headers: http.Header{"X-Hub-Signature": {"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"}},
			want:    webhook.ErrNoSignature,
			text:    "SHA-1, which is not accepted",
		},
		{
			name: "SHA-1 in addition",
			headers: http.Header{
				"X-Hub-Signature":     {"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"},
				"X-Hub-Signature-256": {vectorSignature},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.secrets == nil {
				tt.secrets = []string{vectorSecret}
			}
			body := vectorBody
			if tt.body != "" {
				body = strings.Trim(tt.body, "-")
			}
			err := newVerifier(t, tt.secrets...).Verify(tt.headers, []byte(body))
			if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if tt.text != "" && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%q does not say %q", err, tt.text)
			}
		})
	}
}

// Each byte and each bit of the MAC counts, for each secret.
func TestVerifyComparesEveryBit(t *testing.T) {
	secrets := []string{"first", vectorSecret, "third"}
	v := newVerifier(t, secrets...)
	body := []byte(vectorBody)
	for _, secret := range secrets {
		mac, err := hex.DecodeString(strings.TrimPrefix(sign(secret, body), "sha256="))
		if err != nil {
			t.Fatal(err)
		}
		verify := func(mac []byte) error {
			return v.Verify(http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac)}}, body)
		}
		if err := verify(mac); err != nil {
			t.Errorf("secret %q: %v", secret, err)
		}
		for i := range mac {
			for bit := range 8 {
				forged := slices.Clone(mac)
				forged[i] ^= 1 << bit
				if err := verify(forged); !errors.Is(err, webhook.ErrBadSignature) {
					t.Errorf("secret %q, byte %d, bit %d: %v", secret, i, bit, err)
				}
			}
			alone := make([]byte, len(mac)) // one byte of 32 is right
			alone[i] = mac[i]
			if err := verify(alone); !errors.Is(err, webhook.ErrBadSignature) {
				t.Errorf("secret %q, byte %d alone: %v", secret, i, err)
			}
		}
	}
}

// A signature made of two halves of valid signatures is refused.
func TestVerifyTakesOneSecretForTheWholeMAC(t *testing.T) {
	v := newVerifier(t, "first", "second")
	a, b := sign("first", []byte(vectorBody)), sign("second", []byte(vectorBody))
	half := len("sha256=") + 32
	for _, signature := range []string{a[:half] + b[half:], b[:half] + a[half:]} {
		if err := v.Verify(http.Header{"X-Hub-Signature-256": {signature}}, []byte(vectorBody)); !errors.Is(err, webhook.ErrBadSignature) {
			t.Errorf("%s: %v", signature, err)
		}
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	for _, secrets := range [][]string{nil, {""}, {"good", ""}, {"", "good"}} {
		v, err := webhook.NewVerifier(secrets...)
		if v != nil || !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("NewVerifier(%q) = %v, %v", secrets, v, err)
		}
		if err != nil && strings.Contains(err.Error(), "good") {
			t.Errorf("%q holds a secret", err)
		}
	}
	for _, secret := range []string{"good\n", "good\r\n", " good", "good ", "\tgood", "good\u00a0", "\n"} {
		v, err := webhook.NewVerifier("other", secret)
		if v != nil || !errors.Is(err, ghdeploy.ErrInvalidArgument) {
			t.Errorf("NewVerifier(%q) = %v, %v", secret, v, err)
			continue
		}
		want := "webhook: NewVerifier: secret 2 of 2 begins or ends with white space; " +
			"remove it (usually the newline at the end of a file): " + ghdeploy.ErrInvalidArgument.Error()
		if err.Error() != want {
			t.Errorf("NewVerifier(%q): %v", secret, err)
		}
	}
	if _, err := webhook.NewVerifier("white space inside\tis fine"); err != nil {
		t.Error(err)
	}
}

func TestZeroVerifierRefusesEverything(t *testing.T) {
	body := []byte("{}")
	// Signed with a secret, and with the empty secret.
	for _, header := range []http.Header{headers("ping", "", body), {"X-Hub-Signature-256": {sign("", body)}}} {
		if err := new(webhook.Verifier).Verify(header, body); !errors.Is(err, webhook.ErrBadSignature) {
			t.Errorf("got %v", err)
		}
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	v := newVerifier(t, "hunter2hunter2")
	for _, text := range []string{
		fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", *v),
		fmt.Sprintf("%+v", webhook.NewHandler(v, webhook.Callbacks{})),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
			t.Errorf("%s holds the secret", text)
		}
	}
}

// The states of the MACs are reused, and never for two deliveries at once.
func TestConcurrentVerify(t *testing.T) {
	secrets := []string{"the first secret", "the second secret"}
	v := newVerifier(t, secrets...)
	var calls sync.WaitGroup
	for g := range 8 {
		calls.Go(func() {
			for i := range 300 {
				body := fmt.Appendf(nil, "%d %d %s", g, i, strings.Repeat("x", (g*37+i*13)%5_000))
				header := http.Header{"X-Hub-Signature-256": {sign(secrets[i%2], body)}}
				if err := v.Verify(header, body); err != nil {
					t.Errorf("a signed body: %v", err)
				}
				if err := v.Verify(header, append(body, 'x')); !errors.Is(err, webhook.ErrBadSignature) {
					t.Errorf("a changed body: %v", err)
				}
			}
		})
	}
	calls.Wait()
}
