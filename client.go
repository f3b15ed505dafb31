package ghdeploy

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/google/go-querystring/query"
	"github.com/hashicorp/go-retryablehttp"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// Client is a client of GitHub's Deployments API. It is safe for concurrent
// use. Create one with [NewClient]. In a test, a Client can also hold only the
// services that the tested code calls: Client{Deployments: stub}. A copy of a
// Client works as the original does.
type Client struct {
	Deployments     DeploymentsService
	Statuses        StatusesService
	Environments    EnvironmentsService
	BranchPolicies  BranchPoliciesService
	ProtectionRules ProtectionRulesService
	Reviews         ReviewsService

	core *core
}

// NewClient returns a client for https://api.github.com/ or for the server that
// the options name. Without a token its calls are anonymous. An invalid option
// is an [ErrInvalidArgument] here, not at the first call.
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

// Rate returns the newest quota that a response to this client reported. For
// one token, the later Reset is the newer quota. With equal Resets it is the
// higher Used, and with equal Used the later response. Rate is zero before the
// first response, and on a Client that NewClient did not make.
func (c *Client) Rate() Rate {
	if c.core == nil {
		return Rate{}
	}
	return c.core.rate.load()
}

// core is the state that the services of one client share.
type core struct {
	base      string // the API's root without its trailing slash
	origin    string // of base; the token is bound to it
	http      *http.Client
	token     func(context.Context) (string, error) // nil: anonymous
	userAgent string
	version   APIVersion

	header     http.Header // of requests without a body; never modified
	bodyHeader http.Header // of requests with one; never modified

	retry RetryPolicy
	log   *slog.Logger

	gate      gate
	cache     *conditionalCache // nil: off
	rate      latestRate
	lastToken atomic.Pointer[knownToken]
	sunset    atomic.Bool // the end of the API version was logged
}

// call executes an operation: request, send, check. The error is nil exactly
// if the response is a complete 2xx. The response is nil if the arguments are
// invalid.
func (c *core) call(ctx context.Context, op operation) (*response, error) {
	req, path, err := c.newRequest(ctx, op)
	if err != nil {
		return nil, err
	}
	resp := c.send(req, path, op)
	return resp, check(op, resp)
}

// newRequest returns the request of an operation, without its token, and its
// escaped path below the base URL.
func (c *core) newRequest(ctx context.Context, op operation) (*retryablehttp.Request, string, error) {
	target, err := op.path.below(c.base)
	if err != nil {
		return nil, "", err
	}
	path := target[len(c.base):]
	if op.query != nil {
		values, err := query.Values(op.query)
		if err != nil {
			return nil, "", invalidArgument("%s %s: %v", op.method, path, err)
		}
		if encoded := values.Encode(); encoded != "" {
			target += "?" + encoded
		}
	}
	var body any // an untyped nil is no body; a nil []byte would be an empty one
	if op.body != nil {
		encoded, err := wire.Encode(op.body)
		if err != nil {
			return nil, "", invalidArgument("%s %s: the request does not encode as JSON: %v", op.method, path, err)
		}
		body = encoded
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, op.method, target, body)
	if err != nil {
		return nil, "", invalidArgument("%s %s: %v", op.method, path, err)
	}
	req.Header = c.header
	if body != nil {
		req.Header = c.bodyHeader
	}
	return req, path, nil
}

// header returns the headers of a client's requests, under their canonical
// names. Each attempt gets a copy.
func header(userAgent string, version APIVersion) http.Header {
	return http.Header{
		"Accept":               {"application/vnd.github+json"},
		"X-Github-Api-Version": {string(version)},
		"User-Agent":           {userAgent},
	}
}

// bodyHeader returns the headers of requests with a body.
func bodyHeader(userAgent string, version APIVersion) http.Header {
	h := header(userAgent, version)
	h.Set("Content-Type", "application/json")
	return h
}

// fetch executes an operation whose response is one object.
func fetch[T any, P object[T]](ctx context.Context, c *core, op operation) (*T, error) {
	resp, err := c.call(ctx, op)
	if err != nil {
		return nil, err
	}
	v, err := decodeOne[T, P](resp)
	if err != nil {
		return nil, err
	}
	resp.release()
	return v, nil
}

// execute executes an operation whose response has no documented body.
func (c *core) execute(ctx context.Context, op operation) (*response, error) {
	resp, err := c.call(ctx, op)
	if err == nil && len(bytes.TrimSpace(resp.body)) > 0 && !wire.Valid(resp.body) {
		err = malformed(resp, nil) // a login page, for example
	}
	return resp, err
}

// remove executes a DELETE. If an attempt may have deleted the object, a later
// one gets a 404. GitHub also returns 404 for what the token may not see, so
// that 404 is success only if a GET returns 404 too.
func (c *core) remove(ctx context.Context, op operation) error {
	op.method = http.MethodDelete
	resp, err := c.execute(ctx, op)
	if resp == nil || resp.status != http.StatusNotFound || !resp.mayHaveRun {
		return err
	}
	get := operation{method: http.MethodGet, path: op.path, waited: resp.waited}
	if _, gone := c.call(ctx, get); notFound(gone) {
		return nil
	}
	return err
}

// notFound reports whether the API returned 404. The error of a token function
// can be an ErrNotFound as well.
func notFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound && errors.Is(err, ErrNotFound)
}
