package ghdeploy

import "github.com/ghdeploy/ghdeploy/internal/wire"

// maxErrorItems bounds the list of errors that is kept of a body.
const maxErrorItems = 100

// errorBody is the JSON body of a response that is not a 2xx.
type errorBody struct {
	message          string
	documentationURL string
	items            []errorItem
}

// errorItem is one entry of the body's errors.
type errorItem struct {
	FieldError
	contexts []ContextState
}

// parseErrorBody reads at most maxErrorBody bytes. A value of an unexpected
// type does not lose the others, and of a body that was cut off the members
// before the cut are read. GitHub sends errors as objects, as strings, or as a
// string.
func parseErrorBody(body []byte, redact redactor) errorBody {
	var parsed errorBody
	text := func(v wire.Raw) string {
		var s string
		if wire.Decode(v, &s) != nil {
			s = string(v) // a number or an object is still useful
		}
		return redact.text(s)
	}
	wire.Members(body[:min(len(body), maxErrorBody)], func(name string, value wire.Raw) {
		switch name {
		case "message":
			parsed.message = text(value)
		case "documentation_url":
			parsed.documentationURL = text(value)
		case "errors":
			parsed.items = parseErrorItems(value, text)
		}
	})
	return parsed
}

func parseErrorItems(value wire.Raw, text func(wire.Raw) string) []errorItem {
	var list []wire.Raw
	if wire.Decode(value, &list) != nil {
		list = []wire.Raw{value}
	}
	var items []errorItem
	for _, item := range list[:min(len(list), maxErrorItems)] {
		items = append(items, parseErrorItem(item, text))
	}
	return items
}

func parseErrorItem(value wire.Raw, text func(wire.Raw) string) errorItem {
	var raw struct {
		Resource wire.Raw `json:"resource"`
		Field    wire.Raw `json:"field"`
		Code     wire.Raw `json:"code"`
		Message  wire.Raw `json:"message"`
		Contexts wire.Raw `json:"contexts"`
	}
	if wire.Decode(value, &raw) != nil {
		return errorItem{FieldError: FieldError{Message: text(value)}}
	}
	item := errorItem{FieldError: FieldError{
		Resource: text(raw.Resource),
		Field:    text(raw.Field),
		Code:     text(raw.Code),
		Message:  text(raw.Message),
	}}
	var contexts []struct {
		Context wire.Raw `json:"context"`
		State   wire.Raw `json:"state"`
	}
	if wire.Decode(raw.Contexts, &contexts) == nil {
		for _, s := range contexts {
			item.contexts = append(item.contexts, ContextState{Context: text(s.Context), State: text(s.State)})
		}
	}
	if item.FieldError == (FieldError{}) && item.contexts == nil {
		item.Message = text(value)
	}
	return item
}
