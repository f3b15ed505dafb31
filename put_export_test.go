package ghdeploy

import (
	"context"
	"net/http"
	"strings"
)

// Put sends a PUT through the request path, for the tests of what holds for
// every method.
func (c *Client) Put(ctx context.Context, p string, body any) error {
	_, err := c.core.call(ctx, operation{method: http.MethodPut, path: path{{text: strings.TrimPrefix(p, "/")}}, body: body})
	return err
}
