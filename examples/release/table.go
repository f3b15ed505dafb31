package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/ghdeploy/ghdeploy/rollout"
)

// table prints rows in columns.
type table struct {
	w       *tabwriter.Writer
	columns int
}

func newTable(out io.Writer, columns ...string) *table {
	t := &table{tabwriter.NewWriter(out, 13, 0, 2, ' ', 0), len(columns)}
	t.row(columns...)
	return t
}

// row adds a row. It replaces unprintable characters, which could move the
// cursor or the columns.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return '?'
			}
			return r
		}, cell)
	}
	for len(cells) < t.columns {
		cells = append(cells, "") // a short row would end the columns above it
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(cells, "\t")) // flush returns the error
}

func (t *table) flush() error { return t.w.Flush() }

// cells returns the cells of an entry from its commit on.
func cells(e rollout.Entry) []string {
	d := e.Deployment
	if d == nil {
		return []string{"-"}
	}
	state, since := "-", d.CreatedAt
	if e.Status != nil {
		state, since = string(e.Status.State), e.Status.CreatedAt
	}
	return []string{d.Ref, fmt.Sprintf("%.7s", d.SHA), fmt.Sprint(d.ID), state, clock(since), d.Creator.String()}
}

func clock(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
