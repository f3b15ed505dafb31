package doccheck

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// phrases are those that no text of this repository uses.
var phrases = []Phrase{
	{"answer(s|ed|ing)?", "response, status or body; GitHub returns, the server responds"},
	{"mend(s|ed|ing)?", "fix or correct"},
	{"(leave|left|leaves) away", "omit"},
	{"tells? whether", "reports whether"},
	{"passing errors?", "transient error"},
	{"(carried|carries|carry) out", "executed or created"},
	{"(hold|holds|held|holding) back", "wait until, or delay"},
	{"whoever", "the caller, the user or the owner"},
	{"cannot be meant", "invalid argument"},
	{"(is|are) none", "is invalid, or does not exist"},
	{"own affair", "who decides it"},
	{"of the hour", "current"},
	{"the truth", "the server's record, or the outcome"},
	{"opens the door", "what becomes possible"},
	{"what became of", "the outcome of"},
	{"(send|sends|sent|sending) again", "retry"},
	{"is news", "is processed again, or is new"},
	{"undone", "not processed or not sent"},
	{"as little as can be", "the minimum"},
	{"what is left", "the remaining or the rest"},
}

// quotes are literal texts of others that contain such a phrase.
var quotes = []Quote{}

func TestWordsOfThisRepository(t *testing.T) {
	files := filesOfThisRepository(t)
	files = slices.DeleteFunc(files, func(f File) bool { return f.Name == "internal/doccheck/words_test.go" })
	faults := Words(files, phrases, quotes)
	for _, fault := range faults {
		t.Error(fault)
	}
	if len(faults) > 0 {
		t.Logf("%d places", len(faults))
	}
}

func filesOfThisRepository(t *testing.T) []File {
	t.Helper()
	files, binary, err := Files(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range binary {
		t.Errorf("%s: is a binary file", name)
	}
	if !slices.ContainsFunc(files, func(f File) bool { return f.Name == "README.md" }) {
		t.Fatalf("README.md is not among the %d files", len(files))
	}
	return files
}

func TestWords(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a word", "It has an answer.", `a.md:1: "answer": write response, status or body; GitHub returns, the server responds`},
		{"in capitals", "ANSWERED", `"ANSWERED"`},
		{"on a later line", "One.\n\nMending it.\n", `a.md:3: "Mending": write fix or correct`},
		{"within a line", "it is held back now", `a.md:1: "held back": write wait until, or delay`},
		{"across lines", "it is held\nback now", `"held back"`},
		{"across lines of a Go comment", "\t// it is held\n\t// back now", `a.md:1: "held // back"`},
		{"across lines of a shell comment", "# it is held\n# back now", `"held # back"`},
		{"across lines of a list", "- it is held\n  back now", `"held back"`},
		{"with another end of line", "it is held\r\nback now", `"held back"`},
		{"in quotes", "`none` is 'the truth'", `"the truth"`},
		{"a part of a word", "unanswered, amended, answerable, mender, bemend", ""},
		{"across paragraphs", "it is held\n\nback now", ""},
		{"across sentences", "It is held. Back now.", ""},
		{"a plain text", "The response is none of these.", `"is none"`},
		{"a clean text", "GitHub returns a response.", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			faults := Words([]File{{"a.md", test.text}}, phrases, nil)
			switch {
			case test.want == "" && len(faults) > 0:
				t.Errorf("got %q", faults)
			case test.want != "" && (len(faults) != 1 || !strings.Contains(faults[0], test.want)):
				t.Errorf("got %q, want one fault with %q", faults, test.want)
			}
		})
	}
}

// Every phrase of the list is found in each of its forms.
func TestPhrases(t *testing.T) {
	forms := strings.Split("answer answers answered answering mend mends mended mending "+
		"leave_away left_away leaves_away tells_whether tell_whether passing_error passing_errors "+
		"carried_out carries_out carry_out hold_back holds_back held_back holding_back whoever cannot_be_meant "+
		"is_none are_none own_affair of_the_hour the_truth opens_the_door what_became_of "+
		"send_again sends_again sent_again sending_again is_news undone as_little_as_can_be what_is_left", " ")
	for _, form := range forms {
		form = strings.ReplaceAll(form, "_", " ")
		if faults := Words([]File{{"a.md", "See: " + form + "."}}, phrases, nil); len(faults) != 1 {
			t.Errorf("%q: got %q, want one fault", form, faults)
		}
	}
}

func TestQuotes(t *testing.T) {
	files := []File{{"a.md", "An answer."}, {"b.md", "An answer. Two answers."}}
	got := Words(files, phrases[:1], []Quote{{"b.md", "Answer", "quotes somebody"}, {"a.md", "answers", "not there"}})
	want := []string{
		`a.md:1: "answer": write ` + phrases[0].Write,
		`b.md:1: "answers": write ` + phrases[0].Write,
		`a.md: does not quote "answers"; remove it from the list of quotes`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFiles(t *testing.T) {
	root := t.TempDir()
	writeFiles(t, root, map[string]string{
		"a.md": "a", "b/testdata/c.json": "c", ".github/d.yml": "d", ".ci/run": "e", ".golangci.yml": "f",
		".git/config": "x", "b/testdata/fuzz/F/1": "x", "b/go.sum": "x", "c/.openapi/x.json": "x",
		"d/node_modules/x.js": "x", "d/package-lock.json": "x", "program": "\x7fELF\x00", "bin/x": "x", "b/bin/g.go": "g",
	})
	files, binary, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name+"="+f.Text)
	}
	want := []string{".ci/run=e", ".github/d.yml=d", ".golangci.yml=f", "a.md=a", "b/bin/g.go=g", "b/testdata/c.json=c"}
	if !slices.Equal(names, want) {
		t.Errorf("files: got %q, want %q", names, want)
	}
	if !slices.Equal(binary, []string{"program"}) {
		t.Errorf("binary files: got %q, want only the program", binary)
	}
}
