package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// readSeed reads and checks a seed file. Its errors name the line and the
// field.
func readSeed(name string) (ghdeploytest.Seed, error) {
	text, err := os.ReadFile(name) //nolint:gosec // the user names the file
	if err != nil {
		return ghdeploytest.Seed{}, fmt.Errorf("-seed: %w", err)
	}
	seed, err := parseSeed(text)
	if err != nil {
		return seed, fmt.Errorf("-seed: %s:%w", name, err)
	}
	return seed, nil
}

func parseSeed(text []byte) (ghdeploytest.Seed, error) {
	var seed ghdeploytest.Seed
	s, err := scanInto(text, &seed)
	if err != nil {
		return seed, err
	}
	if err := s.checkPermissions(seed); err != nil {
		return seed, err
	}
	return seed, s.try(seed)
}

// scanInto decodes a JSON text into v, a pointer to a struct. It rejects
// unknown fields.
func scanInto(text []byte, v any) (*scanner, error) {
	s := &scanner{text: text, dec: json.NewDecoder(bytes.NewReader(text)), lines: map[string]int{}}
	s.dec.UseNumber()
	err := s.value(reflect.TypeOf(v).Elem(), "")
	if err != nil {
		return s, err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		err = s.errorf(invalidJSON, "", "data after the closing brace")
		return s, err
	}
	var number *json.UnmarshalTypeError
	switch err = json.Unmarshal(text, v); {
	case errors.As(err, &number):
		err = s.errorf(wrongType, number.Field, "the number is out of range or not an integer")
	case err != nil:
		err = s.errorf(wrongType, "", "%v", err)
	}
	return s, err
}

// try starts a server with the seed. If that fails, it tries growing parts of
// the seed to find the entry to name in the error.
func (s *scanner) try(seed ghdeploytest.Seed) error {
	attempt := func(path string, part ghdeploytest.Seed) error {
		err := refused(func() { ghdeploytest.NewServer(ghdeploytest.WithSeed(part)).Close() })
		if err == nil {
			return nil
		}
		if line := s.lines[path]; line > 0 {
			return fmt.Errorf("%d: %s: %s", line, path, inJSON(err.Error()))
		}
		return fmt.Errorf("1: %s", inJSON(err.Error()))
	}
	if attempt("", seed) == nil {
		return nil
	}
	part := seed // users, teams and apps belong to every part
	for i, r := range seed.Repositories {
		part.Repositories, part.Tokens = seed.Repositories[:i+1], nil
		if err := attemptHistory(i, r, part, attempt); err != nil {
			return err
		}
		if err := attempt(fmt.Sprintf("repositories[%d]", i), part); err != nil {
			return err
		}
	}
	for i := range seed.Tokens {
		part.Tokens = seed.Tokens[:i+1]
		if err := attempt(fmt.Sprintf("tokens[%d]", i), part); err != nil {
			return err
		}
	}
	return attempt("", seed)
}

// attemptHistory finds the first invalid deployment of a repository by binary
// search. It returns nil if the deployments are not the cause.
func attemptHistory(i int, r ghdeploytest.Repository, part ghdeploytest.Seed, attempt func(string, ghdeploytest.Seed) error) error {
	with := func(n int) error {
		cut := r
		cut.Deployments, cut.Runs = r.Deployments[:n], nil
		part.Repositories = append(slices.Clone(part.Repositories[:i]), cut)
		return attempt(fmt.Sprintf("repositories[%d].deployments[%d]", i, n-1), part)
	}
	refused := func(n int) bool { return with(n) != nil }
	if refused(0) {
		return nil
	}
	n := sort.Search(len(r.Deployments)+1, refused)
	if n > len(r.Deployments) {
		return nil
	}
	return with(n)
}

// scanner checks a JSON text against a Go type. Unlike encoding/json, it knows
// the line of an unknown field.
type scanner struct {
	text  []byte
	dec   *json.Decoder
	lines map[string]int // the first line of each path
}

// scanError is an error in a JSON text, with its position.
type scanError struct {
	line    int
	path    string // of the field; "" for the whole text
	kind    string // one of the types of a controlError
	message string
}

func (e *scanError) Error() string {
	if e.path == "" {
		return fmt.Sprintf("%d: %s", e.line, e.message)
	}
	return fmt.Sprintf("%d: %s: %s", e.line, e.path, e.message)
}

func (s *scanner) errorf(kind, path, format string, args ...any) error {
	return &scanError{s.line(s.dec.InputOffset()), path, kind, fmt.Sprintf(format, args...)}
}

func (s *scanner) line(offset int64) int {
	return 1 + bytes.Count(s.text[:min(offset, int64(len(s.text)))], []byte("\n"))
}

func (s *scanner) token(path string) (json.Token, error) {
	t, err := s.dec.Token()
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return t, nil
	case endsEarly(s.text):
		return nil, &scanError{s.line(int64(len(s.text))), "", invalidJSON, "not JSON: unexpected end"}
	case errors.As(err, &syntax):
		return nil, &scanError{s.line(syntax.Offset), "", invalidJSON, "not JSON: " + err.Error()}
	}
	return nil, s.errorf(invalidJSON, path, "%v", err)
}

// endsEarly reports whether the JSON text is cut off. The type of the decoder's
// error does not show it: it differs between Go 1.26 and Go 1.27.
func endsEarly(text []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		if _, err := dec.Token(); err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}

// value checks a JSON value against a Go type.
func (s *scanner) value(t reflect.Type, path string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return s.whole(t, path)
	}
	token, err := s.token(path)
	if err != nil {
		return err
	}
	s.lines[path] = s.line(s.dec.InputOffset())
	delim, _ := token.(json.Delim)
	if token == nil { // null counts as absent
		return nil
	}
	var ok bool
	var want string
	switch t.Kind() {
	case reflect.Struct:
		if ok, want = delim == '{', "an object"; ok {
			return s.members(path, func(name string) (reflect.Type, error) { return member(t, name) })
		}
	case reflect.Map:
		if ok, want = delim == '{', "an object"; ok {
			return s.members(path, func(string) (reflect.Type, error) { return t.Elem(), nil })
		}
	case reflect.Slice:
		if ok, want = delim == '[', "an array"; ok {
			return s.elements(t.Elem(), path)
		}
	case reflect.String:
		_, ok = token.(string)
		want = "a string"
	case reflect.Bool:
		_, ok = token.(bool)
		want = "true or false"
	default:
		_, ok = token.(json.Number)
		want = "a number"
	}
	if !ok {
		return s.errorf(wrongType, path, "want %s", want)
	}
	return nil
}

// whole decodes a value whose type implements json.Unmarshaler.
func (s *scanner) whole(t reflect.Type, path string) error {
	line := s.line(s.dec.InputOffset())
	s.lines[path] = line
	v := reflect.New(t)
	switch err := s.dec.Decode(v.Interface()); {
	case err == nil:
		return nil
	case t == reflect.TypeFor[time.Time]() && !isSyntax(err):
		return fmt.Errorf("%d: %s: want a time like \"2026-04-01T12:00:00Z\"", line, path)
	default:
		return fmt.Errorf("%d: %s: not JSON: %w", line, path, err)
	}
}

func isSyntax(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

func (s *scanner) elements(t reflect.Type, path string) error {
	for i := 0; s.dec.More(); i++ {
		if err := s.value(t, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	_, err := s.token(path)
	return err
}

func (s *scanner) members(path string, typeOf func(name string) (reflect.Type, error)) error {
	seen := map[string]bool{}
	for s.dec.More() {
		token, err := s.token(path)
		if err != nil {
			return err
		}
		name, _ := token.(string)
		below := strings.TrimPrefix(path+"."+name, ".")
		t, err := typeOf(name)
		switch {
		case err != nil:
			return s.errorf(unknownField, below, "%v", err)
		case seen[name]:
			return s.errorf(duplicateField, below, "duplicate field")
		}
		seen[name] = true
		if err := s.value(t, below); err != nil {
			return err
		}
	}
	_, err := s.token(path)
	return err
}

// member returns the type of the field with a JSON name.
func member(t reflect.Type, name string) (reflect.Type, error) {
	var known []string
	for field := range fields(t) {
		known = append(known, jsonName(field))
		if jsonName(field) == name {
			return field.Type, nil
		}
	}
	return nil, fmt.Errorf("unknown field; there are: %s", strings.Join(known, ", "))
}

// fields iterates over the fields of a struct that have a JSON name.
func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if field := t.Field(i); field.IsExported() && jsonName(field) != "-" && !yield(field) {
				return
			}
		}
	}
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]*\b`)

// inJSON replaces the Go field names in a message with the JSON names.
func inJSON(message string) string {
	names := map[string]string{}
	collect(reflect.TypeFor[ghdeploytest.Seed](), names, nil)
	return goName.ReplaceAllStringFunc(message, func(name string) string {
		if json := names[name]; json != "" {
			return json
		}
		return name
	})
}

func collect(t reflect.Type, names map[string]string, above []reflect.Type) {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || slices.Contains(above, t) {
		return
	}
	for field := range fields(t) {
		names[field.Name] = jsonName(field)
		collect(field.Type, names, append(above, t))
	}
}
