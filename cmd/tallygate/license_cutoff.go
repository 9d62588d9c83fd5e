package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseCutOffCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "cutoff [NUMBER]",
		Short: "Show whom it would cut off if a license ended or were denied now",
		Long: `Shows which APs, rooms, sessions and guests would lose their access if the license
ended or were denied now. Nothing is changed. Without NUMBER it is the license that
governs at --location.`,
		Example: `  tallygate license cutoff --location 28N2S004`,
		Args:    cobra.MaximumNArgs(1),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			number := strings.Join(args, "")
			if number == "" && location == "" {
				return &usageError{message: "which license?", hint: "give its NUMBER, or --location ID for the one that governs there"}
			}
			p, err := g.CutOffNow(ctx, number, location)
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(p)
			}
			return c.cutOff(p)
		}),
	}
	cmd.Flags().StringVar(&location, "location", "", "only at this Location, by its `ID`")
	return cmd
}

func (c *console) cutOff(p licensing.CutOffPreview) error {
	if _, err := fmt.Fprintf(c.out, "%s: %s\nif it ended now: %s, %s, %s and %s would be cut off\n", p.Number, p.State,
		plural(p.APs, "AP"), plural(p.Rooms, "room"), plural(p.Sessions, "open session"), plural(p.Guests, "guest")); err != nil {
		return err
	}
	for _, at := range p.Locations {
		if _, err := fmt.Fprintf(c.out, "\n%s: %s\n", at.Location, at.Why); err != nil {
			return err
		}
		fields := []field{{"  APs", strings.Join(at.APs, ", ")}, {"  rooms", strings.Join(at.Rooms, ", ")}}
		if err := writeFields(c.out, fields); err != nil {
			return err
		}
		if len(at.Sessions) == 0 {
			continue
		}
		l := c.listing("", "SESSION", "MAC", "AP", "ROOM", "USER", "STARTED")
		for _, s := range at.Sessions {
			if err := l.row(s, s.SessionID, s.MAC, s.AP, s.Room, s.UserName, stamp(s.StartedAt)); err != nil {
				return err
			}
		}
		if err := l.close(nil); err != nil {
			return err
		}
	}
	return nil
}
