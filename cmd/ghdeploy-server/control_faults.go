package main

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// The maximum number of active faults, and the maximum delay of one.
const (
	maxFaults = 1000
	maxDelay  = time.Hour
)

// faultJSON is a ghdeploytest.Fault as JSON.
type faultJSON struct {
	Operation   string     `json:"operation"`
	Repository  string     `json:"repository,omitempty"`
	Match       *matchJSON `json:"match,omitempty"`
	Nth         int        `json:"nth,omitempty"`
	Times       int        `json:"times,omitempty"`
	Probability float64    `json:"probability,omitempty"`
	Seed        uint64     `json:"seed,omitempty"`
	Latency     string     `json:"latency,omitempty"`
	Effect      effectJSON `json:"effect,omitzero"`
}

// matchJSON selects requests. A request must match every field that is set.
type matchJSON struct {
	// Body is a substring of the body.
	Body string `json:"body,omitempty"`
	// Path is a substring of the path.
	Path string `json:"path,omitempty"`
	// Query and Headers map the names to one required value each.
	Query   map[string]string `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// effectJSON is a ghdeploytest.Effect as JSON.
type effectJSON struct {
	Type     string            `json:"type"`
	Status   int               `json:"status,omitempty"`
	Body     string            `json:"body,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Location string            `json:"location,omitempty"`
	Delay    string            `json:"delay,omitempty"`
	Bytes    int               `json:"bytes,omitempty"`
}

// effectType describes a type of effect: its fields, and its constructor, which
// gets the parsed delay.
type effectType struct {
	fields []string
	make   func(effectJSON, time.Duration) ghdeploytest.Effect
}

var effects = map[string]effectType{
	"respond": {[]string{"status", "body", "headers"}, func(e effectJSON, _ time.Duration) ghdeploytest.Effect {
		return e.withHeaders(ghdeploytest.Respond(e.Status, e.Body))
	}},
	"redirect": {[]string{"status", "location", "headers"}, func(e effectJSON, _ time.Duration) ghdeploytest.Effect {
		return e.withHeaders(ghdeploytest.RedirectTo(e.Status, e.Location))
	}},
	"refuse_connection": plain(ghdeploytest.RefuseConnection),
	"drop_before":       plain(ghdeploytest.DropBefore),
	"drop_after":        plain(ghdeploytest.DropAfter),
	"drop_mid_response": plain(ghdeploytest.DropMidResponse),
	"empty_body":        plain(ghdeploytest.EmptyBody),
	"html_body":         plain(ghdeploytest.HTMLBody),
	"endless_link":      plain(ghdeploytest.EndlessLink),
	"looping_link":      plain(ghdeploytest.LoopingLink),
	"execute_later": {[]string{"delay"}, func(_ effectJSON, d time.Duration) ghdeploytest.Effect {
		return ghdeploytest.ExecuteLater(d)
	}},
	"slow_response": {[]string{"delay"}, func(_ effectJSON, d time.Duration) ghdeploytest.Effect {
		return ghdeploytest.SlowResponse(d)
	}},
	"truncate_body": {[]string{"bytes"}, func(e effectJSON, _ time.Duration) ghdeploytest.Effect {
		return ghdeploytest.TruncateBody(e.Bytes)
	}},
}

// plain describes an effect without fields.
func plain(effect func() ghdeploytest.Effect) effectType {
	return effectType{make: func(effectJSON, time.Duration) ghdeploytest.Effect { return effect() }}
}

func (e effectJSON) withHeaders(effect ghdeploytest.Effect) ghdeploytest.Effect {
	for name, value := range e.Headers {
		effect = effect.WithHeader(name, value)
	}
	return effect
}

// given returns the names of the fields that are set.
func (e effectJSON) given() []string {
	var names []string
	for name, set := range map[string]bool{
		"status": e.Status != 0, "body": e.Body != "", "headers": len(e.Headers) > 0,
		"location": e.Location != "", "delay": e.Delay != "", "bytes": e.Bytes != 0,
	} {
		if set {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// effect checks the fields and returns the effect. No fields mean no effect.
func (e effectJSON) effect() (effect ghdeploytest.Effect, err error) {
	types := strings.Join(slices.Sorted(maps.Keys(effects)), ", ")
	kind, known := effects[e.Type]
	switch {
	case e.Type == "" && len(e.given()) > 0:
		return effect, missing("effect.type", "one of "+types)
	case e.Type == "":
		return effect, nil
	case !known:
		return effect, invalid("effect.type", "%q is not an effect; write one of %s", e.Type, types)
	}
	for _, name := range e.given() {
		if !slices.Contains(kind.fields, name) {
			return effect, invalid("effect."+name, "%s does not have this field; its fields: %s", e.Type, cmp.Or(strings.Join(kind.fields, ", "), "none"))
		}
	}
	for name, value := range e.Headers {
		if !validHeader(name, value) {
			return effect, invalid("effect.headers", "the header %q has an invalid name or value", name)
		}
	}
	delay, err := delay("effect.delay", e.Delay)
	if err != nil {
		return effect, err
	}
	switch {
	case slices.Contains(kind.fields, "delay") && delay == 0:
		return effect, missing("effect.delay", "a duration like 10s")
	case e.Type == "redirect" && e.Location == "":
		return effect, missing("effect.location", "a URL like https://elsewhere.test/x")
	case !validHeader("Location", e.Location):
		return effect, invalid("effect.location", "%q is not a valid header value", e.Location)
	}
	if reason := refused(func() { effect = kind.make(e, delay) }); reason != nil {
		return effect, invalid("effect."+kind.fields[0], "%s", reason)
	}
	return effect, nil
}

// validHeader reports whether HTTP allows a header.
func validHeader(name, value string) bool {
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" //nolint:gosec // no credential
	return name != "" && strings.Trim(name, token) == "" && !strings.ContainsAny(value, "\r\n\x00")
}

// delay parses a duration; "" is 0.
func delay(field, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDelay {
		return 0, invalid(field, "%q is not a duration up to %v; write one like 250ms or 10s", text, maxDelay)
	}
	return d, nil
}

func (m *matchJSON) accepts(r ghdeploytest.Request) bool {
	if !strings.Contains(r.Body, m.Body) || !strings.Contains(r.Path, m.Path) {
		return false
	}
	for name, value := range m.Query {
		if !slices.Contains(r.Query[name], value) {
			return false
		}
	}
	for name, value := range m.Headers {
		if !slices.Contains(r.Header.Values(name), value) {
			return false
		}
	}
	return true
}

// injectedJSON is an active fault with its request counts.
type injectedJSON struct {
	Operation  string `json:"operation"`
	Repository string `json:"repository,omitempty"`
	Effect     string `json:"effect,omitempty"`
	Latency    string `json:"latency,omitempty"`
	Seen       int    `json:"seen"`
	Matched    int    `json:"matched"`
	Fired      int    `json:"fired"`
}

func (c *control) listFaults(*http.Request) (any, error) {
	list := []injectedJSON{}
	for _, f := range c.server().Faults() {
		row := injectedJSON{Operation: f.Operation, Repository: f.Repository, Seen: f.Seen, Matched: f.Matched, Fired: f.Fired}
		if name := f.Effect.String(); name != (ghdeploytest.Effect{}).String() {
			row.Effect = name
		}
		if f.Latency > 0 {
			row.Latency = f.Latency.String()
		}
		list = append(list, row)
	}
	return map[string]any{"faults": list}, nil
}

func (c *control) injectFault(r *http.Request) (any, error) {
	var given faultJSON
	if err := decode(r, &given); err != nil {
		return nil, err
	}
	if given.Operation == "" {
		return nil, missing("operation", "a method and path like POST /repos/{owner}/{repo}/deployments, or *")
	}
	effect, err := given.Effect.effect()
	if err != nil {
		return nil, err
	}
	latency, err := delay("latency", given.Latency)
	if err != nil {
		return nil, err
	}
	if given.Effect.Type == "" && latency == 0 {
		return nil, missing("effect", "an effect, a latency or both")
	}
	fault := ghdeploytest.Fault{
		Operation: given.Operation, Repository: given.Repository, Nth: given.Nth, Times: given.Times,
		Probability: given.Probability, Seed: given.Seed, Latency: latency, Effect: effect,
	}
	if given.Match != nil {
		fault.Match = given.Match.accepts
	}
	srv := c.server()
	if len(srv.Faults()) >= maxFaults {
		return nil, invalid("", "%d faults are active; remove them with DELETE /faults", maxFaults)
	}
	for _, field := range []struct {
		name  string
		wrong bool
		want  string
	}{
		{"nth", given.Nth < 0, "at least 1, or omit it for the first request"},
		{"times", given.Times < ghdeploytest.Always, "at least 1, or -1 for every request"},
		{"probability", given.Probability < 0 || given.Probability > 1, "a number from 0 to 1"},
		{"repository", given.Repository != "" && !c.has(given.Repository), "one of: " + strings.Join(srv.Repositories(), ", ")},
	} {
		if field.wrong {
			return nil, invalid(field.name, "write %s", field.want)
		}
	}
	if err := refused(func() { srv.Inject(fault) }); err != nil {
		return nil, invalid("operation", "%s", inJSON(err.Error()))
	}
	return created{given}, nil
}

func (c *control) clearFaults(r *http.Request) (any, error) {
	if err := empty(r); err != nil {
		return nil, err
	}
	c.server().ClearFaults()
	return nil, nil
}
