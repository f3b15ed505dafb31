package rollout

import "strings"

// fold makes names of environments comparable: their case does not count.
func fold(environment string) string {
	return strings.ToLower(strings.ToUpper(environment))
}

// sameEnvironment reports whether two names mean one environment.
func sameEnvironment(a, b string) bool { return fold(a) == fold(b) }

// within reports whether the environment that a row shows is the wanted one. A
// stub's rows may show none.
func within(shown, environment string) bool {
	return shown == "" || sameEnvironment(shown, environment)
}
