package ghdeploy

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// askToken returns the token for one attempt, "" for an anonymous one.
func (c *core) askToken(ctx context.Context) (string, error) {
	if c.token == nil {
		return "", nil
	}
	token, err := c.token(ctx)
	if err != nil {
		if ended := contextError(ctx); ended != nil {
			err = ended
		}
		return "", fmt.Errorf("no token: %w", err)
	}
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("no token: %w", err)
	}
	return token, nil
}

// authorize sets the token of an attempt.
func authorize(r *http.Request, token string) {
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// checkToken refuses what no token is, without repeating it. GitHub says to
// treat tokens as opaque, so it looks no closer.
func checkToken(token string) error {
	switch {
	case token == "":
		return fmt.Errorf("the token is empty")
	case strings.ContainsAny(token, " \t\r\n"):
		return fmt.Errorf("the token holds white space; give it alone, without a line break or a word such as Bearer")
	case !visible(token):
		return fmt.Errorf("the token holds bytes that a header cannot")
	}
	return nil
}
