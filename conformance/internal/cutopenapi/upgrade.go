package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// marks is the key of an object's changes in later API versions: a list of
// {changeset, version, patch}.
const marks = "x-github-breaking-changes"

// versions returns the API versions that the marks name.
func versions(v any) []string {
	found := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, change := range list(v[marks]) {
				if version, _ := at(change, "version").(string); version != "" {
					found[version] = true
				}
			}
			for _, value := range v {
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	walk(v)
	return slices.Sorted(maps.Keys(found))
}

// upgrade returns the description without marks and with all changes up to and
// including this version.
func upgrade(document map[string]any, version string) (map[string]any, error) {
	later := clone(document).(map[string]any)
	var edits []string
	var walk func(v any, where string) (any, error)
	walk = func(v any, where string) (any, error) {
		switch v := v.(type) {
		case map[string]any:
			changed, err := apply(v, version, func(changeset string) {
				edits = append(edits, fmt.Sprintf("%s: %s of %s", where, changeset, version))
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			for key, value := range changed {
				if changed[key], err = walk(value, strings.TrimPrefix(where+"/"+key, "/")); err != nil {
					return nil, err
				}
			}
			return changed, nil
		case []any:
			for i, value := range v {
				changed, err := walk(value, where+"/"+strconv.Itoa(i))
				if err != nil {
					return nil, err
				}
				v[i] = changed
			}
		}
		return v, nil
	}
	if _, err := walk(later, ""); err != nil {
		return nil, err
	}
	set(later, version, "info", "x-github-api-version")
	edits = append(edits, stringsOf(list(at(later, "x-subset", "edits")))...)
	slices.Sort(edits)
	set(later, anys(edits), "x-subset", "edits")
	return later, nil
}

// apply applies the marked changes of one object.
func apply(object map[string]any, version string, changed func(changeset string)) (map[string]any, error) {
	changes := slices.Clone(list(object[marks]))
	delete(object, marks)
	slices.SortStableFunc(changes, func(a, b any) int {
		return cmp.Compare(fmt.Sprint(at(a, "version")), fmt.Sprint(at(b, "version")))
	})
	for _, change := range changes {
		changeset := fmt.Sprint(at(change, "changeset"))
		if fmt.Sprint(at(change, "version")) > version { // versions are dates
			continue
		}
		switch patch := at(change, "patch").(type) {
		case map[string]any:
			object = merge(object, patch).(map[string]any)
		case []any:
			for _, step := range patch {
				if err := remove(object, step); err != nil {
					return nil, fmt.Errorf("%s: %w", changeset, err)
				}
			}
		default:
			return nil, fmt.Errorf("%s: the patch is neither a list nor an object", changeset)
		}
		changed(changeset)
	}
	return object, nil
}

// merge applies a JSON merge patch (RFC 7396).
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return clone(patch)
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for key, value := range changes {
		if value == nil {
			delete(object, key)
		} else {
			object[key] = merge(object[key], value)
		}
	}
	return object
}

// remove applies one step of a JSON patch (RFC 6902). It supports only
// "remove", the only operation in the marks of our part.
func remove(object map[string]any, step any) error {
	op, _ := at(step, "op").(string)
	path, _ := at(step, "path").(string)
	if op != "remove" || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("the patch step %v is not supported: only remove is", step)
	}
	keys := strings.Split(path[1:], "/")
	for i := range keys {
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(keys[i])
	}
	parent, ok := at(object, keys[:len(keys)-1]...).(map[string]any)
	last := keys[len(keys)-1]
	if _, there := parent[last]; !ok || !there {
		return fmt.Errorf("cannot remove %s: it is missing", path)
	}
	delete(parent, last)
	return nil
}

func stringsOf(values []any) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = fmt.Sprint(v)
	}
	return all
}
