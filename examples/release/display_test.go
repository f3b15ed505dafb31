package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestLiveLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := &display{out: &out, live: true}
		step := func(want string) {
			t.Helper()
			d.mu.Lock()
			defer d.mu.Unlock()
			if got := out.String(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			out.Reset()
		}
		const erase = "\r\x1b[K"
		output := &above{d, &out}
		write := func(text string) {
			t.Helper()
			if n, err := output.Write([]byte(text)); n != len(text) || err != nil {
				t.Errorf("Write = %d, %v", n, err)
			}
		}
		stop := d.follow()
		d.set("working")
		step("working 0s")
		time.Sleep(2100 * time.Millisecond)
		step(erase + "working 1s" + erase + "working 2s")
		write("one\n")
		step(erase + "one\nworking 2s")
		write("is it")
		step(erase + "is it")
		time.Sleep(time.Second)
		step("")
		write("? ")
		write("")
		step("? ")
		d.log("a line")
		step("\nrelease: a line\nworking 3s")
		d.set("%s", strings.Repeat("ä", 200))
		step(erase + strings.Repeat("ä", columns))
		stop()
		step(erase)
		stop()
		time.Sleep(time.Minute)
		d.log("the end")
		step("release: the end\n")
	})
}

func TestPlainLines(t *testing.T) {
	var out bytes.Buffer
	d := &display{out: &out}
	defer d.follow()()
	d.set("working")
	d.log("one %d", 1)
	if got := out.String(); got != "release: one 1\n" {
		t.Errorf("got %q", got)
	}
	if d.beside(os.Stdout) != os.Stdout {
		t.Error("the output of the command does not go to the file directly")
	}
}

func TestNullDeviceIsNotATerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if isTerminal(null) {
		t.Error("the null device counts as a terminal")
	}
}

func TestLines(t *testing.T) {
	var out bytes.Buffer
	var got []string
	l := &lines{to: &out, line: func(text string) { got = append(got, text) }}
	input := "one\ntw" + "o\r\n\n  \n\x1b[1;32mgreen\x1b[0m\n10%\r20%\r" + "bad \xff byte\n" + strings.Repeat("x", 10*longest) + "\nunfinished"
	for _, part := range strings.SplitAfter(input, "w") {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	want := []string{"one", "two", "green", "10%", "20%", "bad  byte", strings.Repeat("x", longest)}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if out.String() != input {
		t.Error("the output was changed")
	}
}
