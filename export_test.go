package ghdeploy

import (
	"context"
	"iter"
	"net/http"
	"strings"
)

// Mark is the result of a check.
type Mark = mark

// FirstRow is a Mark without the number of rows.
func FirstRow(m Mark) Mark { return Mark{id: m.id} }

// OtherMark returns a Mark that no list has. n is positive.
func OtherMark(n int64) Mark { return Mark{id: -n} }

// AllWithCheck is All with Prefetch and another check. With it the tests show
// that they notice a wrong check.
func AllWithCheck(ctx context.Context, s DeploymentsService, prefetch int, check func(honest func() (Mark, error)) (Mark, error)) iter.Seq2[*Deployment, error] {
	list := func(ctx context.Context, page, perPage int) (*Page[*Deployment], error) {
		return s.List(ctx, "o", "r", DeploymentListOptions{Page: page, PerPage: perPage})
	}
	f := newPrefetcher(maxPerPage, prefetch, list)
	checked := f.check
	f.check = func(ctx context.Context) (mark, error) {
		return check(func() (Mark, error) { return checked(ctx) })
	}
	return f.rows(ctx, 0)
}

// Put sends a PUT, for the tests that cover every method.
func (c *Client) Put(ctx context.Context, p string, body any) error {
	_, err := c.core.call(ctx, operation{method: http.MethodPut, path: path{{text: strings.TrimPrefix(p, "/")}}, body: body})
	return err
}
