package rollout

import (
	"encoding/json"

	"github.com/ghdeploy/ghdeploy"
)

// keyMember is the member of a deployment's payload that holds its key.
const keyMember = "ghdeploy_key"

// withKey returns the payload with the key added. ok is false if the payload is
// not a JSON object.
func withKey(payload any, key string) (_ json.RawMessage, ok bool) {
	object := make(map[string]json.RawMessage)
	if payload != nil {
		if _, ok := payload.([]byte); ok {
			return nil, false // the service returns an error with the reason
		}
		data, err := json.Marshal(payload)
		if err != nil || json.Unmarshal(data, &object) != nil {
			return nil, false
		}
		if object == nil { // null
			object = make(map[string]json.RawMessage)
		}
	}
	quoted, err := json.Marshal(key)
	if err != nil {
		return nil, false
	}
	object[keyMember] = quoted
	data, err := json.Marshal(object)
	return data, err == nil
}

// hasKey reports whether the payload of a deployment holds the key.
func hasKey(d *ghdeploy.Deployment, key string) bool {
	var object map[string]json.RawMessage
	var found string
	return d.Payload.Decode(&object) == nil &&
		len(object[keyMember]) > 0 &&
		json.Unmarshal(object[keyMember], &found) == nil &&
		found == key
}
