package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// exchange is one request and its response, as an oracle saw them.
type exchange struct {
	operation string // as in the description; "" if it is not described
	status    int
	location  string // the target of a redirect
	findings  []finding
}

// finding is a place where an exchange and the description differ.
type finding struct {
	operation string
	status    int // of the response; 0 for the request
	text      string
}

func (f finding) String() string {
	side := "the request"
	if f.status != 0 {
		side = fmt.Sprint("the ", f.status)
	}
	return fmt.Sprintf("%s, %s: %s", f.operation, side, f.text)
}

// oracle is a transport that compares each exchange with a description.
type oracle struct {
	description
	next http.RoundTripper

	mu   sync.Mutex
	seen []exchange
}

func (o *oracle) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	resp, err := o.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	respBody, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(respBody))

	e := o.compare(req.Context(), req, body, resp, respBody)
	o.mu.Lock()
	o.seen = append(o.seen, e)
	o.mu.Unlock()
	return resp, nil
}

// compare returns the exchange with its differences from the description.
func (o *oracle) compare(ctx context.Context, req *http.Request, body []byte, resp *http.Response, respBody []byte) exchange {
	e := exchange{status: resp.StatusCode, location: resp.Header.Get("Location")}
	route, vars := o.route(req)
	if route == nil {
		e.findings = []finding{{req.Method + " " + req.URL.Path, 0, "the operation is not described"}}
		return e
	}
	e.operation = route.Method + " " + route.Path
	about := func(status int, texts []string) {
		for _, text := range texts {
			e.findings = append(e.findings, finding{e.operation, status, text})
		}
	}

	req = req.Clone(ctx)
	req.Body = io.NopCloser(bytes.NewReader(body))
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: vars, Route: route,
		Options: &openapi3filter.Options{MultiError: true, SkipSettingDefaults: true, IncludeResponseStatus: true},
	}
	about(0, texts(openapi3filter.ValidateRequest(ctx, in)))
	about(0, undescribedQuery(route, req))
	if described := requestSchema(route.Operation); described != nil && len(body) > 0 {
		about(0, undescribedKeys(described, body))
	} else if len(body) > 0 {
		about(0, []string{"a body that is not described"})
	}

	response := route.Operation.Responses.Status(resp.StatusCode)
	switch {
	case response == nil:
		about(resp.StatusCode, []string{"the status is not described"})
		about(resp.StatusCode, o.compareError(respBody))
	case len(response.Value.Content) == 0 && len(respBody) > 0:
		about(resp.StatusCode, []string{"a body that is not described"})
		about(resp.StatusCode, o.compareError(respBody))
	default:
		about(resp.StatusCode, texts(openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
			RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
			Body: io.NopCloser(bytes.NewReader(respBody)), Options: in.Options,
		})))
		if content := response.Value.Content.Get("application/json"); content != nil && content.Schema != nil {
			about(resp.StatusCode, undescribedKeys(content.Schema.Value, respBody))
		}
	}
	return e
}

// route finds the operation of a request. The path may name a repository by its
// ID, as GitHub does in Location and Link.
func (o *oracle) route(req *http.Request) (*routers.Route, map[string]string) {
	path := strings.TrimPrefix(req.URL.EscapedPath(), o.prefix)
	if rest, ok := strings.CutPrefix(path, "/repositories/"); ok {
		path = "/repos/by-id/" + rest
	}
	var templates []string
	for t, item := range o.doc.Paths.Map() {
		if item.GetOperation(req.Method) != nil {
			templates = append(templates, t)
		}
	}
	found, vars := best(templates, path)
	if found == "" {
		return nil, nil
	}
	item := o.doc.Paths.Value(found)
	return &routers.Route{
		Spec: o.doc, Path: found, PathItem: item, Method: req.Method, Operation: item.GetOperation(req.Method),
	}, vars
}

// compareError compares the body of an error that the operation does not
// describe with GitHub's schema basic-error.
func (o *oracle) compareError(respBody []byte) []string {
	var v any
	if err := json.Unmarshal(respBody, &v); err != nil {
		return []string{"the body is not JSON"}
	}
	return texts(o.doc.Components.Schemas["basic-error"].Value.VisitJSON(v, openapi3.MultiErrors()))
}

func requestSchema(op *openapi3.Operation) *openapi3.Schema {
	if op.RequestBody == nil {
		return nil
	}
	content := op.RequestBody.Value.Content.Get("application/json")
	if content == nil || content.Schema == nil {
		return nil
	}
	return content.Schema.Value
}

// index matches the index of a list in a JSON pointer. Findings that differ
// only in an index are merged.
var index = regexp.MustCompile(`/\d+`)

// texts returns the single messages of a kin-openapi error without duplicates,
// each with its place in the body.
func texts(err error) []string {
	found := make(map[string]bool)
	var walk func(err error)
	walk = func(err error) {
		var (
			multi    openapi3.MultiError
			schema   *openapi3.SchemaError
			request  *openapi3filter.RequestError
			response *openapi3filter.ResponseError
		)
		switch {
		case err == nil:
		case errors.As(err, &multi) && !isSchemaError(err):
			for _, err := range multi {
				walk(err)
			}
		case errors.As(err, &schema):
			where := index.ReplaceAllString("/"+strings.Join(schema.JSONPointer(), "/"), "/*")
			found[where+": "+schema.Reason] = true
		case errors.As(err, &request):
			found[cmp.Or(request.Reason, request.Error())] = true
		case errors.As(err, &response):
			found[cmp.Or(response.Reason, response.Error())] = true
		default:
			found[err.Error()] = true
		}
	}
	walk(err)
	return slices.Sorted(maps.Keys(found))
}

// isSchemaError reports whether err itself is about one value. A failed oneOf
// is one such error, although it wraps the errors of its parts.
func isSchemaError(err error) bool {
	_, ok := err.(*openapi3.SchemaError) //nolint:errorlint // only err itself, not a wrapped error
	return ok
}

func undescribedQuery(route *routers.Route, req *http.Request) []string {
	var all []string
	for name := range req.URL.Query() {
		if route.Operation.Parameters.GetByInAndName("query", name) == nil && route.PathItem.Parameters.GetByInAndName("query", name) == nil {
			all = append(all, "the query parameter "+name+" is not described")
		}
	}
	return all
}

// undescribedKeys lists the keys of a body that its schema lacks. Validation
// allows such keys, and so would not find a misspelt one.
func undescribedKeys(schema *openapi3.Schema, body []byte) []string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil // reported by the validation
	}
	found := make(map[string]bool)
	var walk func(where string, v any, schemas []*openapi3.Schema)
	walk = func(where string, v any, schemas []*openapi3.Schema) {
		properties, items, open := parts(schemas)
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				switch {
				case properties[key] != nil:
					walk(where+"/"+key, value, properties[key])
				case !open:
					found[where+"/"+key+": the key is not described"] = true
				}
			}
		case []any:
			for _, value := range v {
				walk(where+"/*", value, items)
			}
		}
	}
	walk("", v, []*openapi3.Schema{schema})
	return slices.Sorted(maps.Keys(found))
}

// parts merges the properties and items of schemas and their composed parts.
// open means that any key is valid, or that validation rejects unknown keys.
func parts(schemas []*openapi3.Schema) (properties map[string][]*openapi3.Schema, items []*openapi3.Schema, open bool) {
	properties = make(map[string][]*openapi3.Schema)
	for _, s := range schemas {
		var composed []*openapi3.Schema
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, ref := range refs {
				composed = append(composed, ref.Value)
			}
		}
		for name, ref := range s.Properties {
			properties[name] = append(properties[name], ref.Value)
		}
		if s.Items != nil {
			items = append(items, s.Items.Value)
		}
		extra := s.AdditionalProperties
		open = open || extra.Schema != nil || extra.Has != nil ||
			s.Type.Is("object") && len(s.Properties) == 0 && len(composed) == 0
		if len(composed) > 0 {
			more, moreItems, moreOpen := parts(composed)
			for name, list := range more {
				properties[name] = append(properties[name], list...)
			}
			items = append(items, moreItems...)
			open = open || moreOpen
		}
	}
	return properties, items, open
}
