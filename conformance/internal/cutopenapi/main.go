// Command cutopenapi cuts GitHub's OpenAPI descriptions down to the operations
// of the Deployments API and the components that they refer to. The
// descriptions are those of the npm package @octokit/openapi.
//
//	cutopenapi -from package/generated -to .openapi
//
// For each product it reads PRODUCT.json in -from and writes a file of that
// name in -to. If a description marks changes of a later version of the REST
// API (x-github-breaking-changes), it also writes PRODUCT.VERSION.json with
// those changes applied. Such a file is derived from the marks: it is not
// GitHub's own description of that version.
//
// A validator cannot use the whole descriptions, because parts without relation
// to deployments are not valid OpenAPI. The written file lists all other
// changes under x-subset.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ghdeploy/ghdeploy/internal/usage"
)

var program = usage.Program{
	Name:     "cutopenapi",
	Does:     "cuts GitHub's OpenAPI descriptions to the Deployments API.",
	Synopsis: []string{"-from DIR -to DIR"},
}

// products are the names of the descriptions, without .json.
var products = []string{"api.github.com", "ghec", "ghes-3.17", "ghes-3.18", "ghes-3.19"}

func main() {
	flags := flag.NewFlagSet(program.Name, flag.ContinueOnError)
	from := flags.String("from", "", "read `DIR`, generated/ of the npm package @octokit/openapi")
	to := flags.String("to", "", "write to `DIR`, which is created if it is missing")
	if code, ok := program.Parse(flags, os.Args[1:], os.Stdout, os.Stderr); !ok {
		os.Exit(code)
	}
	switch {
	case flags.NArg() > 0:
		os.Exit(program.Invalid(os.Stderr, fmt.Errorf("unexpected argument %q", flags.Arg(0))))
	case *from == "" || *to == "":
		os.Exit(program.Invalid(os.Stderr, errors.New("-from or -to is missing; write both")))
	}
	if err := run(*from, *to, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "cutopenapi:", err)
		os.Exit(1)
	}
}

func run(from, to string, out io.Writer) error {
	if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // public data
		return err
	}
	for _, product := range products {
		name := product + ".json"
		whole, err := read(filepath.Join(from, name))
		if err != nil {
			return err
		}
		part, err := cut(whole, operations)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := write(filepath.Join(to, name), part); err != nil {
			return err
		}
		fmt.Fprintln(out, name) //nolint:errcheck // progress is best effort
		for _, version := range versions(part) {
			name := product + "." + version + ".json"
			later, err := upgrade(part, version)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := write(filepath.Join(to, name), later); err != nil {
				return err
			}
			fmt.Fprintln(out, name) //nolint:errcheck // as above
		}
	}
	return nil
}

func read(name string) (map[string]any, error) {
	file, err := os.Open(name) //nolint:gosec // the name is the user's
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // read only
	decoder := json.NewDecoder(file)
	decoder.UseNumber() // keeps IDs of more than 53 bits exact
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return document, nil
}

func write(name string, document map[string]any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(document); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o644) //nolint:gosec // public data
}

// clone returns a deep copy of a decoded JSON value.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, value := range v {
			c[key] = clone(value)
		}
		return c
	case []any:
		c := slices.Clone(v)
		for i := range c {
			c[i] = clone(c[i])
		}
		return c
	}
	return v
}
