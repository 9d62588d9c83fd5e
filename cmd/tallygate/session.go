package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func newSessionCmd(c *console) *cobra.Command {
	return group("session", "Sessions: RADIUS accounting, open and closed", sessionListCmd(c), sessionEndCmd(c))
}

func sessionListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List the sessions of a Location, oldest first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			l := c.listing("no sessions have been recorded at this Location",
				"SESSION", "MAC", "AP", "USER", "STARTED", "ENDED", "IN", "OUT", "CAUSE", "DISCONNECT")
			return l.close(g.Sessions(ctx, location, func(s macwatch.SessionInfo) error {
				return l.row(s, s.SessionID, s.MAC, s.AP, s.UserName, stamp(s.StartedAt), stampOf(s.EndedAt),
					octets(s.InputOctets), octets(s.OutputOctets), s.TerminateCause, outcome(s.Disconnect))
			}))
		}),
	}
	return atLocation(cmd, &location)
}

// octets is an amount of data for people.
func octets(n uint64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}
