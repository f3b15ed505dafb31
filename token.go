package ghdeploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/ghdeploy/ghdeploy/internal/contexts"
)

// knownToken is the latest token with everything that is made of it.
type knownToken struct {
	token    string
	key      tokenKey
	header   string
	redactor redactor // of this token alone
}

func newKnownToken(token string) *knownToken {
	known := &knownToken{token: token, key: keyOf(token), header: bearer(token)}
	known.redactor.add(token)
	return known
}

// keyOf returns the key of a token. The latest one is not hashed again.
func (c *core) keyOf(token string) tokenKey {
	if last := c.lastToken.Load(); last != nil && last.token == token {
		return last.key
	}
	return keyOf(token)
}

// askToken returns the token of one attempt, "" for an anonymous one. It tells
// the redactor every token that it learns.
func (c *core) askToken(ctx context.Context, redact *redactor) (string, error) {
	if err := contexts.Error(ctx); err != nil {
		return "", redact.error(err)
	}
	if c.token == nil {
		return "", nil
	}
	last := c.lastToken.Load()
	if last != nil {
		redact.merge(last.redactor) // the function's error can contain it
	}
	token, err := c.token(ctx)
	redact.add(token)
	if ended := contexts.Error(ctx); ended != nil {
		return "", redact.error(fmt.Errorf("no token: %w", ended))
	}
	if err == nil {
		err = checkToken(token)
	}
	if err != nil {
		return "", redact.error(fmt.Errorf("no token: %w", err))
	}
	if last == nil || last.token != token {
		c.lastToken.Store(newKnownToken(token))
	}
	return token, nil
}

// authorization returns the header of a token. That of the latest one is not
// made again.
func (c *core) authorization(token string) string {
	if last := c.lastToken.Load(); last != nil && last.token == token {
		return last.header
	}
	return bearer(token)
}

func bearer(token string) string { return "Bearer " + token }

// tokenError is a token that no header can hold.
type tokenError string

func (e tokenError) Error() string { return string(e) }

// checkToken refuses an invalid token without repeating it. GitHub says to
// treat tokens as opaque, so it checks nothing else.
func checkToken(token string) error {
	switch {
	case token == "":
		return tokenError("the token is empty")
	case strings.ContainsAny(token, " \t\r\n"):
		return tokenError("the token contains white space; give only the token, without a line break or a word such as Bearer")
	case !visible(token):
		return tokenError("the token contains characters that a header cannot hold")
	}
	return nil
}
