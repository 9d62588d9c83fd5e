package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseCalendarCmd(c *console) *cobra.Command {
	var asCSV bool
	months := licensing.CalendarMonths
	cmd := &cobra.Command{
		Use:   "calendar [NUMBER]",
		Short: "Say what will happen by itself, day by day: notices, ends, takeovers, renewals",
		Long: `Says what will happen by itself in the next months if nobody does anything: starts,
ends, the next in a queue, auto-renewal from the pool, confirmations that are due,
notices. Days and times are those of the license's zone.`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			all, err := g.Calendar(ctx, strings.Join(args, ""), months)
			switch {
			case err != nil:
				return err
			case c.json:
				return c.printJSON(all)
			case asCSV:
				return c.calendarCSV(all)
			}
			return c.calendarDays(all)
		}),
	}
	cmd.Flags().IntVar(&months, "months", months, "how many months to look ahead")
	return c.orCSV(cmd, &asCSV)
}

func (c *console) calendarCSV(all []licensing.CalendarEntry) error {
	out, err := c.csvList("at", "day", "time_zone", "kind", "license", "locations", "text")
	for _, e := range all {
		if err == nil {
			err = out.row(csvTime(e.At), e.Day.String(), e.TimeZone, e.Kind, e.License, strings.Join(e.Locations, " "), e.Text)
		}
	}
	return out.close(err)
}

// calendarDays prints a heading for each day in its zone, and below it what happens then.
func (c *console) calendarDays(all []licensing.CalendarEntry) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(c.out, "nothing will happen by itself in that time")
		return err
	}
	t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	day := ""
	for _, e := range all {
		if head := e.Day.String() + ", " + e.TimeZone; head != day {
			day = head
			if err := t.Flush(); err != nil { // each day is aligned by itself
				return err
			}
			if _, err := fmt.Fprintln(c.out, head); err != nil {
				return err
			}
		}
		_, _ = fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", clockOf(e), or(e.License, "-"), or(strings.Join(e.Locations, " "), "-"), e.Text)
	}
	return t.Flush()
}

func clockOf(e licensing.CalendarEntry) string {
	zone, err := licensing.LoadZone(e.TimeZone)
	if err != nil {
		return stamp(e.At)
	}
	return e.At.In(zone).Format("15:04")
}
