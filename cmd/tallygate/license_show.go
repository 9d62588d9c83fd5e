package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseShowCmd(c *console) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show a license as it stands, or as it stood or will stand on a day",
		Long: `Shows a license as it stands. With --as-of it is shown as it was then, by the audit
log, or as it will be, by its dates, the queue of its Location and the pool.`,
		Args: takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			show := func() (licensing.Detail, error) { return g.License(ctx, args[0], time.Time{}) }
			if asOf != "" {
				if err := checkAsOf(asOf); err != nil {
					return err
				}
				show = func() (licensing.Detail, error) { return g.LicenseAsOf(ctx, args[0], asOf) }
			}
			d, err := show()
			if err != nil {
				return err
			}
			return c.describe(d, detailFields(d)...)
		}),
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "a `DATE` (the end of that day in the license's zone) or an RFC 3339 time")
	return cmd
}

func checkAsOf(text string) error {
	_, timeErr := time.Parse(time.RFC3339, text)
	_, dateErr := licensing.ParseDate(text)
	if timeErr != nil && dateErr != nil {
		return &usageError{message: fmt.Sprintf("--as-of: %q is neither a date nor a time", text), hint: "write 2027-01-31 or 2027-01-31T12:00:00Z"}
	}
	return nil
}

func detailFields(d licensing.Detail) []field {
	state := stateText(d.Summary)
	if d.Reason != "" {
		state += ": " + d.Reason
	}
	last := lastDay(d.Summary)
	if d.DaysLeft != nil {
		last = fmt.Sprintf("%s, %s left", last, plural(*d.DaysLeft, "day"))
	}
	terms := d.License.Terms
	fields := []field{
		{"number", d.Number}, {"Organization", d.Organization}, {"Locations", strings.Join(d.Locations, " ")},
		{"state", state}, {"as of", stamp(d.AsOf)}, {"devices", tally(d.Summary)},
		{"starts", stampOf(d.StartsAt)}, {"ends", stampOf(d.EndsAt)}, {"last day", last},
		{"proposed start", proposedStart(d.Summary)},
		{"time zone", d.TimeZone}, {"APs", allotted(d.APs)}, {"rooms", allotted(d.Rooms)},
		{"modules", strings.Join(d.Modules, ", ")}, {"term", d.Term}, {"start policy", string(terms.Start)},
		{"trial", yesOnly(d.Trial)}, {"payment", d.Payment}, {"partner", d.Partner}, {"distributor", d.Distributor},
		{"confirmation needed before", dueText(&d.License)}, {"latest end", terms.LatestEnd.String()}, {"activate by", terms.ActivateBy.String()},
		{"licenses left", fmt.Sprint(d.LicensesLeft)},
		{"activated", stamp(d.License.ActivatedAt)}, {"provisioned", stamp(d.License.ProvisionedAt)},
		{"issuer", terms.Issuer},
	}
	if len(d.Parts) > 1 {
		for _, p := range d.Parts {
			fields = append(fields, field{"  at " + p.Location, fmt.Sprintf("APs %s, rooms %s, devices %d", usage(p.APs), usage(p.Rooms), p.DevicesCounted)})
		}
	}
	if t := d.Transfer; t != nil {
		fields = append(fields, field{"transfer", fmt.Sprintf("%s: to partner %s, since %s", t.State, t.To, stamp(t.RequestedAt))})
	}
	if d.ReleasedAt != nil {
		fields = append(fields, field{"released", fmt.Sprintf("%s, to gateway %s", stampOf(d.ReleasedAt), d.ReleasedTo)})
	}
	if r := d.Receipt; r != nil {
		fields = append(fields, field{"start receipt", fmt.Sprintf("recorded %s, %s", stamp(r.RecordedAt), r.Rule)})
		for _, s := range r.Sightings {
			fields = append(fields, field{"  sighting", sightingText(s)})
		}
	}
	return fields
}

func sightingText(s licensing.ReceiptSighting) string {
	return fmt.Sprintf("%s  %s  AP %s  session %s", stamp(s.At), s.Device, or(s.AP, "-"), or(s.SessionID, "-"))
}

// allotted is a usage, and how much of the limit the Locations hold where that differs.
func allotted(u licensing.Usage) string {
	text := usage(u)
	if u.Limit != licensing.Unlimited && u.Allotted != u.Limit && u.Allotted != licensing.Unlimited {
		text += fmt.Sprintf(", %d allotted", u.Allotted)
	}
	return text
}

func proposedStart(s licensing.Summary) string {
	switch {
	case s.ProposedStart == nil:
		return ""
	case s.StartDue == nil:
		return stampOf(s.ProposedStart) + "; it waits while access is denied"
	}
	return fmt.Sprintf("%s; it happens by itself on %s unless it is declined", stampOf(s.ProposedStart), stampOf(s.StartDue))
}

func dueText(l *licensing.License) string {
	due, ok := l.ConfirmationDue()
	if !ok {
		return ""
	}
	return stamp(due)
}

func yesOnly(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
