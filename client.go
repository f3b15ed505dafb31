package ghdeploy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/go-querystring/query"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// Client is GitHub's Deployments API. It is safe for concurrent use. Make one
// with [NewClient], or, in a test, with the services that the code under test
// calls: Client{Deployments: stub}. A copy of a Client is one as well.
type Client struct {
	Deployments     DeploymentsService
	Statuses        StatusesService
	Environments    EnvironmentsService
	BranchPolicies  BranchPoliciesService
	ProtectionRules ProtectionRulesService
	Reviews         ReviewsService

	core *core
}

// NewClient returns a client for https://api.github.com/ or for what the
// options say. Without a token its calls are anonymous. A wrong option is an
// [ErrInvalidArgument] here and not at the first call.
func NewClient(opts ...Option) (*Client, error) {
	core, err := newCore(opts)
	if err != nil {
		return nil, err
	}
	return &Client{
		Deployments:     &deploymentsService{core},
		Statuses:        &statusesService{core},
		Environments:    &environmentsService{core},
		BranchPolicies:  &branchPoliciesService{core},
		ProtectionRules: &protectionRulesService{core},
		Reviews:         &reviewsService{core},
		core:            core,
	}, nil
}

// Rate returns the newest quota that any response to this client reported. It
// is zero before the first, and on a Client that NewClient did not make.
func (c *Client) Rate() Rate {
	if c.core == nil {
		return Rate{}
	}
	if rate := c.core.rate.Load(); rate != nil {
		return *rate
	}
	return Rate{}
}

// core is what the services of one client share.
type core struct {
	base      string // the API's root without its trailing slash
	http      *http.Client
	token     func(context.Context) (string, error) // nil: anonymous
	userAgent string
	version   APIVersion
	retry     RetryPolicy
	mayRepeat func(outcome) bool // mayRepeat; in a test also one that is wrong
	log       *slog.Logger

	gate    gate
	rate    atomic.Pointer[Rate]
	sunsets sync.Once
}

// operation is one call, before it becomes a request.
type operation struct {
	method string
	path   string // below the base URL, escaped
	query  any    // a struct with url tags, or nil
	body   any    // what becomes the JSON body, or nil

	// means is what a status says here that it does not say elsewhere.
	means map[int]error
}

// call takes an operation through the whole path: request, send, check.
// Without an error the answer is a 2xx; it is nil where nothing was sent.
func (c *core) call(ctx context.Context, op operation) (*answer, error) {
	req, err := c.newRequest(ctx, op)
	if err != nil {
		return nil, err
	}
	a := c.send(req, op) //nolint:contextcheck // the request carries the context
	return a, check(op, a)
}

// newRequest makes the request, all but its token: that is asked for at each
// attempt.
func (c *core) newRequest(ctx context.Context, op operation) (*retryablehttp.Request, error) {
	target := c.base + op.path
	if op.query != nil {
		values, err := query.Values(op.query)
		if err != nil {
			return nil, invalidArgument("%s %s: %v", op.method, op.path, err)
		}
		if encoded := values.Encode(); encoded != "" {
			target += "?" + encoded
		}
	}
	var body any // a nil []byte would be an empty body, not none
	if op.body != nil {
		encoded, err := wire.Encode(op.body)
		if err != nil {
			return nil, invalidArgument("%s %s: the request does not encode as JSON: %v", op.method, op.path, err)
		}
		body = encoded
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, op.method, target, body)
	if err != nil {
		return nil, invalidArgument("%s %s: %v", op.method, op.path, err)
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", string(c.version))
	req.Header.Set("User-Agent", c.userAgent)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// fetch is an operation that answers with one object.
func fetch[T any, P object[T]](ctx context.Context, c *core, op operation) (*T, error) {
	a, err := c.call(ctx, op)
	if err != nil {
		return nil, err
	}
	return decodeOne[T, P](op, a)
}

// remove is a DELETE. Sent again after an attempt that may have been carried
// out, it may find nothing left; but a 404 is also what GitHub says where the
// token may not see. So that 404 is success only if a GET answers 404 too.
func (c *core) remove(ctx context.Context, op operation) error {
	op.method = http.MethodDelete
	a, err := c.call(ctx, op)
	if a == nil || a.status != http.StatusNotFound || !a.mayHaveRun {
		return err
	}
	if _, gone := c.call(ctx, operation{method: http.MethodGet, path: op.path}); missing(gone) {
		return nil
	}
	return err
}

// missing tells whether the API itself says that something is not there: a
// token function may say ErrNotFound of something else.
func missing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound && errors.Is(err, ErrNotFound)
}

// row is what a list holds and an operation answers with. A nil row has no id.
type row interface{ rowID() int64 }

// whole tells whether an object of an answer says what its kind always says.
// GitHub's ids begin at 1: an object without one is not what was asked for. A
// kind that has no id has a rule of its own.
func whole(v any) bool {
	switch v := v.(type) {
	case interface{ whole() bool }:
		return v.whole()
	case row:
		return v.rowID() > 0
	}
	return false
}

// object is a pointer to a type whose pointer is a row.
type object[T any] interface {
	*T
	row
}

// decodeOne decodes an answer that is one object.
func decodeOne[T any, P object[T]](op operation, a *answer) (*T, error) {
	v := new(T)
	if err := wire.Decode(a.body, v); err != nil {
		return nil, malformed(op, a, err)
	}
	if !whole(P(v)) {
		return nil, malformed(op, a, nil)
	}
	return v, nil
}

// decodeRows decodes an answer that is an array of objects.
func decodeRows[R any](op operation, a *answer) ([]R, error) {
	return rowsOf[R](op, a, a.body)
}

// decodeWrapped decodes an answer that is an object of an array under key and
// its total_count, 0 where it does not count.
func decodeWrapped[R any](op operation, a *answer, key string) (rows []R, total int, err error) {
	array, err := wire.Member(a.body, key)
	if err != nil || array == nil {
		return nil, 0, malformed(op, a, err)
	}
	count, err := wire.Member(a.body, "total_count")
	if err != nil {
		return nil, 0, malformed(op, a, err)
	}
	if count != nil {
		if err := wire.Decode(count, &total); err != nil || total < 0 {
			return nil, 0, malformed(op, a, err)
		}
	}
	rows, err = rowsOf[R](op, a, array)
	return rows, total, err
}

func rowsOf[R any](op operation, a *answer, array []byte) ([]R, error) {
	var rows []R
	if err := wire.Decode(array, &rows); err != nil {
		return nil, malformed(op, a, err)
	}
	if rows == nil { // null
		return nil, malformed(op, a, nil)
	}
	for _, r := range rows {
		if !whole(r) {
			return nil, malformed(op, a, nil)
		}
	}
	return rows, nil
}

// repositoryPath is the escaped path of something in a repository. An element
// is a constant, an id, or a named value of the caller's.
func repositoryPath(owner, repo string, elements ...any) (string, error) {
	var b strings.Builder
	b.WriteString("/repos")
	for _, element := range append([]any{named{"owner", owner}, named{"repo", repo}}, elements...) {
		b.WriteByte('/')
		switch e := element.(type) {
		case string:
			b.WriteString(e)
		case int64:
			if e <= 0 {
				return "", invalidArgument("the id %d is not one of GitHub's: they begin at 1", e)
			}
			b.WriteString(strconv.FormatInt(e, 10))
		case named:
			if err := e.validate(); err != nil {
				return "", err
			}
			b.WriteString(url.PathEscape(e.value))
		}
	}
	return b.String(), nil
}

// named is a name that the caller gave for one element of a path.
type named struct{ what, value string }

func (n named) validate() error {
	switch n.value {
	case "":
		return invalidArgument("the %s is empty", n.what)
	case ".", "..":
		// A server, or a proxy before it, resolves these: a DELETE would
		// reach something else.
		return invalidArgument("the %s is %q, which a path cannot hold", n.what, n.value)
	}
	if n.what != "environment" && strings.Contains(n.value, "/") {
		return invalidArgument("the %s %q holds a slash: owner and repo are given apart (ParseRepository splits them)", n.what, n.value)
	}
	return nil
}
