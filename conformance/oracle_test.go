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

// exchange is what an oracle saw of one request and its answer.
type exchange struct {
	operation string // as in the description; "" if it has none for it
	status    int
	location  string // of a redirect
	findings  []finding
}

// finding is a place where an exchange and the description differ.
type finding struct {
	operation string
	status    int // 0: the finding is about the request
	text      string
}

func (f finding) String() string {
	side := "the request"
	if f.status != 0 {
		side = fmt.Sprint("the ", f.status)
	}
	return fmt.Sprintf("%s, %s: %s", f.operation, side, f.text)
}

// oracle is a transport that holds all that passes it against a description.
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
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))

	e := o.hold(req.Context(), req, body, resp, answer)
	o.mu.Lock()
	o.seen = append(o.seen, e)
	o.mu.Unlock()
	return resp, nil
}

// hold compares one exchange with the description.
func (o *oracle) hold(ctx context.Context, req *http.Request, body []byte, resp *http.Response, answer []byte) exchange {
	e := exchange{status: resp.StatusCode, location: resp.Header.Get("Location")}
	route, vars := o.route(req)
	if route == nil {
		e.findings = []finding{{req.Method + " " + req.URL.Path, 0, "no operation is described for it"}}
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
		about(0, []string{"a body, and none is described"})
	}

	response := route.Operation.Responses.Status(resp.StatusCode)
	switch {
	case response == nil:
		about(resp.StatusCode, []string{"the status is not described"})
		about(resp.StatusCode, o.holdError(answer))
	case len(response.Value.Content) == 0 && len(answer) > 0:
		about(resp.StatusCode, []string{"a body, and none is described"})
		about(resp.StatusCode, o.holdError(answer))
	default:
		about(resp.StatusCode, texts(openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
			RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header,
			Body: io.NopCloser(bytes.NewReader(answer)), Options: in.Options,
		})))
		if content := response.Value.Content.Get("application/json"); content != nil && content.Schema != nil {
			about(resp.StatusCode, undescribedKeys(content.Schema.Value, answer))
		}
	}
	return e
}

// route finds the operation of a request. A repository may be named by its id,
// as GitHub does in Location and Link.
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

// holdError compares the body of a refusal that is not described where it
// occurs with what GitHub says its errors look like.
func (o *oracle) holdError(answer []byte) []string {
	var v any
	if err := json.Unmarshal(answer, &v); err != nil {
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

// index is an element of a list in a JSON pointer: findings in several
// elements are one.
var index = regexp.MustCompile(`/\d+`)

// texts are the single complaints of an error of kin-openapi's, each once, with
// the place in the body.
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

// isSchemaError tells a complaint about a value from a list of complaints: of a
// oneOf that fails it is the one about all its parts that counts.
func isSchemaError(err error) bool {
	_, ok := err.(*openapi3.SchemaError) //nolint:errorlint // the error itself, not one that it wraps
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

// undescribedKeys names the keys of a body that its schema does not have. A
// schema allows them, and with them every misspelling.
func undescribedKeys(schema *openapi3.Schema, body []byte) []string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil // said elsewhere
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

// parts are what the schemas and all that they are composed of say of an
// object's keys and a list's elements. open: an object may hold any key, or the
// schema itself refuses what it does not name.
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
