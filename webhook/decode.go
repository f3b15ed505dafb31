package webhook

import (
	"bytes"
	"errors"
	"strings"

	"github.com/ghdeploy/ghdeploy/internal/wire"
)

// Parse decodes the payload of an event by its name, such as "deployment". It
// is for payloads that were verified and then stored: it verifies nothing. For
// a delivery use [Verifier.Parse]. payload is [Delivery.Raw]; the returned event
// keeps a copy. Of [Event.Info], only Event, Raw and Ignored are set.
//
// The event is a [*DeploymentEvent], [*DeploymentStatusEvent],
// [*DeploymentReviewEvent], [*DeploymentProtectionRuleEvent] or [*PingEvent],
// and the [*Delivery] alone for every other name. The payload of an event of
// another name is not decoded.
//
// A key that is missing, null or unknown is no error, and neither is an unknown
// action or state. A value of another type than GitHub documents is ignored, and
// [Delivery.Ignored] lists it, except where a deployment could go wrong by it:
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
// There it is an error, and so are more than 1,000 ignored values and a payload
// that would allocate more than 1 MiB and four times its size, or more than
// 96 MiB. The error is a [*DecodeError], or [ErrTooLarge] above [MaxBody].
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

const (
	decodeBase   = 1 << 20
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
	// A null would be decoded into an event without an error.
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

// decodeLimit returns how many bytes the decoding of a payload may allocate.
func decodeLimit(size int) int { return min(decodeBase+decodeFactor*size, wire.DefaultLimit) }

// strict holds the keys whose values must have the documented type, by the
// object that they are in. Parse documents them.
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
