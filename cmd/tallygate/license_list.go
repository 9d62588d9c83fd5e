package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseListCmd(c *console) *cobra.Command {
	var asCSV bool
	var names []string
	parameters := map[string]string{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List licenses, oldest first",
		Long: `Lists licenses, oldest first. Each column has a flag that filters by it; several flags
let through what meets all of them. A license that has no value in a column, such as
the last day of one that has not started, meets no condition on it.

The columns for --columns, --sort and --csv are:
` + columnNames(),
		Example: `  tallygate license list --state "In Use" --ends-before 2027-01-31
  tallygate license list --days-left ..60 --sort last_day --columns number,organization,last_day,aps_in_use
  tallygate license list --csv > licenses.csv`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			filter, err := licensing.ParseFilter(parameters)
			if err != nil {
				return asUsage(err)
			}
			columns, err := licensing.ColumnsNamed(names)
			if err != nil {
				return asUsage(err)
			}
			all, err := g.Licenses(ctx, filter)
			switch {
			case asCSV:
				return c.licenseCSV(columns, all, err)
			case len(names) > 0:
				return c.licenseColumns(columns, all, err)
			}
			return c.licenseTable(all, err)
		}),
	}
	flags := cmd.Flags()
	for _, p := range licensing.FilterParameters() {
		flags.Var(&parameterFlag{p, parameters}, p.Name, p.About)
		if p.Kind == licensing.FlagColumn {
			flags.Lookup(p.Name).NoOptDefVal = "yes"
		}
	}
	flags.Var(&parameterFlag{licensing.FilterParameter{Name: licensing.SortParameter}, parameters}, licensing.SortParameter,
		"order by these columns; a hyphen before one turns it round: last_day,-devices_counted")
	flags.StringSliceVar(&names, "columns", nil, "show these `COLUMNS`, in this order")
	return c.orCSV(cmd, &asCSV)
}

// columnNames is the list of columns, broken into lines for the help.
func columnNames() string {
	var b strings.Builder
	width := 0
	for i, column := range licensing.Columns() {
		if i > 0 {
			b.WriteByte(',')
			width++
		}
		if width+len(column.Name) > 80 {
			b.WriteByte('\n')
			width = 0
		}
		width += 1 + len(column.Name)
		b.WriteString(" " + column.Name)
	}
	return b.String()
}

// parameterFlag is a flag that becomes a parameter of the list; what it says is judged
// where all of them are read.
type parameterFlag struct {
	parameter licensing.FilterParameter
	values    map[string]string
}

func (f *parameterFlag) String() string { return f.values[f.parameter.Name] }

func (f *parameterFlag) Set(s string) error {
	f.values[f.parameter.Name] = s
	return nil
}

func (f *parameterFlag) Type() string {
	switch f.parameter.Kind {
	case licensing.NumberColumn:
		return "N"
	case licensing.DayColumn, licensing.TimeColumn:
		return "YYYY-MM-DD"
	case licensing.FlagColumn:
		return "yes|no"
	case licensing.WordsColumn:
		return "NAMES"
	case licensing.TextColumn:
	}
	if f.parameter.Name == licensing.SortParameter {
		return "COLUMNS"
	}
	return "TEXT"
}

// licenseTable is the list as a person looks at it first.
func (c *console) licenseTable(all []licensing.Summary, err error) error {
	l := c.listing(noLicenses, "NUMBER", "ORGANIZATION", "STATE", "DEVICES", "STARTS", "LAST DAY", "APS", "ROOMS", "LOCATIONS")
	for _, s := range all {
		if err == nil {
			err = l.row(s, s.Number, s.Organization, stateText(s), tally(s), stampOf(s.StartsAt), lastDay(s),
				usage(s.APs), usage(s.Rooms), strings.Join(s.Locations, " "))
		}
	}
	return l.close(err)
}

const noLicenses = "no licenses; enter a key with `tallygate license activate`, or ask for less with fewer flags"

// stateText is the state, with the place in the queue of one that waits behind another;
// the state of one that has left for another gateway is how it left.
func stateText(s licensing.Summary) string {
	switch {
	case s.ReleasedTo != "":
		return s.State.String() + " (released)"
	case s.QueuePosition > 0:
		return fmt.Sprintf("%s (%d in queue)", s.State, s.QueuePosition)
	}
	return s.State.String()
}

func (c *console) licenseColumns(columns []licensing.Column, all []licensing.Summary, err error) error {
	heads := make([]string, len(columns))
	for i, column := range columns {
		heads[i] = strings.ToUpper(strings.ReplaceAll(column.Name, "_", " "))
	}
	l := c.listing(noLicenses, heads...)
	for _, s := range all {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cell := column.Cell(&s)
			cells[i] = cell.String(column.Kind)
			if column.Kind == licensing.TimeColumn && cell.Known {
				cells[i] = stamp(cell.Time)
			}
		}
		if err == nil {
			err = l.row(s, cells...)
		}
	}
	return l.close(err)
}

func (c *console) licenseCSV(columns []licensing.Column, all []licensing.Summary, failed error) error {
	if failed != nil {
		return failed
	}
	heads := make([]string, len(columns))
	for i, column := range columns {
		heads[i] = column.Name
	}
	out, err := c.csvList(heads...)
	for _, s := range all {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = column.Cell(&s).String(column.Kind)
		}
		if err == nil {
			err = out.row(cells...)
		}
	}
	return out.close(err)
}

// asUsage makes wrong usage of an error about what was typed.
func asUsage(err error) error { return &usageError{message: err.Error(), hint: hintOf(err)} }

func tally(s licensing.Summary) string { return fmt.Sprintf("%d of %d", s.DevicesCounted, s.Threshold) }

func lastDay(s licensing.Summary) string {
	if s.LastDay == nil {
		return ""
	}
	return s.LastDay.String()
}

func usage(u licensing.Usage) string {
	if u.Limit == licensing.Unlimited {
		return fmt.Sprint(u.InUse)
	}
	return fmt.Sprintf("%d of %s", u.InUse, u.Limit)
}
