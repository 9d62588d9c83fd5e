package macwatch

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Columns of a sheet of APs or rooms. Only the first must be there; what has no column is
// left as it is.
const (
	ColumnID       = "id"
	ColumnAliases  = "aliases"
	ColumnTexts    = "texts" // of rooms: what the map of the Location's rule turns into the room
	ColumnNote     = "note"
	ColumnDeclared = "declared"
)

// SheetColumns are those of one kind, in order.
func SheetColumns(kind Kind) []string {
	if kind == KindRoom {
		return []string{ColumnID, ColumnTexts, ColumnAliases, ColumnNote, ColumnDeclared}
	}
	return []string{ColumnID, ColumnAliases, ColumnNote, ColumnDeclared}
}

// Sheet is a list of APs or rooms in CSV (RFC 4180), read as a whole.
type Sheet struct {
	Columns  []string
	Rows     []SheetRow
	Problems []SheetProblem // every one there is; with any of them nothing should be done
}

// SheetRow is one AP or room, its names as SlotName spells them.
type SheetRow struct {
	Line           int
	Name           string
	Aliases, Texts []string
	Note           string
	Declared       bool
}

// SheetProblem is what is wrong with a line.
type SheetProblem struct {
	Line    int    `json:"line"`
	Problem string `json:"problem"`
}

// maxName is how long a name may be, in octets: what an attribute holds.
const maxName = 253

// ReadSheet reads a sheet. Spreadsheets put a byte order mark before it, and semicolons
// where the comma is the decimal point: both are taken.
func ReadSheet(kind Kind, text []byte) *Sheet {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	s := &Sheet{}
	r := csv.NewReader(bytes.NewReader(text))
	r.FieldsPerRecord = -1
	head, _, _ := bytes.Cut(text, []byte{'\n'})
	if bytes.IndexByte(head, ',') < 0 && bytes.IndexByte(head, ';') >= 0 {
		r.Comma = ';'
	}
	names := map[string]int{} // to the line that has it first
	texts := map[string]int{}
	for first := true; ; first = false {
		cells, err := r.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			if first {
				s.problem(1, "the sheet is empty; its first line names the columns: %s", strings.Join(SheetColumns(kind), ","))
			}
			return s
		case errors.As(err, &broken):
			s.problem(broken.Line, "not CSV from here on: %v", broken.Err)
			return s
		case err != nil:
			s.problem(1, "%v", err)
			return s
		}
		line, _ := r.FieldPos(0)
		if first {
			if s.head(kind, line, cells); len(s.Problems) > 0 {
				return s
			}
			continue
		}
		s.row(kind, line, cells, names, texts)
	}
}

func (s *Sheet) problem(line int, format string, args ...any) {
	s.Problems = append(s.Problems, SheetProblem{line, fmt.Sprintf(format, args...)})
}

// Has reports whether the sheet has this column.
func (s *Sheet) Has(column string) bool { return slices.Contains(s.Columns, column) }

func (s *Sheet) head(kind Kind, line int, cells []string) {
	for _, cell := range cells {
		name := strings.ToLower(strings.TrimSpace(cell))
		switch {
		case !slices.Contains(SheetColumns(kind), name):
			s.problem(line, "there is no column %q; the columns are %s", cell, strings.Join(SheetColumns(kind), ","))
		case s.Has(name):
			s.problem(line, "the column %s stands there twice", name)
		}
		s.Columns = append(s.Columns, name)
	}
	if !s.Has(ColumnID) {
		s.problem(line, "the column %s is missing: it names each %s", ColumnID, kind)
	}
}

func (s *Sheet) row(kind Kind, line int, cells []string, names, texts map[string]int) {
	row := SheetRow{Line: line, Declared: true}
	if len(cells) > len(s.Columns) {
		s.problem(line, "%d cells under %d columns", len(cells), len(s.Columns))
	}
	for i, cell := range cells[:min(len(cells), len(s.Columns))] {
		cell = PlainCell(cell)
		switch s.Columns[i] {
		case ColumnID:
			row.Name = SlotName(kind, cell)
		case ColumnAliases:
			for _, a := range SplitList(cell) {
				if name := SlotName(kind, a); name != "" && !slices.Contains(row.Aliases, name) {
					row.Aliases = append(row.Aliases, name)
				}
			}
		case ColumnTexts:
			for _, t := range SplitList(cell) {
				if text := NormalizeRoom(t); text != "" && !slices.Contains(row.Texts, text) {
					row.Texts = append(row.Texts, text)
				}
			}
		case ColumnNote:
			note, err := CheckNote(cell)
			if err != nil {
				s.problem(line, "%v", err)
			}
			row.Note = note
		case ColumnDeclared:
			switch strings.ToLower(strings.TrimSpace(cell)) {
			case "", "yes", "true", "1":
			case "no", "false", "0":
				row.Declared = false
			default:
				s.problem(line, "declared is %q, and must be yes or no", cell)
			}
		}
	}
	if row.Name == "" {
		s.problem(line, "the line names no %s", kind)
		return
	}
	for _, name := range append([]string{row.Name}, row.Aliases...) {
		if len(name) > maxName {
			s.problem(line, "a name has %d octets, more than %d", len(name), maxName)
		}
		if before, taken := names[name]; taken {
			s.problem(line, "%s stands in line %d already", name, before)
			continue
		}
		names[name] = line
	}
	for _, text := range row.Texts {
		if before, taken := texts[text]; taken {
			s.problem(line, "the text %s stands in line %d already", text, before)
			continue
		}
		texts[text] = line
	}
	s.Rows = append(s.Rows, row)
}

// JoinList writes several names into one cell, with | between them.
func JoinList(names []string) string {
	escaped := make([]string, len(names))
	for i, n := range names {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `|`, `\|`).Replace(n)
	}
	return strings.Join(escaped, "|")
}

// SplitList reads what JoinList wrote, or a person: white space around a name goes.
func SplitList(cell string) (names []string) {
	var name strings.Builder
	end := func() {
		if n := strings.TrimSpace(name.String()); n != "" {
			names = append(names, n)
		}
		name.Reset()
	}
	for i := 0; i < len(cell); i++ {
		switch {
		case cell[i] == '\\' && i+1 < len(cell) && (cell[i+1] == '\\' || cell[i+1] == '|'):
			i++
			name.WriteByte(cell[i])
		case cell[i] == '|':
			end()
		default:
			name.WriteByte(cell[i])
		}
	}
	end()
	return names
}

// formula holds the first characters of what a spreadsheet takes for a formula.
const formula = "=+-@\t\r"

// PlainCell is a cell without the apostrophe with which SafeCell, or a spreadsheet, marks text.
func PlainCell(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && (cell[1] == '\'' || strings.IndexByte(formula, cell[1]) >= 0) {
		return cell[1:]
	}
	return cell
}

// SafeCell keeps a spreadsheet from taking text for a formula: an AP may be called
// =HYPERLINK(…). PlainCell gives the text back, whatever it was.
func SafeCell(cell string) string {
	if cell != "" && (cell[0] == '\'' || strings.IndexByte(formula, cell[0]) >= 0) {
		return "'" + cell
	}
	return cell
}

// ImportReport is what an import has done, or would do.
type ImportReport struct {
	Added      []string  `json:"added"`
	Changed    []string  `json:"changed"`
	Unchanged  int       `json:"unchanged"`
	Undeclared []string  `json:"undeclared"` // not in the sheet, which was to be the whole list
	CutOff     []CutSlot `json:"cut_off"`
}

// CutSlot is an AP or room that was served before, and is not served after.
type CutSlot struct {
	Name      string `json:"id"`
	GuestsNow int    `json:"guests_now"`
}
