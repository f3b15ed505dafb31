package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// control serves the control API: the methods of ghdeploytest.Server over HTTP.
// docs/server-program.md describes it.
type control struct {
	*instance
	mux    *http.ServeMux
	public bool // accept any Host header
}

// endpoint handles one method of a path. It returns the body of a 200, or nil
// for a 204.
type endpoint func(r *http.Request) (any, error)

// created holds the body of a 201.
type created struct{ v any }

// maxControlBody is the maximum size of a request body in bytes.
const maxControlBody = 1 << 20

func newControl(i *instance, public bool) http.Handler {
	c := &control{instance: i, mux: http.NewServeMux(), public: public}
	paths := map[string]map[string]endpoint{
		"/clock":      {http.MethodGet: c.getClock, http.MethodPost: c.advanceClock},
		"/deliveries": {http.MethodGet: c.listDeliveries},
		"/faults":     {http.MethodGet: c.listFaults, http.MethodPost: c.injectFault, http.MethodDelete: c.clearFaults},
		"/quota":      {http.MethodPut: c.setQuota},
		"/requests":   {http.MethodGet: c.listRequests},
		"/reset":      {http.MethodPost: c.resetAll},

		"/repositories": {http.MethodGet: c.listRepositories},
		"/repositories/{owner}/{repo}/commit-statuses":    {http.MethodPost: c.setCommitStatus},
		"/repositories/{owner}/{repo}/deployments":        {http.MethodGet: c.listDeployments},
		"/repositories/{owner}/{repo}/rename":             {http.MethodPost: c.renameRepository},
		"/repositories/{owner}/{repo}/runs":               {http.MethodPost: c.startRun},
		"/repositories/{owner}/{repo}/runs/{run_id}/step": {http.MethodPost: c.stepRun},
	}
	var index []string
	for path, methods := range paths {
		for method := range methods {
			index = append(index, method+" "+path)
		}
		c.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, methods) })
	}
	slices.SortFunc(index, func(a, b string) int {
		_, a, _ = strings.Cut(a, " ")
		_, b, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	c.mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		c.serve(w, r, map[string]endpoint{http.MethodGet: func(*http.Request) (any, error) { return map[string][]string{"endpoints": index}, nil }})
	})
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 0, nil, &controlError{status: http.StatusNotFound, Type: "not_found", Message: "no such path; GET / lists the endpoints"})
	})
	return c
}

// ServeHTTP rejects requests that a web page may have sent, from another origin
// or with a host name that resolves to this machine.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := http.NewCrossOriginProtection().Check(r); err != nil || r.Header.Get("Origin") != "" {
		reply(w, 0, nil, &controlError{status: http.StatusForbidden, Type: "cross_origin", Message: "requests of web pages are rejected; use a program such as curl"})
		return
	}
	if !c.public && !local(r.Host) {
		reply(w, 0, nil, &controlError{status: http.StatusForbidden, Type: "host", Message: fmt.Sprintf("the Host header %q is neither localhost nor an IP address; use one of these, or start the server with -public", r.Host)})
		return
	}
	c.mux.ServeHTTP(w, r)
}

// local reports whether a Host header is empty, localhost or an IP address. A
// DNS server decides where any other name points.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "" || strings.EqualFold(host, "localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}

func (c *control) serve(w http.ResponseWriter, r *http.Request, methods map[string]endpoint) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := methods[method]
	if handle == nil {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		reply(w, 0, nil, &controlError{status: http.StatusMethodNotAllowed, Type: "method_not_allowed", Message: "this path supports only " + allowed})
		return
	}
	if r.URL.RawQuery != "" {
		reply(w, 0, nil, &controlError{status: http.StatusUnprocessableEntity, Type: "unknown_parameter", Message: "the control API has no query parameters"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
	v, err := handle(r)
	switch made := v.(type) {
	case nil:
		reply(w, http.StatusNoContent, nil, err)
	case created:
		reply(w, http.StatusCreated, made.v, err)
	default:
		reply(w, http.StatusOK, v, err)
	}
}

// controlError is the error of a rejected request.
type controlError struct {
	status int
	// Type is a type of the table in docs/server-program.md.
	Type string `json:"type"`
	// Field is the path of the invalid field, like effect.type, or empty.
	Field string `json:"field,omitempty"`
	// Line is the line of the field in the body, or 0.
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

// The error types for an invalid request body.
const (
	invalidJSON    = "invalid_json"
	wrongType      = "wrong_type"
	unknownField   = "unknown_field"
	duplicateField = "duplicate_field"
	missingField   = "missing_field"
	invalidValue   = "invalid_value"
)

func (e *controlError) Error() string { return e.Type + ": " + e.Message }

// invalid returns the error for an invalid field value.
func invalid(field, format string, args ...any) error {
	return &controlError{status: http.StatusUnprocessableEntity, Type: invalidValue, Field: field, Message: fmt.Sprintf(format, args...)}
}

// missing returns the error for an absent field.
func missing(field, want string) error {
	return &controlError{status: http.StatusUnprocessableEntity, Type: missingField, Field: field, Message: "the field is required: " + want}
}

func reply(w http.ResponseWriter, status int, v any, err error) {
	if err != nil {
		e := new(controlError)
		if !errors.As(err, &e) {
			e = &controlError{status: http.StatusUnprocessableEntity, Type: invalidValue, Message: err.Error()}
		}
		status, v = e.status, map[string]*controlError{"error": e}
	}
	if v == nil {
		w.WriteHeader(status)
		return
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error": {"type": "internal", "message": "the response cannot be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}

// decode reads the body into v, a pointer to a struct. It rejects unknown
// fields.
func decode(r *http.Request, v any) error {
	text, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &controlError{status: http.StatusRequestEntityTooLarge, Type: "body_too_large", Message: fmt.Sprintf("the body is longer than %d bytes", maxControlBody)}
	case err != nil:
		return &controlError{status: http.StatusBadRequest, Type: invalidJSON, Message: "the body was cut off"}
	}
	_, err = scanInto(text, v)
	var wrong *scanError
	if errors.As(err, &wrong) {
		status := http.StatusUnprocessableEntity
		if wrong.kind == invalidJSON {
			status = http.StatusBadRequest
		}
		return &controlError{status: status, Type: wrong.kind, Field: wrong.path, Line: wrong.line, Message: wrong.message}
	}
	if err == nil && bytes.TrimSpace(text)[0] != '{' {
		return &controlError{status: http.StatusUnprocessableEntity, Type: wrongType, Message: "want an object"} // null
	}
	return err
}

// empty rejects a request that has a body.
func empty(r *http.Request) error {
	if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 {
		return &controlError{status: http.StatusBadRequest, Type: "unexpected_body", Message: "this request must have no body"}
	}
	return nil
}
