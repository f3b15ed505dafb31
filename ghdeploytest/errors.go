package ghdeploytest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// errorBody is GitHub's newer form of an error, with the status as a string.
type errorBody struct {
	Message          string `json:"message"`
	Errors           any    `json:"errors,omitempty"`
	DocumentationURL string `json:"documentation_url,omitempty"`
	Status           string `json:"status,omitempty"`
}

// fieldError is an element of a validation error.
type fieldError struct {
	Resource string `json:"resource"`
	Code     string `json:"code"`
	Field    string `json:"field"`
	Message  string `json:"message,omitempty"`
}

const docsRoot = "https://docs.github.com/rest"

// encode encodes JSON as GitHub does: without HTML escapes and without a final
// newline.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("ghdeploytest: a response cannot be encoded: " + err.Error()) // a bug of this package
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func ok(status int, v any) response { return response{status: status, body: encode(v)} }

// fail is an error response that links to the operation's documentation.
func (c *call) fail(status int, message string, errors any) response {
	docs := docsRoot
	if c.op != nil {
		docs += "/" + c.op.docs
	}
	return ok(status, errorBody{message, errors, docs, strconv.Itoa(status)})
}

func (c *call) notFound() response { return c.fail(http.StatusNotFound, "Not Found", nil) }

func (c *call) invalid(errors ...fieldError) response {
	return c.fail(http.StatusUnprocessableEntity, "Validation Failed", errors)
}
