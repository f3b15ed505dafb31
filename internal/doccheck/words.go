package doccheck

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Phrase is one that the project does not use.
type Phrase struct {
	Forms []string // whole words in lower case, with single spaces between them
	Write string   // what to write instead
}

// A Quote allows a phrase in a file that quotes somebody literally.
type Quote struct {
	File, Form string
	Reason     string
}

// Words returns the places where files use one of phrases, except quotes, and
// the quotes that no file has. The case of letters does not matter, and a
// phrase may continue on the next line.
func Words(files []File, phrases []Phrase, quotes []Quote) []string {
	forms := make(map[string][]form) // by the first word
	for _, phrase := range phrases {
		for _, text := range phrase.Forms {
			words := strings.Fields(text)
			forms[words[0]] = append(forms[words[0]], form{words, phrase.Write})
		}
	}
	used := make([]bool, len(quotes))
	allowed := func(file, form string) bool {
		i := slices.IndexFunc(quotes, func(q Quote) bool { return q.File == file && q.Form == form })
		if i >= 0 {
			used[i] = true
		}
		return i >= 0
	}
	var faults []string
	for _, file := range files {
		words := wordsOf(file.Text)
		for i := range words {
			for _, form := range forms[words[i].text] {
				found := strings.Join(form.words, " ")
				if form.matches(file.Text, words[i:]) && !allowed(file.Name, found) {
					line := 1 + strings.Count(file.Text[:words[i].start], "\n")
					faults = append(faults, fmt.Sprintf("%s:%d: %q: write %s", file.Name, line, found, form.write))
				}
			}
		}
	}
	for i, q := range quotes {
		if !used[i] {
			faults = append(faults, fmt.Sprintf("%s: does not quote %q; remove it from the list of quotes", q.File, q.Form))
		}
	}
	return faults
}

// between matches the end of a line inside a phrase, with the markers at the
// start of the next line of a comment or a list.
var between = regexp.MustCompile(`^[ \t]*\r?\n[ \t]*(?:(?://|#|\*|>|-)[ \t]*)*$`)

type form struct {
	words []string
	write string
}

// matches reports whether the words of text begin with the form.
func (f form) matches(text string, words []word) bool {
	if len(words) < len(f.words) {
		return false
	}
	for i, want := range f.words {
		if words[i].text != want {
			return false
		}
		if i > 0 {
			gap := text[words[i-1].end:words[i].start]
			if strings.Trim(gap, " \t") != "" && !between.MatchString(gap) {
				return false
			}
		}
	}
	return true
}

// A word is a run of ASCII letters, digits and underscores.
type word struct {
	text       string // in lower case
	start, end int
}

func wordsOf(text string) []word {
	var words []word
	start := -1
	for i := range len(text) + 1 {
		switch inside := i < len(text) && isWord(text[i]); {
		case inside && start < 0:
			start = i
		case !inside && start >= 0:
			words = append(words, word{strings.ToLower(text[start:i]), start, i})
			start = -1
		}
	}
	return words
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
