// Command cutopenapi cuts GitHub's OpenAPI descriptions, as the npm package
// @octokit/openapi holds them, down to the operations of the Deployments API
// and what these refer to.
//
//	cutopenapi -from package/generated -to .openapi
//
// Of each product it reads the file PRODUCT.json in -from and writes a file of
// that name in -to. Where a description marks what a later version of the REST
// API changes (x-github-breaking-changes), a second file PRODUCT.VERSION.json
// has those changes applied. Such a file is therefore derived from the marks,
// and not GitHub's own description of that version.
//
// The whole descriptions are of no use to a validator: parts that have nothing
// to do with deployments do not pass as OpenAPI. What is changed beyond cutting
// stands in the written file, under x-subset.
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

// products are the descriptions that are cut, by the name of their file.
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
	if err := os.MkdirAll(to, 0o755); err != nil { //nolint:gosec // public data, for whoever builds here
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
		fmt.Fprintln(out, name) //nolint:errcheck // a lost line of progress is no reason to stop
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
	decoder.UseNumber() // an id of more than 53 bits stays what it is
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
	return os.WriteFile(name, b.Bytes(), 0o644) //nolint:gosec // as the directory
}

// clone is a deep copy of what encoding/json decodes into.
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
