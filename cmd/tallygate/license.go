package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newLicenseCmd(c *console) *cobra.Command {
	return group("license", "Licenses: enter keys, see where they stand and why, deny and restore",
		licenseActivateCmd(c), licenseListCmd(c), licenseShowCmd(c), licenseExplainCmd(c),
		licenseDenyCmd(c), licenseRestoreCmd(c), licenseUnassignCmd(c))
}

func licenseListCmd(c *console) *cobra.Command {
	var f licensing.Filter
	var state string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List licenses, oldest first",
		Example: `  tallygate license list --state "In Use" --ends-before 2027-01-31`,
		Args:    takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			if state != "" {
				s, err := licensing.ParseState(state)
				if err != nil {
					return asUsage(err)
				}
				f.State = &s
			}
			all, err := g.Licenses(ctx, f)
			l := c.listing("no licenses; enter a key with `tallygate license activate`",
				"NUMBER", "ORGANIZATION", "STATE", "DEVICES", "STARTS", "LAST DAY", "APS", "ROOMS", "LOCATIONS")
			for _, s := range all {
				if err == nil {
					err = l.row(s, s.Number, s.Organization, s.State.String(), tally(s), stampOf(s.StartsAt), lastDay(s),
						usage(s.APs), usage(s.Rooms), strings.Join(s.Locations, " "))
				}
			}
			return l.close(err)
		}),
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this state, e.g. \"In Use\"")
	cmd.Flags().Var(dateFlag{&f.EndsBefore}, "ends-before", "only those whose last day is before this one")
	return cmd
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

func licenseShowCmd(c *console) *cobra.Command {
	var asOf string
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show a license as it stands, or as it will stand on a day",
		Args:  takes("NUMBER"),
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
	state := d.State.String()
	if d.Reason != "" {
		state += ": " + d.Reason
	}
	fields := []field{
		{"number", d.Number}, {"Organization", d.Organization}, {"Locations", strings.Join(d.Locations, " ")},
		{"state", state}, {"as of", stamp(d.AsOf)}, {"devices", tally(d.Summary)},
		{"starts", stampOf(d.StartsAt)}, {"ends", stampOf(d.EndsAt)}, {"last day", lastDay(d.Summary)},
		{"time zone", d.License.Zone}, {"APs", usage(d.APs)}, {"rooms", usage(d.Rooms)},
		{"modules", strings.Join(d.Modules, ", ")}, {"start policy", string(d.License.Terms.Start)},
		{"activated", stamp(d.License.ActivatedAt)}, {"provisioned", stamp(d.License.ProvisionedAt)},
		{"issuer", d.License.Terms.Issuer},
	}
	if r := d.Receipt; r != nil {
		fields = append(fields, field{"start receipt", fmt.Sprintf("recorded %s, %s", stamp(r.RecordedAt), r.Rule)})
		for _, s := range r.Sightings {
			fields = append(fields, field{"  sighting", fmt.Sprintf("%s  %s  AP %s  session %s", stamp(s.At), s.Device, or(s.AP, "-"), or(s.SessionID, "-"))})
		}
	}
	return fields
}

func licenseExplainCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "explain NUMBER",
		Short: "Say how many devices count towards the start, and why the others do not",
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			e, err := g.Explain(ctx, args[0])
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(e)
			}
			return c.explain(e)
		}),
	}
}

func (c *console) explain(e licensing.Explanation) error {
	if _, err := fmt.Fprintf(c.out, "%s: %s, %s devices\n%s\n\n", e.Number, e.State, tally(e.Summary), e.Rule); err != nil {
		return err
	}
	l := c.listing("no devices have been seen at its Locations yet", "DEVICE", "LOCATION", "COUNTED", "SINCE", "WHY NOT", "AP")
	for _, d := range e.Devices {
		if err := l.row(d, d.MAC, d.Location, yesNo(d.Counted), stampOf(d.FirstCounted), reasonText(d.Reason), d.AP); err != nil {
			return err
		}
	}
	return l.close(nil)
}

// reasonText is a reason's label and sentence.
func reasonText(label string) string {
	if r, ok := licensing.ReasonOf(label); ok && r != licensing.ReasonNone {
		return label + ": " + r.Text()
	}
	return label
}

// readKey takes a key as it was given: the text, @FILE, or - for standard input.
func (c *console) readKey(arg string) (string, error) {
	source := strings.TrimPrefix(arg, "@")
	var text []byte
	var err error
	switch {
	case arg == "-":
		source = "standard input"
		text, err = readBounded(c.in)
	case source != arg:
		text, err = readBoundedFile(source)
	default:
		return arg, nil
	}
	if err != nil {
		return "", licensing.Errorf(licensing.CodeInvalid, "cannot read the key: %w", err).
			WithHint("give the key itself, @FILE for a file that holds it, or - for standard input")
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", licensing.Errorf(licensing.CodeInvalid, "there is no key in %s", source).
			WithHint("the key is the text that begins with v4.public.")
	}
	return key, nil
}

// maxKey is far more than any key needs.
const maxKey = 64 << 10

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err == nil && len(text) > maxKey {
		err = fmt.Errorf("it is longer than %d octets", maxKey)
	}
	return text, err
}
