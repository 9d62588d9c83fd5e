package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseAssignCmd(c *console) *cobra.Command {
	var location string
	var aps, rooms licensing.Limit
	cmd := &cobra.Command{
		Use:   "assign NUMBER --location ID [--aps N] [--rooms N]",
		Short: "Give a Location a part of a license, or change its part",
		Long: `Spreads a license over the Locations of its Organization. Without --aps or --rooms the
Location gets what no other one has; a part that is there stays as it is. The parts never
add up to more than the license. What the change would cut off is listed first.`,
		Example: `  tallygate license assign TG-XXXX-XXXX-XXXX --location 28N2S004 --aps 20 --rooms 60`,
		Args:    takes("NUMBER"),
	}
	f := cmd.Flags()
	f.StringVar(&location, "location", "", "`ID` of the Location")
	f.Var(limitFlag{&aps}, "aps", "access points of its part")
	f.Var(limitFlag{&rooms}, "rooms", "rooms of its part")
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		given := func(name string, l *licensing.Limit) *licensing.Limit {
			if f.Changed(name) {
				return l
			}
			return nil
		}
		return c.changeAssignment("Assign it so?", func(ch licensing.Change) (licensing.Assignment, error) {
			return g.AssignLicense(ctx, ch, args[0], location, given("aps", &aps), given("rooms", &rooms))
		})
	})
	return c.changes(required(cmd, "location"))
}

func licenseUnassignCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "unassign NUMBER [--location ID]",
		Short: "Take a license away from a Location",
		Long: `Without --location it takes back a key that was entered at the wrong Location, while nothing
has been counted. With --location it takes away that one's part of a license that is spread
over several; what it would cut off is listed first.`,
		Args: takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			return c.changeAssignment("Take it away?", func(ch licensing.Change) (licensing.Assignment, error) {
				return g.UnassignLicense(ctx, ch, args[0], location)
			})
		}),
	}
	cmd.Flags().StringVar(&location, "location", "", "`ID` of the Location to take it from")
	return c.changes(cmd)
}

func (c *console) changeAssignment(question string, do func(licensing.Change) (licensing.Assignment, error)) error {
	a, err := preview(c, do, func(a licensing.Assignment) string {
		return strings.Join(append(changeLines(a.Changes, a.CutOff), question), "\n")
	})
	if err != nil {
		return err
	}
	lines := append([]string{"license " + a.Number + ": " + partsText(a.Summary)}, changeLines(a.Changes, a.CutOff)...)
	return c.done(a, "%s", strings.Join(lines, "\n"))
}

// partsText says how a license is spread: of each limit the most, what is allotted, and
// what is in use.
func partsText(s licensing.Summary) string {
	if len(s.Parts) == 0 {
		return "assigned to no Location"
	}
	parts := make([]string, len(s.Parts))
	for i, p := range s.Parts {
		parts[i] = p.Location + " (APs " + usage(p.APs) + ", rooms " + usage(p.Rooms) + ")"
	}
	return "APs " + s.APs.Allotted.String() + " of " + s.APs.Limit.String() + " allotted, rooms " + s.Rooms.Allotted.String() +
		" of " + s.Rooms.Limit.String() + "; " + strings.Join(parts, ", ")
}
