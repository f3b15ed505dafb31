// Package usage gives the programs of this repository one form of help:
//
//	NAME does something.
//
//	Usage:
//	  NAME [flags] FILE
//
//	Flags:
//	  -flag VALUE
//	    	description (default X)
//
//	Environment:
//	  VARIABLE  description
//
//	Exit codes:
//	  0  description
//
// The last two parts are optional. -h prints the help to standard output, and
// the exit code is 0. An invalid command line prints the error and a pointer to
// -h to standard error, and the exit code is 2.
package usage

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// InvalidUsage is the exit code after an invalid command line.
const InvalidUsage = 2

// A Program is the help of a program, without its flags.
type Program struct {
	Name        string
	Does        string   // what it does, to continue a sentence after Name
	Synopsis    []string // the arguments, one element for each way to call it
	Environment []Entry  // the variables that it reads
	ExitCodes   []Entry
}

// An Entry is a line of a list: a name and its description.
type Entry struct{ Name, Text string }

// Parse parses args into flags. If ok is false, it has printed the help or the
// error, and the program must exit with code.
func (p Program) Parse(flags *flag.FlagSet, args []string, stdout, stderr io.Writer) (code int, ok bool) {
	flags.SetOutput(io.Discard) // Parse would print errors and the help
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		p.write(stdout, flags)
		return 0, false
	case err != nil:
		return p.Invalid(stderr, err), false
	}
	return 0, true
}

// Invalid prints err, the error of an invalid command line, and returns the
// exit code.
func (p Program) Invalid(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "%s: %v\nrun %s -h for the flags\n", p.Name, err, p.Name)
	return InvalidUsage
}

func (p Program) write(w io.Writer, flags *flag.FlagSet) {
	var b strings.Builder
	b.WriteString(p.Name + " " + p.Does + "\n\nUsage:\n")
	for _, arguments := range p.Synopsis {
		b.WriteString(strings.TrimRight("  "+p.Name+" "+arguments, " ") + "\n")
	}
	b.WriteString("\nFlags:\n")
	flags.SetOutput(&b)
	flags.PrintDefaults()
	writeList(&b, "Environment", p.Environment)
	writeList(&b, "Exit codes", p.ExitCodes)
	_, _ = io.WriteString(w, b.String())
}

func writeList(b *strings.Builder, title string, entries []Entry) {
	if len(entries) == 0 {
		return
	}
	b.WriteString("\n" + title + ":\n")
	columns := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		_, _ = fmt.Fprintf(columns, "  %s\t%s\n", e.Name, e.Text)
	}
	_ = columns.Flush() // a strings.Builder returns no error
}
