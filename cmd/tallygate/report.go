package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func newReportCmd(c *console) *cobra.Command {
	var location string
	var from, to licensing.Date
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "report --location ID",
		Short: "Report how many guests a Location had, day by day, with peaks and trend",
		Long: `Reports each local day of a Location: distinct devices, how many of them were new or had
randomised addresses, the most at one time, access points and rooms in use against the
limits. It says what the next license must allow for. Days are kept when sessions are
deleted; they hold no address.`,
		Example: `  tallygate report --location 28N2S004
  tallygate report --location 28N2S004 --from 2026-01-01 --csv > year.csv`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			days, err := g.Days(ctx, location, from, to)
			if err != nil {
				return err
			}
			if asCSV {
				return c.daysCSV(days)
			}
			return c.report(days)
		}),
	}
	cmd.Flags().Var(dateFlag{&from}, "from", "first day; default the first there is")
	cmd.Flags().Var(dateFlag{&to}, "to", "last day; default today, as it is so far")
	return c.orCSV(atLocation(cmd, &location), &asCSV)
}

// reportJSON is what a program gets.
type reportJSON struct {
	Days    []macwatch.Day      `json:"days"`
	Summary macwatch.DaySummary `json:"summary"`
}

func (c *console) report(days []macwatch.Day) error {
	sum := macwatch.SummarizeDays(days)
	if c.json {
		return c.printJSON(reportJSON{Days: append([]macwatch.Day{}, days...), Summary: sum})
	}
	l := c.listing("no days yet: the first is reported when it has begun",
		"DAY", "DEVICES", "NEW", "PRIVATE", "PEAK", "AT", "SESSIONS", "APS", "AP SLOTS", "ROOMS", "ROOM SLOTS", "IN", "OUT")
	var err error
	for _, d := range days {
		if err == nil {
			err = l.row(d, d.Day, strconv.Itoa(d.Devices), strconv.Itoa(d.New), strconv.Itoa(d.Private), strconv.Itoa(d.PeakOnline), stampOf(d.PeakAt),
				strconv.Itoa(d.Sessions), strconv.Itoa(d.APs), ofLimit(d.APSlots, d.APLimit), strconv.Itoa(d.Rooms), ofLimit(d.RoomSlots, d.RoomLimit),
				octets(d.InputOctets), octets(d.OutputOctets))
		}
	}
	if err := l.close(err); err != nil || len(days) == 0 {
		return err
	}
	return c.reportSummary(sum)
}

func (c *console) reportSummary(s macwatch.DaySummary) error {
	fields := []field{
		{"Days", fmt.Sprintf("%d, with %.1f devices a day", s.Days, s.MeanDevices)},
		{"Most devices", fmt.Sprintf("%d on %s", s.MostDevices, s.MostDevicesDay)},
		{"Most at one time", fmt.Sprintf("%d on %s", s.MostOnline, s.MostOnlineDay)},
		{"Private addresses", fmt.Sprintf("%.0f %% of the devices", 100*s.PrivateShare)},
		{"Most AP slots", strconv.Itoa(s.MostAPSlots)},
		{"Most room slots", strconv.Itoa(s.MostRoomSlots)},
	}
	trend := "not known before 60 whole days"
	if s.Trend != nil {
		trend = fmt.Sprintf("%+.0f %% devices a day in the last 30 whole days, against the 30 before", 100**s.Trend)
	}
	if _, err := fmt.Fprintln(c.out); err != nil {
		return err
	}
	return writeFields(c.out, append(fields, field{"Trend", trend}))
}

// ofLimit is "3 of 20", or "3" where there is no limit.
func ofLimit(n int, limit *int) string {
	if limit == nil {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d of %d", n, *limit)
}

func (c *console) daysCSV(days []macwatch.Day) error {
	out, err := c.csvList("day", "devices", "private", "new", "peak_online", "peak_at", "sessions", "aps", "rooms",
		"input_octets", "output_octets", "ap_slots", "ap_limit", "room_slots", "room_limit", "final")
	for _, d := range days {
		if err != nil {
			break
		}
		peak := ""
		if d.PeakAt != nil {
			peak = csvTime(*d.PeakAt)
		}
		limit := func(n *int) string {
			if n == nil {
				return ""
			}
			return strconv.Itoa(*n)
		}
		err = out.row(d.Day, strconv.Itoa(d.Devices), strconv.Itoa(d.Private), strconv.Itoa(d.New), strconv.Itoa(d.PeakOnline), peak,
			strconv.Itoa(d.Sessions), strconv.Itoa(d.APs), strconv.Itoa(d.Rooms),
			strconv.FormatUint(d.InputOctets, 10), strconv.FormatUint(d.OutputOctets, 10),
			strconv.Itoa(d.APSlots), limit(d.APLimit), strconv.Itoa(d.RoomSlots), limit(d.RoomLimit), strconv.FormatBool(d.Final))
	}
	return out.close(err)
}
