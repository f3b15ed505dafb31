package doccheck

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Phrase is one that the project does not use.
type Phrase struct {
	Pattern string // a regular expression for whole words; a space is any white space, also across lines
	Write   string // what to write instead
}

// A Quote allows a phrase in a file that quotes somebody literally.
type Quote struct {
	File, Phrase string // the phrase as it stands there
	Reason       string
}

// between matches white space between two words of a phrase, and the markers at
// the start of a further line of a comment or a list.
const between = `(?:[ \t]+|[ \t]*\r?\n[ \t]*(?:(?://|#|\*|>|-)[ \t]*)*)`

// Words returns the places where files use one of phrases, except quotes, and
// the quotes that no file has.
func Words(files []File, phrases []Phrase, quotes []Quote) []string {
	allowed := make(map[Quote]bool)
	for _, q := range quotes {
		allowed[Quote{File: q.File, Phrase: strings.ToLower(q.Phrase)}] = false
	}
	matcher, groups := compile(phrases)
	var faults []string
	for _, file := range files {
		for _, at := range matcher.FindAllStringSubmatchIndex(file.Text, -1) {
			found := strings.Join(strings.Fields(file.Text[at[0]:at[1]]), " ")
			quote := Quote{File: file.Name, Phrase: strings.ToLower(found)}
			if _, ok := allowed[quote]; ok {
				allowed[quote] = true
				continue
			}
			line := 1 + strings.Count(file.Text[:at[0]], "\n")
			write := phrases[slices.IndexFunc(groups, func(group int) bool { return at[2*group] >= 0 })].Write
			faults = append(faults, fmt.Sprintf("%s:%d: %q: write %s", file.Name, line, found, write))
		}
	}
	for _, q := range quotes {
		if !allowed[Quote{File: q.File, Phrase: strings.ToLower(q.Phrase)}] {
			faults = append(faults, fmt.Sprintf("%s: does not quote %q; remove it from the list of quotes", q.File, q.Phrase))
		}
	}
	return faults
}

// compile returns one expression for all phrases, which is many times faster
// than one for each, and the group of each phrase in it.
func compile(phrases []Phrase) (matcher *regexp.Regexp, groups []int) {
	patterns := make([]string, len(phrases))
	for i, phrase := range phrases {
		patterns[i] = fmt.Sprintf("(?P<p%d>%s)", i, strings.ReplaceAll(phrase.Pattern, " ", between))
	}
	matcher = regexp.MustCompile(`(?i)\b(?:` + strings.Join(patterns, "|") + `)\b`)
	for i := range phrases {
		groups = append(groups, matcher.SubexpIndex(fmt.Sprintf("p%d", i)))
	}
	return matcher, groups
}
