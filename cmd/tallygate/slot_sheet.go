package main

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

// maxSheet is how large a file of APs or rooms may be, in octets.
const maxSheet = 12 << 20

func (s slots) exportCmd() *cobra.Command {
	var location string
	var unassigned bool
	cmd := &cobra.Command{
		Use:   "export --location ID",
		Short: "Print each " + s.noun + " that holds a slot or is declared as CSV, as `import` takes it",
		Args:  takes(),
	}
	if s.kind == macwatch.KindAP {
		cmd.Flags().BoolVar(&unassigned, "unassigned", false, "also those on the air that hold no slot")
	}
	cmd.RunE = s.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
		all, err := g.ListSlots(ctx, location, s.kind, macwatch.DefaultSilentAfter)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(v macwatch.Slot) bool { return v.Place == 0 && !v.Declared && !unassigned })
		texts := map[string][]string{}
		if s.kind == macwatch.KindRoom {
			l, err := g.Location(ctx, location)
			if err != nil {
				return err
			}
			texts = textsOf(l.Settings.Room.Map)
		}
		if s.json {
			return s.printJSON(all)
		}
		return s.writeSheet(all, texts)
	})
	return atLocation(cmd, &location)
}

// textsOf turns the map of a rule round: what is mapped to each room, in order.
func textsOf(rule map[string]string) map[string][]string {
	texts := map[string][]string{}
	for _, text := range slices.Sorted(maps.Keys(rule)) {
		texts[rule[text]] = append(texts[rule[text]], text)
	}
	return texts
}

func (s slots) writeSheet(all []macwatch.Slot, texts map[string][]string) error {
	columns := macwatch.SheetColumns(s.kind)
	l, err := s.csvList(columns...)
	for _, v := range all {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = macwatch.SafeCell(sheetCell(column, v, texts[v.Name]))
		}
		if err == nil {
			err = l.out.Write(cells)
		}
	}
	return l.close(err)
}

func sheetCell(column string, v macwatch.Slot, texts []string) string {
	switch column {
	case macwatch.ColumnID:
		return v.Name
	case macwatch.ColumnAliases:
		return macwatch.JoinList(declaredAliases(v))
	case macwatch.ColumnTexts:
		return macwatch.JoinList(texts)
	case macwatch.ColumnNote:
		return v.Note
	}
	return yesNo(v.Declared)
}

func (s slots) importCmd() *cobra.Command {
	var location string
	var whole bool
	what := "other names with | between them, a note, and whether it is declared (yes or no)"
	if s.kind == macwatch.KindRoom {
		what = "the texts that the Location's rule finds and that mean this room, " + what
	}
	cmd := &cobra.Command{
		Use:   "import --location ID FILE|-",
		Short: "Make each " + s.noun + " what a CSV file says: all of it, or nothing and every error at once",
		Long: `Reads CSV whose first line names the columns: ` + strings.Join(macwatch.SheetColumns(s.kind), ",") + `.
Only id must be there; the others are ` + what + `. What has no column, and what has no line, stays
as it is; a line without the column declared, of something new, declares it. Importing a file twice changes nothing.`,
		Example: `  tallygate ` + string(s.kind) + ` export --location 28N2S004 > list.csv
  tallygate ` + string(s.kind) + ` import --location 28N2S004 list.csv --dry-run`,
		Args: takes("FILE"),
	}
	cmd.Flags().BoolVar(&whole, "whole", false, "the file is the whole list: what it does not name is declared no more")
	cmd.RunE = s.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		sheet, err := s.readSheet(args[0])
		if err != nil {
			return err
		}
		if s.asks() {
			rehearsal, err := g.ImportSlots(ctx, licensing.Change{By: s.change().By, DryRun: true}, location, s.kind, sheet, whole)
			if err != nil {
				return err
			}
			if len(rehearsal.CutOff) > 0 {
				if err := s.confirm("%s. Import it?", cutText(rehearsal.CutOff)); err != nil {
					return err
				}
			}
		}
		report, err := g.ImportSlots(ctx, s.change(), location, s.kind, sheet, whole)
		if err != nil {
			return err
		}
		return s.doneImport(report)
	})
	return s.changes(atLocation(cmd, &location))
}

// readSheet reads a file of at most maxSheet.
func (c *console) readSheet(name string) (string, error) {
	in := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", licensing.Errorf(licensing.CodeNotFound, "cannot read the list: %w", err).WithHint("name a CSV file, or - for standard input")
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSheet+1))
	switch {
	case err != nil:
		return "", licensing.Errorf(licensing.CodeInvalid, "cannot read the list: %w", err)
	case len(text) > maxSheet:
		return "", licensing.Errorf(licensing.CodeInvalid, "the list is larger than %s", octets(maxSheet)).WithHint("import it in parts")
	}
	return string(text), nil
}

func (s slots) doneImport(r macwatch.ImportReport) error {
	text := counted(len(r.Added), "added") + ", " + counted(len(r.Changed), "changed") + ", " + counted(r.Unchanged, "unchanged")
	if len(r.Undeclared) > 0 {
		text += ", " + counted(len(r.Undeclared), "declared no more")
	}
	if len(r.CutOff) > 0 {
		text += "\n" + cutText(r.CutOff)
	}
	return s.done(r, "imported each %s of the list: %s", s.noun, text)
}

func counted(n int, what string) string { return itoa(int64(n)) + " " + what }

// cutText names what is not served any more.
func cutText(cut []macwatch.CutSlot) string {
	names, guests := make([]string, len(cut)), 0
	for i, v := range cut {
		names[i] = v.Name
		guests += v.GuestsNow
	}
	return "cut off, with " + itoa(int64(guests)) + " guests now: " + strings.Join(names, ", ")
}
