// Package rollout runs release workflows on GitHub's Deployments API: release
// around a function, find or create, report, wait, look up what is live, and
// clean up. All functions are methods of [Repo] and use only the service
// interfaces of a [github.com/ghdeploy/ghdeploy.Client], so they run on GitHub,
// on the test server, and on a stub.
package rollout
