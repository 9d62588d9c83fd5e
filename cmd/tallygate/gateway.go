package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
)

func newGatewayCmd(c *console) *cobra.Command {
	return group("gateway", "This gateway", gatewayIDCmd(c), gatewayClockCmd(c), gatewayReleaseCmd(c))
}

func gatewayIDCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "id",
		Short: "Print the gateway's public key, which a grant can be bound to",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			id, err := g.Gateway(ctx)
			if err != nil {
				return err
			}
			return c.done(id, "%s", id.Key)
		}),
	}
}

func gatewayClockCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "clock",
		Short: "Print the latest time seen, by which contracts begin and end",
		Long: `Prints the time that the gateway goes by. It never falls behind the latest time seen: where
a wrong clock has taken it too far ahead for longer than a day, only the distributor's order
lowers it (` + "`tallygate issuer clock-reset`" + `), which names this reading.`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			id, err := g.Gateway(ctx)
			if err != nil {
				return err
			}
			return c.done(id, "%s", id.LatestTimeSeen.Format(time.RFC3339))
		}),
	}
}
