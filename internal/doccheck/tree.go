package doccheck

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A File is a text file of a tree.
type File struct {
	Name string // with slashes, relative to the root of the tree
	Text string
}

// Files returns the text files below root, and the names of the binary ones.
// It skips go.sum, the corpora of fuzz tests, what git ignores, and all
// directories that begin with a period except .ci and .github.
func Files(root string) (files []File, binary []string, err error) {
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case entry.IsDir() && skipDir(rel):
			return filepath.SkipDir
		case !entry.Type().IsRegular() || skipFile(path.Base(rel)):
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // the caller names the tree
		if err != nil {
			return err
		}
		if bytes.IndexByte(text, 0) >= 0 {
			binary = append(binary, rel)
			return nil
		}
		files = append(files, File{rel, string(text)})
		return nil
	})
	return files, binary, err
}

func skipDir(name string) bool {
	base := path.Base(name)
	hidden := strings.HasPrefix(base, ".") && !slices.Contains([]string{".", ".ci", ".github"}, base)
	return hidden || base == "node_modules" || name == "bin" || strings.HasSuffix(name, "testdata/fuzz")
}

func skipFile(base string) bool {
	return base == ".git" || base == "go.sum" || base == "package-lock.json" || strings.HasPrefix(base, "coverage.") ||
		strings.HasSuffix(base, ".test") || strings.HasSuffix(base, ".out")
}
