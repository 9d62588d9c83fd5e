package main

import (
	"encoding/csv"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// csvList prints a list as CSV (RFC 4180): a first line with the names of the columns,
// even when nothing follows.
type csvList struct {
	out *csv.Writer
}

func (c *console) csvList(heads ...string) (*csvList, error) {
	s := &csvList{csv.NewWriter(c.out)}
	s.out.UseCRLF = true
	return s, s.row(heads...)
}

func (s *csvList) row(cells ...string) error {
	harmless := make([]string, len(cells))
	for i, cell := range cells {
		harmless[i] = harmlessCell(cell)
	}
	return s.out.Write(harmless)
}

// orCSV gives a list command the flag for it.
func (c *console) orCSV(cmd *cobra.Command, asCSV *bool) *cobra.Command {
	cmd.Flags().BoolVar(asCSV, "csv", false, "print CSV")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *asCSV && c.json {
			return &usageError{message: "--csv and --json do not go together", hint: "choose one"}
		}
		return nil
	}
	return cmd
}

// csvTime is an instant for programs.
func csvTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// harmlessCell keeps a spreadsheet from taking text for a formula: a guest's AP or an
// Organization may be named =HYPERLINK(…). The apostrophe is how spreadsheets mark text.
func harmlessCell(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// close ends the list. One that failed ends where it failed.
func (s *csvList) close(failed error) error {
	s.out.Flush()
	if failed != nil {
		return failed
	}
	return s.out.Error()
}
