package webhook

import (
	"bytes"
	"errors"
	"strings"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// Parse decodes the payload of an event by its name, such as "deployment". It
// verifies nothing: use it for payloads that were verified and then stored, and
// [Verifier.Parse] for a delivery. payload is [Delivery.Raw]; the returned
// event keeps a copy. Of [Event.Info], only Event, Raw and Ignored are set.
//
// The event is a [*DeploymentEvent], [*DeploymentStatusEvent],
// [*DeploymentReviewEvent], [*DeploymentProtectionRuleEvent] or [*PingEvent],
// or for any other name a [*Delivery], whose payload is not decoded.
//
// A missing, null or unknown key is not an error, and neither is an unknown
// action or state. A value whose type differs from GitHub's documentation is
// ignored and listed in [Delivery.Ignored]. In the keys that control the
// deployment such a value is an error:
//
//   - action, environment, event, sha, ref and deployment_callback_url of the
//     event
//   - id, sha, ref, task, payload, environment, original_environment,
//     transient_environment, production_environment and created_at of its
//     deployment
//   - id, state, environment, environment_url and created_at of its
//     deployment_status
//   - id and environment of its workflow_job_run and workflow_job_runs
//
// More than 1,000 ignored values are an error, and so are more than 64 KiB of
// their JSON Pointers. So is a payload whose decoding may allocate more than 24
// MiB plus four times its size, or more than 96 MiB; Parse compares an upper
// bound with the limit. The error is a [*DecodeError], or [ErrTooLarge] for a
// payload above [MaxBody].
func Parse(event string, payload []byte) (Event, error) {
	if len(payload) > MaxBody {
		return nil, ErrTooLarge
	}
	delivery := Delivery{Event: event, Raw: bytes.Clone(payload)}
	parsed, err := decode(delivery)
	if event == "" {
		err = errors.New("the name of the event is empty")
	}
	if err != nil {
		return nil, &DecodeError{Event: event, Err: err}
	}
	return parsed, nil
}

// The limit on what decoding may allocate. Its base is generous, because it is
// compared with an upper bound: for lists of short objects, and for long texts
// with an escape, that is several times what is allocated.
const (
	decodeBase   = 24 << 20
	decodeFactor = 4
)

var errNoObject = errors.New("the payload is not a JSON object")

// decode decodes the delivery's Raw.
func decode(delivery Delivery) (Event, error) {
	event := newEvent(delivery.Event)
	if other, ok := event.(*Delivery); ok {
		*other = delivery
		return other, nil
	}
	// A JSON null would decode without an error.
	if trimmed := bytes.TrimLeft(delivery.Raw, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, errNoObject
	}
	var err error
	if delivery.Ignored, err = wire.DecodeTolerant(delivery.Raw, event, isStrict, decodeLimit(len(delivery.Raw))); err != nil {
		return nil, err
	}
	*event.Info() = delivery
	return event, nil
}

// decodeLimit returns the number of bytes that decoding a payload may allocate.
func decodeLimit(size int) int { return min(decodeBase+decodeFactor*size, wire.DefaultLimit) }

// strict holds the keys whose values must have the documented type, by the
// JSON Pointer of their object. Keep it equal to the list in the doc of Parse.
var strict = map[string][]string{
	"": {
		"action", "environment", "event", "sha", "ref", "deployment_callback_url",
		"deployment", "deployment_status", "workflow_job_run", "workflow_job_runs",
	},
	"/deployment": {
		"id", "sha", "ref", "task", "payload", "environment", "original_environment",
		"transient_environment", "production_environment", "created_at",
	},
	"/deployment_status":   {"id", "state", "environment", "environment_url", "created_at"},
	"/workflow_job_run":    {"id", "environment"},
	"/workflow_job_runs/*": {"id", "environment"},
}

var strictPointers = func() map[string]bool {
	pointers := map[string]bool{"": true, "/workflow_job_runs/*": true}
	for object, keys := range strict {
		for _, key := range keys {
			pointers[object+"/"+key] = true
		}
	}
	return pointers
}()

// isStrict reports whether the value at a JSON Pointer must have the documented
// type.
func isStrict(pointer string) bool {
	const runs = "/workflow_job_runs/"
	if rest, ok := strings.CutPrefix(pointer, runs); ok {
		_, key, below := strings.Cut(rest, "/")
		pointer = runs + "*"
		if below {
			pointer += "/" + key
		}
	}
	return strictPointers[pointer]
}
