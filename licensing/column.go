package licensing

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ColumnKind is what stands in a Column, and so how it is compared and filtered.
type ColumnKind uint8

const (
	TextColumn ColumnKind = iota
	WordsColumn
	NumberColumn
	DayColumn
	TimeColumn
	FlagColumn
)

// Cell is the value of one license in one column. What is not known, such as the
// start of a license that has not started, is the zero Cell.
type Cell struct {
	Known  bool
	Words  []string // TextColumn (one) and WordsColumn
	Number int      // NumberColumn, and 1 or 0 of a FlagColumn
	Day    Date     // DayColumn and TimeColumn, in the license's zone
	Time   time.Time
}

// Column is one of `license list`: its name in --columns, --sort and the first line
// of the CSV, and the parameters that filter by it.
type Column struct {
	Name   string
	Kind   ColumnKind
	Filter string // name of its parameter; dates have two, with -after and -before
	About  string // what the parameter is about, for the help
	cell   func(*Summary) Cell
}

// Cell is the license's value in this column.
func (c Column) Cell(s *Summary) Cell { return c.cell(s) }

// Columns lists the columns of `license list`, in the order of its CSV. That order
// only ever grows at its end: programs may count.
func Columns() []Column {
	return []Column{
		{"number", TextColumn, "number", "license number", func(s *Summary) Cell { return textCell(s.Number) }},
		{"organization", TextColumn, "organization", "Organization", func(s *Summary) Cell { return textCell(s.Organization) }},
		{"state", TextColumn, "state", "state", func(s *Summary) Cell { return textCell(s.State.String()) }},
		{"reason", TextColumn, "reason", "reason of a denial", func(s *Summary) Cell { return textCell(s.Reason) }},
		{"locations", WordsColumn, "location", "Location", func(s *Summary) Cell { return wordsCell(s.Locations) }},
		{"modules", WordsColumn, "module", "module", func(s *Summary) Cell { return wordsCell(s.Modules) }},
		{"threshold", NumberColumn, "threshold", "devices that start it", func(s *Summary) Cell { return numberCell(s.Threshold) }},
		{"devices_counted", NumberColumn, "devices-counted", "devices counted", func(s *Summary) Cell { return numberCell(s.DevicesCounted) }},
		{"starts_at", TimeColumn, "starts", "that start", func(s *Summary) Cell { return instantCell(s.StartsAt, s.TimeZone) }},
		{"ends_at", TimeColumn, "", "", func(s *Summary) Cell { return instantCell(s.EndsAt, s.TimeZone) }},
		{"last_day", DayColumn, "ends", "that have their last day", func(s *Summary) Cell { return dayCell(s.LastDay) }},
		{"days_left", NumberColumn, "days-left", "days to the last day", func(s *Summary) Cell { return maybeCell(s.DaysLeft) }},
		{"aps_limit", NumberColumn, "aps-limit", "AP limit", func(s *Summary) Cell { return limitCell(s.APs.Limit) }},
		{"aps_in_use", NumberColumn, "aps-in-use", "APs in use", func(s *Summary) Cell { return numberCell(s.APs.InUse) }},
		{"rooms_limit", NumberColumn, "rooms-limit", "room limit", func(s *Summary) Cell { return limitCell(s.Rooms.Limit) }},
		{"rooms_in_use", NumberColumn, "rooms-in-use", "rooms in use", func(s *Summary) Cell { return numberCell(s.Rooms.InUse) }},
		{"over_limit", FlagColumn, "over-limit", "with more APs or rooms in use than licensed", func(s *Summary) Cell { return flagCell(s.OverLimit) }},
		{"payment", TextColumn, "payment", "form of payment", func(s *Summary) Cell { return textCell(s.Payment) }},
		{"partner", TextColumn, "partner", "partner", func(s *Summary) Cell { return textCell(s.Partner) }},
		{"distributor", TextColumn, "distributor", "distributor", func(s *Summary) Cell { return textCell(s.Distributor) }},
		{"trial", FlagColumn, "trial", "that are a trial license", func(s *Summary) Cell { return flagCell(s.Trial) }},
		{"queue_position", NumberColumn, "queue-position", "place in the queue, 1 is next", func(s *Summary) Cell { return positiveCell(s.QueuePosition) }},
		{"licenses_left", NumberColumn, "licenses-left", "unassigned licenses of its Organization", func(s *Summary) Cell { return numberCell(s.LicensesLeft) }},
		{"term", TextColumn, "term", "term, such as \"1 year\",", func(s *Summary) Cell { return textCell(s.Term) }},
		{"start", TextColumn, "start", "start policy", func(s *Summary) Cell { return textCell(s.Start) }},
		{"time_zone", TextColumn, "time-zone", "time zone", func(s *Summary) Cell { return textCell(s.TimeZone) }},
		{"activated_at", TimeColumn, "activated", "whose key was entered", func(s *Summary) Cell { return instantCell(&s.ActivatedAt, s.TimeZone) }},
		{"transfer_to", TextColumn, "transfer-to", "receiving partner of a transfer", func(s *Summary) Cell { return textCell(s.receiver()) }},
		{"start_due", TimeColumn, "start-due", "whose proposed start happens by itself", func(s *Summary) Cell { return instantCell(s.StartDue, s.TimeZone) }},
		{"released_to", TextColumn, "released-to", "new gateway", func(s *Summary) Cell { return textCell(s.ReleasedTo) }},
	}
}

// ColumnsNamed finds columns by their names, or those of their filters ("ends" is
// last_day); a hyphen does for an underscore. No names are all columns. An unknown one is CodeInvalid, with the right ones in the hint.
func ColumnsNamed(names []string) ([]Column, error) {
	all := Columns()
	if len(names) == 0 {
		return all, nil
	}
	chosen := make([]Column, len(names))
	for i, name := range names {
		plain := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(name), "-", "_"))
		at := slices.IndexFunc(all, func(c Column) bool {
			return c.Name == plain || plain != "" && strings.ReplaceAll(c.Filter, "-", "_") == plain
		})
		if at < 0 {
			known := make([]string, len(all))
			for j, c := range all {
				known[j] = c.Name
			}
			return nil, Errorf(CodeInvalid, "there is no column %.40q", name).WithHint("the columns are %s", strings.Join(known, ", "))
		}
		chosen[i] = all[at]
	}
	return chosen, nil
}

// String is the cell for programs: RFC 3339 in UTC, yes or no, words with a space
// between them; empty when it is not known.
func (c Cell) String(kind ColumnKind) string {
	switch {
	case !c.Known:
		return ""
	case kind == NumberColumn:
		return strconv.Itoa(c.Number)
	case kind == DayColumn:
		return c.Day.String()
	case kind == TimeColumn:
		return c.Time.UTC().Format(time.RFC3339)
	case kind == FlagColumn && c.Number == 1:
		return "yes"
	case kind == FlagColumn:
		return "no"
	}
	return strings.Join(c.Words, " ")
}

// compare orders two known cells of a column; text without regard to case.
func (c Cell) compare(d Cell) int {
	return cmp.Or(
		slices.CompareFunc(c.Words, d.Words, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }),
		cmp.Compare(c.Number, d.Number), c.Time.Compare(d.Time), c.Day.compare(d.Day))
}

func textCell(s string) Cell {
	if s == "" {
		return Cell{}
	}
	return wordsCell([]string{s})
}

func wordsCell(list []string) Cell { return Cell{Known: len(list) > 0, Words: list} }
func numberCell(n int) Cell        { return Cell{Known: true, Number: n} }

func positiveCell(n int) Cell { return Cell{Known: n > 0, Number: n} }

func maybeCell(n *int) Cell {
	if n == nil {
		return Cell{}
	}
	return numberCell(*n)
}

// limit leaves out what is not limited: it is no number.
func limitCell(l Limit) Cell {
	if l == Unlimited {
		return Cell{}
	}
	return numberCell(int(l))
}

func flagCell(b bool) Cell {
	if b {
		return numberCell(1)
	}
	return numberCell(0)
}

func dayCell(d *Date) Cell {
	if d == nil {
		return Cell{}
	}
	return Cell{Known: true, Day: *d}
}

// instant carries its date as well, by which it is filtered.
func instantCell(t *time.Time, zone string) Cell {
	if t == nil || t.IsZero() {
		return Cell{}
	}
	where, err := time.LoadLocation(zone) // "" is UTC
	if err != nil {
		where = time.UTC
	}
	return Cell{Known: true, Time: *t, Day: DateIn(*t, where)}
}
