package main

import (
	"io"
	"regexp"
	"strings"
)

// lines writes everything to another writer, and calls line with each complete,
// non-empty line, without colors.
type lines struct {
	to   io.Writer
	line func(string)

	begun []byte
}

// longest is the maximum length of a line in bytes: more than the 140
// characters of a status.
const longest = 1024

var color = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

func (l *lines) Write(p []byte) (int, error) {
	for _, c := range p {
		if c == '\n' || c == '\r' { // programs redraw a line with \r
			if text := strings.TrimSpace(color.ReplaceAllString(string(l.begun), "")); text != "" {
				l.line(strings.ToValidUTF8(text, ""))
			}
			l.begun = l.begun[:0]
		} else if len(l.begun) < longest {
			l.begun = append(l.begun, c)
		}
	}
	return l.to.Write(p)
}
