package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// tableBlock is how many rows are aligned with each other. A list may have millions:
// they are written as they come.
const tableBlock = 1000

// listing prints a list row by row: a JSON array, or a table.
type listing struct {
	json  bool
	out   *bufio.Writer
	table *tabwriter.Writer
	empty string
	heads []string
	rows  int
}

// listing begins a list. empty is the sentence for a person who gets no rows: what
// that means, or how to get the first.
func (c *console) listing(empty string, heads ...string) *listing {
	out := bufio.NewWriter(c.out)
	return &listing{json: c.json, out: out, table: tabwriter.NewWriter(out, 0, 8, 2, ' ', 0), empty: empty, heads: heads}
}

// row prints one: the value for programs, the cells for people.
func (l *listing) row(value any, cells ...string) error {
	l.rows++
	if l.json {
		return l.jsonRow(value)
	}
	if l.rows == 1 {
		l.cells(l.heads)
	}
	l.cells(cells)
	if l.rows%tableBlock == 0 {
		return l.table.Flush()
	}
	return nil
}

func (l *listing) cells(cells []string) {
	for i, cell := range cells {
		// A tab or a line break in a name must not break the table.
		cells[i] = strings.Join(strings.Fields(cell), " ")
		if cells[i] == "" {
			cells[i] = "-"
		}
	}
	_, _ = fmt.Fprintln(l.table, strings.Join(cells, "\t"))
}

func (l *listing) jsonRow(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	opening := ",\n  "
	if l.rows == 1 {
		opening = "[\n  "
	}
	_, _ = l.out.WriteString(opening)
	_, err = l.out.Write(line)
	return err
}

// close ends the list; a list that failed is left open, so that nobody takes it for whole.
func (l *listing) close(failed error) error {
	if failed != nil {
		if l.rows > 0 {
			_, _ = l.table.Flush(), l.out.Flush()
		}
		return failed
	}
	switch {
	case l.json && l.rows == 0:
		_, _ = l.out.WriteString("[]\n")
	case l.json:
		_, _ = l.out.WriteString("\n]\n")
	case l.rows == 0:
		_, _ = l.out.WriteString(l.empty + "\n")
	}
	if err := l.table.Flush(); err != nil {
		return err
	}
	return l.out.Flush()
}

// field is a line of the description of one thing.
type field struct{ name, value string }

// describe prints one thing: as JSON, or its fields one a line.
func (c *console) describe(value any, fields ...field) error {
	if c.json {
		return c.printJSON(value)
	}
	return writeFields(c.out, fields)
}

func writeFields(out io.Writer, fields []field) error {
	t := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, f := range fields {
		if f.value != "" {
			_, _ = fmt.Fprintf(t, "%s:\t%s\n", f.name, f.value)
		}
	}
	return t.Flush()
}

// stamp is a time for people: UTC, to the second; "-" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func stampOf(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return stamp(*t)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// or is text, or what stands for its absence.
func or(text, absent string) string {
	if text == "" {
		return absent
	}
	return text
}
