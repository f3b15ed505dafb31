package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// description is GitHub's description of one product and one API version.
type description struct {
	name    string // the file without .json
	version string // the API version
	prefix  string // the path prefix of such a server
	doc     *openapi3.T
}

// described are the files in GITHUB_OPENAPI_DIR.
var described = []description{
	{name: "api.github.com", version: "2022-11-28"},
	{name: "api.github.com.2026-03-10", version: "2026-03-10"},
	{name: "ghec", version: "2022-11-28"},
	{name: "ghec.2026-03-10", version: "2026-03-10"},
	{name: "ghes-3.17", version: "2022-11-28", prefix: prefix},
	{name: "ghes-3.18", version: "2022-11-28", prefix: prefix},
	{name: "ghes-3.19", version: "2022-11-28", prefix: prefix},
}

// descriptions loads all files. It skips the test if the variable is not set.
func descriptions(t *testing.T) []description {
	t.Helper()
	dir := os.Getenv("GITHUB_OPENAPI_DIR")
	if dir == "" {
		t.Skip("GITHUB_OPENAPI_DIR is not set: nothing was compared with GitHub's OpenAPI description. `make openapi` downloads it to conformance/.openapi; see README.md, \"GitHub's description\".")
	}
	all := make([]description, len(described))
	for i, d := range described {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, d.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		// Some of GitHub's examples contradict its own schemas.
		if err := doc.Validate(t.Context(), openapi3.DisableExamplesValidation()); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		d.doc = doc
		all[i] = d
	}
	return all
}
