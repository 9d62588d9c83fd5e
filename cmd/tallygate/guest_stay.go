package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func guestStayCmd(c *console) *cobra.Command {
	return group("stay", "Stays: guests who log in with room and surname", stayAddCmd(c), stayImportCmd(c), stayListCmd(c), stayRemoveCmd(c))
}

func stayAddCmd(c *console) *cobra.Command {
	var location string
	var s macwatch.GuestStay
	cmd := &cobra.Command{
		Use:     "add --location ID --room R --surname NAME --arrival DAY --departure DAY",
		Short:   "Add a stay, or change the one with this id",
		Example: `  tallygate guest stay add --location 28N2S004 --room 412 --surname "García López" --arrival 2026-12-01 --departure 2026-12-05`,
		Args:    takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			report, err := g.ImportStays(ctx, c.change(), location, macwatch.StayImport{Stays: []macwatch.GuestStay{s}})
			if err != nil {
				return err
			}
			return c.done(report, "room %s is %s's from %s to %s", s.Room, s.Surname, s.Arrival, s.Departure)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&s.Room, "room", "", "its `NUMBER` or name")
	f.StringVar(&s.Surname, "surname", "", "the guest's surname")
	f.StringVar(&s.Arrival, "arrival", "", "`YYYY-MM-DD`")
	f.StringVar(&s.Departure, "departure", "", "`YYYY-MM-DD`")
	f.StringVar(&s.ID, "id", "", "the hotel system's `ID` of the stay (default: made of room, arrival and surname)")
	required(cmd, "room", "surname", "arrival", "departure")
	return c.changes(atLocation(cmd, &location))
}

func stayImportCmd(c *console) *cobra.Command {
	var location string
	var replace bool
	cmd := &cobra.Command{
		Use:   "import --location ID FILE.csv|-",
		Short: "Take over stays from a CSV file: all of it or nothing",
		Long: `Takes over stays from a CSV file whose first line names the columns: room, surname, arrival,
departure, and if there is one, id. Columns may stand in any order, others are ignored; commas
or semicolons divide. A stay with an id that is known is changed, one that is as it was stays:
the same file twice changes nothing. With --replace, stays that the file does not name are removed.`,
		Example: `  tallygate guest stay import --location 28N2S004 --replace in-house.csv --dry-run`,
		Args:    takes("FILE"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			list, err := readStays(c.in, args[0])
			if err != nil {
				return err
			}
			if replace && len(list.stays) == 0 {
				if err := c.confirm("The file holds no stays: remove all of %s?", location); err != nil {
					return err
				}
			}
			report, err := g.ImportStays(ctx, c.change(), location, macwatch.StayImport{Stays: list.stays, Replace: replace})
			if err != nil {
				return list.locate(err)
			}
			return c.done(report, "%d stays added, %d changed, %d as they were, %d removed", report.Added, report.Changed, report.Unchanged, report.Removed)
		}),
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "remove stays that the file does not name")
	return c.changes(atLocation(cmd, &location))
}

// stayFile is a file of stays; lines are where they stand in it.
type stayFile struct {
	name  string
	stays []macwatch.GuestStay
	lines []int
}

const maxStayFile = 8 << 20

func readStays(stdin io.Reader, path string) (f stayFile, err error) {
	f.name = path
	in := stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return f, licensing.Errorf(licensing.CodeInvalid, "cannot read the stays: %w", err).WithHint("name a CSV file, or - for standard input")
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	return f, f.read(io.LimitReader(in, maxStayFile))
}

// read reads CSV. Spreadsheets write a byte order mark, and semicolons where the comma is
// the decimal point.
func (f *stayFile) read(in io.Reader) error {
	text := bufio.NewReader(in)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" {
		_, _ = text.Discard(3)
	}
	first, _ := text.Peek(200)
	head, _, _ := strings.Cut(string(first), "\n")
	r := csv.NewReader(text)
	if strings.Count(head, ";") > strings.Count(head, ",") {
		r.Comma = ';'
	}
	r.TrimLeadingSpace, r.FieldsPerRecord = true, 0
	columns, err := r.Read()
	if err != nil {
		return f.errorAt(1, "there is no first line with the names of the columns")
	}
	index := map[string]int{"id": -1, "room": -1, "surname": -1, "arrival": -1, "departure": -1}
	for i, name := range columns {
		if name = strings.ToLower(strings.TrimSpace(name)); index[name] == -1 {
			if _, known := index[name]; known {
				index[name] = i
			}
		}
	}
	for _, name := range []string{"room", "surname", "arrival", "departure"} {
		if index[name] < 0 {
			return f.errorAt(1, "there is no column %q", name)
		}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				line, err = parse.Line, parse.Err
			}
			return f.errorAt(line, "%v", err)
		}
		cell := func(name string) string {
			if index[name] < 0 {
				return ""
			}
			return strings.TrimSpace(cells[index[name]])
		}
		f.stays = append(f.stays, macwatch.GuestStay{ID: cell("id"), Room: cell("room"), Surname: cell("surname"), Arrival: cell("arrival"), Departure: cell("departure")})
		f.lines = append(f.lines, line)
	}
}

func (f *stayFile) errorAt(line int, format string, args ...any) error {
	return licensing.Errorf(licensing.CodeInvalid, "%s:%d: "+format, append([]any{f.name, line}, args...)...).
		WithHint("the first line names the columns room, surname, arrival and departure (YYYY-MM-DD); nothing was changed")
}

// locate says of an error about the nth entry on which line that stands.
func (f *stayFile) locate(err error) error {
	var n int
	known := new(licensing.Error)
	if !errors.As(err, &known) {
		return err
	}
	if _, scanned := fmt.Sscanf(known.Message, "entry %d:", &n); scanned != nil || n < 1 || n > len(f.lines) {
		return err
	}
	_, what, _ := strings.Cut(known.Message, ": ")
	return f.errorAt(f.lines[n-1], "%s", what)
}

func stayListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List the stays, by arrival",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Stays(ctx, location)
			l := c.listing("no stays at this Location", "ID", "ROOM", "SURNAME", "ARRIVAL", "DEPARTURE", "UNTIL")
			for _, s := range all {
				if err == nil {
					err = l.row(s, s.ID, s.Room, s.Surname, s.Arrival, s.Departure, stamp(s.Until))
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func stayRemoveCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "remove --location ID STAY",
		Short: "Remove a stay: it lets in nobody any more",
		Args:  takes("STAY"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Remove stay %s?", args[0]); err != nil {
				return err
			}
			if err := g.RemoveStay(ctx, c.change(), location, args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"id": args[0]}, "removed stay %s", args[0])
		}),
	}
	return c.changes(atLocation(cmd, &location))
}
