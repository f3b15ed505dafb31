package ghdeploy

import (
	"encoding/json"
	"fmt"
)

// Payload is the raw JSON of a deployment's payload: an object, a string, a
// string that contains JSON, "" or null. GitHub returns the type that the
// creator of the deployment sent, and {} if nothing was sent. It is nil if the
// response has no payload.
//
// GitHub docs: https://docs.github.com/rest/deployments/deployments#create-a-deployment
type Payload []byte

// Decode stores the payload into v with encoding/json. If v is a *string, it
// receives a payload that is a JSON string. Otherwise the text of such a
// payload is decoded as JSON: many tools send their JSON inside a string.
//
// A nil payload does not change v. Null and "" do not change it either, unless
// v has a method that decodes it. The error wraps that of encoding/json.
func (p Payload) Decode(v any) error {
	if len(p) == 0 {
		return nil
	}
	if _, ok := v.(*string); ok {
		return p.decode(p, v)
	}
	text, isString := p.Text()
	switch {
	case !isString:
		return p.decode(p, v)
	case text == "":
		return nil
	}
	if json.Valid([]byte(text)) {
		return p.decode([]byte(text), v)
	}
	return p.decode(p, v)
}

func (Payload) decode(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("ghdeploy: payload: %w", err)
	}
	return nil
}

// Text returns the payload's text and true if the payload is a JSON string,
// else "" and false.
func (p Payload) Text() (text string, ok bool) {
	// encoding/json decodes null into a string without an error.
	if len(p) == 0 || p[0] != '"' || json.Unmarshal(p, &text) != nil {
		return "", false
	}
	return text, true
}

// MarshalJSON returns the raw JSON; null for a nil Payload.
func (p Payload) MarshalJSON() ([]byte, error) {
	if len(p) == 0 {
		return []byte("null"), nil
	}
	return p, nil
}

// UnmarshalJSON keeps a copy of data.
func (p *Payload) UnmarshalJSON(data []byte) error {
	*p = append(Payload(nil), data...)
	return nil
}

// String returns the raw JSON.
func (p Payload) String() string { return string(p) }
