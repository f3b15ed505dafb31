package doccheck

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// phrases are those that no text of this repository uses.
var phrases = []Phrase{
	{[]string{"answer", "answers", "answered", "answering"}, "response, status or body; GitHub returns, the server responds"},
	{[]string{"mend", "mends", "mended", "mending"}, "fix or correct"},
	{[]string{"leave away", "left away", "leaves away"}, "omit"},
	{[]string{"tell whether", "tells whether"}, "reports whether"},
	{[]string{"passing error", "passing errors"}, "transient error"},
	{[]string{"carried out", "carries out", "carry out"}, "executed or created"},
	{[]string{"hold back", "holds back", "held back", "holding back"}, "wait until, or delay"},
	{[]string{"whoever"}, "the caller, the user or the owner"},
	{[]string{"cannot be meant"}, "invalid argument"},
	{[]string{"is none", "are none"}, "is invalid, or does not exist"},
	{[]string{"own affair"}, "who decides it"},
	{[]string{"of the hour"}, "current"},
	{[]string{"the truth"}, "the server's record, or the outcome"},
	{[]string{"opens the door"}, "what becomes possible"},
	{[]string{"what became of"}, "the outcome of"},
	{[]string{"send again", "sends again", "sent again", "sending again"}, "retry"},
	{[]string{"is news"}, "is processed again, or is new"},
	{[]string{"undone"}, "not processed or not sent"},
	{[]string{"as little as can be"}, "the minimum"},
	{[]string{"what is left"}, "the remaining or the rest"},
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
		{"in capitals", "ANSWERED", `"answered"`},
		{"on a later line", "One.\n\nMending it.\n", `a.md:3: "mending": write fix or correct`},
		{"within a line", "it is held back now", `a.md:1: "held back": write wait until, or delay`},
		{"across lines", "it is held\nback now", `"held back"`},
		{"across lines of a Go comment", "\t// it is held\n\t// back now", `a.md:1: "held back"`},
		{"across lines of a shell comment", "# it is held\n# back now", `"held back"`},
		{"across lines of a list", "- it is held\n  back now", `"held back"`},
		{"with another end of line", "it is held\r\nback now", `"held back"`},
		{"in quotes", "`none` is 'the truth'", `"the truth"`},
		{"a part of a word", "unanswered, amended, answerable, mender, bemend", ""},
		{"every form of a phrase", "a passing error", `"passing error"`},
		{"at the end", "it is undone", `"undone"`},
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

func TestQuotes(t *testing.T) {
	files := []File{{"a.md", "An answer. An answer."}, {"b.md", "An answer. Two answers."}}
	got := Words(files, phrases[:1], []Quote{{"b.md", "answer", "quotes somebody"}, {"a.md", "answers", "not there"}})
	want := []string{
		`a.md:1: "answer": write ` + phrases[0].Write,
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
