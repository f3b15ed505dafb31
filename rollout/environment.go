package rollout

import "strings"

// fold returns the name of an environment in a form without case, to compare.
func fold(environment string) string {
	return strings.ToLower(strings.ToUpper(environment))
}

// sameEnvironment reports whether two names mean one environment.
func sameEnvironment(a, b string) bool { return fold(a) == fold(b) }

// within reports whether the environment of a row is the wanted one. It may be
// empty in the rows of a stub.
func within(shown, environment string) bool {
	return shown == "" || sameEnvironment(shown, environment)
}
