package rollout

// keyMember is the payload member that holds a deployment's key.
const keyMember = "ghdeploy_key"
