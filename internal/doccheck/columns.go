package doccheck

import (
	"fmt"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns = 80
	tabWidth   = 4
)

// Columns returns the lines of Markdown prose, and of Go comments that have
// lines of their own, with more than 80 columns. Lines with an address, tables,
// code blocks, directives, generated files and the output of examples may be
// longer.
func Columns(files []File) []string {
	var faults []string
	for _, file := range files {
		var lines map[int]string
		switch {
		case strings.HasSuffix(file.Name, ".md"):
			lines = proseLines(file.Text)
		case strings.HasSuffix(file.Name, ".go") && !generated.MatchString(file.Text):
			lines = commentLines(file.Text)
		}
		for n := range 1 + strings.Count(file.Text, "\n") {
			line, ok := lines[n+1]
			if width := columns(line); ok && width > maxColumns && !strings.Contains(line, "://") {
				faults = append(faults, fmt.Sprintf("%s:%d: %d columns, at most %d", file.Name, n+1, width, maxColumns))
			}
		}
	}
	return faults
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func columns(line string) int {
	return utf8.RuneCountInString(line) + (tabWidth-1)*strings.Count(line, "\t")
}

// proseLines returns the lines of a Markdown file outside code and tables, by
// their number. A line whose end is a link without a space may be longer.
func proseLines(text string) map[int]string {
	lines := make(map[int]string)
	fence := ""
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case fence != "":
			if strings.HasPrefix(trimmed, fence) {
				fence = ""
			}
		case strings.HasPrefix(trimmed, "```"):
			fence = "```"
		case strings.HasPrefix(trimmed, "~~~"):
			fence = "~~~"
		case strings.HasPrefix(trimmed, "|"):
		case strings.Contains(line, "]("): // a link cannot be broken
			if text, _, _ := strings.Cut(line, "]("); columns(text) > maxColumns {
				lines[i+1] = line
			}
		default:
			lines[i+1] = strings.TrimRight(line, "\r")
		}
	}
	return lines
}

// commentLines returns the lines of a Go file that hold only a comment, by
// their number.
func commentLines(text string) map[int]string {
	source := strings.Split(text, "\n")
	lines := make(map[int]string)
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, scanner.ScanComments)
	output := 0 // the line of an example's output, or of a line that goes on with it
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return lines
		}
		n := file.Line(pos)
		line := strings.TrimRight(source[n-1], "\r")
		if tok != token.COMMENT || !strings.HasPrefix(strings.TrimSpace(line), "//") {
			continue
		}
		switch {
		case isOutput(literal) || output > 0 && output == n-1:
			output = n
		case isDirective(literal), strings.HasPrefix(literal, "//\t"): // code in a doc comment
		default:
			lines[n] = line
		}
	}
}

func isOutput(comment string) bool {
	text := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(comment, "//")))
	return strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:")
}

// isDirective reports whether a comment is for a program: //go:build.
func isDirective(comment string) bool {
	text := strings.TrimPrefix(comment, "//")
	return text != "" && text[0] >= 'a' && text[0] <= 'z'
}
