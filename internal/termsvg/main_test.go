package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	// The program in the picture uses these packages. The imports make go test
	// run again when they change.
	_ "github.com/ghdeploy/ghdeploy/ghdeploytest"
	_ "github.com/ghdeploy/ghdeploy/rollout"
)

const root = "../.."

var demo = []string{"go", "run", "./examples/release", "-demo"}

// The picture in the tree is what the program prints today.
func TestPictureIsCurrent(t *testing.T) {
	sources, err := filepath.Glob(filepath.Join(root, "examples", "release", "*.go"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("the program has no sources: %v", err)
	}
	for _, source := range sources { // go test then runs again when one changes
		if _, err := os.ReadFile(source); err != nil {
			t.Fatal(err)
		}
	}
	output, err := record(t.Context(), root, demo)
	if err != nil {
		t.Fatal(err)
	}
	got, err := picture(strings.Join(demo, " "), output)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(root, "docs", "release.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/release.svg is not the output of the program, which is below; draw it with `make picture`\n%s", steady(output))
	}
}

func TestSteady(t *testing.T) {
	for name, output := range map[string]string{
		"a day later":           "v1 2027-03-01 23:30\nv2 2027-03-02 02:30 success after 1s\n",
		"across a minute's end": "v1 2026-01-01 08:59\nv2 2026-01-01 12:00 success after 0s\n",
		"slow":                  "v1 2026-01-01 08:59\nv2 2026-01-01 12:01 success after 1m2.5s\n",
	} {
		const want = "v1 2026-11-21 09:00\nv2 2026-11-21 12:00 success after 0s\n"
		if got := string(steady([]byte(output))); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, output := range []string{"", "after all 14 files\n", "2026-13-01 00:00 is no time\n", "deployment 6000000001\n"} {
		if got := string(steady([]byte(output))); got != output {
			t.Errorf("%q became %q", output, got)
		}
	}
}

func text(lines [][]cell) string {
	var out []string
	for _, line := range lines {
		chars := make([]rune, len(line))
		for i, c := range line {
			chars[i] = c.char
		}
		out = append(out, string(chars))
	}
	return strings.Join(out, "|")
}

func TestShow(t *testing.T) {
	for output, want := range map[string]string{
		"":                              "",
		"\n\na  \n\nb\n\n":              "a||b",
		"no newline":                    "no newline",
		"working 0s\r\x1b[Kready\r\nab": "ready|ab", // the live line of release
		"abcdef\rxy":                    "xycdef",
		"abcdef\rxy\x1b[K":              "xy",
		"\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[m": "red green",
		"größe ✓": "größe ✓",
	} {
		lines, err := show([]byte(output))
		if err != nil || text(lines) != want {
			t.Errorf("%q shows %q, %v, want %q", output, text(lines), err, want)
		}
	}
	// Without the error the picture would be wrong.
	for _, output := range []string{"\x1b", "\x1b[", "\x1b[2", "\x1b[2J", "\x1b[1K", "\x1b]0;title\x07", "\x1b[38;5;1mx", "\x1b[1;xm", "\a", "a\tb"} {
		if lines, err := show([]byte(output)); err == nil {
			t.Errorf("%q shows %q, want an error", output, text(lines))
		}
	}
}

func TestDraw(t *testing.T) {
	lines, err := show([]byte("$ release <live>\nok \x1b[1;32mgreen & \x1b[2mdim\x1b[0m\n"))
	if err != nil {
		t.Fatal(err)
	}
	svg := string(draw(`a "title" & more`, lines))
	for _, want := range []string{
		`aria-label="Output of a &#34;title&#34; &amp; more"`,
		`<tspan class="prompt">$ release &lt;live&gt;</tspan></text>`,
		`>ok <tspan class="c2 bold">green &amp; </tspan><tspan class="c2 bold dim">dim</tspan></text>`,
		`@media (prefers-color-scheme: dark)`,
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("the picture lacks %s:\n%s", want, svg)
		}
	}
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// A command that fails leaves the old picture.
func TestRunFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.svg")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-o", file},
		{"-o", file, "go", "no-such-command"},
		{"-o", file, "no-such-program-anywhere"},
		{"-no-such-flag"},
	} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code == 0 {
			t.Errorf("%q: no error", args)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "old" {
		t.Errorf("the picture is %q, %v", got, err)
	}
}

func TestRunDraws(t *testing.T) {
	var svg bytes.Buffer
	if err := drawTo(t.Context(), "", []string{"go", "env", "GOOS"}, &svg); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(svg.String(), "<svg ") || !strings.Contains(svg.String(), ">go env GOOS</text>") {
		t.Errorf("drew %s", &svg)
	}
}
