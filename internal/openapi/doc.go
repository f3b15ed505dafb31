// Package openapi pins what GitHub's REST description says of this module's
// area: its 25 operations, and the properties of what they take and give. Its
// test holds the root package against that list.
//
// To build an operation, give its method the line
//
//	//ghdeploy:operation GET /repos/{owner}/{repo}/environments
//
// and take it out of pending in code_test.go. The test then names each schema
// that the operation needs and that has no Go type yet: one line of types in
// code_test.go binds the two. From there on the test asks for a field for each
// property, a constant for each enum value, and a url tag for each query
// parameter.
//
// To follow a newer description, run
//
//	GITHUB_OPENAPI_DIR=<directory of api.github.com.json> go test ./internal/openapi -update
//
// and read the difference in description.json.
package openapi
