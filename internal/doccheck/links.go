// Package doccheck finds faults in the texts of this repository: links in doc
// comments that lead nowhere, phrases that the project does not use, and lines
// that are too long. Its own tests run it on the whole tree.
package doccheck

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Links checks the links in the doc comments of the packages below root, the
// directory of a module with the given path. It finds what pkgsite renders as
// plain text although it has the form of a link, links to something that does
// not exist, and link definitions that are malformed or not used.
func Links(root, module string) ([]string, error) {
	c := &linkChecker{root: root, module: module, packages: map[string]*doc.Package{}}
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if base := entry.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata") {
			return filepath.SkipDir
		}
		return c.checkDir(name)
	})
	return c.faults, err
}

type linkChecker struct {
	root, module string
	packages     map[string]*doc.Package // by directory
	fset         *token.FileSet          // of the package that is checked
	faults       []string
}

// checkDir checks the package in dir, if there is one.
func (c *linkChecker) checkDir(dir string) error {
	rel, err := filepath.Rel(c.root, dir)
	if err != nil {
		return err
	}
	p, comments, err := c.load(dir, path.Join(c.module, filepath.ToSlash(rel)), true)
	if err != nil || p == nil {
		return err
	}
	for _, group := range comments {
		c.checkComment(p, dir, group)
	}
	return nil
}

// load parses the Go files in dir, with or without its tests, and returns the
// package and all doc comments. It returns nil if there is no package.
func (c *linkChecker) load(dir, importPath string, tests bool) (*doc.Package, []*ast.CommentGroup, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, err
	}
	c.fset = token.NewFileSet()
	var files []*ast.File
	var comments []*ast.CommentGroup
	for _, name := range names {
		test := strings.HasSuffix(name, "_test.go")
		if test && !tests {
			continue
		}
		file, err := parser.ParseFile(c.fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, nil, err
		}
		comments = append(comments, documented(file)...) // doc.NewFromFiles drops declarations
		if !test && !ignored(file) {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return nil, nil, nil
	}
	p, err := doc.NewFromFiles(c.fset, files, importPath)
	return p, comments, err
}

// ignored reports whether file is kept out of every build.
func ignored(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, line := range group.List {
			if line.Pos() < file.Package && line.Text == "//go:build ignore" {
				return true
			}
		}
	}
	return false
}

// documented returns the doc comments of a file: of the package, and of every
// declaration, field and method, exported or not.
func documented(file *ast.File) []*ast.CommentGroup {
	groups := []*ast.CommentGroup{file.Doc}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			groups = append(groups, n.Doc)
		case *ast.FuncDecl:
			groups = append(groups, n.Doc)
			return false
		case *ast.TypeSpec:
			groups = append(groups, n.Doc, n.Comment)
		case *ast.ValueSpec:
			groups = append(groups, n.Doc, n.Comment)
		case *ast.Field:
			groups = append(groups, n.Doc, n.Comment)
		}
		return true
	})
	return slices.DeleteFunc(groups, func(g *ast.CommentGroup) bool { return g == nil })
}

func (c *linkChecker) checkComment(p *doc.Package, dir string, group *ast.CommentGroup) {
	report := func(text, format string, args ...any) {
		place := c.position(group, "["+text+"]")
		c.faults = append(c.faults, place+": "+fmt.Sprintf(format, args...))
	}
	parsed := p.Parser().Parse(group.Text())
	for _, def := range parsed.Links {
		target, err := url.Parse(def.URL)
		switch {
		case !def.Used:
			report(def.Text, "nothing uses the definition of the link [%s]", def.Text)
		case err != nil || target.Host == "" || target.Scheme != "https" && target.Scheme != "http":
			report(def.Text, "the link [%s] has an invalid address %q", def.Text, def.URL)
		}
	}
	var plain strings.Builder
	for _, text := range inlines(parsed.Content) {
		switch text := text.(type) {
		case comment.Plain:
			plain.WriteString(string(text))
		case *comment.DocLink:
			plain.WriteString("link")
			if fault := c.follow(p, dir, text); fault != "" {
				report(plainText(text.Text), "%s", fault)
			}
		default:
			plain.WriteString("link")
		}
	}
	for _, fault := range unresolved(plain.String()) {
		text, _, _ := strings.Cut(fault[strings.IndexByte(fault, '[')+1:], "]")
		report(text, "%s", fault)
	}
}

// position returns the file and line of text in a comment, or of the comment if
// the text is on two lines.
func (c *linkChecker) position(group *ast.CommentGroup, text string) string {
	place := c.fset.Position(group.Pos())
	for _, line := range group.List {
		if before, _, ok := strings.Cut(line.Text, text); ok {
			place = c.fset.Position(line.Pos())
			place.Line += strings.Count(before, "\n")
			break
		}
	}
	name, err := filepath.Rel(c.root, place.Filename)
	if err != nil {
		name = place.Filename
	}
	return fmt.Sprintf("%s:%d", filepath.ToSlash(name), place.Line)
}

// inlines returns the text of all blocks but code blocks, in order, each block
// followed by the end of a line.
func inlines(blocks []comment.Block) []comment.Text {
	var texts []comment.Text
	for _, block := range blocks {
		switch block := block.(type) {
		case *comment.Paragraph:
			texts = append(texts, block.Text...)
		case *comment.Heading:
			texts = append(texts, block.Text...)
		case *comment.List:
			for _, item := range block.Items {
				texts = append(texts, inlines(item.Content)...)
			}
		}
		texts = append(texts, comment.Plain("\n"))
	}
	return texts
}

var (
	// What is a link if the name exists: a name, or a type and its method,
	// perhaps after a package or its path.
	nameInBrackets = regexp.MustCompile(`(^|[^\w\])])\[\*?(([\w.-]+/)*\w+\.)?[A-Z]\w*(\.\w+)?\]`)
	definitionLine = regexp.MustCompile(`(?m)^\[[^\]\n]+\]:.*`)
)

// unresolved returns the faults of text that pkgsite shows as it is.
func unresolved(text string) []string {
	var faults []string
	for _, found := range definitionLine.FindAllString(text, -1) {
		faults = append(faults, fmt.Sprintf("malformed definition of a link: %s; write a paragraph of lines like [text]: https://address", found))
	}
	text = definitionLine.ReplaceAllString(text, "")
	for _, found := range nameInBrackets.FindAllString(text, -1) {
		faults = append(faults, fmt.Sprintf("no link: %s", found[strings.IndexByte(found, '['):]))
	}
	return faults
}

// follow returns what is wrong with link, or "".
func (c *linkChecker) follow(from *doc.Package, dir string, link *comment.DocLink) string {
	text := plainText(link.Text)
	target := from
	if link.ImportPath != "" && link.ImportPath != from.ImportPath {
		var err error
		if target, err = c.find(link.ImportPath, dir); err != nil {
			return fmt.Sprintf("[%s] links to package %s: %v", text, link.ImportPath, err)
		}
	}
	if link.Name == "" || target.Parser().LookupSym(link.Recv, link.Name) {
		return ""
	}
	return fmt.Sprintf("[%s] links to a name that package %s does not have", text, target.Name)
}

func plainText(texts []comment.Text) string {
	var b strings.Builder
	for _, text := range texts {
		switch text := text.(type) {
		case comment.Plain:
			b.WriteString(string(text))
		case comment.Italic:
			b.WriteString(string(text))
		}
	}
	return b.String()
}

// find loads the package with the given path, as imported in dir.
func (c *linkChecker) find(importPath, dir string) (*doc.Package, error) {
	target := ""
	if rel, ok := strings.CutPrefix(importPath+"/", c.module+"/"); ok {
		target = filepath.Join(c.root, filepath.FromSlash(rel))
	} else {
		found, err := build.Default.Import(importPath, dir, build.FindOnly)
		if err != nil {
			return nil, err
		}
		target = found.Dir
	}
	if p, ok := c.packages[target]; ok {
		return p, nil
	}
	fset := c.fset
	p, _, err := c.load(target, importPath, false)
	c.fset = fset
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errors.New("no such package")
	}
	c.packages[target] = p
	return p, nil
}
