package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// style is how a character looks.
type style struct {
	color     int // 0 to 15, as the escape sequences count them; -1: the default
	bold, dim bool
}

var plain = style{color: -1}

type cell struct {
	char  rune
	style style
}

// show returns the lines that a terminal shows after output. An unknown escape
// sequence or control character is an error.
func show(output []byte) ([][]cell, error) {
	lines := [][]cell{nil}
	column, current := 0, plain
	text := []rune(string(output))
	for i := 0; i < len(text); i++ {
		line := &lines[len(lines)-1]
		switch r := text[i]; {
		case r == '\n':
			lines, column = append(lines, nil), 0
		case r == '\r':
			column = 0
		case r == '\x1b':
			end := i + 2
			for end < len(text) && !unicode.IsLetter(text[end]) {
				end++
			}
			if end >= len(text) || text[i+1] != '[' {
				return nil, fmt.Errorf("unknown escape sequence %q", string(text[i:min(i+8, len(text))]))
			}
			switch sequence := string(text[i+2 : end+1]); {
			case sequence == "K" || sequence == "0K":
				*line = (*line)[:min(column, len(*line))]
			case text[end] == 'm':
				var err error
				if current, err = current.with(strings.TrimSuffix(sequence, "m")); err != nil {
					return nil, err
				}
			default:
				return nil, fmt.Errorf("unknown escape sequence %q", string(text[i:end+1]))
			}
			i = end
		case !unicode.IsPrint(r):
			return nil, fmt.Errorf("unknown control character %q", r)
		default:
			for len(*line) <= column {
				*line = append(*line, cell{' ', plain})
			}
			(*line)[column] = cell{r, current}
			column++
		}
	}
	for i, line := range lines {
		for len(line) > 0 && line[len(line)-1].char == ' ' {
			line = line[:len(line)-1]
		}
		lines[i] = line
	}
	empty := func(line []cell) bool { return len(line) == 0 }
	for len(lines) > 0 && empty(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	if first := slices.IndexFunc(lines, func(line []cell) bool { return !empty(line) }); first > 0 {
		lines = lines[first:]
	}
	return lines, nil
}

// with returns the style after the escape sequence with these parameters.
func (s style) with(parameters string) (style, error) {
	for parameter := range strings.SplitSeq(parameters, ";") {
		n, err := strconv.Atoi("0" + parameter)
		switch {
		case err != nil:
			return s, fmt.Errorf("invalid parameters %q of an escape sequence", parameters)
		case n == 0:
			s = plain
		case n == 1:
			s.bold = true
		case n == 2:
			s.dim = true
		case n == 22:
			s.bold, s.dim = false, false
		case n >= 30 && n <= 37:
			s.color = n - 30
		case n == 39:
			s.color = -1
		case n >= 90 && n <= 97:
			s.color = n - 90 + 8
		default:
			return s, fmt.Errorf("unknown parameter %d of an escape sequence", n)
		}
	}
	return s, nil
}
