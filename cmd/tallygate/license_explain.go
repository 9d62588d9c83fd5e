package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

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
	lines := []string{fmt.Sprintf("%s: %s, %s devices", e.Number, stateText(e.Summary), tally(e.Summary)), e.Rule}
	if len(e.Parts) > 1 {
		for _, p := range e.Parts {
			lines = append(lines, fmt.Sprintf("At %s: %d of %d.", p.Location, p.DevicesCounted, e.Threshold))
		}
		lines = append(lines, "The first Location to reach the threshold starts it.")
	}
	if text := proposedStart(e.Summary); text != "" {
		lines = append(lines, "Proposed start: "+text+".")
	}
	if r := e.Receipt; r != nil {
		lines = append(lines, fmt.Sprintf("Started %s, by the receipt of %s (`tallygate license receipt %s`).", stamp(r.StartsAt), stamp(r.RecordedAt), e.Number))
	}
	for _, line := range append(lines, "") {
		if _, err := fmt.Fprintln(c.out, line); err != nil {
			return err
		}
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
