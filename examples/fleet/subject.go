package main

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxToken is the maximum length of a token of a subject, in bytes. NATS limits
// a whole protocol line to 4,096.
const maxToken = 300

// subject returns the subject of an environment: deploy.OWNER.REPO.ENVIRONMENT.
// GitHub ignores the case of the three names.
func subject(owner, repo, environment string) string {
	return "deploy." + token(owner) + "." + token(repo) + "." + token(environment)
}

// token escapes a name for a subject, in which dots, spaces, '*' and '>' have a
// meaning. Different names have different tokens, unless they differ in case.
func token(name string) string {
	name = strings.ToLower(name)
	if name == "" {
		return "%" // not ambiguous: an escaped byte has two digits after %
	}
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	if b.Len() <= maxToken {
		return b.String()
	}
	sum := sha256.Sum256([]byte(name))
	return "%%" + hex.EncodeToString(sum[:]) // no escaped name begins with %%
}

// messageID identifies an event by its content, because a replay can have
// another GUID.
func messageID(event string, body []byte) string {
	h := sha256.New()
	h.Write([]byte(event))
	h.Write([]byte{0})
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
