// Package openapi has a pinned copy of the part of GitHub's REST description
// that this module implements: 25 operations, and the properties of their
// requests and responses. Its tests compare the root package with that copy. It
// has no code apart from its tests.
//
// To implement an operation, give its method the line
//
//	//ghdeploy:operation GET /repos/{owner}/{repo}/environments
//
// and remove it from pending in code_test.go. The test then names each schema
// that the operation needs and that has no Go type yet. Add a line to types in
// code_test.go that binds the schema to a Go type. From then on the test
// requires a field for each property, a constant for each enum value, and a url
// tag for each query parameter.
//
// To follow a newer description, run
//
//	GITHUB_OPENAPI_DIR=<directory of api.github.com.json> go test ./internal/openapi -update
//
// and review the diff of description.json.
package openapi
